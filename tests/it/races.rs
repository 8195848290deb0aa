//! What several people do at the same moment, some of it to one another.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::emails::office;
use crate::support::{Answer, Client, TestServer, ids, token_in};

/// Keeps writing to their own account until they are nobody any more.
async fn write_until_ended(own: &Client) {
    for turn in 0.. {
        let document = "mutation($input: UpdateProfileInput!) {
            updateProfile(input: $input) { userErrors { code } }
        }";
        let input = json!({ "input": { "firstName": format!("Name {turn}") } });
        let answer = own.run_with(document, input).await;
        if answer.body.get("errors").is_some() {
            assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", answer.body);
            return;
        }
    }
}

async fn sessions_of(server: &TestServer, email: &str) -> Vec<Client> {
    let mut sessions = Vec::new();
    for _ in 0..6 {
        sessions.push(server.sign_in(email).await);
    }
    sessions
}

/// Security rule 8: nobody holds off their own end by being busy in many sessions.
#[tokio::test]
async fn a_busy_user_is_deactivated_deleted_or_reset_all_the_same() {
    let server = TestServer::start_with(&["database.max_connections=10"]).await;
    let administrator = server.administrator().await;
    for (email, field) in [
        ("first@kbank.com", "deactivateUser"),
        ("second@kbank.com", "deleteUser"),
        ("third@kbank.com", "resetPassword"),
    ] {
        let user = server.user_with(&administrator, email, &[]).await;
        let sessions = sessions_of(&server, email).await;
        let busy = join_all(sessions.iter().map(write_until_ended));
        let end = async {
            let (client, input) = match field {
                "resetPassword" => {
                    let ask = json!({ "userId": user.id });
                    administrator.mutate("sendPasswordReset", ask, "").await;
                    let token = token_in(&server.inbox.next().await);
                    let input =
                        json!({ "token": token, "newPassword": "brittle-lantern-58-canoe" });
                    (server.anonymous(), input)
                }
                _ => (administrator.clone(), json!({ "id": user.id })),
            };
            let payload = client.mutate(field, input, "").await;
            assert_eq!(payload["userErrors"], json!([]), "{field}");
        };
        let all = async { tokio::join!(busy, end) };
        server.within(field, all).await;
    }
}

/// Two administrators who act on each other wait for each other, and not in a circle.
#[tokio::test]
async fn two_who_act_on_each_other_both_get_an_answer() {
    let server = TestServer::start_with(&["database.max_connections=10"]).await;
    let one = server.administrator().await;
    let roles = one.run("{ roles { nodes { id } } }").await;
    let role = roles.data()["roles"]["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (_, token) = server.invite(&one, "other@kbank.com", &role).await;
    let other = server.accept(&token).await;
    let rename = async |by: &Client, whom: &Client, name: String| {
        let input = json!({ "id": whom.id, "firstName": name });
        let payload = by.mutate("updateUser", input, "user { firstName }").await;
        assert_eq!(payload["userErrors"], json!([]));
    };
    for turn in 0..10 {
        let there = (0..4).map(|_| rename(&one, &other, format!("There {turn}")));
        let back = (0..4).map(|_| rename(&other, &one, format!("Back {turn}")));
        tokio::join!(join_all(there), join_all(back));
    }
    // Of two who deactivate each other one is left.
    let deactivate = async |by: &Client, whom: &Client| {
        let document = "mutation($input: DeactivateUserInput!) {
            payload: deactivateUser(input: $input) { userErrors { code field message } }
        }";
        let input = json!({ "input": { "id": whom.id } });
        by.run_with(document, input).await
    };
    let (first, second) = tokio::join!(deactivate(&one, &other), deactivate(&other, &one));
    let succeeded = |answer: &Answer| answer.body["data"]["payload"]["userErrors"] == json!([]);
    assert!(succeeded(&first) != succeeded(&second));
    let late = if succeeded(&first) { second } else { first };
    let reason = match late.body.get("errors") {
        Some(_) => late.code().to_owned(),
        None => ids(&late.body["data"]["payload"]["userErrors"])[0].clone(),
    };
    assert_eq!(reason, "UNAUTHENTICATED", "{}", late.body);
    let left = [&one, &other].map(|client| async move {
        let answer = client.run("{ viewer { id } }").await;
        answer.data()["viewer"] != Value::Null
    });
    let left = join_all(left).await;
    assert_eq!(left.into_iter().filter(|is_left| *is_left).count(), 1);
}

/// A change that loses a race is made again, whole, and what follows its commit happens once.
#[tokio::test]
async fn a_change_that_loses_races_is_made_again() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    let recorded = async || {
        let events =
            "{ events(filter: { actions: [USER_INVITED, INVITATION_ACCEPTED] }) { totalCount } }";
        let answer = administrator.run(events).await;
        answer.data()["events"]["totalCount"].as_u64().unwrap()
    };
    let before = recorded().await;
    server.server.app.db.rehearse_races(|commit| commit <= 2);
    let (_, token) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    server.server.app.db.rehearse_races(|commit| commit <= 2);
    let laura = server.accept(&token).await;
    assert_eq!(recorded().await, before + 2);
    let mails = server
        .emails_in(&administrator, json!({ "to": "laura@kbank.com" }), "SENT")
        .await;
    assert_eq!(mails.as_array().map_or(1, Vec::len), 1);
    assert_eq!(
        laura.run("{ viewer { email } }").await.data()["viewer"]["email"],
        "laura@kbank.com"
    );
}

/// A database that lets nobody win is not asked for ever.
#[tokio::test]
async fn a_change_that_always_loses_is_given_up() {
    let server = TestServer::start().await;
    let (administrator, role) = office(&server).await;
    server.server.app.db.rehearse_races(|_| true);
    let input = json!({ "input": { "email": "laura@kbank.com", "roleIds": [role] } });
    let invite =
        "mutation($input: InviteUserInput!) { inviteUser(input: $input) { userErrors { code } } }";
    let answer = administrator.run_with(invite, input).await;
    assert_eq!(answer.code(), "INTERNAL", "{}", answer.body);
    server.server.app.db.rehearse_races(|_| false);
    let users = administrator.run("{ users { totalCount } }").await;
    assert_eq!(users.data()["users"]["totalCount"], 1);
}

/// Whoever signs out in many requests at once has done it once.
#[tokio::test]
async fn a_session_that_is_ended_at_once_from_everywhere_is_recorded_to_end_once() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let own = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let sign_out = || own.run("mutation { signOut { userErrors { code } } }");
    for answer in join_all((0..20).map(|_| sign_out())).await {
        assert_eq!(answer.data()["signOut"]["userErrors"], json!([]));
    }
    let document = "{ events(filter: { actions: [SIGNED_OUT] }) { totalCount } }";
    let events = administrator.run(document).await;
    assert_eq!(events.data()["events"]["totalCount"], 1);
}
