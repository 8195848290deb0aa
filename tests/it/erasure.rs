//! Erasing a person: a mark in everything that can be told of them, and nothing of it anywhere afterwards.

use std::process::{Command, Output};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use transports::Failure;

use crate::emails::office;
use crate::support::{Client, Finish, PASSWORD, TestServer, dump, ids, link_in, token_in};

/// What no text has by chance: it stands in every name and address of the person.
const MARK: &str = "qxzv";
const OLD: &str = "Old.Qxzv@kbank.com";
const NEW: &str = "new.qxzv@kbank.com";
const IP_ADDRESS: &str = "203.0.113.77";

const PROXY: &str = "server.trusted_proxies=[\"127.0.0.1\"]";

/// What the person's own requests look like.
fn from_their_device(client: Client) -> Client {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", IP_ADDRESS.parse().unwrap());
    headers.insert("user-agent", "Qxzv-Browser/1.0".parse().unwrap());
    let http = reqwest::Client::builder()
        .no_proxy()
        .default_headers(headers);
    Client {
        http: http.build().unwrap(),
        ..client
    }
}

async fn must(client: &Client, field: &str, input: Value) -> Value {
    let payload = client.mutate(field, input, "").await;
    assert_eq!(payload["userErrors"], json!([]), "{field}: {payload:#}");
    payload
}

