//! What administrators do with users, and what must never work about it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer, ids, token_in};

/// Everything that the built-in role holds, as permissions of another role.
async fn everything(administrator: &Client) -> Vec<String> {
    let answer = administrator.run("{ viewer { permissions } }").await;
    let all = answer.data()["viewer"]["permissions"].as_array().unwrap();
    all.iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

async fn almighty(server: &TestServer, administrator: &Client, email: &str) -> Client {
    let all = everything(administrator).await;
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    server.user_with(administrator, email, &all).await
}

async fn act(client: &Client, mutation: &str, id: &str) -> Vec<String> {
    let payload = client.mutate(mutation, json!({ "id": id }), "").await;
    ids(&payload["userErrors"])
}

async fn status(client: &Client, id: &str) -> Value {
    let answer = client
        .run_with(
            "query($id: ID!) { user(id: $id) { status } }",
            json!({ "id": id }),
        )
        .await;
    answer.data()["user"]["status"].clone()
}

async fn is_signed_in(client: &Client) -> bool {
    client.run("{ viewer { id } }").await.data()["viewer"].is_object()
}

#[tokio::test]
async fn a_user_is_changed_partially() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &["content-hub.view"])
        .await;
    let update = async |input: Value| {
        administrator
            .mutate(
                "updateUser",
                input,
                "user { email firstName lastName displayName roles { name } }",
            )
            .await
    };
    let payload =
        update(json!({ "id": laura.id, "firstName": "Laura", "lastName": "Miller" })).await;
    assert_eq!(payload["user"]["displayName"], "Laura Miller");
    assert_eq!(
        payload["user"]["roles"],
        json!([{ "name": "laura@kbank.com" }])
    );
    let payload =
        update(json!({ "id": laura.id, "firstName": null, "email": "L.Miller@kbank.com" })).await;
    assert_eq!(payload["user"]["displayName"], "Miller");
    assert_eq!(payload["user"]["email"], "L.Miller@kbank.com");
    let role = server
        .role(&administrator, "Editor", &["content-hub.create"])
        .await;
    let payload = update(json!({ "id": laura.id, "roleIds": [role] })).await;
    assert_eq!(payload["user"]["roles"], json!([{ "name": "Editor" }]));
    // It holds for the next request, and under the new address.
    server.inbox.next().await;
    let received = server.inbox.next().await;
    let input = json!({ "token": token_in(&received), "newPassword": PASSWORD });
    server.anonymous().mutate("resetPassword", input, "").await;
    let laura = server.sign_in("l.miller@KBANK.com").await;
    let viewer = laura.run("{ viewer { permissions } }").await;
    assert_eq!(
        viewer.data()["viewer"]["permissions"],
        json!(["content-hub.view", "content-hub.create"])
    );
    let found = administrator
        .run("{ users(filter: { search: \"miller\" }) { totalCount } }")
        .await;
    assert_eq!(found.data()["users"]["totalCount"], 1);

    for (input, expected) in [
        (json!({ "email": null }), vec!["REQUIRED input.email"]),
        (
            json!({ "email": "admin@EXAMPLE.com" }),
            vec!["TAKEN input.email"],
        ),
        (json!({ "roleIds": null }), vec!["REQUIRED input.roleIds"]),
        (json!({ "roleIds": [] }), vec!["REQUIRED input.roleIds"]),
        (
            json!({ "email": "x", "firstName": "a\nb", "roleIds": ["rubbish"] }),
            vec![
                "INVALID input.email",
                "INVALID input.firstName",
                "INVALID input.roleIds.0",
            ],
        ),
    ] {
        let mut input = input;
        input["id"] = json!(laura.id);
        let payload = update(input.clone()).await;
        assert_eq!(ids(&payload["userErrors"]), expected, "{input}");
        assert_eq!(payload["user"], Value::Null);
    }
    for (id, expected) in [
        ("rubbish", "INVALID input.id"),
        (role.as_str(), "INVALID input.id"),
        ("user_01h2xcejqtf2nbrexx3vqjhp41", "NOT_FOUND input.id"),
    ] {
        for mutation in ["updateUser", "activateUser", "deactivateUser", "deleteUser"] {
            assert_eq!(
                act(&administrator, mutation, id).await,
                [expected],
                "{mutation}"
            );
        }
    }
}

#[tokio::test]
async fn everybody_edits_their_own_names_and_no_more() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let payload = laura
        .mutate(
            "updateProfile",
            json!({ "firstName": "Laura" }),
            "user { displayName }",
        )
        .await;
    assert_eq!(payload["user"]["displayName"], "Laura");
    let payload = laura
        .mutate(
            "updateProfile",
            json!({ "firstName": null, "lastName": "M" }),
            "user { displayName }",
        )
        .await;
    assert_eq!(payload["user"]["displayName"], "M");
    let payload = laura
        .mutate(
            "updateProfile",
            json!({ "lastName": "x".repeat(101) }),
            "user { displayName }",
        )
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["TOO_LONG input.lastName"]);
    let answer = laura
        .run_with(
            "mutation($id: ID!) { updateUser(input: { id: $id, firstName: \"x\" }) { user { id } } }",
            json!({ "id": laura.id }),
        )
        .await;
    assert_eq!(answer.code(), "FORBIDDEN");
}

