//! HTTP requests: the query string, the headers (cookies, `Accept`, `Content-Type`, forwarded
//! addresses, …) and the body, through everything that answers them, on an empty database.
//!
//! Whatever is sent, it is not the server's fault: no status but 503 may begin with a 5.
//!
//! The input is the method and the URL on its first line, a header on each following one, and after
//! an empty line the body.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderName, HeaderValue, Method, Uri};
use poem::{Endpoint, EndpointExt, Request, Response};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use usher::config::Layers;

struct Server {
    runtime: Runtime,
    endpoint: BoxEndpoint<'static, Response>,
    _folder: TempDir,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("usher.db");
    let layers = Layers {
        file: None,
        environment: Vec::new(),
        command_line: vec![
            format!("database.url=sqlite://{}?mode=rwc", database.display()),
            "passwords.argon2.memory_kib=8".to_owned(),
            "passwords.argon2.iterations=1".to_owned(),
            "server.allowed_origins=[\"https://app.example.com\"]".to_owned(),
            "server.trusted_proxies=[\"10.0.0.0/8\"]".to_owned(),
        ],
    };
    let settings = layers.load().expect("settings");
    let opened = runtime.block_on(usher::server::open(settings));
    let (app, _) = opened.expect("a database");
    let endpoint = usher::http::routes(Arc::clone(&app)).ok().expect("routes");
    Server {
        runtime,
        endpoint: endpoint.map_to_response().boxed(),
        _folder: folder,
    }
});

fn request(input: &[u8]) -> Option<Request> {
    let (head, body) = match input.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut start = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(start.next()?).ok()?;
    let uri = Uri::try_from(start.next()?).ok()?;
    let mut request = Request::builder().method(method).uri(uri);
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
        request = request.header(name, value);
    }
    Some(request.body(body.to_vec()))
}

fuzz_target!(|input: &[u8]| {
    let Some(request) = request(input) else {
        return;
    };
    let server = &*SERVER;
    let response = server.runtime.block_on(server.endpoint.get_response(request));
    let status = response.status();
    assert!(!status.is_server_error() || status.as_u16() == 503, "{status}");
});
