//! Idempotency keys: whoever asks again with the same one is told what was done, and nothing is done twice.

use std::time::Duration;

use entity::idempotency_key;
use futures_util::future::join_all;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{Client, TestServer, ids};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const INVITED: &str = "user { id email } invitation { id status } link";

const RESULTS: &str = "results { outcome user { id } invitation { id status } link
    userErrors { code field message } }";

/// How many users, e-mails and events there are.
async fn counts(client: &Client) -> Value {
    let lists = "{ users { totalCount } emails { totalCount } events { totalCount } }";
    client.run(lists).await.data().clone()
}

/// How many keys are stored.
async fn keys(server: &TestServer) -> u64 {
    let app = &server.server.app;
    let all = idempotency_key::Entity::find();
    app.db.count(app.db.read(), all).await.unwrap()
}

/// An administrator, and the role `Editor`.
async fn world(server: &TestServer) -> (Client, String) {
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    (administrator, role)
}

/// Each mutation that takes a key, an input for it, and what to ask of its payload. None has been used for anybody.
fn each(role: &str) -> [(&'static str, Value, &'static str); 3] {
    let people = |name: &str| -> Vec<Value> {
        let row = |n| json!({ "email": format!("{name}{n}@kbank.com"), "roleIds": [role] });
        (0..25).map(row).collect()
    };
    [
        (
            "inviteUser",
            json!({ "email": "laura@kbank.com", "firstName": "Laura", "roleIds": [role] }),
            INVITED,
        ),
        (
            "inviteUsers",
            json!({ "invitations": people("many") }),
            RESULTS,
        ),
        (
            "sendTestEmail",
            json!({ "to": "somebody@kbank.com" }),
            "email { id }",
        ),
    ]
}

fn with_key(input: &Value, key: &str) -> Value {
    let mut input = input.clone();
    input["idempotencyKey"] = json!(key);
    input
}

/// Does it, and returns the payload, in which nothing was refused.
async fn must(client: &Client, field: &str, input: Value, selection: &str) -> Value {
    let payload = client.mutate(field, input, selection).await;
    assert_eq!(payload["userErrors"], json!([]), "{field}: {payload:#}");
    payload
}

/// The user errors.
async fn refused(client: &Client, field: &str, input: Value) -> Vec<String> {
    ids(&client.mutate(field, input, "").await["userErrors"])
}

#[track_caller]
fn outcomes(payload: &Value) -> Vec<String> {
    let results = payload["results"].as_array().unwrap().iter();
    results
        .map(|result| {
            let mut said = vec![result["outcome"].as_str().unwrap().to_owned()];
            said.extend(ids(&result["userErrors"]));
            said.join(" ")
        })
        .collect()
}

#[tokio::test]
async fn whoever_asks_again_is_told_the_same_and_nothing_is_done_twice() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    for (field, input, selection) in each(&role) {
        let input = with_key(&input, "8e03978e-40d5-43e8-bc93-6894a57f9324");
        let first = must(&administrator, field, input.clone(), selection).await;
        let before = counts(&administrator).await;
        for _ in 0..2 {
            let again = must(&administrator, field, input.clone(), selection).await;
            assert_eq!(again, first, "{field}");
        }
        assert_eq!(counts(&administrator).await, before, "{field}");
    }
    assert_eq!(keys(&server).await, 3);

    // What is not said, and what is said as it is by default, is the same.
    let explicit = json!({
        "email": "laura@kbank.com", "firstName": "Laura", "roleIds": [role], "sendEmail": true,
        "lastName": null, "idempotencyKey": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    });
    must(&administrator, "inviteUser", explicit, INVITED).await;
}

#[tokio::test]
async fn of_twenty_at_once_one_acts_and_all_are_told() {
    let server = TestServer::start_with(&["database.max_connections=10"]).await;
    let (administrator, role) = world(&server).await;
    server.all_sent(&administrator).await;
    let before = counts(&administrator).await;
    for (field, input, selection) in each(&role) {
        let input = &with_key(&input, "the same");
        let ask = (0..20).map(|_| must(&administrator, field, input.clone(), selection));
        let payloads = join_all(ask).await;
        // The state of an e-mail may differ, not which it is.
        assert!(
            payloads.iter().all(|payload| *payload == payloads[0]),
            "{field}: {payloads:#?}"
        );
    }
    let after = counts(&administrator).await;
    let more = |list: &str| {
        after[list]["totalCount"].as_u64().unwrap() - before[list]["totalCount"].as_u64().unwrap()
    };
    assert_eq!(more("users"), 26);
    assert_eq!(more("emails"), 27);
    assert_eq!(more("events"), 27);
    assert_eq!(keys(&server).await, 3);
}