/// Security rule 8.
#[tokio::test]
async fn deactivation_ends_sessions_and_links_at_once_and_can_be_undone() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    assert!(is_signed_in(&laura).await);
    // She is active: the wish is fulfilled, and nothing happens.
    assert_eq!(
        act(&administrator, "activateUser", &laura.id).await,
        [""; 0]
    );
    assert_eq!(
        act(&administrator, "deactivateUser", &laura.id).await,
        [""; 0]
    );
    assert!(!is_signed_in(&laura).await);
    assert_eq!(
        act(&administrator, "deactivateUser", &laura.id).await,
        [""; 0]
    );
    let recorded =
        "{ events(filter: { actions: [USER_ACTIVATED, USER_DEACTIVATED] }) { totalCount } }";
    let recorded = administrator.run(recorded).await;
    assert_eq!(recorded.data()["events"]["totalCount"], 1);
    let sign_in = json!({ "email": "laura@kbank.com", "password": PASSWORD });
    let payload = server
        .anonymous()
        .mutate("signIn", sign_in.clone(), "token")
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["INVALID_CREDENTIALS "]);
    assert_eq!(
        act(&administrator, "activateUser", &laura.id).await,
        [""; 0]
    );
    assert_eq!(status(&administrator, &laura.id).await, "ACTIVE");
    // The password is the old one; the session is not.
    assert!(!is_signed_in(&laura).await);
    let payload = server.anonymous().mutate("signIn", sign_in, "token").await;
    assert_eq!(payload["userErrors"], json!([]));

    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, token) = server.invite(&administrator, "late@kbank.com", &role).await;
    let id = invited["user"]["id"].as_str().unwrap();
    assert_eq!(act(&administrator, "deactivateUser", id).await, [""; 0]);
    let accept = json!({ "token": token, "password": PASSWORD });
    let payload = server
        .anonymous()
        .mutate("acceptInvitation", accept, "token")
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["TOKEN_INVALID input.token"]);
    assert_eq!(act(&administrator, "activateUser", id).await, [""; 0]);
    assert_eq!(status(&administrator, id).await, "INVITED");
}

/// Security rule 14: where somebody is signed in is seen, and ended at once, by administrators too.
#[tokio::test]
async fn another_users_sessions_are_seen_and_ended() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let clerk = server
        .user_with(&administrator, "clerk@kbank.com", &["users.view"])
        .await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let phone = server.sign_in("laura@kbank.com").await;
    let sessions = async |client: &Client| {
        let document = "query($id: ID!) { user(id: $id) { sessions { isCurrent ipAddress } } }";
        let answer = client.run_with(document, json!({ "id": laura.id })).await;
        answer.data()["user"]["sessions"].clone()
    };
    let session = json!({ "isCurrent": false, "ipAddress": "127.0.0.1" });
    assert_eq!(sessions(&clerk).await, json!([session, session]));
    let own = phone
        .run("{ viewer { sessions { id isCurrent } } sessions { id isCurrent } }")
        .await;
    assert_eq!(own.data()["viewer"]["sessions"], own.data()["sessions"]);
    let theirs = &own.data()["sessions"][0]["id"];
    let node = clerk
        .run_with(
            "query($id: ID!) { node(id: $id) { ... on Session { userAgent } } }",
            json!({ "id": theirs }),
        )
        .await;
    assert!(node.data()["node"].is_object());

    let end_those = async |input: Value| {
        administrator
            .mutate(
                "endUserSessions",
                input,
                "count user { email sessions { id } }",
            )
            .await
    };
    let end = async |id: &str| end_those(json!({ "userId": id })).await;

    // One of them: the phone was lost.
    let end_one =
        async |session: &str| end_those(json!({ "userId": laura.id, "sessionId": session })).await;
    let lost = server.sign_in("laura@kbank.com").await;
    let sessions = lost.run("{ sessions { id isCurrent } }").await;
    let sessions = sessions.data()["sessions"].as_array().unwrap().clone();
    let current = sessions.iter().find(|session| session["isCurrent"] == true);
    let current = current.unwrap()["id"].as_str().unwrap();
    let payload = end_one(current).await;
    assert_eq!(payload["count"], 1);
    assert_eq!(payload["user"]["sessions"].as_array().unwrap().len(), 2);
    assert!(!is_signed_in(&lost).await);
    assert!(is_signed_in(&laura).await);
    // It has ended already; that of somebody else is left alone.
    assert_eq!(end_one(current).await["count"], 0);
    let own = administrator.run("{ sessions { id } }").await;
    let own = own.data()["sessions"][0]["id"].as_str().unwrap();
    assert_eq!(end_one(own).await["count"], 0);
    assert!(is_signed_in(&administrator).await);
    let refused = end_one(&laura.id).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID");
    let field = json!(["input", "sessionId"]);
    assert_eq!(refused["userErrors"][0]["field"], field);

    let payload = end(&laura.id).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["count"], 2);
    assert_eq!(
        payload["user"],
        json!({ "email": "laura@kbank.com", "sessions": [] })
    );
    for client in [&laura, &phone] {
        assert!(!is_signed_in(client).await);
    }
    assert_eq!(end(&laura.id).await["count"], 0);
    assert!(is_signed_in(&server.sign_in("laura@kbank.com").await).await);
    // What ended nothing is no event.
    let events = administrator
        .run("{ events(filter: { actions: [USER_SESSIONS_ENDED] }) { nodes { subjectLabel actorLabel } } }")
        .await;
    assert_eq!(
        events.data()["events"]["nodes"],
        json!([
            { "subjectLabel": "laura@kbank.com", "actorLabel": "admin@example.com" },
            { "subjectLabel": "laura@kbank.com", "actorLabel": "admin@example.com" },
        ])
    );

    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, _) = server
        .invite(&administrator, "invited@kbank.com", &role)
        .await;
    for (id, expected) in [
        (administrator.id.as_str(), "OWN_ACCOUNT input.userId"),
        (
            invited["user"]["id"].as_str().unwrap(),
            "WRONG_STATE input.userId",
        ),
        ("rubbish", "INVALID input.userId"),
        ("user_01h2xcejqtf2nbrexx3vqjhp41", "NOT_FOUND input.userId"),
    ] {
        let payload = end(id).await;
        assert_eq!(ids(&payload["userErrors"]), [expected]);
        assert_eq!(payload["count"], Value::Null);
        if id == administrator.id {
            let message = payload["userErrors"][0]["message"].as_str().unwrap();
            assert!(message.contains("revokeOtherSessions"), "{message}");
        }
    }
    assert!(is_signed_in(&administrator).await);
}