async fn execute(server: &TestServer, sql: &str) {
    let transaction = server.server.app.db.begin().await.unwrap();
    transaction.execute_batch(sql).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Somebody who has done, and had done to them, whatever leaves a trace.
async fn person_with_a_past(server: &TestServer, administrator: &Client) -> Client {
    let permissions = [
        "users.view",
        "users.create",
        "email-queue.view",
        "email-queue.update",
    ];
    let role = server.role(administrator, "Clerk", &permissions).await;
    let input = json!({ "email": OLD, "firstName": "Qxzvine", "lastName": "O'Qxzv", "roleIds": [role],
            "idempotencyKey": OLD });
    let invited = administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    let id = invited["user"]["id"].as_str().unwrap().to_owned();
    server.inbox.next().await;
    must(administrator, "resendInvitation", json!({ "userId": id })).await;
    let token = token_in(&server.inbox.next().await);
    let stranger = from_their_device(server.anonymous());
    let input = json!({ "token": token, "password": PASSWORD });
    let accepted = stranger.mutate("acceptInvitation", input, "token").await;
    let person = Client {
        token: accepted["token"].as_str().map(str::to_owned),
        id: id.clone(),
        ..stranger.clone()
    };
    let wrong = json!({ "email": OLD.to_uppercase(), "password": "not-this-93-password" });
    stranger.mutate("signIn", wrong, "token").await;
    must(&person, "updateProfile", json!({ "firstName": "Qxzvette" })).await;
    must(
        &person,
        "sendTestEmail",
        json!({ "to": "friend@kbank.com" }),
    )
    .await;
    server.inbox.next().await;
    let input = json!({
        "email": "guest@kbank.com", "firstName": "Ann", "roleIds": [role], "idempotencyKey": "for Qxzvine",
    });
    must(&person, "inviteUser", input).await;
    server.inbox.next().await;
    let created =
        "mutation { createRole(input: { name: \"Qx\", permissions: [] }) { role { id } } }";
    person.run(created).await;

    // The old address is told, and the new one is asked to choose a password.
    must(
        administrator,
        "updateUser",
        json!({ "id": id, "email": NEW }),
    )
    .await;
    let mut mails = vec![server.inbox.next().await, server.inbox.next().await];
    mails.retain(|mail| mail.to == [NEW]);
    let input = json!({ "token": token_in(&mails[0]), "newPassword": PASSWORD });
    must(&stranger, "resetPassword", input).await;
    server.inbox.next().await;
    must(&stranger, "requestPasswordReset", json!({ "email": NEW })).await;
    assert!(link_in(&server.inbox.next().await).contains("reset-password"));
    let input = json!({ "email": NEW, "password": PASSWORD });
    let signed_in = stranger.mutate("signIn", input, "token").await;
    // E-mails to them in other states, with what a mail server says of them.
    server.inbox.refuse(Some(Failure::Permanent));
    must(administrator, "sendTestEmail", json!({ "to": NEW })).await;
    let failed = json!({ "statuses": ["FAILED"] });
    server.emails_in(administrator, failed, "FAILED").await;
    server.inbox.refuse(None);
    for sql in [
        "UPDATE email_queue SET transport_error = 'the recipient new.qxzv@kbank.com was rejected'",
        "UPDATE email_attempts SET response = 'no new.qxzv@kbank.com' WHERE outcome <> 'delivered'",
    ] {
        execute(server, sql).await;
    }
    Client {
        token: signed_in["token"].as_str().map(str::to_owned),
        ..person
    }
}

/// Where a mark is.
async fn traces(server: &TestServer) -> Vec<(String, String)> {
    let found = dump(server.database.url.clone()).await;
    let is_trace = |(column, value): &(String, String)| {
        let value = value.to_lowercase();
        // The index has parts of three letters.
        let is_indexed = column.contains("search_index") && value.contains(&MARK[..3]);
        is_indexed || value.contains(MARK) || value.contains(IP_ADDRESS)
    };
    found.into_iter().filter(is_trace).collect()
}

/// Waits until nothing tells of them: the indexes are written anew a little later.
async fn until_forgotten(server: &TestServer) {
    let forgotten = async {
        loop {
            let mut found = traces(server).await;
            if found.is_empty() {
                break;
            }
            found.retain(|(column, _)| !column.contains("search_index"));
            assert_eq!(found, []);
        }
    };
    server.within("the indexes to forget", forgotten).await;
}

async fn count(client: &Client, list: &str) -> u64 {
    let answer = client.run(&format!("{{ {list} {{ totalCount }} }}")).await;
    answer.data()[list]["totalCount"].as_u64().unwrap()
}

/// No column of any table, and no page of SQLite's file, tells of them.
#[tokio::test]
async fn nothing_is_left_of_an_erased_person() {
    let server = TestServer::start_with(&[PROXY]).await;
    let (administrator, role) = office(&server).await;
    let person = person_with_a_past(&server, &administrator).await;
    let before = traces(&server).await;
    // The mark is wherever it can be; a new column wants one, too.
    for column in [
        "users.email",
        "users.first_name",
        "sessions.user_agent",
        "sessions.ip_address",
        "invitations.email",
        "emails.recipients",
        "emails.subject",
        "emails.text_body",
        "emails.html_body",
        "email_attempts.response",
        "email_queue.transport_error",
        "events.actor_label",
        "events.subject_label",
        "events.changes",
        "events.ip_address",
        "throttles.subject",
    ] {
        // No subject of a built-in e-mail names anybody.
        let is_there = before.iter().any(|(found, _)| found == column);
        assert!(
            is_there || column == "emails.subject",
            "{column}: {before:#?}"
        );
    }
    let events = count(&administrator, "events").await;

    // It takes more than deleting.
    let manager = server
        .user_with(
            &administrator,
            "manager@kbank.com",
            &[
                "users.view",
                "users.create",
                "users.delete",
                "email-queue.view",
                "email-queue.update",
            ],
        )
        .await;
    let erase = json!({ "id": person.id, "erase": true });
    let document = "mutation($input: DeleteUserInput!) { deleteUser(input: $input) { deletedId } }";
    let refused = manager.run_with(document, json!({ "input": erase })).await;
    assert_eq!(refused.code(), "FORBIDDEN");
    assert!(!traces(&server).await.is_empty());

    let erased = administrator.mutate("deleteUser", erase, "deletedId").await;
    assert_eq!(erased["deletedId"], person.id.as_str(), "{erased:#}");
    until_forgotten(&server).await;
    // The log is as long as before, and longer by what has happened since.
    assert!(count(&administrator, "events").await > events);
    let answer = administrator
        .run("{ events(first: 1) { nodes { action actorLabel subjectLabel changes { field } } } }")
        .await;
    let event = &answer.data()["events"]["nodes"][0];
    assert_eq!(event["action"], "USER_ERASED", "{event}");
    assert_eq!(event["actorLabel"], "admin@example.com");
    assert_eq!(event["subjectLabel"], "erased user");
    assert_eq!(event["changes"], json!([]));
    assert_eq!(
        person.run("{ viewer { id } }").await.data()["viewer"],
        Value::Null
    );
    // What they wrote to others is still there, without them.
    let to_guest = json!({ "to": "guest@kbank.com" });
    let mails = server.emails_in(&administrator, to_guest, "SENT").await;
    let text = mails[0]["textBody"].as_str().unwrap();
    assert!(text.contains("erased user"), "{text}");
    // The address is free again.
    let input = json!({ "email": "other@kbank.com", "roleIds": [role] });
    must(&administrator, "inviteUser", input).await;

    let database = server.database.clone();
    server.server.stop();
    server.server.stopped().await;
    if database.is_sqlite() {
        let file = database
            .url
            .trim_start_matches("sqlite://")
            .split('?')
            .next()
            .unwrap();
        let bytes = std::fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(
            !text.contains(MARK) && !text.contains(IP_ADDRESS),
            "a page is left"
        );
    }
}

/// The index is in one piece after the first: what is gone from that is forgotten as well.
#[tokio::test]
async fn one_person_after_the_other_is_erased() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    let mut invited = Vec::new();
    for address in ["first@kbank.com", "second.qxzv@kbank.com"] {
        let (payload, _) = server.invite(&administrator, address, &role).await;
        invited.push(payload["user"]["id"].clone());
    }
    let app = &server.server.app;
    usher::domain::erasure::compact_search(app).await.unwrap();
    for id in invited {
        must(
            &administrator,
            "deleteUser",
            json!({ "id": id, "erase": true }),
        )
        .await;
    }
    until_forgotten(&server).await;
}