#[tokio::test]
async fn twenty_at_once_that_are_refused_are_all_told_why() {
    let server = TestServer::start_with(&["database.max_connections=10"]).await;
    let (administrator, role) = world(&server).await;
    let input = &with_key(
        &json!({ "email": "admin@example.com", "roleIds": [role] }),
        "the same",
    );
    let ask = (0..20).map(|_| refused(&administrator, "inviteUser", input.clone()));
    for told in join_all(ask).await {
        assert_eq!(told, ["TAKEN input.email"]);
    }
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn a_key_stands_for_one_input_of_one_user_to_one_mutation() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let other = server
        .user_with(
            &administrator,
            "other@kbank.com",
            &["users.create", "email-queue.update", "email-queue.view"],
        )
        .await;
    let key = "one key for everything";
    let reused = ["IDEMPOTENCY_KEY_REUSED input.idempotencyKey"];
    let changed = [
        json!({ "email": "laura@kbank.com", "firstName": "Lauren", "roleIds": [role] }),
        json!({ "invitations": [{ "email": "many0@kbank.com", "roleIds": [role] }] }),
        json!({ "to": "somebody.else@kbank.com" }),
    ];
    for ((field, input, selection), changed) in each(&role).into_iter().zip(changed) {
        let first = must(&administrator, field, with_key(&input, key), selection).await;
        let before = counts(&administrator).await;
        let changed = with_key(&changed, key);
        assert_eq!(refused(&administrator, field, changed).await, reused);
        assert_eq!(counts(&administrator).await, before, "{field}");

        let theirs = other
            .mutate(field, with_key(&input, key), "userErrors { code }")
            .await;
        match field {
            "sendTestEmail" => assert_eq!(theirs["userErrors"], json!([])),
            "inviteUsers" => {
                let selection = "results { outcome userErrors { code field } }";
                let theirs = must(&other, field, with_key(&input, key), selection).await;
                let taken = |n| format!("FAILED TAKEN input.invitations.{n}.email");
                assert_eq!(outcomes(&theirs), Vec::from_iter((0..25).map(taken)));
            }
            _ => assert_eq!(ids(&theirs["userErrors"]), ["TAKEN input.email"]),
        }
        let again = must(&administrator, field, with_key(&input, key), selection).await;
        assert_eq!(again, first, "{field}");
    }
    let options = json!({
        "invitations": each(&role)[1].1["invitations"], "onExisting": "SKIP", "idempotencyKey": key,
    });
    assert_eq!(
        refused(&administrator, "inviteUsers", options).await,
        reused
    );
}

#[tokio::test]
async fn after_a_day_a_key_is_a_new_one() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let key = "yesterday's";
    for (field, input, selection) in each(&role) {
        must(&administrator, field, with_key(&input, key), selection).await;
    }
    server.advance(DAY.saturating_sub(Duration::from_secs(60)));
    let before = counts(&administrator).await;
    for (field, input, selection) in each(&role) {
        must(&administrator, field, with_key(&input, key), selection).await;
    }
    assert_eq!(counts(&administrator).await, before);
    let app = &server.server.app;
    usher::domain::idempotency_keys::prune(app).await.unwrap();
    assert_eq!(keys(&server).await, 3);

    server.advance(Duration::from_secs(60));
    let [(_, laura, _), (_, people, _), (_, test, _)] = each(&role);
    let told = refused(&administrator, "inviteUser", with_key(&laura, key)).await;
    assert_eq!(told, ["TAKEN input.email"]);
    let people = must(
        &administrator,
        "inviteUsers",
        with_key(&people, key),
        RESULTS,
    )
    .await;
    assert!(
        outcomes(&people)
            .iter()
            .all(|it| it.starts_with("FAILED TAKEN"))
    );
    // It may stand for something else now.
    let other = with_key(&json!({ "to": "else@kbank.com" }), key);
    must(&administrator, "sendTestEmail", other.clone(), "").await;
    let told = refused(&administrator, "sendTestEmail", with_key(&test, key)).await;
    assert_eq!(told, ["IDEMPOTENCY_KEY_REUSED input.idempotencyKey"]);
    usher::domain::idempotency_keys::prune(app).await.unwrap();
    assert_eq!(keys(&server).await, 1);
}