#[tokio::test]
async fn a_new_invitation_voids_the_old_link_and_can_be_followed_in_one_query() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, old) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let id = invited["user"]["id"].as_str().unwrap();
    let resend = async || {
        let payload = administrator
            .mutate(
                "resendInvitation",
                json!({ "userId": id }),
                "invitation { id status emails { status lastError attempts { response } } }",
            )
            .await;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["invitation"]["status"], "PENDING");
        token_in(&server.inbox.next().await)
    };
    let new = resend().await;
    let accept = async |token: &str| {
        let input = json!({ "token": token, "password": PASSWORD });
        let payload = server
            .anonymous()
            .mutate("acceptInvitation", input, "token")
            .await;
        ids(&payload["userErrors"])
    };
    assert_eq!(accept(&old).await, ["TOKEN_INVALID input.token"]);
    // Whatever became of the last one: revoked, expired.
    let revoke = async || {
        let input = json!({ "userId": id });
        let payload = administrator
            .mutate("revokeInvitation", input, "invitation { status }")
            .await;
        (
            payload["invitation"]["status"].clone(),
            ids(&payload["userErrors"]),
        )
    };
    assert_eq!(revoke().await, (json!("REVOKED"), vec![]));
    assert_eq!(
        revoke().await,
        (Value::Null, vec!["WRONG_STATE input.userId".to_owned()])
    );
    assert_eq!(accept(&new).await, ["TOKEN_INVALID input.token"]);
    resend().await;
    server.all_sent(&administrator).await;
    server.advance(Duration::from_secs(8 * 24 * 60 * 60));
    let administrator = {
        let input = json!({ "email": "admin@example.com", "password": PASSWORD });
        let payload = server.anonymous().mutate("signIn", input, "token").await;
        administrator.with_token(payload["token"].as_str().unwrap())
    };
    let expired = administrator
        .run("{ users(filter: { invitationStatuses: [EXPIRED] }) { nodes { email invitation { emails { status attempts { response } } } } } }")
        .await;
    assert_eq!(
        expired.data()["users"]["nodes"],
        json!([{
            "email": "laura@kbank.com",
            "invitation": { "emails": [{ "status": "SENT", "attempts": [{ "response": "250 2.0.0 kept" }] }] }
        }])
    );
    let last = resend().await;
    assert_eq!(accept(&last).await, [""; 0]);
    let payload = administrator
        .mutate("resendInvitation", json!({ "userId": id }), "")
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["WRONG_STATE input.userId"]);
    for (userid, expected) in [
        ("rubbish", "INVALID"),
        ("user_01h2xcejqtf2nbrexx3vqjhp41", "NOT_FOUND"),
    ] {
        let payload = administrator
            .mutate("resendInvitation", json!({ "userId": userid }), "")
            .await;
        assert_eq!(
            ids(&payload["userErrors"]),
            [format!("{expected} input.userId")]
        );
    }
}

