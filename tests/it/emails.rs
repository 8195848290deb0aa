//! The e-mail queue: what becomes of e-mails, and who may see what of them.

use std::time::Duration;

use serde_json::{Value, json};
use transports::Failure;

use crate::support::{Client, TestServer, link_in};

const LAURA: &str = "laura@kbank.com";

/// An administrator, and a role to invite with. Nothing more becomes of the administrator's own invitation, of which
/// somebody who watches would be told.
pub async fn office(server: &TestServer) -> (Client, String) {
    let administrator = server.administrator().await;
    server.all_sent(&administrator).await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.view"])
        .await;
    (administrator, role)
}

async fn invite(administrator: &Client, role: &str) {
    let input = json!({ "email": LAURA, "firstName": "Laura", "roleIds": [role] });
    let payload = administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
}

fn to_laura() -> Value {
    json!({ "to": LAURA })
}

#[tokio::test]
async fn a_sent_mail_shows_how_it_went() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    invite(&administrator, &role).await;
    let mails = server.emails_in(&administrator, to_laura(), "SENT").await;
    let mail = &mails[0];
    assert_eq!(mail["kind"], "INVITATION");
    assert_eq!(mail["attemptCount"], 1);
    assert_eq!(mail["lastError"], Value::Null);
    assert_eq!(mail["nextAttemptAt"], Value::Null);
    let attempt = &mail["attempts"][0];
    assert_eq!(attempt["outcome"], "DELIVERED");
    assert_eq!(attempt["transport"], "inbox");
    assert_eq!(attempt["response"], "250 2.0.0 kept");
    assert!(attempt["finishedAt"].is_string());
    // As a server of the version before leaves it.
    let transaction = server.server.app.db.begin().await.unwrap();
    let before = "UPDATE email_attempts SET outcome = NULL";
    transaction.execute_batch(before).await.unwrap();
    transaction.commit().await.unwrap();
    let again = server.emails_in(&administrator, to_laura(), "SENT").await;
    assert_eq!(again[0]["attempts"][0]["outcome"], "DELIVERED");
    let message_id = mail["messageId"].as_str().unwrap();
    assert!(message_id.ends_with("@example.com>"), "{message_id}");
    assert_eq!(server.inbox.next().await.message_id, message_id);
    let answer = administrator
        .run("{ emailQueue { transport isPaused oldestDueAgeSeconds counts { status count } } }")
        .await;
    assert_eq!(
        answer.data()["emailQueue"],
        json!({
            "transport": "inbox",
            "isPaused": false,
            "oldestDueAgeSeconds": null,
            "counts": [
                { "status": "QUEUED", "count": 0 },
                { "status": "SENDING", "count": 0 },
                { "status": "SENT", "count": 2 },
                { "status": "FAILED", "count": 0 },
                { "status": "CANCELLED", "count": 0 },
            ]
        })
    );
}

#[tokio::test]
async fn a_transient_failure_is_tried_again_later_and_later_until_it_is_given_up() {
    let server = TestServer::start_with(&["mail.queue.max_attempts=3"]).await;
    let (administrator, role) = office(&server).await;
    server.inbox.refuse(Some(Failure::Transient));
    invite(&administrator, &role).await;
    let mut message_ids = Vec::new();
    for (attempt, wait) in [(1, 30), (2, 60)] {
        // Queued it is before the first attempt, too.
        let mails = server
            .emails_that(&administrator, to_laura(), "an attempt", |mails| {
                mails[0]["status"] == "QUEUED" && mails[0]["attemptCount"] == attempt
            })
            .await;
        let mail = &mails[0];
        assert_eq!(mail["lastError"], "550 5.1.1 no such user");
        let due: chrono::DateTime<chrono::Utc> =
            mail["nextAttemptAt"].as_str().unwrap().parse().unwrap();
        let now = server.server.app.clock.now().to_utc();
        let seconds = (due - now).num_seconds();
        let (least, most) = (wait * 8 / 10 - 10, wait * 12 / 10);
        assert!(
            (least..=most).contains(&seconds),
            "attempt {attempt}: {seconds} s"
        );
        message_ids.push(mail["messageId"].clone());
        server.advance(Duration::from_secs(u64::try_from(most).unwrap() + 1));
    }
    let mails = server.emails_in(&administrator, to_laura(), "FAILED").await;
    assert_eq!(mails[0]["attemptCount"], 3);
    assert_eq!(mails[0]["attempts"].as_array().unwrap().len(), 3);
    message_ids.push(mails[0]["messageId"].clone());
    message_ids.dedup();
    assert_eq!(message_ids.len(), 1);
}

#[tokio::test]
async fn a_permanent_failure_fails_at_once() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server.inbox.refuse(Some(Failure::Permanent));
    invite(&administrator, &role).await;
    let mails = server.emails_in(&administrator, to_laura(), "FAILED").await;
    assert_eq!(mails[0]["attemptCount"], 1);
    assert_eq!(mails[0]["lastError"], "550 5.1.1 no such user");
}