#[tokio::test]
async fn what_was_refused_leaves_its_key_unused() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let key = "corrected";
    for (field, wrong, right) in [
        (
            "inviteUser",
            json!({ "email": "admin@example.com", "roleIds": [role] }),
            json!({ "email": "laura@kbank.com", "roleIds": [role] }),
        ),
        (
            "sendTestEmail",
            json!({ "to": "nobody" }),
            json!({ "to": "somebody@kbank.com" }),
        ),
    ] {
        let told = refused(&administrator, field, with_key(&wrong, key)).await;
        assert_eq!(told.len(), 1, "{field}: {told:?}");
        must(&administrator, field, with_key(&right, key), "").await;
    }
    // Of many, where nobody was invited.
    let of = |rows: Value| json!({ "invitations": rows, "idempotencyKey": key });
    let wrong = of(json!([{ "email": "nobody", "roleIds": [role] }]));
    let payload = must(&administrator, "inviteUsers", wrong, RESULTS).await;
    assert_eq!(
        outcomes(&payload),
        ["FAILED INVALID input.invitations.0.email"]
    );
    assert_eq!(keys(&server).await, 2);
    let right = of(json!([{ "email": "mike@kbank.com", "roleIds": [role] }]));
    must(&administrator, "inviteUsers", right, RESULTS).await;
}

#[tokio::test]
async fn of_many_those_for_whom_nothing_was_done_are_tried_again() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    server
        .invite(&administrator, "known@kbank.com", &role)
        .await;
    let row = |index: usize| match index {
        7 => json!({ "email": "known@kbank.com", "roleIds": [role] }),
        8 | 10..20 => {
            json!({ "email": format!("u{index}@kbank.com"), "roleCodeNames": ["Later"] })
        }
        _ => json!({ "email": format!("u{index}@kbank.com"), "roleIds": [role] }),
    };
    let rows: Vec<Value> = (0..30).map(row).collect();
    let input = json!({ "invitations": rows, "onExisting": "SKIP", "idempotencyKey": "twice" });
    let first = must(&administrator, "inviteUsers", input.clone(), RESULTS).await;
    let expected = |later: &str| -> Vec<String> {
        let each = (0..30).map(|index| match index {
            7 => "SKIPPED".to_owned(),
            8 | 10..20 => later.replace('@', &index.to_string()),
            _ => "INVITED".to_owned(),
        });
        each.collect()
    };
    let missing = "FAILED NOT_FOUND input.invitations.@.roleCodeNames.0";
    assert_eq!(outcomes(&first), expected(missing));

    server.role(&administrator, "Later", &[]).await;
    let second = must(&administrator, "inviteUsers", input.clone(), RESULTS).await;
    assert_eq!(outcomes(&second), expected("INVITED"));
    for index in [0, 7, 9, 29] {
        assert_eq!(second["results"][index], first["results"][index], "{index}");
    }
    let before = counts(&administrator).await;
    let third = must(&administrator, "inviteUsers", input, RESULTS).await;
    assert_eq!(third, second);
    assert_eq!(counts(&administrator).await, before);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let before = counts(&administrator).await;
    for (key, code) in [
        (String::new(), "REQUIRED"),
        (" \u{200B} ".to_owned(), "REQUIRED"),
        ("k".repeat(256), "TOO_LONG"),
        ("é".repeat(100_000), "TOO_LONG"),
        ("one\ntwo".to_owned(), "INVALID"),
        ("\u{0}".to_owned(), "INVALID"),
        ("\u{7f}".to_owned(), "INVALID"),
        ("one\u{2028}two".to_owned(), "INVALID"),
        ("one\u{202E}two".to_owned(), "INVALID"),
    ] {
        for (field, input, _) in each(&role) {
            let told = refused(&administrator, field, with_key(&input, &key)).await;
            assert_eq!(
                told,
                [format!("{code} input.idempotencyKey")],
                "{field} {key:?}"
            );
        }
    }
    for (field, input, told) in [
        (
            "inviteUser",
            json!({ "email": "nobody", "roleIds": [role] }),
            "INVALID input.email",
        ),
        (
            "inviteUsers",
            json!({ "invitations": [] }),
            "REQUIRED input.invitations",
        ),
        (
            "sendTestEmail",
            json!({ "to": "nobody" }),
            "INVALID input.to",
        ),
    ] {
        let mut all = refused(&administrator, field, with_key(&input, "")).await;
        all.sort();
        let mut expected = [told, "REQUIRED input.idempotencyKey"];
        expected.sort_unstable();
        assert_eq!(all, expected, "{field}");
    }
    assert_eq!(counts(&administrator).await, before);
    assert_eq!(keys(&server).await, 0);
    for key in ["é".repeat(255), "👩‍🚀 / \"'\\ 2026-11-29".to_owned()] {
        let input = json!({ "to": "somebody@kbank.com", "idempotencyKey": key });
        let first = must(
            &administrator,
            "sendTestEmail",
            input.clone(),
            "email { id }",
        )
        .await;
        let again = must(&administrator, "sendTestEmail", input, "email { id }").await;
        assert_eq!(again, first);
    }
}

