//! What administrators do with the e-mail queue, and how its worker goes about it.

use entity::email::Priority;
use std::time::Duration;

use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use transports::Failure;
use usher::domain::Actor;

use crate::emails::office;
use crate::support::{Client, TestServer, ids, skipped, token_in};

async fn send_test(client: &Client, to: &str) -> String {
    let payload = client
        .mutate(
            "sendTestEmail",
            json!({ "to": to }),
            "email { id kind priority }",
        )
        .await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(payload["email"]["kind"], "TEST");
    payload["email"]["id"].as_str().unwrap().to_owned()
}

async fn change(client: &Client, what: &str, chosen: Value) -> Value {
    client.mutate(what, chosen, "count").await
}

async fn count(client: &Client, filter: Value) -> u64 {
    let answer = client
        .run_with(
            "query($filter: EmailFilter) { emails(filter: $filter) { totalCount } }",
            json!({ "filter": filter }),
        )
        .await;
    answer.data()["emails"]["totalCount"].as_u64().unwrap()
}

async fn last_event(client: &Client) -> Value {
    let answer = client
        .run("{ events(first: 1) { nodes { action subjectLabel changes { field after } } } }")
        .await;
    answer.data()["events"]["nodes"][0].clone()
}

#[tokio::test]
async fn a_test_email_goes_through_the_queue() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    send_test(&administrator, "somebody@kbank.com").await;
    let mails = server
        .emails_in(&administrator, json!({ "kinds": ["TEST"] }), "SENT")
        .await;
    assert_eq!(mails[0]["to"], json!(["somebody@kbank.com"]));
    let mail = server.inbox.next().await;
    assert!(
        mail.text.contains("admin@example.com requested it"),
        "{}",
        mail.text
    );
    assert_eq!(mail.message_id, mails[0]["messageId"]);
    for (to, expected) in [
        ("", "REQUIRED input.to"),
        ("a@b.de, c@d.de", "INVALID input.to"),
    ] {
        let payload = administrator
            .mutate("sendTestEmail", json!({ "to": to }), "email { id }")
            .await;
        assert_eq!(payload["email"], Value::Null);
        assert_eq!(ids(&payload["userErrors"]), [expected]);
    }
}

#[tokio::test]
async fn what_has_failed_can_be_tried_again_cancelled_and_deleted() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    server.inbox.refuse(Some(Failure::Permanent));
    let first = send_test(&administrator, "one@kbank.com").await;
    let second = send_test(&administrator, "two@kbank.com").await;
    let tests = json!({ "kinds": ["TEST"] });
    server
        .emails_in(&administrator, tests.clone(), "FAILED")
        .await;

    // Each reason is told, and nothing is done.
    let user = administrator.id.clone();
    let none = "email_01h2xcejqtf2nbrexx3vqjhp41";
    let payload = change(
        &administrator,
        "retryEmails",
        json!({ "ids": [user, first, none] }),
    )
    .await;
    assert_eq!(payload["count"], Value::Null);
    assert_eq!(
        ids(&payload["userErrors"]),
        ["INVALID input.ids.0", "NOT_FOUND input.ids.2"]
    );
    assert_eq!(
        count(&administrator, json!({ "statuses": ["FAILED"] })).await,
        2
    );

    let payload = change(&administrator, "cancelEmails", json!({ "ids": [first] })).await;
    assert_eq!(payload["count"], 1);
    assert_eq!(
        last_event(&administrator).await["subjectLabel"],
        "one@kbank.com"
    );
    let payload = change(&administrator, "cancelEmails", json!({ "ids": [first] })).await;
    assert_eq!(ids(&payload["userErrors"]), ["WRONG_STATE input.ids.0"]);

    server.inbox.refuse(None);
    let payload = change(
        &administrator,
        "retryEmails",
        json!({ "ids": [first, first] }),
    )
    .await;
    assert_eq!(payload["count"], 1);
    let mails = server
        .emails_in(&administrator, json!({ "to": "one@" }), "SENT")
        .await;
    assert_eq!(mails[0]["attempts"].as_array().unwrap().len(), 2);
    let payload = change(&administrator, "retryEmails", json!({ "ids": [first] })).await;
    assert_eq!(ids(&payload["userErrors"]), ["WRONG_STATE input.ids.0"]);

    // By filter, what cannot be done is passed over.
    let payload = change(&administrator, "retryEmails", json!({ "filter": tests })).await;
    assert_eq!(payload["count"], 1);
    server
        .emails_in(&administrator, tests.clone(), "SENT")
        .await;
    let payload = change(
        &administrator,
        "deleteEmails",
        json!({ "ids": [first, second] }),
    )
    .await;
    assert_eq!(payload["count"], 2);
    assert_eq!(count(&administrator, tests.clone()).await, 0);
    let event = last_event(&administrator).await;
    assert_eq!(event["action"], "EMAILS_DELETED");
    assert_eq!(
        event["changes"],
        json!([{ "field": "count", "after": "2" }])
    );
    let payload = change(&administrator, "deleteEmails", json!({ "filter": tests })).await;
    assert_eq!(
        (&payload["count"], &payload["userErrors"]),
        (&json!(0), &json!([]))
    );
}

