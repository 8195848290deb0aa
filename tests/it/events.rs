//! The event log: that everything is in it, and no secret.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer, link_in, token_in};

async fn events(client: &Client, filter: Value) -> Vec<Value> {
    let answer = client
        .run_with(
            "query($filter: EventFilter) { events(first: 100, filter: $filter) { totalCount nodes {
                action actionCode actorLabel subjectId subjectLabel ipAddress sessionId createdAt
                changes { field before after }
            } } }",
            json!({ "filter": filter }),
        )
        .await;
    let events = &answer.data()["events"];
    let nodes = events["nodes"].as_array().unwrap().clone();
    assert_eq!(events["totalCount"], nodes.len());
    nodes
}

fn codes(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["actionCode"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn everything_that_is_done_is_recorded_with_what_it_changed() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.view"])
        .await;
    let laura = {
        let (_, token) = server
            .invite(&administrator, "laura@kbank.com", &role)
            .await;
        server.accept(&token).await
    };
    let mutate = async |name: &str, input: Value| {
        let payload = administrator.mutate(name, input, "").await;
        assert_eq!(payload["userErrors"], json!([]), "{name}");
    };
    mutate(
        "updateUser",
        json!({ "id": laura.id, "firstName": "Laura", "email": "l@kbank.com" }),
    )
    .await;
    assert_eq!(server.inbox.next().await.to, ["laura@kbank.com"]);
    let received = server.inbox.next().await;
    assert_eq!(received.to, ["l@kbank.com"]);
    let input = json!({ "token": token_in(&received), "newPassword": PASSWORD });
    let payload = server.anonymous().mutate("resetPassword", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(server.inbox.next().await.to, ["l@kbank.com"]);
    let laura = server.sign_in("l@kbank.com").await;
    // What changes nothing is no event.
    mutate(
        "updateUser",
        json!({ "id": laura.id, "firstName": "Laura" }),
    )
    .await;
    laura
        .mutate("updateProfile", json!({ "lastName": "M" }), "")
        .await;
    mutate("updateRole", json!({ "id": role, "permissions": [] })).await;
    mutate("deactivateUser", json!({ "id": laura.id })).await;
    mutate("activateUser", json!({ "id": laura.id })).await;
    for password in ["wrong", PASSWORD] {
        let input = json!({ "email": "l@kbank.com", "password": password });
        server.anonymous().mutate("signIn", input, "token").await;
    }
    server
        .anonymous()
        .mutate(
            "signIn",
            json!({ "email": "who@kbank.com", "password": "x" }),
            "token",
        )
        .await;
    mutate("deleteUser", json!({ "id": laura.id })).await;
    let (other, _) = server
        .invite(&administrator, "other@kbank.com", &role)
        .await;
    mutate("resendInvitation", json!({ "userId": other["user"]["id"] })).await;
    mutate("revokeInvitation", json!({ "userId": other["user"]["id"] })).await;
    mutate("deleteRole", json!({ "id": role, "force": true })).await;
    let input = json!({ "email": "admin@example.com", "password": PASSWORD });
    let payload = server.anonymous().mutate("signIn", input, "token").await;
    let second = administrator.with_token(payload["token"].as_str().unwrap());
    second
        .run("mutation { signOut { userErrors { code } } }")
        .await
        .data();

    let mut all = events(&administrator, json!({})).await;
    all.reverse();
    assert_eq!(
        codes(&all),
        [
            "user.invited",
            "invitation.accepted",
            "session.began",
            "role.created",
            "user.invited",
            "invitation.accepted",
            "session.began",
            "user.updated",
            "password-reset.requested",
            "password-reset.completed",
            "session.began",
            "profile.updated",
            "role.updated",
            "user.deactivated",
            "user.activated",
            "session.refused",
            "session.began",
            "session.refused",
            "user.deleted",
            "user.invited",
            "invitation.resent",
            "invitation.revoked",
            "role.deleted",
            "user.updated",
            "session.began",
            "session.ended",
        ]
    );
    assert_eq!(all[0]["actorLabel"], "server");
    assert_eq!(all[0]["ipAddress"], Value::Null);
    assert_eq!(all[4]["actorLabel"], "admin@example.com");
    assert_eq!(all[4]["ipAddress"], "127.0.0.1");
    assert!(all[4]["sessionId"].is_string());
    assert_eq!(all[4]["subjectId"], laura.id);
    assert_eq!(all[5]["actorLabel"], "laura@kbank.com");
    assert_eq!(
        all[7]["changes"],
        json!([
            { "field": "email", "before": "laura@kbank.com", "after": "l@kbank.com" },
            { "field": "firstName", "before": null, "after": "Laura" },
        ])
    );
    assert_eq!(
        all[12]["changes"],
        json!([{ "field": "permissions", "before": "content-hub.view", "after": null }])
    );
    // Whoever held the deleted role has another set of roles.
    assert_eq!(
        all[23]["changes"],
        json!([{ "field": "roles", "before": "Editor", "after": null }])
    );
    assert_eq!(all[15]["actorLabel"], "anonymous");
    assert_eq!(all[15]["subjectId"], laura.id);
    assert_eq!(all[17]["subjectId"], Value::Null);
    assert_eq!(all[17]["subjectLabel"], "who@kbank.com");
}

/// What changed in a list is told by its entries: whoever reads it need not take text apart, in which a name may
/// have a comma.
#[tokio::test]
async fn lists_tell_what_was_added_and_removed() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = async |name: &str, permissions: &[&str]| {
        let input = json!({ "name": name, "permissions": permissions });
        let payload = administrator
            .mutate("createRole", input, "role { id }")
            .await;
        payload["role"]["id"].as_str().unwrap().to_owned()
    };
    let kept = role("Reader", &["content-hub.view"]).await;
    let lost = role(
        "Editor, Zürich",
        &["content-hub.view", "content-hub.update"],
    )
    .await;
    let gained = role("Writer", &["content-hub.view"]).await;
    let input = json!({ "email": "laura@kbank.com", "roleIds": [kept, lost] });
    let payload = administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    let id = payload["user"]["id"].clone();
    let input = json!({ "id": id, "roleIds": [kept, gained], "firstName": "Laura" });
    administrator.mutate("updateUser", input, "").await;
    let permissions = ["content-hub.create", "content-hub.view"];
    let input = json!({ "id": lost, "permissions": permissions });
    administrator.mutate("updateRole", input, "").await;
    let input = json!({ "id": lost });
    administrator.mutate("deleteRole", input, "").await;

    let answer = administrator
        .run(
            "{ events(first: 4, filter: { actions: [USER_INVITED, USER_UPDATED, ROLE_UPDATED, ROLE_DELETED] }) {
                nodes { changes { field before after added removed } }
            } }",
        )
        .await;
    let changes: Vec<&Value> = (answer.data()["events"]["nodes"].as_array().unwrap().iter())
        .flat_map(|event| event["changes"].as_array().unwrap())
        .filter(|change| change["field"] != "email" && change["field"] != "name")
        .collect();
    assert_eq!(
        json!(changes),
        json!([
            {
                "field": "permissions",
                "before": "content-hub.create, content-hub.view",
                "after": null,
                "added": [],
                "removed": ["content-hub.create", "content-hub.view"],
            },
            {
                "field": "permissions",
                "before": "content-hub.update, content-hub.view",
                "after": "content-hub.create, content-hub.view",
                "added": ["content-hub.create"],
                "removed": ["content-hub.update"],
            },
            {
                "field": "firstName",
                "before": null,
                "after": "Laura",
                "added": null,
                "removed": null,
            },
            {
                "field": "roles",
                "before": "Editor, Zürich, Reader",
                "after": "Reader, Writer",
                "added": ["Writer"],
                "removed": ["Editor, Zürich"],
            },
            {
                "field": "roles",
                "before": null,
                "after": "Editor, Zürich, Reader",
                "added": ["Editor, Zürich", "Reader"],
                "removed": [],
            },
        ])
    );
}

