//! Inviting many people at once: each whole or not at all, and what must not work about it.

use std::time::Duration;

use serde_json::{Value, json};
use usher::domain::invitations::NewUser;
use usher::domain::invitations::many::{Batch, OnExisting, invite_many};
use usher::domain::many::Outcome;
use usher::domain::{Actor, Error};

use crate::support::{Client, TestServer, ids};

/// What is asked of each result.
const RESULTS: &str = "results { index outcome user { email roles { codeName } }
    invitation { status } userErrors { code field message } }";

/// Invites these people.
async fn invite(client: &Client, input: Value) -> Value {
    client.mutate("inviteUsers", input, RESULTS).await
}

/// The same, who are all that there is to say.
async fn invite_all(client: &Client, invitations: Value) -> Value {
    invite(client, json!({ "invitations": invitations })).await
}

/// What has become of each: `["INVITED", "FAILED TAKEN input.invitations.1.email", …]`.
#[track_caller]
fn outcomes(payload: &Value) -> Vec<String> {
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let results = payload["results"].as_array().unwrap().iter().enumerate();
    results
        .map(|(index, result)| {
            assert_eq!(result["index"], index);
            let mut said = vec![result["outcome"].as_str().unwrap().to_owned()];
            said.extend(ids(&result["userErrors"]));
            said.join(" ")
        })
        .collect()
}

/// How many users, e-mails and events there are.
async fn counts(client: &Client) -> Value {
    let lists = "{ users { totalCount } emails { totalCount } events { totalCount } }";
    client.run(lists).await.data().clone()
}

/// An administrator, and the role `Editor`.
async fn world(server: &TestServer) -> (Client, String) {
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.view"])
        .await;
    (administrator, role)
}

#[tokio::test]
async fn each_is_invited_as_one_would_be_alone() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let payload = invite_all(
        &administrator,
        json!([
            { "email": "laura@kbank.com", "firstName": "Laura", "roleIds": [role] },
            { "email": "mike@kbank.com", "roleCodeNames": ["editor"] },
            { "email": "nina@kbank.com", "roleIds": [role], "roleCodeNames": ["Editor", " Administrator "] },
        ]),
    )
    .await;
    assert_eq!(outcomes(&payload), ["INVITED"; 3]);
    let roles = |index: usize| payload["results"][index]["user"]["roles"].clone();
    assert_eq!(roles(1), json!([{ "codeName": "Editor" }]));
    assert_eq!(roles(2).as_array().unwrap().len(), 2);
    assert_eq!(payload["results"][0]["invitation"]["status"], "PENDING");

    let mut received = Vec::new();
    for _ in 0..3 {
        received.push(server.inbox.next().await);
    }
    let laura = received.iter().find(|mail| mail.to == ["laura@kbank.com"]);
    let token = crate::support::token_in(laura.unwrap());
    server.accept(&token).await;
    let answer = administrator
        .run("{ events(filter: { actions: [USER_INVITED] }) { nodes { subjectLabel changes { field after } } } }")
        .await;
    let events = answer.data()["events"]["nodes"].as_array().unwrap().clone();
    let of_mike = events
        .iter()
        .find(|event| event["subjectLabel"] == "mike@kbank.com");
    let expected = json!([
        { "field": "email", "after": "mike@kbank.com" },
        { "field": "roles", "after": "Editor" },
    ]);
    assert_eq!(of_mike.unwrap()["changes"], expected);
}

