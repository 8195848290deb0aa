//! Making roles, and what must not work about it.

use serde_json::json;

use crate::support::{TestServer, ids};

#[tokio::test]
async fn granting_an_action_grants_the_view_too() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let payload = administrator
        .mutate(
            "createRole",
            json!({
                "name": " Digital Channel Manager ",
                "description": "Two\nlines",
                "permissions": ["email-queue.update", "content-hub.create", "content-hub.create"]
            }),
            "role { id name codeName description isProtected permissions users { totalCount } }",
        )
        .await;
    let id = payload["role"]["id"].clone();
    assert_eq!(
        payload["role"],
        json!({
            "id": id,
            "name": "Digital Channel Manager",
            "codeName": "DigitalChannelManager",
            "description": "Two\nlines",
            "isProtected": false,
            "permissions": [
                "email-queue.view", "email-queue.update", "content-hub.view", "content-hub.create"
            ],
            "users": { "totalCount": 0 }
        })
    );
    let read = administrator
        .run_with(
            "query($id: ID!) { role(id: $id) { permissions } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(
        read.data()["role"]["permissions"],
        payload["role"]["permissions"]
    );
}

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    server.role(&administrator, "Editor", &[]).await;
    let long = "x".repeat(101);
    for (input, expected) in [
        (
            json!({ "name": " ", "permissions": [] }),
            vec!["REQUIRED input.name"],
        ),
        (
            json!({ "name": long, "permissions": [] }),
            vec!["TOO_LONG input.name"],
        ),
        (
            json!({ "name": "a\nb", "permissions": [] }),
            vec!["INVALID input.name"],
        ),
        (
            json!({ "name": "Editor", "permissions": [] }),
            vec!["TAKEN input.codeName"],
        ),
        (
            json!({ "name": "Other", "codeName": "editor", "permissions": [] }),
            vec!["TAKEN input.codeName"],
        ),
        (
            json!({ "name": "Other", "codeName": "with space", "permissions": [] }),
            vec!["INVALID input.codeName"],
        ),
        (
            json!({ "name": "Other", "codeName": "", "permissions": [] }),
            vec!["REQUIRED input.codeName"],
        ),
        (
            json!({ "name": "編集者", "permissions": [] }),
            vec!["REQUIRED input.codeName"],
        ),
        (
            json!({ "name": "Administrator", "permissions": [] }),
            vec!["TAKEN input.codeName"],
        ),
        (
            json!({
                "name": "", "codeName": "a b", "description": "x".repeat(1_001),
                "permissions": ["users.view", "users.fly", "", "nowhere.view", "users"]
            }),
            vec![
                "REQUIRED input.name",
                "INVALID input.codeName",
                "TOO_LONG input.description",
                "NOT_FOUND input.permissions.1",
                "NOT_FOUND input.permissions.2",
                "NOT_FOUND input.permissions.3",
                "NOT_FOUND input.permissions.4",
            ],
        ),
    ] {
        let payload = administrator
            .mutate("createRole", input.clone(), "role { id }")
            .await;
        assert_eq!(ids(&payload["userErrors"]), expected, "{input}");
        assert_eq!(payload["role"], json!(null));
    }
    let answer = administrator.run("{ roles { totalCount } }").await;
    assert_eq!(answer.data()["roles"]["totalCount"], 2);
}

/// Security rule 7.
#[tokio::test]
async fn nobody_makes_a_role_that_holds_more_than_they() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let maker = server
        .user_with(
            &administrator,
            "maker@kbank.com",
            &["roles.create", "content-hub.view"],
        )
        .await;
    let payload = maker
        .mutate(
            "createRole",
            json!({ "name": "More", "permissions": ["content-hub.view", "content-hub.update", "users.view"] }),
            "role { id }",
        )
        .await;
    assert_eq!(
        ids(&payload["userErrors"]),
        [
            "EXCEEDS_OWN_PERMISSIONS input.permissions.1",
            "EXCEEDS_OWN_PERMISSIONS input.permissions.2"
        ]
    );
    server.role(&maker, "Same", &["content-hub.view"]).await;
}

/// A role that was made by another server is known to this one at once.
#[tokio::test]
async fn a_change_of_roles_holds_for_the_next_request_on_every_server() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &["content-hub.view"])
        .await;
    assert_eq!(
        laura.run("{ users { totalCount } }").await.code(),
        "FORBIDDEN"
    );

    // What another server would do: change the rows, and count the change.
    use sea_orm::ConnectionTrait;
    let db = &server.server.app.db;
    let other = db.begin().await.unwrap();
    for statement in [
        "INSERT INTO role_permissions (role_id, permission) \
         SELECT role_id, 'users.view' FROM role_permissions WHERE permission = 'content-hub.view'",
        "UPDATE revisions SET revision = revision + 1 WHERE subject = 'roles'",
    ] {
        other.execute_unprepared(statement).await.unwrap();
    }
    other.commit().await.unwrap();
    let answer = laura.run("{ users { totalCount } }").await;
    assert_eq!(answer.data()["users"]["totalCount"], 2);
}