#[tokio::test]
async fn refusals_and_showings_are_recorded_once_each() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &["roles.view"])
        .await;
    for document in [
        "{ a: users { totalCount } b: users { totalCount } emails { totalCount } }",
        "{ roles { nodes { users { totalCount } } } }",
        "mutation { inviteUser(input: { email: \"x\", roleIds: [] }) { userErrors { code } } }",
    ] {
        assert_eq!(laura.run(document).await.code(), "FORBIDDEN");
    }
    server.anonymous().run("{ users { totalCount } }").await;
    let refused = events(&administrator, json!({ "actions": ["PERMISSION_REFUSED"] })).await;
    let mut labels: Vec<&str> = refused
        .iter()
        .map(|event| event["subjectLabel"].as_str().unwrap())
        .collect();
    labels.sort_unstable();
    // Once, however often they asked.
    assert_eq!(labels, ["email-queue.view", "users.create", "users.view"]);
    assert!(
        refused
            .iter()
            .all(|event| event["actorLabel"] == "laura@kbank.com")
    );

    let role = server.role(&administrator, "Editor", &[]).await;
    let input = json!({ "email": "new@kbank.com", "roleIds": [role] });
    administrator.mutate("inviteUser", input, "").await;
    let received = server.inbox.next().await;
    let shown = async || events(&administrator, json!({ "actions": ["LINK_SHOWN"] })).await;
    administrator
        .run("{ emails { nodes { subject status } } }")
        .await;
    assert_eq!(shown().await.len(), 0);
    let answer = administrator
        .run("{ emails(filter: { to: \"new@\" }) { nodes { link a: textBody htmlBody } } }")
        .await;
    assert!(answer.body.to_string().contains(&link_in(&received)));
    let shown = shown().await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["subjectLabel"], "new@kbank.com");
}

