//! Changes that are made only if nobody else was faster, and changes that are only rehearsed.

use serde_json::{Value, json};

use crate::support::{Client, TestServer, ids};

const EFFECTS: &str = "effects { gained lost usersAffected invitationsRenewed sessionsEnded }";

async fn role(client: &Client, id: &str) -> Value {
    let document = "query($id: ID!) { role(id: $id) { name permissions updatedAt } }";
    let answer = client.run_with(document, json!({ "id": id })).await;
    answer.data()["role"].clone()
}

#[tokio::test]
async fn a_change_of_a_role_says_beforehand_what_it_comes_to() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let id = server
        .role(&administrator, "Editor", &["users.view", "roles.view"])
        .await;
    let (_, token) = server.invite(&administrator, "active@kbank.com", &id).await;
    server.accept(&token).await;
    server
        .invite(&administrator, "invited@kbank.com", &id)
        .await;
    let before = role(&administrator, &id).await;
    let change = |is_dry_run: bool| {
        json!({
            "id": id, "addPermissions": ["users.create"], "removePermissions": ["roles.view"],
            "dryRun": is_dry_run,
        })
    };
    let expected = json!({
        "gained": ["users.create"], "lost": ["roles.view"],
        "usersAffected": 2, "invitationsRenewed": 1, "sessionsEnded": 0,
    });
    let select = format!("role {{ id }} {EFFECTS}");
    let payload = administrator
        .mutate("updateRole", change(true), &select)
        .await;
    assert_eq!(
        (&payload["role"], &payload["effects"]),
        (&Value::Null, &expected)
    );
    assert_eq!(role(&administrator, &id).await, before);
    let payload = administrator
        .mutate("updateRole", change(false), &select)
        .await;
    assert_eq!(payload["effects"], expected);
    let after = role(&administrator, &id).await;
    assert_eq!(after["permissions"], json!(["users.view", "users.create"]));
    // The rehearsal sent nothing: this is the first new link.
    assert_eq!(server.inbox.next().await.to, ["invited@kbank.com"]);
    let events = "{ events(filter: { actions: [ROLE_UPDATED] }) { totalCount } }";
    assert_eq!(
        administrator.run(events).await.data()["events"]["totalCount"],
        1
    );

    let input = json!({ "id": id, "dryRun": true });
    let select = format!("deletedId {EFFECTS}");
    let payload = administrator.mutate("deleteRole", input, &select).await;
    assert_eq!(payload["deletedId"], Value::Null);
    assert_eq!(payload["effects"]["usersAffected"], 2);
    assert_eq!(
        payload["effects"]["lost"],
        json!(["users.view", "users.create"])
    );
    assert_ne!(role(&administrator, &id).await, Value::Null);
}

