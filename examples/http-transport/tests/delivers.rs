//! The example works: a server with the transport hands its first e-mail to an HTTP API.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that finds nothing has failed"
)]

use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::{Data, Json};
use poem::{EndpointExt, Route, handler, post};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use transports::Registry;
use usher::config::Layers;
use usher::server::Server;

#[handler]
fn take(mail: Json<Value>, taken: Data<&UnboundedSender<Value>>) -> &'static str {
    taken.send(mail.0).unwrap();
    "queued as 4711"
}

#[tokio::test]
async fn the_first_letter_arrives_at_the_api() {
    let (sender, mut taken) = tokio::sync::mpsc::unbounded_channel::<Value>();
    let acceptor = TcpListener::bind("127.0.0.1:0")
        .into_acceptor()
        .await
        .unwrap();
    let address = acceptor.local_addr()[0].as_socket_addr().copied().unwrap();
    let routes = Route::new().at("/messages", post(take)).data(sender);
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(routes));

    let folder = tempfile::tempdir().unwrap();
    let settings = Layers {
        file: None,
        environment: Vec::new(),
        command_line: vec![
            "server.bind=127.0.0.1:0".to_owned(),
            format!(
                "database.url=sqlite://{}/usher.db?mode=rwc",
                folder.path().display()
            ),
            "mail.transport=http".to_owned(),
            format!("mail.http.url=http://{address}/messages"),
            "mail.http.key=secret".to_owned(),
        ],
    };
    let mut registry = Registry::builtin();
    http_transport::register(&mut registry);
    let server = Server::start(settings.load().unwrap(), &registry)
        .await
        .unwrap();

    let mail: Value = taken.recv().await.unwrap();
    assert_eq!(mail["to"], serde_json::json!(["admin@example.com"]));
    assert!(
        mail["text"]
            .as_str()
            .unwrap()
            .contains("accept-invitation#token=")
    );
    server.stop();
    server.stopped().await;
}