#[tokio::test]
async fn revoking_withdraws_a_letter_that_waits() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server.inbox.refuse(Some(transports::Failure::Transient));
    let input = json!({ "email": "laura@kbank.com", "roleIds": [role] });
    let payload = administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    let to_laura = json!({ "to": "laura" });
    server
        .emails_that(&administrator, to_laura, "the first attempt", |mails| {
            mails[0]["status"] == "QUEUED" && mails[0]["attemptCount"] == 1
        })
        .await;
    let input = json!({ "userId": payload["user"]["id"] });
    let payload = administrator
        .mutate(
            "revokeInvitation",
            input,
            "invitation { emails { status link nextAttemptAt } }",
        )
        .await;
    assert_eq!(
        payload["invitation"]["emails"],
        json!([{ "status": "CANCELLED", "link": null, "nextAttemptAt": null }])
    );
}

#[tokio::test]
async fn a_new_address_voids_the_open_invitation() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, token) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let id = &invited["user"]["id"];
    let update = async |input: Value| {
        administrator
            .mutate("updateUser", input, "user { invitation { status } }")
            .await
    };
    let payload = update(json!({ "id": id, "email": "Laura@kbank.com", "firstName": "L" })).await;
    assert_eq!(payload["user"]["invitation"]["status"], "PENDING");
    let payload = update(json!({ "id": id, "email": "other@kbank.com" })).await;
    assert_eq!(payload["user"]["invitation"]["status"], "REVOKED");
    // Whoever holds the old link does not learn the new address.
    let preview = server
        .anonymous()
        .run_with(
            "query($t: String!) { invitationByToken(token: $t) { email firstName status } }",
            json!({ "t": token }),
        )
        .await;
    assert_eq!(
        preview.data()["invitationByToken"],
        json!({ "email": "laura@kbank.com", "firstName": null, "status": "REVOKED" })
    );
    let input = json!({ "token": token, "password": PASSWORD });
    let payload = server
        .anonymous()
        .mutate("acceptInvitation", input, "token")
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["TOKEN_INVALID input.token"]);
}

/// Security rule 14: whoever loses an address learns of it there; whoever has no password loses
/// nothing but an invitation.
#[tokio::test]
async fn a_new_address_is_announced_to_the_old_one() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, _) = server
        .invite(&administrator, "invited@kbank.com", &role)
        .await;
    let update = async |id: &str, email: &str| {
        let input = json!({ "id": id, "email": email });
        let payload = administrator.mutate("updateUser", input, "").await;
        assert_eq!(payload["userErrors"], json!([]), "{email}");
    };
    update(invited["user"]["id"].as_str().unwrap(), "i@kbank.com").await;
    update(&laura.id, "Laura@KBank.com").await;
    update(&laura.id, "l.miller@kbank.com").await;
    // The notice and the link go out side by side.
    let mut sent = [server.inbox.next().await, server.inbox.next().await];
    sent.sort_by(|one, other| one.to.cmp(&other.to));
    let [first, link] = sent;
    assert_eq!(link.to, ["l.miller@kbank.com"]);
    // Somebody who is shut out for the moment could be let in again by whoever has the new address;
    // they have no use for a link.
    assert_eq!(
        act(&administrator, "deactivateUser", &laura.id).await,
        [""; 0]
    );
    update(&laura.id, "other@kbank.com").await;
    let second = server.inbox.next().await;
    for (notice, old) in [(first, "Laura@KBank.com"), (second, "l.miller@kbank.com")] {
        assert_eq!(notice.to, [old]);
        assert_eq!(notice.subject, "Your e-mail address for Usher was changed");
        assert!(
            notice
                .text
                .contains("An administrator, admin@example.com, changed"),
            "{}",
            notice.text
        );
        assert!(!notice.text.contains("http"), "{}", notice.text);
        let new = ["l.miller@kbank.com", "other@kbank.com"];
        assert!(
            !new.iter()
                .any(|new| notice.text.replace(old, "").contains(new))
        );
    }
    let notices = administrator
        .run("{ emails(filter: { kinds: [EMAIL_CHANGED] }) { totalCount } }")
        .await;
    assert_eq!(notices.data()["emails"]["totalCount"], 2);
}

/// Security rule 14: whoever set an account up with their own mailbox, and knows its password, is out
/// of it once it has another person's address.
#[tokio::test]
async fn a_new_address_has_to_be_proved() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let prepared = server
        .user_with(&administrator, "mine@kbank.com", &[])
        .await;
    let request = json!({ "email": "mine@kbank.com" });
    let anonymous = server.anonymous();
    anonymous.mutate("requestPasswordReset", request, "").await;
    let old_link = token_in(&server.inbox.next().await);
    let mut subscription = prepared
        .subscribe("subscription { emailChanged { email { id } } }", json!({}))
        .await;
    let update = async |email: &str| {
        let input = json!({ "id": prepared.id, "email": email });
        let payload = administrator
            .mutate("updateUser", input, "user { status }")
            .await;
        assert_eq!(payload["user"]["status"], "ACTIVE", "{payload:#}");
        assert_eq!(
            server.inbox.next().await.subject,
            "Your e-mail address for Usher was changed"
        );
        let received = server.inbox.next().await;
        assert_eq!(received.to, [email]);
        token_in(&received)
    };
    let typo = update("hers@kbnak.com").await;
    assert!(!is_signed_in(&prepared).await);
    while subscription.part().await.is_some() {}
    let sign_in = async |email: &str, password: &str| {
        let input = json!({ "email": email, "password": password });
        let payload = anonymous.mutate("signIn", input, "token").await;
        ids(&payload["userErrors"])
    };
    for password in [PASSWORD, "!", ""] {
        assert_eq!(
            sign_in("hers@kbnak.com", password).await,
            ["INVALID_CREDENTIALS "]
        );
    }
    // The administrator corrects the typo, and she chooses a password where only she reads.
    let link = update("hers@kbank.com").await;
    let reset = async |token: &str| {
        let input = json!({ "token": token, "newPassword": "quartz-lantern-58-meadow" });
        ids(&anonymous.mutate("resetPassword", input, "").await["userErrors"])
    };
    for old in [&old_link, &typo] {
        assert_eq!(reset(old).await, ["TOKEN_INVALID input.token"]);
    }
    assert_eq!(reset(&link).await, [""; 0]);
    assert_eq!(
        sign_in("hers@kbank.com", PASSWORD).await,
        ["INVALID_CREDENTIALS "]
    );
    assert_eq!(
        sign_in("hers@kbank.com", "quartz-lantern-58-meadow").await,
        [""; 0]
    );
}