#[tokio::test]
async fn the_log_is_filtered_by_actor_subject_action_and_time() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    server.advance(Duration::from_secs(60));
    let between = server.server.app.clock.now().to_utc().to_rfc3339();
    server.advance(Duration::from_secs(60));
    laura
        .mutate("updateProfile", json!({ "lastName": "M" }), "")
        .await;
    for (filter, expected) in [
        (
            json!({ "actorId": laura.id }),
            vec!["profile.updated", "session.began", "invitation.accepted"],
        ),
        (
            json!({ "subjectId": laura.id }),
            vec![
                "profile.updated",
                "session.began",
                "invitation.accepted",
                "user.invited",
            ],
        ),
        (
            json!({ "actions": ["PROFILE_UPDATED"] }),
            vec!["profile.updated"],
        ),
        (json!({ "actions": [] }), vec![]),
        (json!({ "createdAfter": between }), vec!["profile.updated"]),
        (
            json!({ "createdBefore": between, "actorId": laura.id }),
            vec!["session.began", "invitation.accepted"],
        ),
        (json!({ "actorId": "rubbish" }), vec![]),
        (json!({ "subjectId": "rubbish" }), vec![]),
    ] {
        assert_eq!(
            codes(&events(&administrator, filter.clone()).await),
            expected,
            "{filter}"
        );
    }
    let answer = administrator
        .run_with(
            "query($id: ID!) { user(id: $id) { events(first: 3) { totalCount nodes { actionCode } pageInfo { hasNextPage endCursor } } } }",
            json!({ "id": laura.id }),
        )
        .await;
    let page = &answer.data()["user"]["events"];
    assert_eq!(page["totalCount"], 4);
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let rest = administrator
        .run_with(
            "query($id: ID!, $after: String) { user(id: $id) { events(after: $after) { nodes { actionCode } } } }",
            json!({ "id": laura.id, "after": page["pageInfo"]["endCursor"] }),
        )
        .await;
    assert_eq!(
        rest.data()["user"]["events"]["nodes"],
        json!([{ "actionCode": "user.invited" }])
    );
}

#[tokio::test]
async fn old_events_are_removed_and_none_where_they_are_kept_for_ever() {
    for (setting, left) in [("event_log.keep_days=10", 0), ("event_log.keep_days=0", 3)] {
        let server = TestServer::start_with(&[setting]).await;
        server.administrator().await;
        server.advance(Duration::from_secs(11 * 24 * 60 * 60));
        usher::domain::events::prune(&server.server.app)
            .await
            .unwrap();
        let input = json!({ "email": "admin@example.com", "password": PASSWORD });
        let payload = server.anonymous().mutate("signIn", input, "token").await;
        let administrator = server
            .anonymous()
            .with_token(payload["token"].as_str().unwrap());
        // The sign-in itself is one more.
        assert_eq!(events(&administrator, json!({})).await.len(), left + 1);
    }
}

/// A document may sign in and out; what it read before is on the account of who read it.
#[tokio::test]
async fn an_event_is_on_the_account_of_whoever_caused_it() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, _) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let answer = administrator
        .run_with(
            "mutation($id: ID!) {
                resendInvitation(input: { userId: $id }) { invitation { emails { link } } }
                signOut { userErrors { code } }
            }",
            json!({ "id": invited["user"]["id"] }),
        )
        .await;
    answer.data();
    let input = json!({ "email": "admin@example.com", "password": PASSWORD });
    let payload = server.anonymous().mutate("signIn", input, "token").await;
    let again = administrator.with_token(payload["token"].as_str().unwrap());
    let shown = events(&again, json!({ "actions": ["LINK_SHOWN"] })).await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["actorLabel"], "admin@example.com");
}

/// Whoever keeps asking for what they may not do does not fill the event log with it.
#[tokio::test]
async fn a_refusal_is_recorded_once_a_minute() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let curious = server
        .user_with(&administrator, "curious@kbank.com", &[])
        .await;
    let count = async || {
        let answer = administrator
            .run("{ events(filter: { actions: [PERMISSION_REFUSED] }) { totalCount } }")
            .await;
        answer.data()["events"]["totalCount"].clone()
    };
    for _ in 0..5 {
        assert_eq!(
            curious.run("{ users { totalCount } }").await.code(),
            "FORBIDDEN"
        );
    }
    assert_eq!(count().await, 1);
    curious.run("{ roles { totalCount } }").await;
    assert_eq!(count().await, 2);
    server.advance(std::time::Duration::from_secs(60));
    curious.run("{ users { totalCount } }").await;
    assert_eq!(count().await, 3);
}
