//! Database servers that are too old, as far as a server can be one that only says so.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;

use crate::support::{Binary, Finish};

/// Whatever asks a database is refused, with what is needed, and asks nothing else of it.
#[test]
fn an_old_server_is_refused_before_anything_is_asked_of_it() {
    let (address, asked) = postgres_that_says("11.22 (Debian 11.22-0+deb10u2)");
    let folder = tempfile::tempdir().unwrap();
    let url = format!("database.url=postgres://usher@{address}/usher");
    let complaint = Binary::complaint(folder.path(), &url);
    let words =
        "this is PostgreSQL 11.22 (Debian 11.22-0+deb10u2); Usher needs PostgreSQL 12.0 or later";
    assert!(complaint.contains(words), "{complaint}");
    for command in ["worker", "migrate", "doctor"] {
        let mut usher = Command::new(env!("CARGO_BIN_EXE_usher"));
        usher.current_dir(folder.path());
        let output = usher.args(["--set", &url, command]).finish();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(!output.status.success(), "{command}: {said}");
        assert!(said.contains(words), "{command}: {said}");
    }
    let asked: Vec<String> = asked.try_iter().collect();
    assert_eq!(asked, ["SELECT current_setting('server_version')"; 4]);
}

/// A server that answers each query with its version, and what it was asked.
fn postgres_that_says(version: &'static str) -> (std::net::SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, questions) = mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            // A client that leaves has heard enough.
            let _ = talk(connection.unwrap(), version, &asked);
        }
    });
    (address, questions)
}

/// PostgreSQL's protocol, version 3.0, as far as it is needed.
fn talk(mut client: TcpStream, version: &str, asked: &mpsc::Sender<String>) -> std::io::Result<()> {
    const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
    let ready = message(b'Z', b"I");
    while body(&mut client)?[..4] == SSL_REQUEST {
        client.write_all(b"N")?;
    }
    client.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat())?;
    loop {
        let mut kind = [0];
        client.read_exact(&mut kind)?;
        let body = body(&mut client)?;
        if kind != *b"Q" {
            return Ok(());
        }
        let query = String::from_utf8_lossy(&body);
        asked.send(query.trim_end_matches('\0').to_owned()).unwrap();
        // One column of type text (OID 25), in the text format.
        let column = [
            b"\0\x01version\0".as_slice(),
            &[0; 6],
            &25_u32.to_be_bytes(),
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0; 2],
        ];
        let length = u32::try_from(version.len()).unwrap().to_be_bytes();
        let row = [b"\0\x01", length.as_slice(), version.as_bytes()];
        let answer = [
            message(b'T', &column.concat()),
            message(b'D', &row.concat()),
            message(b'C', b"SELECT 1\0"),
            ready.clone(),
        ];
        client.write_all(&answer.concat())?;
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind], length.as_slice(), body].concat()
}

/// What follows a length, which counts itself.
fn body(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut body)?;
    Ok(body)
}