#[tokio::test]
async fn roles_come_and_go_one_by_one_and_by_their_names() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let first = server.role(&administrator, "First", &["users.view"]).await;
    let second = server.role(&administrator, "Second", &["roles.view"]).await;
    let (invited, _) = server
        .invite(&administrator, "laura@kbank.com", &first)
        .await;
    let id = &invited["user"]["id"];
    let select = format!("user {{ roles {{ name }} }} {EFFECTS}");
    let update = async |input: Value| administrator.mutate("updateUser", input, &select).await;
    let names = |payload: &Value| -> Vec<String> {
        let roles = payload["user"]["roles"].as_array().unwrap().iter();
        roles
            .map(|role| role["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let payload = update(json!({ "id": id, "addRoleIds": [second], "dryRun": true })).await;
    assert_eq!(payload["user"], Value::Null);
    assert_eq!(payload["effects"]["gained"], json!(["roles.view"]));
    assert_eq!(payload["effects"]["invitationsRenewed"], 1);
    let payload = update(json!({ "id": id, "addRoleIds": [second, first] })).await;
    assert_eq!(names(&payload), ["First", "Second"]);
    let payload = update(json!({ "id": id, "removeRoleIds": [first] })).await;
    assert_eq!(names(&payload), ["Second"]);
    assert_eq!(payload["effects"]["lost"], json!(["users.view"]));
    let payload = update(json!({ "id": id, "roleCodeNames": ["first"] })).await;
    assert_eq!(names(&payload), ["First"]);
    // What is held already, and what is not held, may be named all the same.
    let payload =
        update(json!({ "id": id, "addRoleIds": [first, first], "removeRoleIds": [second] })).await;
    assert_eq!(names(&payload), ["First"]);
    assert_eq!(payload["effects"]["gained"], json!([]));
    for (input, expected) in [
        (
            json!({ "removeRoleIds": [first] }),
            "REQUIRED input.removeRoleIds",
        ),
        (
            json!({ "removeRoleIds": [id] }),
            "INVALID input.removeRoleIds.0",
        ),
        (json!({ "addRoleIds": [id] }), "INVALID input.addRoleIds.0"),
        (
            json!({ "addRoleIds": [second], "roleIds": [first] }),
            "INVALID input.addRoleIds",
        ),
        (
            json!({ "roleCodeNames": ["None"] }),
            "NOT_FOUND input.roleCodeNames.0",
        ),
    ] {
        let mut input = input;
        input["id"] = id.clone();
        let payload = update(input).await;
        assert_eq!(ids(&payload["userErrors"]), [expected]);
    }
}

#[tokio::test]
async fn who_looked_too_long_ago_changes_nothing() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let id = server.role(&administrator, "Editor", &[]).await;
    let seen = role(&administrator, &id).await["updatedAt"].clone();
    server.advance(std::time::Duration::from_secs(1));
    let rename = |name: &str| json!({ "id": id, "name": name, "expectedUpdatedAt": seen });
    let payload = administrator
        .mutate("updateRole", rename("Second"), "")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    let payload = administrator
        .mutate("updateRole", rename("Third"), "")
        .await;
    let refused = "CHANGED_MEANWHILE input.expectedUpdatedAt";
    assert_eq!(ids(&payload["userErrors"]), [refused]);
    assert_eq!(role(&administrator, &id).await["name"], "Second");
    let (invited, _) = server.invite(&administrator, "laura@kbank.com", &id).await;
    let input = json!({
        "id": invited["user"]["id"], "firstName": "Laura", "expectedUpdatedAt": seen,
    });
    let payload = administrator.mutate("updateUser", input, "").await;
    assert_eq!(ids(&payload["userErrors"]), [refused]);
    // The roles of a user change as well when one of them is deleted.
    let user = |id: &Value| format!("{{ user(id: {id}) {{ updatedAt }} }}");
    let seen = administrator.run(&user(&invited["user"]["id"])).await;
    let seen = seen.data()["user"]["updatedAt"].clone();
    server.advance(std::time::Duration::from_secs(1));
    let input = json!({ "id": id, "force": true });
    administrator.mutate("deleteRole", input, "").await;
    let input = json!({
        "id": invited["user"]["id"], "firstName": "Laura", "expectedUpdatedAt": seen,
    });
    let payload = administrator.mutate("updateUser", input, "").await;
    assert_eq!(ids(&payload["userErrors"]), [refused]);
}

/// Who may change roles need not be allowed to see who holds them.
#[tokio::test]
async fn how_many_hold_a_role_is_told_to_those_who_may_see_users() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let keeper = server
        .user_with(&administrator, "keeper@kbank.com", &["roles.update"])
        .await;
    let id = server.role(&administrator, "Editor", &[]).await;
    server.invite(&administrator, "laura@kbank.com", &id).await;
    for field in ["usersAffected", "invitationsRenewed", "sessionsEnded"] {
        let document = format!(
            "mutation {{ updateRole(input: {{ id: \"{id}\", dryRun: true }}) {{ effects {{ gained {field} }} }} }}"
        );
        let answer = keeper.run(&document).await;
        assert_eq!(answer.code(), "FORBIDDEN");
        let effects = &answer.body["data"]["updateRole"]["effects"];
        assert_eq!(*effects, json!({ "gained": [], field: null }));
    }
}