/// An account that was shut out meanwhile needs no administrator to find a way in again.
#[tokio::test]
async fn a_reactivated_user_with_a_new_address_asks_for_a_link() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    act(&administrator, "deactivateUser", &laura.id).await;
    let input = json!({ "id": laura.id, "email": "l@kbank.com" });
    administrator.mutate("updateUser", input, "").await;
    assert_eq!(server.inbox.next().await.to, ["laura@kbank.com"]);
    act(&administrator, "activateUser", &laura.id).await;
    assert_eq!(status(&administrator, &laura.id).await, "ACTIVE");
    let anonymous = server.anonymous();
    let input = json!({ "email": "l@kbank.com", "password": PASSWORD });
    let payload = anonymous.mutate("signIn", input, "token").await;
    assert_eq!(ids(&payload["userErrors"]), ["INVALID_CREDENTIALS "]);
    let request = json!({ "email": "l@kbank.com" });
    anonymous.mutate("requestPasswordReset", request, "").await;
    let token = token_in(&server.inbox.next().await);
    let input = json!({ "token": token, "newPassword": PASSWORD });
    let payload = anonymous.mutate("resetPassword", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    server.sign_in("l@kbank.com").await;
}

/// Security rule 6: with an unattended session nobody gets a password reset sent to themselves.
#[tokio::test]
async fn nobody_changes_their_own_address() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let update = async |input: Value| {
        let mut input = input;
        input["id"] = json!(administrator.id);
        administrator
            .mutate("updateUser", input, "user { email displayName }")
            .await
    };
    let payload = update(json!({ "email": "mine@kbank.com", "firstName": "a\nb" })).await;
    assert_eq!(
        ids(&payload["userErrors"]),
        ["INVALID input.firstName", "OWN_ACCOUNT input.email"]
    );
    let payload = update(json!({ "email": "mine@kbank.com" })).await;
    assert_eq!(ids(&payload["userErrors"]), ["OWN_ACCOUNT input.email"]);
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("Ask another administrator"), "{message}");
    // A form that sends the address along with the names still works.
    let payload = update(json!({ "email": "Admin@example.com", "firstName": "Ada" })).await;
    assert_eq!(
        payload["user"],
        json!({ "email": "Admin@example.com", "displayName": "Ada" })
    );
}

/// Security rule 6.
#[tokio::test]
async fn nobody_shuts_out_deletes_or_demotes_themselves() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let other = almighty(&server, &administrator, "other@kbank.com").await;
    let role = server.role(&administrator, "Editor", &[]).await;
    for own in [&administrator, &other] {
        for mutation in ["deactivateUser", "deleteUser"] {
            assert_eq!(act(own, mutation, &own.id).await, ["OWN_ACCOUNT input.id"]);
        }
        let input = json!({ "id": own.id, "roleIds": [role] });
        let payload = own.mutate("updateUser", input, "user { id }").await;
        assert_eq!(ids(&payload["userErrors"]), ["OWN_ACCOUNT input.id"]);
        assert!(is_signed_in(own).await);
    }
}

/// Security rule 6.
#[tokio::test]
async fn the_last_active_administrator_stays() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let other = almighty(&server, &administrator, "other@kbank.com").await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let demote = async |id: &str| {
        let payload = other
            .mutate("updateUser", json!({ "id": id, "roleIds": [role] }), "")
            .await;
        ids(&payload["userErrors"])
    };
    // A second one who is only invited, or shut out, does not count.
    let built_in = administrator
        .run("{ roles(first: 1) { nodes { id } } }")
        .await;
    let built_in = built_in.data()["roles"]["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (_, token) = server
        .invite(&administrator, "second@kbank.com", &built_in)
        .await;
    for mutation in ["deactivateUser", "deleteUser"] {
        assert_eq!(
            act(&other, mutation, &administrator.id).await,
            ["LAST_ADMINISTRATOR input.id"]
        );
    }
    assert_eq!(
        demote(&administrator.id).await,
        ["LAST_ADMINISTRATOR input.id"]
    );
    assert!(is_signed_in(&administrator).await);

    let second = server.accept(&token).await;
    assert_eq!(act(&other, "deactivateUser", &second.id).await, [""; 0]);
    assert_eq!(
        demote(&administrator.id).await,
        ["LAST_ADMINISTRATOR input.id"]
    );
    assert_eq!(act(&other, "activateUser", &second.id).await, [""; 0]);
    assert_eq!(demote(&administrator.id).await, [""; 0]);
    assert_eq!(
        act(&other, "deleteUser", &second.id).await,
        ["LAST_ADMINISTRATOR input.id"]
    );
}

