//! The same change to many users or invitations: each of them whole or not at all.

use std::sync::Arc;

use entity::user::Status;
use serde_json::{Value, json};
use usher::domain::users::{self, Meant, Traces, UserFilter};
use usher::domain::{Actor, Error, UserErrorCode};

use crate::support::{Client, TestServer, ids};

const RESULTS: &str = "results { id outcome user { id status } userErrors { code field } }";

/// What became of each: its outcome, or the first error.
fn outcomes(payload: &Value) -> Vec<String> {
    let results = payload["results"].as_array().unwrap().iter();
    let outcomes = results.map(|result| match ids(&result["userErrors"]).first() {
        Some(error) => {
            assert_eq!(result["outcome"], "FAILED");
            assert_eq!(result["user"], Value::Null);
            error.clone()
        }
        None => result["outcome"].as_str().unwrap().to_owned(),
    });
    outcomes.collect()
}

async fn count(client: &Client, action: &str) -> Value {
    let document = format!("{{ events(filter: {{ actions: [{action}] }}) {{ totalCount }} }}");
    client.run(&document).await.data()["events"]["totalCount"].clone()
}

#[tokio::test]
async fn whoever_cannot_be_deactivated_keeps_nobody_else_from_it() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let first = server.user_with(&administrator, "a@kbank.com", &[]).await;
    let second = server.user_with(&administrator, "b@kbank.com", &[]).await;
    let unknown = administrator.id.replace("user_", "role_");
    let input = json!({ "ids": [first.id, administrator.id, unknown, second.id, first.id] });
    let payload = administrator
        .mutate("deactivateUsers", input.clone(), RESULTS)
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(
        outcomes(&payload),
        [
            "DONE",
            "OWN_ACCOUNT input.ids.1",
            "INVALID input.ids.2",
            "DONE",
            "DONE"
        ]
    );
    let named: Vec<&Value> = (payload["results"].as_array().unwrap().iter())
        .map(|result| &result["id"])
        .collect();
    assert_eq!(
        named,
        input["ids"].as_array().unwrap().iter().collect::<Vec<_>>()
    );
    assert_eq!(payload["results"][3]["user"]["status"], "DEACTIVATED");
    assert_eq!(count(&administrator, "USER_DEACTIVATED").await, 2);
    assert_eq!(
        first.run("{ viewer { id } }").await.data()["viewer"],
        Value::Null
    );

    let input = json!({ "filter": { "statuses": ["DEACTIVATED"] } });
    let payload = administrator.mutate("activateUsers", input, RESULTS).await;
    assert_eq!(outcomes(&payload), ["DONE", "DONE"]);
    assert_eq!(payload["results"][0]["user"]["status"], "ACTIVE");
    assert_eq!(count(&administrator, "USER_ACTIVATED").await, 2);

    let input = json!({ "filter": { "search": "@kbank.com" } });
    let payload = administrator.mutate("deleteUsers", input, RESULTS).await;
    assert_eq!(outcomes(&payload), ["DONE", "DONE"]);
    assert_eq!(payload["results"][0]["user"], Value::Null);
    let users = administrator.run("{ users { totalCount } }").await;
    assert_eq!(users.data()["users"]["totalCount"], 1);
}

#[tokio::test]
async fn a_filter_is_no_way_to_more_than_one_may_do() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let own = ["users.update", "users.create", "users.delete"];
    let manager = server
        .user_with(&administrator, "manager@kbank.com", &own)
        .await;
    let weak = server
        .user_with(&administrator, "weak@kbank.com", &[])
        .await;
    let strong = server
        .user_with(&administrator, "strong@kbank.com", &["roles.view"])
        .await;
    for mutation in ["deactivateUsers", "deleteUsers"] {
        let payload = manager
            .mutate(mutation, json!({ "filter": {} }), RESULTS)
            .await;
        let mut outcomes = outcomes(&payload);
        outcomes.sort();
        let refused = "EXCEEDS_OWN_PERMISSIONS input.filter";
        assert_eq!(
            outcomes,
            ["DONE", refused, refused, "OWN_ACCOUNT input.filter"],
            "{mutation}"
        );
    }
    let left = administrator.run("{ users { nodes { id status } } }").await;
    let left = left.data()["users"]["nodes"].as_array().unwrap().clone();
    assert!(left.iter().all(|user| user["status"] == "ACTIVE"));
    assert!(left.iter().any(|user| user["id"] == *strong.id));
    assert!(!left.iter().any(|user| user["id"] == *weak.id));
    let viewer = server
        .user_with(&administrator, "viewer@kbank.com", &["users.view"])
        .await;
    for mutation in ["activateUsers", "deactivateUsers", "deleteUsers"] {
        let document =
            format!("mutation {{ {mutation}(input: {{ filter: {{}} }}) {{ results {{ id }} }} }}");
        assert_eq!(viewer.run(&document).await.code(), "FORBIDDEN");
    }
}

