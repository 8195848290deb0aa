//! Replies of a mail server: octets of any kind, in a conversation with the `smtp` transport over a
//! real connection. The transport says in time and in printable words what became of the mail.
//!
//! Each piece of the input, between zero octets, is what the server says when it is its turn.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use transports::{Mail, Registry, Secret, Section, Transport};

use super::server::RUNTIME;

const PASSWORD: &str = "walrus-teapot-93-orbit";

/// Of a link in the mail.
const TOKEN: &str = "kZ3vQm1-8cX_0aTfJ5yWnB7rLh2uDgPeSx6iOq9tKME";

struct Peers {
    listener: TcpListener,
    transport: Arc<dyn Transport>,
}

static PEERS: LazyLock<Peers> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0");
    let listener = RUNTIME.block_on(listener).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let section: Section = serde_json::from_value(serde_json::json!({
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "username": "usher",
        "password": PASSWORD,
        "connect_timeout": "30ms",
        "command_timeout": "30ms",
        "data_timeout": "30ms",
    }))
    .expect("a section");
    let sections = BTreeMap::from([("smtp".to_owned(), section)]);
    let transport = Registry::builtin().build("smtp", &sections);
    Peers {
        listener,
        transport: transport.expect("a transport"),
    }
});

fn mail() -> Mail {
    Mail {
        message_id: "<1@example.com>".to_owned(),
        date: chrono::DateTime::UNIX_EPOCH,
        from: "Usher <no-reply@example.com>".to_owned(),
        to: vec!["ada@example.com".to_owned()],
        subject: "You have been invited".to_owned(),
        text: ".\n".to_owned(),
        html: None,
        secrets: vec![Secret::random(TOKEN, "[link]")],
    }
}

/// Says its pieces, one for each line that it is told, and hangs up.
async fn serve(listener: &TcpListener, pieces: &[u8]) -> std::io::Result<()> {
    let (stream, _) = listener.accept().await?;
    let mut stream = BufReader::new(stream);
    let mut told = Vec::new();
    for piece in pieces.split(|octet| *octet == 0) {
        stream.get_mut().write_all(piece).await?;
        told.clear();
        if stream.read_until(b'\n', &mut told).await? == 0 {
            break;
        }
    }
    Ok(())
}

pub fn check(pieces: &[u8]) {
    let peers = &*PEERS;
    let mail = mail();
    let said = RUNTIME.block_on(async {
        let server = async {
            // The transport may come again, over a connection of its own.
            loop {
                let _ = serve(&peers.listener, pieces).await;
            }
        };
        let limit = Duration::from_secs(10);
        let sent = tokio::time::timeout(limit, peers.transport.send(&mail));
        tokio::select! {
            sent = sent => sent.expect("it ends in time"),
            () = server => unreachable!(),
        }
    });
    let said = match said {
        Ok(delivery) => delivery.response,
        Err(error) => error.response,
    };
    assert!(!said.contains(char::is_control), "{said:?}");
    for secret in [PASSWORD, TOKEN] {
        assert!(!said.contains(secret), "{said:?}");
    }
}