#[tokio::test]
async fn what_is_wrong_with_one_keeps_nobody_else_from_it() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let payload = invite_all(
        &administrator,
        json!([
            { "email": "first@kbank.com", "roleIds": [role] },
            { "email": "", "roleIds": [role] },
            { "email": "nobody", "firstName": "L".repeat(101), "roleIds": ["rubbish"] },
            { "email": "FIRST@KBank.com", "roleIds": [role] },
            { "email": "admin@example.com", "roleIds": [role] },
            { "email": "fifth@kbank.com" },
            { "email": "sixth@kbank.com", "roleCodeNames": ["Editor", "Nobody", "\u{0}", "" ] },
            { "email": "seventh@kbank.com", "roleIds": vec![role.clone(); 101] },
            { "email": "last@kbank.com", "roleIds": [role, role] },
        ]),
    )
    .await;
    let at = |rest: &str| format!("FAILED {}", rest.replace('@', "input.invitations."));
    assert_eq!(
        outcomes(&payload),
        [
            "INVITED".to_owned(),
            at("REQUIRED @1.email"),
            at("INVALID @2.email TOO_LONG @2.firstName INVALID @2.roleIds.0"),
            at("TAKEN @3.email"),
            at("TAKEN @4.email"),
            at("REQUIRED @5.roleIds"),
            at(
                "NOT_FOUND @6.roleCodeNames.1 NOT_FOUND @6.roleCodeNames.2 NOT_FOUND @6.roleCodeNames.3"
            ),
            at("TOO_MANY @7.roleIds"),
            "INVITED".to_owned(),
        ]
    );
    assert_eq!(payload["results"][3]["user"], json!(null));
    let answer = administrator.run("{ users { totalCount } }").await;
    assert_eq!(answer.data()["users"]["totalCount"], 3);
}

#[tokio::test]
async fn none_and_too_many_are_refused_as_a_whole() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let before = counts(&administrator).await;
    let row = |number: usize| json!({ "email": format!("u{number}@kbank.com"), "roleIds": [role] });
    for (number, expected) in [(0, "REQUIRED"), (501, "TOO_MANY")] {
        let rows: Vec<Value> = (0..number).map(row).collect();
        let payload = invite_all(&administrator, json!(rows)).await;
        let expected = format!("{expected} input.invitations");
        assert_eq!(ids(&payload["userErrors"]), [expected]);
        assert_eq!(payload["results"], json!(null));
    }
    assert_eq!(counts(&administrator).await, before);
}

#[tokio::test]
async fn five_hundred_are_invited_at_once() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let row = |number: usize| json!({ "email": format!("u{number}@kbank.com"), "roleIds": [role] });
    let rows: Vec<Value> = (0..500).map(row).collect();
    let payload = administrator
        .mutate(
            "inviteUsers",
            json!({ "invitations": rows }),
            "results { index outcome userErrors { code field } }",
        )
        .await;
    assert_eq!(outcomes(&payload), vec!["INVITED"; 500]);
    let answer = administrator.run("{ users { totalCount } }").await;
    assert_eq!(answer.data()["users"]["totalCount"], 501);
}