#[rstest]
#[case(json!({}), "REQUIRED ")]
#[case(json!({ "ids": [], "filter": {} }), "INVALID ")]
#[case(json!({ "ids": [] }), "REQUIRED input.ids")]
#[case(json!({ "ids": vec!["email_01h2xcejqtf2nbrexx3vqjhp41"; 501] }), "TOO_MANY input.ids")]
#[tokio::test]
async fn it_must_be_said_which_emails(#[case] chosen: Value, #[case] expected: &str) {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    for what in ["retryEmails", "cancelEmails", "deleteEmails"] {
        let payload = change(&administrator, what, chosen.clone()).await;
        assert_eq!(payload["count"], Value::Null);
        assert_eq!(ids(&payload["userErrors"]), [expected], "{what}");
    }
}

#[tokio::test]
async fn a_letter_whose_purpose_has_ended_cannot_be_tried_again() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server.inbox.refuse(Some(Failure::Permanent));
    let input = json!({ "email": "laura@kbank.com", "roleIds": [role] });
    administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    let to_laura = json!({ "to": "laura@" });
    let mails = server
        .emails_in(&administrator, to_laura.clone(), "FAILED")
        .await;
    server.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let payload = change(
        &administrator,
        "retryEmails",
        json!({ "ids": [mails[0]["id"]] }),
    )
    .await;
    assert_eq!(ids(&payload["userErrors"]), ["WRONG_STATE input.ids.0"]);
    let payload = change(&administrator, "retryEmails", json!({ "filter": to_laura })).await;
    assert_eq!(
        (&payload["count"], &payload["userErrors"]),
        (&json!(0), &json!([]))
    );
}

/// A retry need not be waited for; what is due already is left where it is.
#[tokio::test]
async fn what_waits_for_a_later_attempt_is_tried_at_once() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    server.inbox.refuse(Some(Failure::Transient));
    let waiting = send_test(&administrator, "waiting@kbank.com").await;
    let is_waiting = json!({ "to": "waiting@", "statuses": ["QUEUED"] });
    server
        .emails_that(&administrator, is_waiting, "the first attempt", |mails| {
            mails.iter().any(|mail| mail["attemptCount"] == 1)
        })
        .await;
    server.inbox.refuse(None);
    let pause = "mutation { pauseEmailQueue { userErrors { code } } }";
    administrator.run(pause).await.data();
    let due = send_test(&administrator, "due@kbank.com").await;
    let chosen = json!({ "ids": [waiting, due] });
    let payload = change(&administrator, "retryEmails", chosen).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["count"], 1);
    // Now both are due.
    let all = json!({ "filter": { "statuses": ["QUEUED"] } });
    let payload = change(&administrator, "retryEmails", all).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["count"], 0);
    let resume = "mutation { resumeEmailQueue { userErrors { code } } }";
    administrator.run(resume).await.data();
    let mut to: Vec<String> = Vec::new();
    for _ in 0..2 {
        to.extend(server.inbox.next().await.to);
    }
    to.sort();
    assert_eq!(to, ["due@kbank.com", "waiting@kbank.com"]);
}