fn usher(server: &TestServer, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut usher = Command::new(env!("CARGO_BIN_EXE_usher"));
    usher.current_dir(folder.path()).args(arguments);
    usher.args(["--set", &format!("database.url={}", server.database.url)]);
    usher.finish()
}

#[track_caller]
fn says(output: &Output, code: i32, words: &str) {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.code() == Some(code) && said.contains(words),
        "{said}"
    );
}

/// Whoever was deleted without that is erased by any address that they had.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_deleted_user_is_erased_by_their_address() {
    let server = TestServer::start_with(&[PROXY]).await;
    let (administrator, _) = office(&server).await;
    let person = person_with_a_past(&server, &administrator).await;
    says(&usher(&server, &["erase", NEW]), 1, "add --yes");
    says(
        &usher(&server, &["erase", OLD, "--yes"]),
        1,
        "was the address of a user who has new.qxzv@kbank.com now",
    );
    must(&administrator, "deleteUser", json!({ "id": person.id })).await;
    let stranger = from_their_device(server.anonymous());
    let wrong = json!({ "email": NEW, "password": "not-this-93-password" });
    stranger.mutate("signIn", wrong, "token").await;
    assert!(!traces(&server).await.is_empty());
    says(&usher(&server, &["erase", OLD, "--yes"]), 0, "is erased");
    assert_eq!(traces(&server).await, []);
    says(
        &usher(&server, &["erase", OLD, "--yes"]),
        1,
        "there is no trace of Old.Qxzv@kbank.com",
    );
}

/// An address that was theirs, and is somebody else's now, is left to them; so are others with like names.
#[tokio::test(flavor = "multi_thread")]
async fn others_keep_what_is_theirs() {
    let server = TestServer::start_with(&[PROXY]).await;
    let (administrator, _) = office(&server).await;
    person_with_a_past(&server, &administrator).await;
    let successor = server.user_with(&administrator, OLD, &["users.view"]).await;
    let like = "x.new.qxzv@kbank.com";
    server
        .user_with(&administrator, like, &["users.delete"])
        .await;
    says(
        &usher(&server, &["erase", NEW, "--yes"]),
        0,
        "is deleted, and erased",
    );
    let shown = successor.run("{ viewer { email } }").await;
    assert_eq!(shown.data()["viewer"]["email"], OLD);
    for address in [OLD, like] {
        let mails = server
            .emails_in(&administrator, json!({ "to": address }), "SENT")
            .await;
        assert_ne!(mails, json!([]), "{address}");
    }
    let answer = administrator
        .run("{ events(first: 100) { nodes { action subjectLabel } } }")
        .await;
    let events = answer.data()["events"]["nodes"].to_string();
    assert!(events.contains(like), "{events}");
    let left = traces(&server).await;
    assert!(
        left.iter().all(|(_, value)| !value.contains(IP_ADDRESS)),
        "{left:?}"
    );
}

/// The last administrator stays, on the command line as well.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_cannot_be_erased() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let erase = json!({ "id": administrator.id, "erase": true });
    let refused = administrator.mutate("deleteUser", erase, "deletedId").await;
    assert_eq!(ids(&refused["userErrors"]), ["OWN_ACCOUNT input.id"]);
    let output = usher(&server, &["erase", "admin@example.com", "--yes"]);
    says(&output, 1, "This is the last active administrator.");
}