#[tokio::test]
async fn nobody_grants_more_than_they_hold() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let held = ["users.create", "users.view", "content-hub.view"];
    let manager = server
        .user_with(&administrator, "manager@kbank.com", &held)
        .await;
    let viewer = server
        .user_with(&administrator, "viewer@kbank.com", &["users.view"])
        .await;
    let more = server
        .role(&administrator, "More", &["content-hub.update"])
        .await;
    let input = json!([
        { "email": "one@kbank.com", "roleIds": [role] },
        { "email": "two@kbank.com", "roleIds": [role], "roleCodeNames": ["Administrator"] },
        { "email": "three@kbank.com", "roleIds": [role] },
        { "email": "four@kbank.com", "roleIds": [role, more], "roleCodeNames": ["more"] },
    ]);
    let payload = manager
        .mutate(
            "inviteUsers",
            json!({ "invitations": input }),
            "results { index outcome userErrors { code field } }",
        )
        .await;
    let refused = "FAILED EXCEEDS_OWN_PERMISSIONS input.invitations.1.roleCodeNames.0";
    let twice = "FAILED EXCEEDS_OWN_PERMISSIONS input.invitations.3.roleIds.1 \
                 EXCEEDS_OWN_PERMISSIONS input.invitations.3.roleCodeNames.0";
    assert_eq!(outcomes(&payload), ["INVITED", refused, "INVITED", twice]);

    // Nor do they get a link for somebody who is to be allowed more.
    let boss = json!({ "email": "boss@kbank.com", "roleCodeNames": ["Administrator"] });
    let payload = invite_all(&administrator, json!([boss])).await;
    assert_eq!(outcomes(&payload), ["INVITED"]);
    let payload = manager
        .mutate(
            "inviteUsers",
            json!({ "invitations": [
                { "email": "boss@kbank.com", "roleIds": [role] },
                { "email": "one@kbank.com", "roleIds": [role] },
            ], "onExisting": "RESEND" }),
            "results { index outcome userErrors { code field } }",
        )
        .await;
    let refused = "FAILED EXCEEDS_OWN_PERMISSIONS input.invitations.0.email";
    assert_eq!(outcomes(&payload), [refused, "RESENT"]);

    let document = "mutation { inviteUsers(input: { invitations: [] }) { userErrors { code } } }";
    assert_eq!(viewer.run(document).await.code(), "FORBIDDEN");
    assert_eq!(
        server.anonymous().run(document).await.code(),
        "UNAUTHENTICATED"
    );
}

#[tokio::test]
async fn those_who_are_users_already_are_treated_as_asked_for() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let (_, token) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let people = json!([
        { "email": "LAURA@kbank.com", "lastName": "Other", "roleCodeNames": ["Administrator"] },
        { "email": "admin@example.com", "roleIds": [role] },
        { "email": "new@kbank.com", "roleIds": [role] },
    ]);
    for (on_existing, expected) in [
        (
            "ERROR",
            [
                "FAILED TAKEN input.invitations.0.email",
                "FAILED TAKEN input.invitations.1.email",
                "INVITED",
            ],
        ),
        ("SKIP", ["SKIPPED", "SKIPPED", "INVITED"]),
        ("RESEND", ["RESENT", "SKIPPED", "INVITED"]),
    ] {
        let input = json!({ "invitations": people, "onExisting": on_existing, "dryRun": true });
        let before = counts(&administrator).await;
        assert_eq!(outcomes(&invite(&administrator, input).await), expected);
        assert_eq!(counts(&administrator).await, before, "{on_existing}");
    }
    let input = json!({ "invitations": people, "onExisting": "RESEND" });
    let payload = invite(&administrator, input).await;
    assert_eq!(outcomes(&payload), ["RESENT", "SKIPPED", "INVITED"]);
    let laura = &payload["results"][0]["user"];
    assert_eq!(laura["roles"], json!([{ "codeName": "Editor" }]));
    assert_eq!(laura["email"], "laura@kbank.com");

    let input = json!({ "token": token, "password": crate::support::PASSWORD });
    let payload = server
        .anonymous()
        .mutate("acceptInvitation", input, "")
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["TOKEN_INVALID input.token"]);
    let mut to = [server.inbox.next().await, server.inbox.next().await];
    to.sort_by_key(|mail| mail.to.clone());
    assert_eq!(to[0].to, ["laura@kbank.com"]);
    server.accept(&crate::support::token_in(&to[0])).await;
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let people = json!([
        { "email": "laura@kbank.com", "roleIds": [role] },
        { "email": "laura@kbank.com", "roleIds": [role] },
        { "email": "mike@kbank.com", "roleCodeNames": ["Nobody"] },
        { "email": "nina@kbank.com", "roleIds": [role] },
    ]);
    let before = counts(&administrator).await;
    let input = json!({ "invitations": people, "dryRun": true });
    let foreseen = invite(&administrator, input).await;
    assert_eq!(counts(&administrator).await, before);
    assert_eq!(foreseen["results"][0]["user"], json!(null));
    assert_eq!(foreseen["results"][0]["invitation"], json!(null));
    let payload = invite_all(&administrator, people).await;
    assert_eq!(outcomes(&payload), outcomes(&foreseen));
    assert_eq!(outcomes(&payload)[3], "INVITED");
}