#[tokio::test]
async fn a_paused_queue_sends_nothing_until_it_is_resumed() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let queue = "emailQueue { isPaused pausedAt pausedBy { email } } userErrors { code }";
    let answer = administrator
        .run(&format!("mutation {{ pauseEmailQueue {{ {queue} }} }}"))
        .await;
    let paused = &answer.data()["pauseEmailQueue"]["emailQueue"];
    assert_eq!(paused["isPaused"], true);
    assert!(paused["pausedAt"].is_string());
    assert_eq!(paused["pausedBy"]["email"], "admin@example.com");
    send_test(&administrator, "waiting@kbank.com").await;
    server.advance(Duration::from_secs(60));
    let claimed = usher::domain::emails::delivery::claim(&server.server.app, "inbox", 10)
        .await
        .unwrap();
    assert!(claimed.is_empty());
    let answer = administrator
        .run("{ emailQueue { oldestDueAgeSeconds } }")
        .await;
    assert!(answer.data()["emailQueue"]["oldestDueAgeSeconds"].as_u64() >= Some(60));
    let answer = administrator
        .run(&format!("mutation {{ resumeEmailQueue {{ {queue} }} }}"))
        .await;
    assert_eq!(
        answer.data()["resumeEmailQueue"]["emailQueue"],
        json!({ "isPaused": false, "pausedAt": null, "pausedBy": null })
    );
    server
        .emails_in(&administrator, json!({ "kinds": ["TEST"] }), "SENT")
        .await;
}

#[tokio::test]
async fn resuming_has_an_unavailable_transport_tried_at_once() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    server.inbox.refuse(Some(Failure::Unavailable));
    let mut events = administrator
        .subscribe(
            "subscription { emailChanged { email { status attempts { finishedAt } } } }",
            json!({}),
        )
        .await;
    assert_eq!(events.first().await, None);
    send_test(&administrator, "waiting@kbank.com").await;
    loop {
        let event = events.next().await.unwrap();
        if event["data"]["emailChanged"]["email"]["attempts"][0]["finishedAt"].is_string() {
            break;
        }
    }
    let state = "transportState { isAvailable unavailableSince error nextAttemptAt }";
    let answer = administrator
        .run(&format!("{{ emailQueue {{ {state} }} }}"))
        .await;
    let shown = &answer.data()["emailQueue"]["transportState"];
    assert_eq!(shown["isAvailable"], false);
    assert_eq!(shown["error"], "550 5.1.1 no such user");
    assert!(shown["unavailableSince"].as_str() < shown["nextAttemptAt"].as_str());
    server.inbox.refuse(None);
    let answer = administrator
        .run(&format!(
            "mutation {{ resumeEmailQueue {{ emailQueue {{ {state} }} }} }}"
        ))
        .await;
    assert_eq!(
        answer.data()["resumeEmailQueue"]["emailQueue"]["transportState"],
        json!({ "isAvailable": true, "unavailableSince": null, "error": null, "nextAttemptAt": null })
    );
    let mails = server
        .emails_in(&administrator, json!({ "kinds": ["TEST"] }), "SENT")
        .await;
    assert_eq!(mails[0]["attemptCount"], 1);
}

/// A mail server may take nothing for some domains only, and say that it does not relay. However
/// many e-mails that concerns, and however urgent they are, others go.
#[tokio::test]
async fn those_that_wait_for_the_transport_do_not_hold_up_others() {
    let server = TestServer::start_with(&["mail.queue.lease=1h"]).await;
    let (administrator, role) = office(&server).await;
    server.all_sent(&administrator).await;
    server.inbox.unavailable_to("@foreign");
    for foreign in 0..6 {
        send_test(&administrator, &format!("ada@foreign{foreign}.test")).await;
    }
    let mut changes = server.server.app.email_changed.subscribe();
    let invited = json!({ "email": "laura@kbank.com", "roleIds": [role] });
    administrator
        .mutate("inviteUser", invited, "user { id }")
        .await;
    let sent = json!({ "to": "laura@kbank.com", "statuses": ["SENT"] });
    let delivers = async {
        while count(&administrator, sent.clone()).await == 0 {
            if count(&administrator, json!({ "statuses": ["SENDING"] })).await == 0 {
                // Whatever pause there is comes to its end.
                server.advance(Duration::from_secs(60));
            }
            let _ = changes.recv().await;
        }
    };
    server.within("the invitation to be sent", delivers).await;
    let waiting = json!({ "to": "@foreign", "statuses": ["QUEUED", "SENDING"] });
    assert_eq!(count(&administrator, waiting).await, 6);
}