/// Security rule 6, by many requests at once.
#[tokio::test]
async fn of_administrators_who_are_all_taken_away_at_once_one_stays() {
    let server = TestServer::start().await;
    let first = server.administrator().await;
    let built_in = first.run("{ roles(first: 1) { nodes { id } } }").await;
    let built_in = built_in.data()["roles"]["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let role = server.role(&first, "Editor", &[]).await;
    let almighty = almighty(&server, &first, "almighty@kbank.com").await;
    let mut administrators = vec![first.id.clone()];
    for index in 1..12 {
        let email = format!("administrator{index}@kbank.com");
        let (_, token) = server.invite(&first, &email, &built_in).await;
        administrators.push(server.accept(&token).await.id);
    }
    let attack = async |(index, id): (usize, &String)| match index % 3 {
        0 => act(&almighty, "deactivateUser", id).await,
        1 => act(&almighty, "deleteUser", id).await,
        _ => {
            let input = json!({ "id": id, "roleIds": [role] });
            ids(&almighty.mutate("updateUser", input, "").await["userErrors"])
        }
    };
    let outcomes = join_all(administrators.iter().enumerate().map(attack)).await;
    let (refused, done): (Vec<_>, Vec<_>) = outcomes.iter().partition(|errors| !errors.is_empty());
    assert_eq!((refused.len(), done.len()), (1, 11), "{outcomes:?}");
    assert_eq!(*refused[0], ["LAST_ADMINISTRATOR input.id"]);
}

/// Security rule 7.
#[tokio::test]
async fn nobody_touches_a_user_who_holds_more_than_they() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let rights = [
        "users.update",
        "users.delete",
        "users.create",
        "roles.update",
        "roles.delete",
        "content-hub.view",
    ];
    let clerk = server
        .user_with(&administrator, "clerk@kbank.com", &rights)
        .await;
    let more = server
        .user_with(&administrator, "more@kbank.com", &["content-hub.update"])
        .await;
    let same = server
        .user_with(&administrator, "same@kbank.com", &["content-hub.view"])
        .await;
    let role = server
        .role(&administrator, "Big", &["content-hub.update"])
        .await;
    let (invited, _) = server
        .invite(&administrator, "invited@kbank.com", &role)
        .await;
    let invited = invited["user"]["id"].as_str().unwrap();
    for id in [&more.id, invited, &administrator.id] {
        for mutation in ["updateUser", "deactivateUser", "deleteUser"] {
            let errors = act(&clerk, mutation, id).await;
            assert_eq!(errors, ["EXCEEDS_OWN_PERMISSIONS input.id"], "{mutation}");
        }
        for mutation in ["resendInvitation", "revokeInvitation", "endUserSessions"] {
            let payload = clerk.mutate(mutation, json!({ "userId": id }), "").await;
            assert_eq!(
                ids(&payload["userErrors"]),
                ["EXCEEDS_OWN_PERMISSIONS input.userId"]
            );
        }
    }
    let grant = json!({ "id": same.id, "roleIds": [role] });
    let payload = clerk.mutate("updateUser", grant, "user { id }").await;
    assert_eq!(
        ids(&payload["userErrors"]),
        ["EXCEEDS_OWN_PERMISSIONS input.roleIds.0"]
    );
    let edit = json!({ "id": role, "name": "Mine" });
    let payload = clerk.mutate("updateRole", edit, "role { id }").await;
    assert_eq!(
        ids(&payload["userErrors"]),
        ["EXCEEDS_OWN_PERMISSIONS input.id"]
    );
    assert_eq!(
        act(&clerk, "deleteRole", &role).await,
        ["EXCEEDS_OWN_PERMISSIONS input.id"]
    );
    assert_eq!(act(&clerk, "deactivateUser", &same.id).await, [""; 0]);
}