/// What is wished for one person is judged as it is for somebody who is invited alone.
#[tokio::test]
async fn bad_wishes_keep_nobody_else_from_it() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let bad = [
        json!({ "validForSeconds": 0 }),
        json!({ "validForSeconds": -1 }),
        json!({ "validForSeconds": i32::MAX }),
        json!({ "redirectUrl": "https://evil.example/" }),
        json!({ "redirectUrl": "https://app.example.com\\@evil.example/" }),
        json!({ "message": "see example.com" }),
        json!({ "message": "one\u{202E}two" }),
        json!({ "message": "a".repeat(501) }),
        json!({ "validForSeconds": 1, "redirectUrl": "x", "message": "\u{7}" }),
        json!({}),
    ];
    let rows: Vec<Value> = (bad.iter().enumerate())
        .map(|(index, wishes)| {
            let mut row = wishes.clone();
            row["email"] = json!(format!("u{index}@kbank.com"));
            row["roleIds"] = json!([role]);
            row
        })
        .collect();
    let said = outcomes(&invite_all(&administrator, json!(rows)).await);
    let expected = [
        "INVALID @.validForSeconds",
        "INVALID @.validForSeconds",
        "INVALID @.validForSeconds",
        "INVALID @.redirectUrl",
        "INVALID @.redirectUrl",
        "INVALID @.message",
        "INVALID @.message",
        "TOO_LONG @.message",
        "INVALID @.message INVALID @.validForSeconds INVALID @.redirectUrl",
    ];
    for (index, expected) in expected.iter().enumerate() {
        let place = format!("input.invitations.{index}");
        assert_eq!(
            said[index],
            format!("FAILED {}", expected.replace('@', &place))
        );
    }
    assert_eq!(said[9], "INVITED");
    // A century is more seconds than the API's numbers hold.
    let row = json!({ "email": "new@kbank.com", "roleIds": [role], "validForSeconds": 3_155_760_000_u64 });
    let document = "mutation($input: InviteUsersInput!) { inviteUsers(input: $input) { userErrors { code } } }";
    let variables = json!({ "input": { "invitations": [row] } });
    let answer = administrator.run_with(document, variables).await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    let answer = administrator.run("{ users { totalCount } }").await;
    assert_eq!(answer.data()["users"]["totalCount"], 2);
}

/// However many there are, the database is asked once for what is selected of all of them.
#[tokio::test]
async fn what_is_selected_of_many_results_is_read_at_once() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let app = &server.server.app;
    let selection = "results { index outcome userErrors { code field }
        user { email roles { name } invitation { status } }
        invitation {
            email roles { name } user { email roles { name } } invitedBy { email }
            emails { subject textBody }
        }
    }";
    // Those who are passed over have been invited before.
    for on_existing in ["SKIP", "RESEND"] {
        let mut counts = Vec::new();
        for number in [2, 20] {
            let row = |index| json!({ "email": format!("u{index}@kbank.com"), "roleIds": [role] });
            let rows: Vec<Value> = (0..number).map(row).collect();
            let input = json!({ "invitations": rows, "onExisting": on_existing });
            app.db.take_asked();
            let payload = administrator.mutate("inviteUsers", input, selection).await;
            // What the worker asks in the meantime is another matter.
            let is_of_the_results = |query: &&sea_orm::Statement| {
                let (from, condition) = query.sql.split_once("WHERE").unwrap_or((&query.sql, ""));
                from.contains("users")
                    || from.contains("user_roles")
                    || condition.contains("invitation_id")
                    || condition.contains("user_id")
            };
            let asked = app.db.take_asked();
            counts.push(asked.iter().filter(is_of_the_results).count());
            let last = &payload["results"][number - 1];
            assert_eq!(last["user"]["invitation"]["status"], "PENDING");
            assert_eq!(last["user"]["roles"][0]["name"], "Editor");
            if last["outcome"] != "SKIPPED" {
                let invitation = &last["invitation"];
                assert_eq!(
                    invitation["user"],
                    json!({ "email": last["user"]["email"], "roles": last["user"]["roles"] })
                );
                assert_eq!(invitation["invitedBy"]["email"], "admin@example.com");
                assert!(invitation["emails"][0]["textBody"].is_string());
            }
        }
        assert_eq!(counts[0], counts[1], "{on_existing}");
    }
}

