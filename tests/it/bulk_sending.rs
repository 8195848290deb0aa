//! How the worker goes about many e-mails at once: it claims them ahead of need, and records what became
//! of them together. Neither costs any of them anything.

use entity::email_attempt::Outcome;
use std::collections::BTreeSet;
use std::time::Duration;

use entity::email::{Priority, Status};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use usher::domain::{Actor, App, EmailAddress};

use crate::emails::office;
use crate::support::{Client, TestServer, skipped};

const MAILS: usize = 300;

/// How many e-mails the server sends at a time unless it is told otherwise.
const WORKERS: u64 = 4;

/// Queues test e-mails, one to each of these addresses, all at once.
pub async fn queue(app: &App, addresses: impl IntoIterator<Item = String>) {
    let addresses = addresses.into_iter().map(|to| EmailAddress::parse(&to));
    let addresses: Vec<_> = addresses.map(Result::unwrap).collect();
    let addresses = &addresses;
    usher::domain::change::make(app, &Actor::server(), |change| async move {
        for to in addresses {
            let new = usher::domain::emails::NewEmail {
                template: usher::email_templates::EmailTemplate::Test {
                    sender: None,
                    queued_at: app.clock.now(),
                },
                to,
                priority: Priority::Normal,
                secret_link: None,
                purpose: usher::domain::emails::Purpose::None,
                expires_at: None,
            };
            change.queue(new).await?;
        }
        change.commit(()).await
    })
    .await
    .unwrap();
}

/// Has many e-mails queued, and a third of them sent before all that follow stay half-way.
async fn stalled() -> (TestServer, Client, BTreeSet<String>) {
    let server = TestServer::start_with(&["server.shutdown_timeout=1s"]).await;
    let (administrator, _) = office(&server).await;
    let many = (0..MAILS).map(|number| format!("user{number}@domain{}.example", number % 7));
    queue(&server.server.app, many).await;
    let mut sent = BTreeSet::new();
    while sent.len() < MAILS / 3 {
        sent.insert(server.inbox.next().await.message_id);
    }
    server.inbox.open_gate(false);
    (server, administrator, sent)
}

async fn in_state(app: &App, status: Status) -> Vec<entity::email::Model> {
    let found = entity::email::Entity::find().filter(entity::email::Column::Status.eq(status));
    app.db.all(app.db.read(), found).await.unwrap()
}

/// Nobody begins to send them, so that somebody else may, or something more urgent goes first.
#[tokio::test]
async fn what_was_claimed_ahead_is_given_back_where_sending_stalls() {
    let (server, administrator, mut sent) = stalled().await;
    let app = &server.server.app;
    let mut changes = app.email_changed.subscribe();
    while in_state(app, Status::Sending).await.len() as u64 > WORKERS {
        let _ = server
            .within("those ahead to be given back", changes.recv())
            .await;
    }
    let waiting = in_state(app, Status::Queued).await;
    assert!(!waiting.is_empty());
    for email in waiting {
        let attempts = usher::domain::emails::attempts_of(app, [email.id]).await;
        assert_eq!((email.attempt_count, attempts.unwrap()), (0, Vec::new()));
        assert!(email.next_attempt_at.0.is_some() && email.claim_id.is_none());
    }
    server.inbox.open_gate(true);
    while sent.len() < MAILS {
        // None comes twice.
        assert!(sent.insert(server.inbox.next().await.message_id));
    }
    server.all_sent(&administrator).await;
    let attempts = entity::email_attempt::Entity::find();
    let attempts = app.db.count(app.db.read(), attempts);
    let emails = entity::email::Entity::find();
    let emails = app.db.count(app.db.read(), emails);
    assert_eq!(attempts.await.unwrap(), emails.await.unwrap());
}

/// The next server need not wait for their leases.
#[tokio::test]
async fn a_stopping_server_gives_back_what_was_claimed_ahead() {
    let (server, administrator, mut sent) = stalled().await;
    while let Ok(mail) = tokio::time::timeout(Duration::ZERO, server.inbox.next()).await {
        sent.insert(mail.message_id);
    }
    server.server.stop();
    server.server.stopped().await;
    let second = TestServer::start_on(server.database, &[]).await;
    assert!(in_state(&second.server.app, Status::Sending).await.len() as u64 <= WORKERS);
    while sent.len() < MAILS {
        assert!(sent.insert(second.inbox.next().await.message_id));
    }
    let reader = Client {
        url: second.url.clone(),
        ..administrator
    };
    second.all_sent(&reader).await;
}

/// What is wrong with one must not hold the others up: they are recorded without it, and it is tried
/// again.
#[tokio::test]
async fn one_outcome_that_cannot_be_recorded_holds_up_no_other() {
    let server = TestServer::start_with(&["mail.queue.workers=10"]).await;
    if !server.database.is_sqlite() {
        return skipped("the trigger is written for SQLite");
    }
    let (administrator, _) = office(&server).await;
    let app = &server.server.app;
    let trigger = "CREATE TRIGGER refuses BEFORE UPDATE ON emails
        WHEN NEW.status = 'sent' AND NEW.recipients = 'user3@kbank3.com'
        BEGIN SELECT RAISE(ABORT, 'not this one'); END";
    let transaction = app.db.begin().await.unwrap();
    transaction.execute_batch(trigger).await.unwrap();
    transaction.commit().await.unwrap();
    server.inbox.open_gate(false);
    queue(
        app,
        (0..10).map(|number| format!("user{number}@kbank{number}.com")),
    )
    .await;
    server
        .emails_in(&administrator, json!({ "kinds": ["TEST"] }), "SENDING")
        .await;
    // All ten come to an end at once.
    server.inbox.open_gate(true);
    server
        .emails_that(
            &administrator,
            json!({ "kinds": ["TEST"] }),
            "nine",
            |mails| mails.iter().filter(|mail| mail["status"] == "SENT").count() == 9,
        )
        .await;
    let held = in_state(app, Status::Sending).await;
    assert_eq!(held[0].recipients, "user3@kbank3.com");
    let attempts = usher::domain::emails::attempts_of(app, [held[0].id]).await;
    assert_eq!(attempts.unwrap()[0].finished_at, None);

    let transaction = app.db.begin().await.unwrap();
    transaction
        .execute_batch("DROP TRIGGER refuses")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    server.advance(Duration::from_secs(61));
    app.mail_queued.notify_one();
    server.all_sent(&administrator).await;
    let attempts = usher::domain::emails::attempts_of(app, [held[0].id])
        .await
        .unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(
        outcomes,
        [Some(Outcome::Interrupted), Some(Outcome::Delivered)]
    );
}

/// Servers have words of their own for each e-mail.
#[tokio::test]
async fn each_attempt_keeps_its_own_words() {
    let server = TestServer::start_with(&["mail.queue.workers=10"]).await;
    server.inbox.quote_ids();
    let (administrator, _) = office(&server).await;
    let app = &server.server.app;
    queue(
        app,
        (0..40).map(|number| format!("user{number}@kbank{}.com", number % 9)),
    )
    .await;
    let sent = server
        .emails_in(&administrator, json!({ "kinds": ["TEST"] }), "SENT")
        .await;
    for email in sent.as_array().unwrap() {
        let said = format!("250 2.0.0 kept {}", email["messageId"].as_str().unwrap());
        assert_eq!(email["attempts"][0]["response"], said);
    }
}