/// `viewerCan` says what the mutations do, for every kind of user and of viewer.
#[tokio::test]
async fn viewer_can_is_never_wrong() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let other = almighty(&server, &administrator, "other@kbank.com").await;
    let rights = ["users.update", "users.create", "content-hub.view"];
    let clerk = server
        .user_with(&administrator, "clerk@kbank.com", &rights)
        .await;
    let viewer = server
        .user_with(&administrator, "viewer@kbank.com", &["users.view"])
        .await;
    let small = server
        .role(&administrator, "Small", &["content-hub.view"])
        .await;
    let active = server
        .user_with(&administrator, "active@kbank.com", &["content-hub.view"])
        .await;
    let (invited, _) = server
        .invite(&administrator, "invited@kbank.com", &small)
        .await;
    let (revoked, _) = server
        .invite(&administrator, "revoked@kbank.com", &small)
        .await;
    administrator
        .mutate(
            "revokeInvitation",
            json!({ "userId": revoked["user"]["id"] }),
            "",
        )
        .await;
    let (gone, _) = server
        .invite(&administrator, "gone@kbank.com", &small)
        .await;
    assert_eq!(
        act(
            &administrator,
            "deactivateUser",
            gone["user"]["id"].as_str().unwrap()
        )
        .await,
        [""; 0]
    );

    let targets = [
        administrator.id.clone(),
        other.id.clone(),
        clerk.id.clone(),
        active.id.clone(),
        invited["user"]["id"].as_str().unwrap().to_owned(),
        revoked["user"]["id"].as_str().unwrap().to_owned(),
        gone["user"]["id"].as_str().unwrap().to_owned(),
    ];
    // Checks everything first, then tries what is forbidden: that changes nothing.
    let mut tried = (0, 0);
    for actor in [&administrator, &other, &clerk, &viewer] {
        for target in &targets {
            let answer = actor
                .run_with(
                    "query($id: ID!) { user(id: $id) { status viewerCan {
                        update assignRoles activate deactivate delete
                        endSessions sendPasswordReset resendInvitation revokeInvitation
                    } } }",
                    json!({ "id": target }),
                )
                .await;
            let can = &answer.data()["user"]["viewerCan"];
            let status = &answer.data()["user"]["status"];
            for (capability, mutation, input) in [
                ("update", "updateUser", json!({ "id": target })),
                (
                    "assignRoles",
                    "updateUser",
                    json!({ "id": target, "roleIds": [small] }),
                ),
                ("activate", "activateUser", json!({ "id": target })),
                ("deactivate", "deactivateUser", json!({ "id": target })),
                ("delete", "deleteUser", json!({ "id": target })),
                (
                    "endSessions",
                    "endUserSessions",
                    json!({ "userId": target }),
                ),
                (
                    "sendPasswordReset",
                    "sendPasswordReset",
                    json!({ "userId": target }),
                ),
                (
                    "resendInvitation",
                    "resendInvitation",
                    json!({ "userId": target }),
                ),
                (
                    "revokeInvitation",
                    "revokeInvitation",
                    json!({ "userId": target }),
                ),
            ] {
                if can[capability] == true {
                    tried.0 += 1;
                    continue;
                }
                tried.1 += 1;
                let mut received = mutation.chars();
                let first = received.next().unwrap().to_uppercase();
                let document = format!(
                    "mutation($input: {first}{}Input!) {{ payload: {mutation}(input: $input) {{ {} userErrors {{ code }} }} }}",
                    received.as_str(),
                    if capability.ends_with("activate") {
                        "user { status }"
                    } else {
                        ""
                    }
                );
                let answer = actor.run_with(&document, json!({ "input": input })).await;
                // Or there is nothing to do.
                let is_refused = answer.code() == "FORBIDDEN"
                    || answer.body["data"]["payload"]["user"]["status"] == *status
                    || !answer.data()["payload"]["userErrors"]
                        .as_array()
                        .unwrap()
                        .is_empty();
                assert!(is_refused, "{capability} of {target}: {:#}", answer.body);
            }
        }
    }
    assert!(tried.0 > 20 && tried.1 > 20, "{tried:?}");
    // And what it allows does work, each on somebody of its own.
    for (index, (capability, mutation)) in [
        ("update", "updateUser"),
        ("assignRoles", "updateUser"),
        ("activate", "activateUser"),
        ("deactivate", "deactivateUser"),
        ("delete", "deleteUser"),
        ("endSessions", "endUserSessions"),
        ("sendPasswordReset", "sendPasswordReset"),
        ("resendInvitation", "resendInvitation"),
        ("revokeInvitation", "revokeInvitation"),
    ]
    .into_iter()
    .enumerate()
    {
        let (fresh, token) = server
            .invite(&administrator, &format!("fresh{index}@kbank.com"), &small)
            .await;
        let id = fresh["user"]["id"].as_str().unwrap();
        if capability == "activate" {
            assert_eq!(act(&administrator, "deactivateUser", id).await, [""; 0]);
        }
        if ["endSessions", "sendPasswordReset"].contains(&capability) {
            server.accept(&token).await;
        }
        let document =
            format!("query($id: ID!) {{ user(id: $id) {{ viewerCan {{ {capability} }} }} }}");
        let answer = clerk.run_with(&document, json!({ "id": id })).await;
        let expected = capability != "delete";
        assert_eq!(answer.data()["user"]["viewerCan"][capability], expected);
        let input = match capability {
            "assignRoles" => json!({ "id": id, "roleIds": [small] }),
            "endSessions" | "sendPasswordReset" | "resendInvitation" | "revokeInvitation" => {
                json!({ "userId": id })
            }
            _ => json!({ "id": id }),
        };
        let actor = if expected { &clerk } else { &other };
        let payload = actor.mutate(mutation, input, "").await;
        assert_eq!(payload["userErrors"], json!([]), "{capability}");
        if ["sendPasswordReset", "resendInvitation"].contains(&capability) {
            server.inbox.next().await;
        }
    }
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_their_letters_and_events_stay() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    assert_eq!(act(&administrator, "deleteUser", &laura.id).await, [""; 0]);
    assert!(!is_signed_in(&laura).await);
    let answer = administrator
        .run_with(
            "query($id: ID!) { user(id: $id) { id } emails(filter: { to: \"laura\" }) { totalCount }
                events(filter: { subjectId: $id }) { nodes { action subjectLabel actor { email } } } }",
            json!({ "id": laura.id }),
        )
        .await;
    assert_eq!(answer.data()["user"], Value::Null);
    assert_eq!(answer.data()["emails"]["totalCount"], 1);
    assert_eq!(
        answer.data()["events"]["nodes"][0],
        json!({ "action": "USER_DELETED", "subjectLabel": "laura@kbank.com", "actor": { "email": "admin@example.com" } })
    );
    // The address is free again.
    let role = server.role(&administrator, "Editor", &[]).await;
    server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
}