#[tokio::test]
async fn whoever_was_sent_too_many_is_passed_by_alone() {
    let settings = ["throttle.emails_per_recipient=2"];
    let server = TestServer::start_with(&settings).await;
    let (administrator, role) = world(&server).await;
    let laura = json!({ "email": "laura@kbank.com", "roleIds": [role] });
    for expected in [
        "INVITED",
        "RESENT",
        "FAILED TOO_MANY_ATTEMPTS input.invitations.0.email",
    ] {
        let mike = json!({ "email": format!("{}@kbank.com", expected.len()), "roleIds": [role] });
        let input = json!({ "invitations": [laura, mike], "onExisting": "RESEND" });
        let payload = invite(&administrator, input).await;
        assert_eq!(outcomes(&payload), [expected, "INVITED"]);
    }
}

#[tokio::test]
async fn two_who_invite_the_same_people_invite_each_once() {
    let server = TestServer::start().await;
    let (administrator, role) = world(&server).await;
    let row = |number: usize| json!({ "email": format!("u{number}@kbank.com"), "roleIds": [role] });
    let rows: Vec<Value> = (0..60).map(row).collect();
    let backwards: Vec<Value> = rows.iter().rev().cloned().collect();
    let input = |rows: &[Value]| json!({ "invitations": rows, "onExisting": "SKIP" });
    let select = "results { index outcome userErrors { code field } }";
    let (one, other) = tokio::join!(
        administrator.mutate("inviteUsers", input(&rows), select),
        administrator.mutate("inviteUsers", input(&backwards), select),
    );
    let (one, mut other) = (outcomes(&one), outcomes(&other));
    other.reverse();
    for pair in one.iter().zip(&other) {
        let once = [("INVITED", "SKIPPED"), ("SKIPPED", "INVITED")];
        assert!(
            once.contains(&(pair.0.as_str(), pair.1.as_str())),
            "{pair:?}"
        );
    }
}

/// Whoever is not begun with in time is told so, and the others are invited all the same.
#[tokio::test]
async fn those_to_whom_it_comes_too_late_are_told_so() {
    let server = TestServer::start().await;
    let (administrator, _) = world(&server).await;
    let row = |number: usize| NewUser {
        email: format!("u{number}@kbank.com"),
        role_code_names: vec!["Editor".to_owned()],
        ..NewUser::default()
    };
    let batch = Batch {
        rows: (0..25).map(row).collect(),
        at_most: 25,
        on_existing: OnExisting::Error,
        is_dry_run: false,
        key: None,
        within: Duration::ZERO,
    };
    let (app, actor) = (&server.server.app, Actor::server());
    let outcomes = invite_many(app, &actor, &batch).await.unwrap();
    assert!(matches!(outcomes.stopped_by, Some(Error::Busy { .. })));
    assert_eq!(outcomes.each.len(), 25);
    let (done, late) = outcomes.each.split_at(10);
    assert!(done.iter().all(|it| matches!(it, Outcome::Done(_))));
    assert!(late.iter().all(|it| matches!(it, Outcome::NotDone)));
    let answer = administrator.run("{ users { totalCount } }").await;
    assert_eq!(answer.data()["users"]["totalCount"], 11);
}
