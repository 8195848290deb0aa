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
}