/// What is only rehearsed is refused as it would be if it were done, and so are the new forms.
#[tokio::test]
async fn no_form_of_a_change_is_a_way_to_more_than_one_may_do() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let own = ["users.update", "roles.update", "roles.delete"];
    let manager = server
        .user_with(&administrator, "manager@kbank.com", &own)
        .await;
    let weak = server.role(&administrator, "Weak", &["users.view"]).await;
    let strong = server
        .role(&administrator, "Strong", &["users.delete"])
        .await;
    let (laura, _) = server
        .invite(&administrator, "laura@kbank.com", &weak)
        .await;
    let laura = &laura["user"]["id"];
    let all = |count: usize| vec![weak.clone(); count];
    for (mutation, input, expected) in [
        (
            "updateUser",
            json!({ "id": laura, "addRoleIds": [weak, strong] }),
            "EXCEEDS_OWN_PERMISSIONS input.addRoleIds.1",
        ),
        (
            "updateUser",
            json!({ "id": laura, "roleCodeNames": ["strong"] }),
            "EXCEEDS_OWN_PERMISSIONS input.roleCodeNames.0",
        ),
        (
            "updateUser",
            json!({ "id": manager.id, "addRoleIds": [weak] }),
            "OWN_ACCOUNT input.id",
        ),
        (
            "updateUser",
            json!({ "id": manager.id, "removeRoleIds": [] }),
            "OWN_ACCOUNT input.id",
        ),
        (
            "updateUser",
            json!({ "id": laura, "addRoleIds": all(101) }),
            "TOO_MANY input.addRoleIds",
        ),
        (
            "updateUser",
            json!({ "id": laura, "removeRoleIds": all(101) }),
            "TOO_MANY input.removeRoleIds",
        ),
        (
            "updateUser",
            json!({ "id": laura, "roleIds": null }),
            "REQUIRED input.roleIds",
        ),
        (
            "updateRole",
            json!({ "id": weak, "addPermissions": ["users.update", "users.delete"] }),
            "EXCEEDS_OWN_PERMISSIONS input.addPermissions.1",
        ),
        (
            "updateRole",
            json!({ "id": weak, "addPermissions": ["nothing.view"] }),
            "NOT_FOUND input.addPermissions.0",
        ),
        (
            "updateRole",
            json!({ "id": weak, "removePermissions": ["nothing.view"] }),
            "NOT_FOUND input.removePermissions.0",
        ),
        (
            "updateRole",
            json!({ "id": weak, "addPermissions": ["users.update"], "removePermissions": ["users.view"] }),
            "INVALID input.removePermissions",
        ),
        (
            "updateRole",
            json!({ "id": weak, "permissions": [], "removePermissions": [] }),
            "INVALID input.removePermissions",
        ),
        (
            "updateRole",
            json!({ "id": strong, "removePermissions": ["users.delete"] }),
            "EXCEEDS_OWN_PERMISSIONS input.id",
        ),
        (
            "deleteRole",
            json!({ "id": strong, "force": true }),
            "EXCEEDS_OWN_PERMISSIONS input.id",
        ),
    ] {
        for is_dry_run in [true, false] {
            let mut input = input.clone();
            input["dryRun"] = json!(is_dry_run);
            let payload = manager
                .mutate(mutation, input.clone(), "effects { usersAffected }")
                .await;
            assert_eq!(
                ids(&payload["userErrors"]),
                [expected],
                "{mutation} {input}"
            );
            assert_eq!(payload["effects"], Value::Null);
        }
    }
    // What goes may be named even if it is not there.
    let input = json!({ "id": weak, "removePermissions": ["roles.view"] });
    let payload = manager
        .mutate("updateRole", input, "role { permissions }")
        .await;
    assert_eq!(payload["role"]["permissions"], json!(["users.view"]));
}

/// A rehearsal leaves no trace: no event, no e-mail, and the next one is not refused for its sake.
#[tokio::test]
async fn a_rehearsal_leaves_no_trace() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &["users.view"])
        .await;
    server.all_sent(&administrator).await;
    let look = "{ events { totalCount } emails { totalCount }
        users { nodes { email updatedAt sessions { id } } } }";
    let before = administrator.run(look).await;
    for _ in 0..20 {
        let input = json!({ "id": laura.id, "email": "laura.miller@kbank.com", "dryRun": true });
        let payload = administrator
            .mutate("updateUser", input, "effects { sessionsEnded }")
            .await;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["effects"]["sessionsEnded"], 1);
    }
    assert_eq!(administrator.run(look).await.data(), before.data());
    let input = json!({ "id": laura.id, "email": "laura.miller@kbank.com" });
    let payload = administrator
        .mutate("updateUser", input, "effects { sessionsEnded }")
        .await;
    assert_eq!(payload["effects"]["sessionsEnded"], 1);
}

/// Somebody may have lost all roles, because these were deleted.
#[tokio::test]
async fn who_holds_no_role_can_lose_none() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, _) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let input = json!({ "id": role, "force": true });
    let payload = administrator.mutate("deleteRole", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    for change in [
        json!({ "addRoleIds": [] }),
        json!({ "removeRoleIds": [role] }),
    ] {
        let mut input = change;
        input["id"] = invited["user"]["id"].clone();
        let payload = administrator
            .mutate("updateUser", input, "user { roles { id } }")
            .await;
        assert_eq!(payload["user"]["roles"], json!([]));
    }
}