#[tokio::test]
async fn a_dry_run_neither_uses_a_key_nor_asks_for_it() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let (_, mut input, _) = each(&role)[1].clone();
    input["idempotencyKey"] = json!("rehearsed");
    let mut rehearsal = input.clone();
    rehearsal["dryRun"] = json!(true);
    let before = counts(&administrator).await;
    let payload = must(&administrator, "inviteUsers", rehearsal.clone(), RESULTS).await;
    assert_eq!(outcomes(&payload), vec!["INVITED"; 25]);
    assert_eq!(payload["results"][0]["user"], json!(null));
    assert_eq!(counts(&administrator).await, before);
    assert_eq!(keys(&server).await, 0);
    must(&administrator, "inviteUsers", input, RESULTS).await;
    // It says what would be done without what was done.
    let payload = must(&administrator, "inviteUsers", rehearsal.clone(), RESULTS).await;
    assert!(
        outcomes(&payload)
            .iter()
            .all(|it| it.starts_with("FAILED TAKEN"))
    );
    rehearsal["idempotencyKey"] = json!("");
    let told = refused(&administrator, "inviteUsers", rehearsal).await;
    assert_eq!(told, ["REQUIRED input.idempotencyKey"]);
}

#[tokio::test]
async fn whoever_asks_again_is_told_how_it_stands_by_then() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let key = "meanwhile";
    let mut payloads = Vec::new();
    for (field, input, selection) in each(&role) {
        payloads.push(must(&administrator, field, with_key(&input, key), selection).await);
    }
    server.all_sent(&administrator).await;
    let laura = payloads[0]["user"]["id"].clone();
    let first_of_many = payloads[1]["results"][0]["user"]["id"].clone();
    for id in [&laura, &first_of_many] {
        must(
            &administrator,
            "revokeInvitation",
            json!({ "userId": id }),
            "",
        )
        .await;
    }
    let [laura_again, people_again, test_again] = each(&role);
    let ask = |(field, input, selection): (&'static str, Value, &'static str)| {
        let client = administrator.clone();
        async move { client.mutate(field, with_key(&input, key), selection).await }
    };
    let again = ask(laura_again.clone()).await;
    assert_eq!(again["userErrors"], json!([]));
    assert_eq!(again["user"], payloads[0]["user"]);
    assert_eq!(again["invitation"]["id"], payloads[0]["invitation"]["id"]);
    assert_eq!(again["invitation"]["status"], "REVOKED");
    let again = ask(people_again.clone()).await;
    assert_eq!(outcomes(&again), vec!["INVITED"; 25]);
    assert_eq!(again["results"][0]["invitation"]["status"], "REVOKED");
    assert_eq!(again["results"][1], payloads[1]["results"][1]);

    let before = counts(&administrator).await["users"].clone();
    for id in [&laura, &first_of_many] {
        must(&administrator, "deleteUser", json!({ "id": id }), "").await;
    }
    let email = json!({ "ids": [payloads[2]["email"]["id"]] });
    must(&administrator, "deleteEmails", email, "").await;
    let gone = ["NOT_FOUND input.idempotencyKey"];
    let again = ask(laura_again).await;
    assert_eq!(ids(&again["userErrors"]), gone);
    assert_eq!(again["user"], json!(null));
    assert_eq!(ids(&ask(test_again).await["userErrors"]), gone);
    let again = ask(people_again).await;
    assert_eq!(outcomes(&again), vec!["INVITED"; 25]);
    assert_eq!(again["results"][0]["user"], json!(null));
    assert_eq!(again["results"][0]["invitation"], json!(null));
    assert_eq!(again["results"][1], payloads[1]["results"][1]);
    let after = counts(&administrator).await["users"]["totalCount"].as_u64();
    assert_eq!(after.map(|count| count + 2), before["totalCount"].as_u64());
}