#[tokio::test]
async fn an_unavailable_transport_costs_a_mail_no_attempt() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server.inbox.refuse(Some(Failure::Unavailable));
    invite(&administrator, &role).await;
    let mails = server
        .emails_that(&administrator, to_laura(), "the first attempt", |mails| {
            mails[0]["status"] == "QUEUED" && mails[0]["attempts"][0]["finishedAt"].is_string()
        })
        .await;
    assert_eq!(mails[0]["attemptCount"], 0);
    server.inbox.refuse(None);
    server.advance(Duration::from_secs(31));
    server.emails_in(&administrator, to_laura(), "SENT").await;
}

/// Security rule 12.
#[tokio::test]
async fn a_link_is_shown_only_to_those_who_could_grant_what_it_gives() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    let sensitive = ["email-queue.view-sensitive", "users.view"];
    let within = server
        .user_with(
            &administrator,
            "within@kbank.com",
            &[&sensitive[..], &["content-hub.view", "users.create"]].concat(),
        )
        .await;
    // Holds what the role grants, and could not give it to anybody.
    let idle = server
        .user_with(
            &administrator,
            "idle@kbank.com",
            &[&sensitive[..], &["content-hub.view"]].concat(),
        )
        .await;
    let beyond = server
        .user_with(&administrator, "beyond@kbank.com", &sensitive)
        .await;
    let viewer = server
        .user_with(
            &administrator,
            "viewer@kbank.com",
            &["email-queue.view", "users.view"],
        )
        .await;
    invite(&administrator, &role).await;
    let received = server.inbox.next().await;
    let link = link_in(&received);
    let token = link.split_once("token=").unwrap().1;

    let ways = "{
        list: emails(filter: { to: \"laura\" }) { nodes { id link textBody htmlBody } edges { node { ...Mail } } }
        nested: users(filter: { search: \"laura\" }) { nodes { invitation { emails { ...Mail } } } }
    } fragment Mail on Email { alias: link body: textBody htmlBody }";
    for reader in [&administrator, &within] {
        let answer = reader.run(ways).await;
        let mail = &answer.data()["list"]["nodes"][0];
        assert_eq!(mail["link"], link);
        assert!(mail["textBody"].as_str().unwrap().contains(&link));
        assert!(mail["htmlBody"].as_str().unwrap().contains(token));
    }
    // Holds the permission, but could not assign the role: everything but the link.
    for reader in [&beyond, &idle] {
        let answer = reader.run(ways).await;
        let mail = &answer.data()["list"]["nodes"][0];
        assert_eq!(mail["link"], Value::Null);
        assert!(mail["textBody"].as_str().unwrap().contains("[secret link]"));
        assert!(!answer.body.to_string().contains(token));
    }
    // Does not hold it: the field is forbidden, and the bodies are masked.
    let answer = viewer.run(ways).await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert!(!answer.body.to_string().contains(token));
    let answer = idle.run(ways).await;
    let id = answer.data()["list"]["nodes"][0]["id"].clone();
    let answer = viewer
        .run_with(
            "query($id: ID!) { node(id: $id) { ... on Email { textBody htmlBody subject } } }",
            json!({ "id": id }),
        )
        .await;
    assert!(
        answer.data()["node"]["textBody"]
            .as_str()
            .unwrap()
            .contains("[secret link]")
    );
    assert!(!answer.body.to_string().contains(token));
    // Nor can it be found by searching for it.
    let answer = viewer
        .run_with(
            "query($t: String!) { a: emails(filter: { to: $t }) { totalCount } b: emails(filter: { subject: $t }) { totalCount } }",
            json!({ "t": token }),
        )
        .await;
    assert_eq!(
        *answer.data(),
        json!({ "a": { "totalCount": 0 }, "b": { "totalCount": 0 } })
    );

    server.accept(token).await;
    let answer = administrator.run(ways).await;
    assert_eq!(answer.data()["list"]["nodes"][0]["link"], Value::Null);
    assert!(!stored_anywhere(&server, token).await);
}

/// A Message-ID is ASCII (RFC 5322), whatever the sender's domain is, and however it is written.
#[rstest::rstest]
#[case(
    "Büro <no-reply@bücher.test>",
    Some("Büro"),
    "no-reply@xn--bcher-kva.test"
)]
#[case("Usher <no-reply@firm.test> ", Some("Usher"), "no-reply@firm.test")]
#[case(
    r#""Usher, \"Inc.\"" <no-reply@firm.test>"#,
    Some(r#"Usher, "Inc.""#),
    "no-reply@firm.test"
)]
#[case("no-reply@firm.test", None, "no-reply@firm.test")]
#[tokio::test]
async fn an_email_can_be_sent_from_every_domain(
    #[case] from: &str,
    #[case] name: Option<&str>,
    #[case] address: &str,
) {
    let server = TestServer::start_with(&[&format!("mail.from={from}")]).await;
    let mail = server.inbox.next().await;
    let (_, domain) = address.split_once('@').unwrap();
    let end = format!("@{domain}>");
    assert!(mail.message_id.ends_with(&end), "{}", mail.message_id);
    mail.format().unwrap();
    let administrator = server.accept(&crate::support::token_in(&mail)).await;
    let answer = administrator
        .run("{ emails { nodes { from fromName } } }")
        .await;
    let expected = json!({ "from": address, "fromName": name });
    assert_eq!(answer.data()["emails"]["nodes"][0], expected);
}