#[tokio::test]
async fn invitations_are_sent_again_and_revoked_together() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let mut users = Vec::new();
    let mut invitations = Vec::new();
    for name in ["a", "b", "c"] {
        let email = format!("{name}@kbank.com");
        let (invited, _) = server.invite(&administrator, &email, &role).await;
        let id = &invited["user"]["id"];
        users.push(id.clone());
        let document = format!("{{ user(id: {id}) {{ invitation {{ id }} }} }}");
        let user = administrator.run(&document).await.data()["user"].clone();
        invitations.push(user["invitation"]["id"].clone());
    }
    let select = "results { id outcome invitation { id status email } user { id email status } userErrors { code field } }";
    let send = async |input: Value| {
        administrator
            .mutate("resendInvitations", input, select)
            .await
    };
    let payload = send(json!({ "userIds": [users[0], administrator.id, users[0]] })).await;
    assert_eq!(
        outcomes(&payload),
        ["DONE", "WRONG_STATE input.userIds.1", "DONE"]
    );
    assert_eq!(payload["results"][2]["invitation"]["status"], "PENDING");
    // Of each user the newest alone: the first has had three.
    let payload = send(json!({ "filter": { "search": "@kbank.com" } })).await;
    assert_eq!(outcomes(&payload), ["DONE", "DONE", "DONE"]);
    for result in payload["results"].as_array().unwrap() {
        assert_eq!(result["invitation"]["email"], result["user"]["email"]);
    }
    // What was replaced is not meant by a filter.
    let payload = send(json!({ "filter": { "statuses": ["REVOKED"] } })).await;
    assert_eq!(outcomes(&payload), [""; 0]);
    let payload = send(json!({ "invitationIds": [invitations[1], users[1]] })).await;
    assert_eq!(
        outcomes(&payload),
        ["DONE", "INVALID input.invitationIds.1"]
    );

    let revoke = async |input: Value| {
        administrator
            .mutate("revokeInvitations", input, select)
            .await
    };
    let payload = revoke(json!({ "invitationIds": [invitations[1]] })).await;
    assert_eq!(outcomes(&payload), ["WRONG_STATE input.invitationIds.0"]);
    let payload = revoke(json!({ "filter": { "statuses": ["PENDING"] } })).await;
    assert_eq!(outcomes(&payload), ["DONE", "DONE", "DONE"]);
    assert_eq!(payload["results"][0]["invitation"]["status"], "REVOKED");
    assert_eq!(count(&administrator, "INVITATION_REVOKED").await, 3);
    let payload = send(json!({ "filter": { "statuses": ["REVOKED"] } })).await;
    assert_eq!(outcomes(&payload), ["DONE", "DONE", "DONE"]);
}

#[tokio::test]
async fn what_an_input_names_has_to_be_clear_and_bounded() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let id = &administrator.id;
    let long = "x".repeat(201);
    let many = vec![id; 501];
    for (mutation, input, expected) in [
        ("activateUsers", json!({}), "REQUIRED "),
        ("activateUsers", json!({ "ids": [] }), "REQUIRED input.ids"),
        (
            "deleteUsers",
            json!({ "ids": [id], "filter": {} }),
            "INVALID ",
        ),
        (
            "deactivateUsers",
            json!({ "ids": many }),
            "TOO_MANY input.ids",
        ),
        (
            "deactivateUsers",
            json!({ "filter": { "search": long } }),
            "TOO_LONG input.filter.search",
        ),
        (
            "resendInvitations",
            json!({ "userIds": [id], "invitationIds": [id] }),
            "INVALID ",
        ),
        (
            "revokeInvitations",
            json!({ "filter": { "search": long } }),
            "TOO_LONG input.filter.search",
        ),
        ("revokeInvitations", json!({}), "REQUIRED "),
    ] {
        let payload = administrator
            .mutate(mutation, input, "results { id }")
            .await;
        assert_eq!(ids(&payload["userErrors"]), [expected], "{mutation}");
        assert_eq!(payload["results"], Value::Null);
    }
    let document = "mutation { deleteUsers(input: { filter: {} }) {
        results { user { sessions { user { sessions { id } } } } } } }";
    assert_eq!(administrator.run(document).await.code(), "LIMIT_EXCEEDED");
}

/// More than can be changed at once.
#[tokio::test]
async fn a_filter_that_matches_too_many_changes_nobody() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let rows: Vec<Value> = (0..500)
        .map(|number| {
            json!({
                "email": format!("u{number}@kbank.com"),
                "roleCodeNames": ["Administrator"], "sendEmail": false,
            })
        })
        .collect();
    let input = json!({ "invitations": rows });
    let payload = administrator
        .mutate("inviteUsers", input, "results { outcome }")
        .await;
    assert_eq!(payload["results"].as_array().unwrap().len(), 500);
    let payload = administrator
        .mutate("deleteUsers", json!({ "filter": {} }), "results { id }")
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["TOO_MANY input.filter"]);
    let users = administrator.run("{ users { totalCount } }").await;
    assert_eq!(users.data()["users"]["totalCount"], 501);
    let input = json!({ "filter": { "statuses": ["PENDING"] } });
    let payload = administrator
        .mutate("revokeInvitations", input, "results { outcome }")
        .await;
    let results = payload["results"].as_array().unwrap();
    assert_eq!(results.len(), 500);
    assert!(results.iter().all(|result| result["outcome"] == "DONE"));
}

/// Somebody may have signed up between the moment when the filter was looked at and their turn.
#[tokio::test]
async fn who_no_longer_matches_when_it_is_their_turn_is_left_alone() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let app = &server.server.app;
    let laura = users::find_by_email(app, app.db.read(), "laura@kbank.com").await;
    let id = Some(laura.unwrap().unwrap().row.id);
    let meant = |status| Meant {
        id,
        only_if: Some(Arc::new(UserFilter {
            statuses: Some(vec![status]),
            ..UserFilter::default()
        })),
    };
    let actor = &Actor::server();
    let invited = meant(Status::Invited);
    let Err(Error::Refused(errors)) = users::delete(app, actor, invited, Traces::Kept).await else {
        panic!("an active user was deleted as an invited one");
    };
    assert_eq!(errors[0].code, UserErrorCode::WrongState);
    let active = meant(Status::Active);
    users::deactivate(app, actor, active.clone()).await.unwrap();
    assert!(users::deactivate(app, actor, active).await.is_err());
    let deactivated = meant(Status::Deactivated);
    users::delete(app, actor, deactivated, Traces::Kept)
        .await
        .unwrap();
}
