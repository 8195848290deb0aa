//! The demo's data: it holds what it promises.

use serde_json::{Value, json};
use usher::config::Layers;
use usher::demo;

use crate::support::{TestDatabase, TestServer};

#[tokio::test]
async fn the_demo_shows_people_and_letters_in_every_state() {
    let database = TestDatabase::create().await;
    let mut settings = Layers {
        command_line: vec![
            format!("database.url={}", database.url),
            "passwords.argon2.memory_kib=8".to_owned(),
        ],
        ..Layers::default()
    }
    .load()
    .unwrap();
    settings.applications = demo::applications();
    let (app, _) = usher::server::open(settings).await.unwrap();
    demo::fill(&app).await.unwrap();
    app.db.clone().close().await.unwrap();

    let server = TestServer::start_on(database, &[]).await;
    let mut clients = Vec::new();
    for persona in demo::PERSONAS {
        let payload = server
            .anonymous()
            .mutate(
                "signIn",
                json!({ "email": persona.email, "password": persona.password }),
                "token",
            )
            .await;
        assert_eq!(payload["userErrors"], json!([]), "{persona:?}");
        clients.push(
            server
                .anonymous()
                .with_token(payload["token"].as_str().unwrap()),
        );
    }
    let laura = clients[1]
        .run("{ viewer { roles { name } applications { code url } } }")
        .await;
    assert_eq!(
        *laura.data(),
        json!({ "viewer": {
            "roles": [{ "name": "Digital Channel Manager" }],
            "applications": [
                { "code": "content-hub", "url": null },
                { "code": "channel-management", "url": null },
            ],
        } })
    );
    let everything = clients[0]
        .run(
            "{
            users(first: 100) { nodes { status invitation { status } } }
            emailQueue { counts { status count } }
            emails(first: 100) { nodes { kind attempts { outcome response } } }
            events(first: 100) { nodes { action } }
        }",
        )
        .await;
    let everything = everything.data();
    for status in [
        "INVITED",
        "ACTIVE",
        "DEACTIVATED",
        "PENDING",
        "EXPIRED",
        "ACCEPTED",
        "REVOKED",
    ] {
        assert!(everything["users"].to_string().contains(status), "{status}");
    }
    for count in everything["emailQueue"]["counts"].as_array().unwrap() {
        assert!(count["count"].as_i64().unwrap() > 0, "{count}");
    }
    let mails = everything["emails"]["nodes"].as_array().unwrap();
    assert!(
        mails
            .iter()
            .any(|mail| mail["attempts"].as_array().unwrap().len() >= 4),
        "{mails:#?}"
    );
    for kind in ["INVITATION", "TEST"] {
        assert!(mails.iter().any(|mail| mail["kind"] == kind), "{kind}");
    }
    assert!(everything["events"]["nodes"].as_array().unwrap().len() > 15);
    // What lies ahead would reach those who watch the queue as news.
    let times = clients[0]
        .run(
            "{
            users(first: 100) { nodes { createdAt } }
            emails(first: 100) { nodes { createdAt sentAt attempts { finishedAt } } }
            events(first: 100) { nodes { createdAt } }
        }",
        )
        .await;
    let now = server.server.app.clock.now().to_utc().to_rfc3339();
    let mut checked = 0;
    let mut left = vec![times.data()];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(fields) => left.extend(fields.values()),
            Value::String(time) => {
                assert!(*time <= now, "{time} is later than {now}");
                checked += 1;
            }
            _ => {}
        }
    }
    assert!(checked > 50, "{checked}");
}