/// Security rules 12 and 13: a mail server that objects to the link may quote it. The other ways in
/// which it may are in `quotations.rs`.
#[tokio::test]
async fn a_refusal_that_quotes_the_link_does_not_give_it_away() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server.inbox.refuse_links();
    invite(&administrator, &role).await;
    let mails = server.emails_in(&administrator, to_laura(), "FAILED").await;
    let masked = "554 5.7.1 blocked: [secret link] ([secret link])";
    assert_eq!(mails[0]["lastError"], masked);
    assert_eq!(mails[0]["attempts"][0]["response"], masked);
}

/// Security rule 12: once the link has expired, its token is gone from the rows.
#[tokio::test]
async fn an_expired_link_is_shown_to_nobody_and_forgotten() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    invite(&administrator, &role).await;
    let token = crate::support::token_in(&server.inbox.next().await);
    server.emails_in(&administrator, to_laura(), "SENT").await;
    assert!(stored_anywhere(&server, &token).await);
    server.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let answer = administrator
        .run("{ emails(filter: { to: \"laura\" }) { nodes { link textBody } } }")
        .await;
    assert!(!answer.body.to_string().contains(&token));
    usher::domain::emails::retention::sweep(&server.server.app)
        .await
        .unwrap();
    assert!(!stored_anywhere(&server, &token).await);
}

/// Whether a text stands in any mail's row.
async fn stored_anywhere(server: &TestServer, text: &str) -> bool {
    use sea_orm::EntityTrait;
    let db = &server.server.app.db;
    let rows = db
        .all(db.read(), entity::email::Entity::find())
        .await
        .unwrap();
    assert!(!rows.is_empty());
    rows.iter().any(|row| format!("{row:?}").contains(text))
}

/// Security rule 19.
#[tokio::test]
async fn names_cannot_break_out_of_a_letter() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    let input = json!({
        "email": LAURA, "firstName": "<script>alert(1)</script>", "lastName": "\"&'", "roleIds": [role]
    });
    let payload = administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    let received = server.inbox.next().await;
    let html = received.html.unwrap();
    assert!(html.contains("&lt;script&gt;"), "{html}");
    assert!(!html.contains("<script>"));
    assert!(
        received
            .text
            .contains("Hello <script>alert(1)</script> \"&',")
    );
    // What stands for the link in a stored e-mail, nobody can type.
    let input = json!({ "email": "x@kbank.com", "firstName": "\u{FFFC}", "roleIds": [role] });
    let payload = administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    assert_eq!(
        crate::support::ids(&payload["userErrors"]),
        ["INVALID input.firstName"]
    );
}

#[tokio::test]
async fn filters_find_mails_by_state_kind_recipient_subject_and_time() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server.advance(Duration::from_secs(60));
    let between = server.server.app.clock.now().to_utc().to_rfc3339();
    server.advance(Duration::from_secs(60));
    invite(&administrator, &role).await;
    server.emails_in(&administrator, to_laura(), "SENT").await;
    for (filter, expected) in [
        (json!({}), 2),
        (json!({ "statuses": ["SENT"] }), 2),
        (json!({ "statuses": ["FAILED", "QUEUED"] }), 0),
        (json!({ "statuses": [] }), 0),
        (json!({ "kinds": ["INVITATION", "TEST"] }), 2),
        (json!({ "kinds": ["TEST"] }), 0),
        (json!({ "to": "LAURA@" }), 1),
        (json!({ "to": "%" }), 0),
        (json!({ "subject": "INVITED to join" }), 2),
        (json!({ "subject": "nothing" }), 0),
        (json!({ "createdAfter": between }), 1),
        (json!({ "createdBefore": between }), 1),
        (
            json!({ "createdAfter": between, "createdBefore": between }),
            0,
        ),
    ] {
        let answer = administrator
            .run_with(
                "query($filter: EmailFilter) { emails(filter: $filter) { totalCount nodes { id } } }",
                json!({ "filter": filter }),
            )
            .await;
        let emails = &answer.data()["emails"];
        assert_eq!(emails["totalCount"], expected, "{filter}");
        assert_eq!(
            emails["nodes"].as_array().unwrap().len(),
            expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn history_is_removed_when_it_is_old() {
    let server = TestServer::start_with(&["mail.queue.keep_sent_days=3"]).await;
    let (administrator, role) = office(&server).await;
    invite(&administrator, &role).await;
    server.all_sent(&administrator).await;
    let total = async || {
        let answer = administrator.run("{ emails { totalCount } }").await;
        answer.data()["emails"]["totalCount"].as_u64().unwrap()
    };
    let sweep = async || {
        usher::domain::emails::retention::sweep(&server.server.app)
            .await
            .unwrap()
    };
    server.advance(Duration::from_secs(2 * 24 * 60 * 60));
    sweep().await;
    assert_eq!(total().await, 2);
    server.advance(Duration::from_secs(24 * 60 * 60));
    sweep().await;
    assert_eq!(total().await, 0);
}