/// What has not happened yet does not break the pages.
#[tokio::test]
async fn mails_are_sorted_by_when_they_were_sent_or_are_due() {
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    for to in ["a@kbank.com", "b@kbank.com"] {
        send_test(&administrator, to).await;
        server
            .emails_in(&administrator, json!({ "to": to }), "SENT")
            .await;
    }
    server.inbox.refuse(Some(Failure::Permanent));
    for to in ["c@kbank.com", "d@kbank.com"] {
        send_test(&administrator, to).await;
        server
            .emails_in(&administrator, json!({ "to": to }), "FAILED")
            .await;
    }
    for (field, direction, expected) in [
        ("SENT_AT", "ASC", ["c", "d", "a", "b"]),
        ("SENT_AT", "DESC", ["b", "a", "d", "c"]),
        ("CREATED_AT", "ASC", ["a", "b", "c", "d"]),
        ("NEXT_ATTEMPT_AT", "DESC", ["d", "c", "b", "a"]),
    ] {
        let mut found = Vec::new();
        let mut after = Value::Null;
        loop {
            let answer = administrator
                .run_with(
                    &format!(
                        "query($after: String) {{ emails(first: 1, after: $after, filter: {{ kinds: [TEST] }}, \
                         orderBy: {{ field: {field}, direction: {direction} }}) \
                         {{ nodes {{ to }} pageInfo {{ endCursor hasNextPage }} }} }}"
                    ),
                    json!({ "after": after }),
                )
                .await;
            let page = &answer.data()["emails"];
            let to = page["nodes"][0]["to"][0].as_str().unwrap();
            found.push(to.split('@').next().unwrap().to_owned());
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(found, expected, "{field} {direction}");
    }
}

/// Security rule 12: the source is masked as the bodies are, and showing the link is recorded.
#[tokio::test]
async fn the_source_of_a_mail_is_masked_like_its_bodies() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    let viewer = server
        .user_with(&administrator, "viewer@kbank.com", &["email-queue.view"])
        .await;
    let nobody = server
        .user_with(&administrator, "nobody@kbank.com", &[])
        .await;
    let input = json!({ "email": "laura@kbank.com", "roleIds": [role] });
    administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    let received = server.inbox.next().await;
    let token = token_in(&received);
    let mails = server
        .emails_in(&administrator, json!({ "to": "laura@" }), "SENT")
        .await;
    let id = mails[0]["id"].as_str().unwrap();
    let shown = async || {
        let answer = administrator
            .run("{ events(filter: { actions: [LINK_SHOWN] }) { totalCount } }")
            .await;
        answer.data()["events"]["totalCount"].clone()
    };
    let before = shown().await;
    let source = async |client: &Client| {
        let answer = client
            .run(&format!("{{ email(id: \"{id}\") {{ source }} }}"))
            .await;
        answer.data()["email"]["source"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let eml = async |client: &Client, id: &str| {
        let mut request = client.http.get(format!("{}/emails/{id}.eml", client.url));
        if let Some(token) = &client.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let content_type = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (status, content_type, response.text().await.unwrap())
    };
    assert!(source(&administrator).await.contains(&token));
    let masked = source(&viewer).await;
    assert!(masked.contains("[secret link]") && !masked.contains(&token));
    assert!(masked.contains("\r\nAuto-Submitted: auto-generated\r\n"));
    assert!(masked.contains(mails[0]["messageId"].as_str().unwrap()));
    assert_ne!(before, shown().await);
    let (status, content_type, text) = eml(&viewer, id).await;
    assert_eq!((status, content_type.as_str()), (200, "message/rfc822"));
    assert_eq!(text, masked);
    let shown_in_api = shown().await;
    let (_, _, text) = eml(&administrator, id).await;
    assert_eq!(text.as_bytes(), received.format().unwrap());
    assert_ne!(shown_in_api, shown().await);
    let parsed = mail_parser::MessageParser::default()
        .parse(text.as_bytes())
        .unwrap();
    assert_eq!(parsed.subject(), Some(received.subject.as_str()));

    // Nor is it shown where nobody asks for it.
    let so_far = shown().await;
    let bodies = "htmlBody(masked: true) textBody(masked: true) source(masked: true)";
    let answer = administrator
        .run(&format!("{{ email(id: \"{id}\") {{ {bodies} }} }}"))
        .await;
    let bodies = answer.data()["email"].to_string();
    // Thrice in the HTML, once in the text, and all of them once more in the source.
    assert_eq!(bodies.matches("[secret link]").count(), 8, "{bodies}");
    assert!(!bodies.contains(&token));
    assert_eq!(so_far, shown().await);

    let anonymous = server.anonymous();
    let none = "email_01h2xcejqtf2nbrexx3vqjhp41";
    assert_eq!(eml(&anonymous, id).await.0, 401);
    assert_eq!(eml(&anonymous, none).await.0, 401);
    assert_eq!(eml(&nobody, id).await.0, 403);
    let refused = "{ events(filter: { actions: [PERMISSION_REFUSED] }) { nodes { actorLabel } } }";
    let refused = administrator.run(refused).await.data()["events"]["nodes"].clone();
    assert_eq!(refused, json!([{ "actorLabel": "nobody@kbank.com" }]));
    assert_eq!(eml(&viewer, none).await.0, 404);
    assert_eq!(eml(&viewer, "rubbish").await.0, 404);
    // By the cookie, only from this server's own pages.
    let cookie = format!("usher_session={}", administrator.token.as_deref().unwrap());
    let response = anonymous
        .http
        .get(format!("{}/emails/{id}.eml", server.url))
        .header("Cookie", cookie)
        .header("Origin", "https://evil.example.com")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
}

/// Security rule 12: whoever looks at an e-mail sees it as it looks, and its link only where they ask for that.
#[tokio::test]
async fn a_mail_can_be_looked_at_in_a_frame_of_our_own_pages_alone() {
    let server = TestServer::start_with(&[
        "branding.name=<b>K & B</b> Bank",
        "branding.logo_url=https://cdn.kbank.com/logo.png",
    ])
    .await;
    let (administrator, role) = office(&server).await;
    let input = json!({ "email": "laura@kbank.com", "roleIds": [role] });
    administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    let token = token_in(&server.inbox.next().await);
    let mails = server
        .emails_in(&administrator, json!({ "to": "laura@" }), "SENT")
        .await;
    let id = mails[0]["id"].as_str().unwrap();
    let open = async |client: &Client, id: &str| {
        let url = format!("{}/emails/{id}.html", client.url);
        let request = client.http.get(url);
        let token = client.token.clone().unwrap_or_default();
        request.bearer_auth(token).send().await.unwrap()
    };
    let shown = async || {
        let query = "{ events(filter: { actions: [LINK_SHOWN] }) { totalCount } }";
        administrator.run(query).await.data()["events"].clone()
    };
    let so_far = shown().await;
    let page = open(&administrator, id).await;
    assert_eq!(page.status(), 200);
    let headers = page.headers().clone();
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-frame-options"], "SAMEORIGIN");
    let policy = headers["content-security-policy"].to_str().unwrap();
    let parts: Vec<&str> = policy.split("; ").collect();
    for part in [
        "sandbox",
        "default-src 'none'",
        "img-src https://cdn.kbank.com",
        "frame-ancestors 'self'",
    ] {
        assert!(parts.contains(&part), "{policy}");
    }
    assert!(!policy.contains("script"));
    let html = page.text().await.unwrap();
    assert!(html.contains("[secret link]") && !html.contains(&token));
    assert!(html.contains("&lt;b&gt;K &amp; B&lt;"), "{html}");
    assert_eq!(shown().await, so_far);

    let nobody = server
        .user_with(&administrator, "nobody@kbank.com", &[])
        .await;
    for (client, id, status) in [
        (&administrator, "rubbish", 404),
        (&nobody, id, 403),
        (&server.anonymous(), id, 401),
    ] {
        assert_eq!(open(client, id).await.status(), status);
    }
}

#[tokio::test]
async fn a_sent_mail_is_gone_at_once_where_none_is_kept() {
    let server = TestServer::start_with(&["mail.queue.keep_sent_days=0"]).await;
    let (administrator, _) = office(&server).await;
    server.inbox.refuse(Some(Failure::Permanent));
    send_test(&administrator, "refused@kbank.com").await;
    server
        .emails_in(&administrator, json!({ "to": "refused@" }), "FAILED")
        .await;
    server.inbox.refuse(None);
    let mut changes = server.server.app.email_changed.subscribe();
    send_test(&administrator, "sent@kbank.com").await;
    while count(&administrator, json!({ "to": "sent@" })).await > 0 {
        let _ = server.within("the e-mail to go", changes.recv()).await;
    }
    assert_eq!(server.inbox.next().await.to, ["sent@kbank.com"]);
    assert_eq!(count(&administrator, json!({})).await, 1);
}

#[tokio::test]
async fn all_mails_can_be_redirected_to_one_address() {
    let server = TestServer::start_with(&["mail.redirect_all_to=staging@example.com"]).await;
    let received = server.inbox.next().await;
    assert_eq!(received.to, ["staging@example.com"]);
    let administrator = server.accept(&token_in(&received)).await;
    let mails = server.emails_in(&administrator, json!({}), "SENT").await;
    assert_eq!(mails[0]["to"], json!(["admin@example.com"]));
}

/// One mail's trouble holds nobody up: a new mail goes although hundreds are undeliverable.
#[tokio::test]
async fn a_new_mail_passes_hundreds_of_undeliverable_ones() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server.inbox.refuse_to("undeliverable@");
    let app = &server.server.app;
    queue_by_server(app, "undeliverable@kbank.com", Priority::Normal, 300).await;
    let mut changes = app.email_changed.subscribe();
    while count(&administrator, json!({ "to": "undeliverable@" })).await < 300 {
        let _ = server.within("an attempt", changes.recv()).await;
    }
    // As urgent as the others, and they are still refused.
    let input = json!({ "email": "new@kbank.com", "roleIds": [role] });
    let payload = administrator.mutate("inviteUser", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    server
        .emails_in(&administrator, json!({ "to": "new@" }), "SENT")
        .await;
}

/// Nor do those to a server that does not answer, though each of them keeps a worker busy.
#[tokio::test]
async fn a_new_mail_passes_those_that_hang() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server.inbox.hang_to("@slow.example");
    for mail in 0..12 {
        let to = json!({ "to": format!("colleague{mail}@slow.example") });
        administrator.mutate("sendTestEmail", to, "").await;
    }
    let hang = json!({ "to": "@slow.example", "statuses": ["SENDING"] });
    let mut changes = server.server.app.email_changed.subscribe();
    while count(&administrator, hang.clone()).await < 3 {
        let _ = server.within("three that hang", changes.recv()).await;
    }
    let input = json!({ "email": "new@kbank.com", "roleIds": [role] });
    administrator.mutate("inviteUser", input, "").await;
    assert_eq!(server.inbox.next().await.to, ["new@kbank.com"]);
    // One worker is left for the others.
    assert_eq!(count(&administrator, hang).await, 3);
}

/// The more urgent first, and of those the one that is due longest.
#[tokio::test]
async fn priority_comes_before_due_time() {
    let server = TestServer::start().await;
    office(&server).await;
    // Handed out one after the other: the server's own worker takes none.
    server.inbox.open_gate(false);
    server.server.stop();
    let app = &server.server.app;
    let stopped = async {
        while app.worker_runs() {
            tokio::task::yield_now().await;
        }
    };
    server.within("the worker to stop", stopped).await;
    for (address, priority) in [
        ("low@kbank.com", Priority::Low),
        ("normal@kbank.com", Priority::Normal),
        ("high@kbank.com", Priority::High),
        ("later@kbank.com", Priority::High),
    ] {
        queue_by_server(app, address, priority, 1).await;
    }
    for expected in ["high@", "later@", "normal@", "low@"] {
        let claims = usher::domain::emails::delivery::claim(app, "inbox", 1)
            .await
            .unwrap();
        let to = &claims[0].email.recipients;
        assert!(to.starts_with(expected), "{to} before {expected}");
    }
}

/// Queues so many test e-mails on the server's own behalf, in one change.
async fn queue_by_server(app: &usher::domain::App, to: &str, priority: Priority, count: usize) {
    let to = &usher::domain::EmailAddress::parse(to).unwrap();
    usher::domain::change::make(app, &Actor::server(), |change| async move {
        for _ in 0..count {
            let new = usher::domain::emails::NewEmail {
                template: usher::email_templates::EmailTemplate::Test {
                    sender: None,
                    queued_at: app.clock.now(),
                },
                to,
                priority,
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

async fn administrator_resume(app: &usher::domain::App) {
    let server = usher::domain::Actor::server();
    usher::domain::emails::resume(app, &server).await.unwrap();
}

/// A worker that fell silent for longer than the lease cannot overwrite what its successor did.
#[tokio::test]
async fn a_lost_lease_overwrites_nothing() {
    use usher::domain::emails::delivery::{self, Outcome, Verdict};
    let server = TestServer::start().await;
    let (administrator, _) = office(&server).await;
    let app = &server.server.app;
    administrator
        .run("mutation { pauseEmailQueue { userErrors { code } } }")
        .await;
    let id = send_test(&administrator, "twice@kbank.com").await;
    server.server.stop();
    let stopped = async {
        while app.worker_runs() {
            tokio::task::yield_now().await;
        }
    };
    server.within("the worker to stop", stopped).await;
    administrator_resume(app).await;
    let lost = delivery::claim(app, "inbox", 1).await.unwrap().remove(0);
    app.clock.advance(Duration::from_secs(50));
    assert!(delivery::renew(app, &lost).await.unwrap());
    app.clock.advance(Duration::from_secs(50));
    assert!(delivery::claim(app, "inbox", 1).await.unwrap().is_empty());
    app.clock.advance(Duration::from_secs(11));
    let held = delivery::claim(app, "inbox", 1).await.unwrap().remove(0);
    assert_eq!(held.email.id, lost.email.id);
    assert!(!delivery::renew(app, &lost).await.unwrap());
    assert!(delivery::renew(app, &held).await.unwrap());
    let outcome = |verdict| Outcome {
        transport: "inbox".to_owned(),
        response: "said so".to_owned(),
        verdict,
    };
    delivery::record(app, &held, &outcome(Verdict::Delivered))
        .await
        .unwrap();
    delivery::record(app, &lost, &outcome(Verdict::Permanent))
        .await
        .unwrap();
    assert!(!delivery::renew(app, &lost).await.unwrap());
    assert!(!delivery::renew(app, &held).await.unwrap());
    let actor = usher::domain::Actor::server();
    let email = usher::domain::emails::find(app, &actor, held.email.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(email.row().status, entity::email::Status::Sent);
    assert_eq!(email.row().attempt_count, 2);
    assert!(id.starts_with("email_"));
}

/// A mail in the middle of its sending, by a transport that takes its time.
async fn slow(server: &TestServer, administrator: &Client) -> Value {
    server.inbox.open_gate(false);
    send_test(administrator, "slow@kbank.com").await;
    sending(server, administrator, "slow@").await
}

async fn sending(server: &TestServer, administrator: &Client, to: &str) -> Value {
    server
        .emails_in(administrator, json!({ "to": to }), "SENDING")
        .await[0]
        .clone()
}

/// The lease of the mail that is being sent; when it ends is nobody's business but the workers'.
async fn lease(server: &TestServer) -> entity::Timestamp {
    let db = &server.server.app.db;
    let sending = entity::email::Entity::find()
        .filter(entity::email::Column::Status.eq(entity::email::Status::Sending));
    db.one(db.read(), sending)
        .await
        .unwrap()
        .unwrap()
        .lease_until
        .unwrap()
}

/// A transport may take longer than the lease: as long as its worker renews it, the mail is its own.
#[tokio::test]
async fn a_lease_is_renewed_while_the_transport_works() {
    let server = TestServer::start_with(&["mail.queue.lease=4s"]).await;
    let (administrator, _) = office(&server).await;
    slow(&server, &administrator).await;
    let first_end = lease(&server).await;
    let renewed = async { while lease(&server).await <= first_end {} };
    server.within("a renewed lease", renewed).await;
    // Whoever claims another mail now takes back what has been silent for longer than its lease.
    let now = server.server.app.clock.now();
    server.advance(first_end.since(now) + Duration::from_millis(1));
    send_test(&administrator, "another@kbank.com").await;
    sending(&server, &administrator, "another@").await;
    sending(&server, &administrator, "slow@").await;
    server.inbox.open_gate(true);
    let sent = server
        .emails_in(&administrator, json!({ "kinds": ["TEST"] }), "SENT")
        .await;
    for mail in sent.as_array().unwrap() {
        assert_eq!(mail["attempts"].as_array().unwrap().len(), 1, "{mail:#}");
    }
}

/// A worker that has lost its lease changes nothing any more, neither when its transport answers after
/// all nor when it gives up.
#[rstest]
#[case::answers(&["mail.queue.lease=60s"], true, "SENT")]
#[case::gives_up(&["mail.queue.lease=3s", "server.shutdown_timeout=2s"], false, "QUEUED")]
#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing(
    #[case] settings: &[&str],
    #[case] answers: bool,
    #[case] expected: &str,
) {
    let server = TestServer::start_with(settings).await;
    let (administrator, _) = office(&server).await;
    let mail = slow(&server, &administrator).await;
    server.advance(Duration::from_secs(61));
    let mut changes = server.server.app.email_changed.subscribe();
    while sending(&server, &administrator, "slow@").await["attempts"][1].is_null() {
        let _ = server.within("a second attempt", changes.recv()).await;
    }
    if answers {
        server.inbox.open_gate(true);
        for _ in 0..2 {
            assert_eq!(server.inbox.next().await.message_id, mail["messageId"]);
        }
    }
    // Whatever is in flight is recorded before the server has stopped; another one shows it, and sends nothing.
    let pause = "mutation { pauseEmailQueue { userErrors { code } } }";
    administrator.run(pause).await.data();
    server.server.stop();
    server.server.stopped().await;
    let second = TestServer::start_on(server.database, &["mail.queue.poll_interval=1h"]).await;
    let reader = Client {
        url: second.url.clone(),
        ..administrator
    };
    let mail = second
        .emails_in(&reader, json!({ "to": "slow@" }), expected)
        .await[0]
        .clone();
    let attempts = &mail["attempts"];
    assert_eq!(attempts[0]["outcome"], "INTERRUPTED");
    assert_eq!(
        attempts[0]["response"],
        "The worker stopped responding, and its lease expired."
    );
    let outcome = if answers { "DELIVERED" } else { "INTERRUPTED" };
    assert_eq!(attempts[1]["outcome"], outcome);
}

/// Two servers on one database share the queue, and no mail is sent twice.
#[tokio::test]
async fn two_servers_share_the_queue() {
    let server = TestServer::start().await;
    if server.database.is_sqlite() {
        return skipped("one process has SQLite's file");
    }
    let (administrator, _) = office(&server).await;
    let second = server.another().await;
    for number in 0..40 {
        send_test(&administrator, &format!("number{number}@kbank.com")).await;
        second.server.app.mail_queued.notify_one();
    }
    let mut arrived = Vec::new();
    while arrived.len() < 40 {
        let mail = tokio::select! {
            mail = server.inbox.next() => mail,
            mail = second.inbox.next() => mail,
        };
        arrived.push(mail.message_id);
    }
    server
        .emails_in(&administrator, json!({ "kinds": ["TEST"] }), "SENT")
        .await;
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 40);
    let mails = server
        .emails_in(&administrator, json!({ "kinds": ["TEST"] }), "SENT")
        .await;
    for mail in mails.as_array().unwrap() {
        assert_eq!(mail["attempts"].as_array().unwrap().len(), 1);
    }
}

/// What is in flight when the server stops is finished, or given back.
#[tokio::test]
async fn a_stopping_server_finishes_or_gives_back_what_it_sends() {
    let server = TestServer::start_with(&["server.shutdown_timeout=1s"]).await;
    let (administrator, _) = office(&server).await;
    server.inbox.open_gate(false);
    send_test(&administrator, "slow@kbank.com").await;
    server
        .emails_in(&administrator, json!({ "to": "slow@" }), "SENDING")
        .await;
    let app = server.server.app.clone();
    let mut changes = app.email_changed.subscribe();
    server.server.stop();
    let given_back = server.within("the e-mail to be given back", changes.recv());
    given_back.await.unwrap();
    let filter = usher::domain::emails::EmailFilter {
        statuses: Some(vec![entity::email::Status::Queued]),
        ..Default::default()
    };
    let waiting = usher::domain::emails::count(&app, &filter).await.unwrap();
    assert_eq!(waiting, 1);
}