#[tokio::test]
async fn a_link_is_shown_once() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let row = |email: &str| json!({ "email": email, "roleIds": [role], "sendEmail": false });
    let one = with_key(&row("laura@kbank.com"), "link");
    let first = must(&administrator, "inviteUser", one.clone(), INVITED).await;
    assert!(first["link"].as_str().unwrap().contains("#token="));
    let before = counts(&administrator).await;
    let again = must(&administrator, "inviteUser", one, INVITED).await;
    assert_eq!(again["link"], json!(null));
    assert_eq!(again["invitation"], first["invitation"]);
    let many = json!({ "invitations": [row("mike@kbank.com")], "idempotencyKey": "link" });
    let first = must(&administrator, "inviteUsers", many.clone(), RESULTS).await;
    assert!(first["results"][0]["link"].is_string());
    let again = must(&administrator, "inviteUsers", many, RESULTS).await;
    assert_eq!(again["results"][0]["link"], json!(null));
    assert_eq!(again["results"][0]["outcome"], "INVITED");
    // One of them is of the second invitation, and one of its link.
    let count = |counts: &Value| counts["events"]["totalCount"].as_u64().unwrap();
    assert_eq!(count(&counts(&administrator).await), count(&before) + 2);
}

/// Whoever may no longer invite anybody is not told whom they have invited, and a key goes with its user.
#[tokio::test]
async fn a_key_outlives_neither_the_permission_nor_the_user() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let held = ["users.create", "users.view"];
    let manager = server
        .user_with(&administrator, "manager@kbank.com", &held)
        .await;
    let input = json!({ "email": "laura@kbank.com", "roleIds": [role], "idempotencyKey": "held" });
    must(&manager, "inviteUser", input.clone(), "user { id }").await;
    assert_eq!(keys(&server).await, 1);
    let none = json!({ "id": manager.id, "roleIds": [role] });
    must(&administrator, "updateUser", none, "").await;
    let document = "mutation($input: InviteUserInput!) {
        inviteUser(input: $input) { userErrors { code } } }";
    let variables = json!({ "input": input });
    let answer = manager.run_with(document, variables).await;
    assert_eq!(answer.code(), "FORBIDDEN");
    let delete = json!({ "id": manager.id });
    must(&administrator, "deleteUser", delete, "").await;
    assert_eq!(keys(&server).await, 0);
}

/// What was stored with a key goes where the change goes.
#[tokio::test]
async fn a_change_that_loses_races_is_made_once() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let before = counts(&administrator).await;
    server
        .server
        .app
        .db
        .rehearse_races(|commit| commit % 2 == 1);
    for (field, input, selection) in each(&role) {
        let input = with_key(&input, "raced");
        let first = must(&administrator, field, input.clone(), selection).await;
        let again = must(&administrator, field, input, selection).await;
        assert_eq!(again, first, "{field}");
    }
    let after = counts(&administrator).await;
    let count = |counts: &Value, list: &str| counts[list]["totalCount"].as_u64().unwrap();
    assert_eq!(count(&after, "emails"), count(&before, "emails") + 27);
    assert_eq!(keys(&server).await, 3);
}