/// Ten requests that delete the same user: one does, the others find nobody.
#[tokio::test]
async fn what_is_done_at_once_is_done_once() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let outcomes = join_all((0..10).map(|_| act(&administrator, "deleteUser", &laura.id))).await;
    let done = outcomes.iter().filter(|errors| errors.is_empty()).count();
    assert_eq!(done, 1);
    let events = administrator
        .run("{ events(filter: { actions: [USER_DELETED] }) { totalCount } }")
        .await;
    assert_eq!(events.data()["events"]["totalCount"], 1);
}

#[tokio::test]
async fn a_permission_is_explained() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &["content-hub.view"])
        .await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.view"])
        .await;
    let (invited, _) = server
        .invite(&administrator, "invited@kbank.com", &role)
        .await;
    let explain = async |id: &Value, permission: &str| {
        let answer = administrator
            .run_with(
                "query($id: ID!, $p: PermissionCode!) { explainPermission(userId: $id, permission: $p) {
                    isGranted obstacle roles { name }
                } }",
                json!({ "id": id, "p": permission }),
            )
            .await;
        answer.data()["explainPermission"].clone()
    };
    let id = json!(laura.id);
    let own = json!([{ "name": "laura@kbank.com" }]);
    for (id, permission, expected) in [
        (
            &id,
            "content-hub.view",
            json!({ "isGranted": true, "obstacle": null, "roles": own }),
        ),
        (
            &id,
            "users.view",
            json!({ "isGranted": false, "obstacle": "NO_ROLE", "roles": [] }),
        ),
        (
            &id,
            "users.fly",
            json!({ "isGranted": false, "obstacle": "UNKNOWN_PERMISSION", "roles": [] }),
        ),
        (
            &invited["user"]["id"],
            "content-hub.view",
            json!({ "isGranted": false, "obstacle": "INVITED", "roles": [{ "name": "Editor" }] }),
        ),
        (&json!("rubbish"), "users.view", Value::Null),
    ] {
        assert_eq!(explain(id, permission).await, expected, "{permission}");
    }
    act(&administrator, "deactivateUser", &laura.id).await;
    assert_eq!(
        explain(&id, "content-hub.view").await["obstacle"],
        "DEACTIVATED"
    );
}

/// Administrators who shut one another out at the same moment: whoever is shut out does nothing more.
#[tokio::test]
async fn whoever_is_shut_out_does_nothing_more() {
    let server = TestServer::start().await;
    let first = server.administrator().await;
    let built_in = first.run("{ roles(first: 1) { nodes { id } } }").await;
    let built_in = built_in.data()["roles"]["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut ring = vec![first.clone()];
    for index in 0..7 {
        let (_, token) = server
            .invite(&first, &format!("ring{index}@kbank.com"), &built_in)
            .await;
        ring.push(server.accept(&token).await);
    }
    // Each shuts the next one out. By turns, whoever was shut out before their turn is refused.
    let acts = ring.iter().enumerate().map(|(index, actor)| {
        let target = &ring[(index + 1) % ring.len()].id;
        let document =
            "mutation($id: ID!) { deactivateUser(input: { id: $id }) { userErrors { code } } }";
        async move { actor.run_with(document, json!({ "id": target })).await }
    });
    let answers = join_all(acts).await;
    let done: Vec<bool> = answers
        .iter()
        .map(|answer| answer.body["data"]["deactivateUser"]["userErrors"] == json!([]))
        .collect();
    for (index, actor) in ring.iter().enumerate() {
        let shut_out = done[(index + ring.len() - 1) % ring.len()];
        assert_eq!(is_signed_in(actor).await, !shut_out);
    }
    for answer in &answers {
        assert_ne!(answer.code(), "INTERNAL", "{:#}", answer.body);
    }
    assert!(done.contains(&true) && done.contains(&false));
}
