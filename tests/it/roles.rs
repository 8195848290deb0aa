//! Making roles, and what must not work about it.

mod listing;
mod managed;

use sea_orm::{ActiveModelTrait, EntityTrait};
use serde_json::{Value, json};

use usher::database::Write;

use crate::support::{Client, TestServer, ids};

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
async fn permissions_are_listed_by_application_as_well() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let permissions = ["content-hub.create", "users.view", "email-queue.update"];
    let role = server.role(&administrator, "Editor", &permissions).await;
    let none = server.role(&administrator, "Nothing", &[]).await;
    let answer = administrator
        .run_with(
            "query($role: ID!, $none: ID!) {
                role(id: $role) { applications { application { code name } permissions } }
                none: role(id: $none) { applications { permissions } }
                roles(first: 1) { nodes { permissions applications { permissions } } }
            }",
            json!({ "role": role, "none": none }),
        )
        .await;
    let data = answer.data();
    assert_eq!(
        data["role"]["applications"],
        json!([
            {
                "application": { "code": "users", "name": "Users" },
                "permissions": ["users.view"],
            },
            {
                "application": { "code": "email-queue", "name": "E-mail queue" },
                "permissions": ["email-queue.view", "email-queue.update"],
            },
            {
                "application": { "code": "content-hub", "name": "Content hub" },
                "permissions": ["content-hub.view", "content-hub.create"],
            },
        ])
    );
    assert_eq!(data["none"]["applications"], json!([]));
    // Together they are the flat list.
    let built_in = &data["roles"]["nodes"][0];
    let by_application = built_in["applications"].as_array().unwrap().iter();
    let all: Vec<&Value> = by_application
        .flat_map(|entry| entry["permissions"].as_array().unwrap())
        .collect();
    assert_eq!(json!(all), built_in["permissions"]);
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
            json!({ "name": "Many", "permissions": vec!["users.view"; 1_001] }),
            vec!["TOO_MANY input.permissions"],
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
    let db = &server.server.app.db;
    let other = db.begin().await.unwrap();
    for statement in [
        "INSERT INTO role_permissions (role_id, permission) \
         SELECT role_id, 'users.view' FROM role_permissions WHERE permission = 'content-hub.view'",
        "UPDATE revisions SET revision = revision + 1 WHERE subject = 'roles'",
    ] {
        other.execute_batch(statement).await.unwrap();
    }
    other.commit().await.unwrap();
    let answer = laura.run("{ users { totalCount } }").await;
    assert_eq!(answer.data()["users"]["totalCount"], 2);
}

async fn update(client: &Client, input: Value) -> Value {
    let selection = "role { name codeName description permissions unknownPermissions }";
    client.mutate("updateRole", input, selection).await
}

#[tokio::test]
async fn a_role_is_changed_partially_and_its_code_name_never() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.create"])
        .await;
    let payload = update(
        &administrator,
        json!({ "id": role, "name": "Chief editor" }),
    )
    .await;
    assert_eq!(
        payload["role"],
        json!({
            "name": "Chief editor", "codeName": "Editor", "description": null,
            "permissions": ["content-hub.view", "content-hub.create"], "unknownPermissions": []
        })
    );
    let permissions = async |codes: Value| {
        let payload = update(&administrator, json!({ "id": role, "permissions": codes })).await;
        payload["role"]["permissions"].clone()
    };
    // What is new brings the view; a view that is left out takes the rest with it.
    assert_eq!(
        permissions(json!(["users.update"])).await,
        json!(["users.view", "users.update"])
    );
    assert_eq!(
        permissions(json!([
            "users.update",
            "content-hub.view",
            "content-hub.update"
        ]))
        .await,
        json!(["content-hub.view", "content-hub.update"])
    );
    assert_eq!(
        permissions(json!(["content-hub.update", "content-hub.delete"])).await,
        json!([
            "content-hub.view",
            "content-hub.update",
            "content-hub.delete"
        ])
    );
    assert_eq!(permissions(json!([])).await, json!([]));
    for (input, expected) in [
        (json!({ "name": null }), "REQUIRED input.name"),
        (json!({ "permissions": null }), "REQUIRED input.permissions"),
        (
            json!({ "permissions": ["users.fly"] }),
            "NOT_FOUND input.permissions.0",
        ),
    ] {
        let mut input = input;
        input["id"] = json!(role);
        let payload = update(&administrator, input.clone()).await;
        assert_eq!(ids(&payload["userErrors"]), [expected], "{input}");
    }
    for (id, expected) in [
        ("rubbish", "INVALID input.id"),
        ("role_01h2xcejqtf2nbrexx3vqjhp41", "NOT_FOUND input.id"),
    ] {
        let payload = update(&administrator, json!({ "id": id })).await;
        assert_eq!(ids(&payload["userErrors"]), [expected]);
        let payload = administrator
            .mutate("deleteRole", json!({ "id": id }), "")
            .await;
        assert_eq!(ids(&payload["userErrors"]), [expected]);
    }
}

#[tokio::test]
async fn the_administrator_role_is_protected() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let answer = administrator
        .run("{ roles(first: 1) { nodes { id viewerCan { update delete assign } } } }")
        .await;
    let role = &answer.data()["roles"]["nodes"][0];
    assert_eq!(
        role["viewerCan"],
        json!({ "update": false, "delete": false, "assign": true })
    );
    let payload = update(
        &administrator,
        json!({ "id": role["id"], "permissions": [] }),
    )
    .await;
    assert_eq!(ids(&payload["userErrors"]), ["PROTECTED input.id"]);
    let input = json!({ "id": role["id"], "force": true });
    let payload = administrator.mutate("deleteRole", input, "deletedId").await;
    assert_eq!(ids(&payload["userErrors"]), ["PROTECTED input.id"]);
}

#[tokio::test]
async fn a_role_that_is_held_is_deleted_by_force_only() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.view"])
        .await;
    let (_, token) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let laura = server.accept(&token).await;
    server
        .invite(&administrator, "other@kbank.com", &role)
        .await;
    let payload = administrator
        .mutate("deleteRole", json!({ "id": role }), "deletedId")
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["WRONG_STATE input.id"]);
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("2 users"), "{message}");
    let input = json!({ "id": role, "force": true });
    let payload = administrator.mutate("deleteRole", input, "deletedId").await;
    assert_eq!(payload["deletedId"], role);
    let viewer = laura
        .run("{ viewer { roles { id } permissions applications { code } } }")
        .await;
    assert_eq!(
        viewer.data()["viewer"],
        json!({ "roles": [], "permissions": [], "applications": [] })
    );
}

/// Security rules 6 and 7: to delete a role is to change the roles of those who hold it.
#[tokio::test]
async fn a_role_is_not_taken_from_oneself_nor_from_somebody_who_holds_more() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let rights = ["roles.update", "roles.delete", "content-hub.view"];
    let clerk = server
        .user_with(&administrator, "clerk@kbank.com", &rights)
        .await;
    let shared = server
        .role(&administrator, "Shared", &["content-hub.view"])
        .await;
    let big = server.role(&administrator, "Big", &["users.view"]).await;
    let input = json!({ "email": "more@kbank.com", "roleIds": [shared, big] });
    administrator.mutate("inviteUser", input, "").await;
    let delete = async |id: &Value| {
        let payload = clerk
            .mutate("deleteRole", json!({ "id": id, "force": true }), "")
            .await;
        ids(&payload["userErrors"])
    };
    assert_eq!(
        delete(&json!(shared)).await,
        ["EXCEEDS_OWN_PERMISSIONS input.id"]
    );
    let own = clerk.run("{ viewer { roles { id } } }").await;
    assert_eq!(
        delete(&own.data()["viewer"]["roles"][0]["id"]).await,
        ["OWN_ACCOUNT input.id"]
    );
}

/// What a role holds and the configuration no longer declares stays, is shown, and grants nothing.
#[tokio::test]
async fn a_permission_that_is_no_longer_declared_grants_nothing_and_is_not_lost() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.create"])
        .await;
    let transaction = server.server.app.db.begin().await.unwrap();
    for statement in [
        "UPDATE role_permissions SET permission = 'old-app.create' WHERE permission = 'content-hub.create'",
        "UPDATE revisions SET revision = revision + 1 WHERE subject = 'roles'",
    ] {
        transaction.execute_batch(statement).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let payload = update(
        &administrator,
        json!({ "id": role, "permissions": ["users.view"] }),
    )
    .await;
    assert_eq!(payload["role"]["permissions"], json!(["users.view"]));
    assert_eq!(
        payload["role"]["unknownPermissions"],
        json!(["old-app.create"])
    );
}

/// Deleting a role is an event of each of its holders, however many there are.
#[tokio::test]
async fn a_role_with_many_holders_is_deleted() {
    use entity::{Timestamp, user, user_role};

    const HOLDERS: usize = 450;
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let id = server.role(&administrator, "Reader", &["users.view"]).await;
    let app = &server.server.app;
    let db = app.db.read();
    let roles = app.db.all(db, entity::role::Entity::find()).await.unwrap();
    let role = roles.iter().find(|row| row.name == "Reader").unwrap();
    let template = app.db.one(db, user::Entity::find()).await.unwrap().unwrap();
    let users: Vec<user::Model> = (0..HOLDERS)
        .map(|number| user::Model {
            id: app.new_id(),
            email: format!("reader{number}@kbank.com"),
            email_normal: format!("reader{number}@kbank.com"),
            created_at: Timestamp(0),
            ..template.clone()
        })
        .collect();
    let held = users.iter().map(|user| user_role::Model {
        user_id: user.id,
        role_id: role.id,
    });
    let held = held.map(|row| user_role::ActiveModel::from(row).reset_all());
    let held: Vec<_> = held.collect();
    let users = users
        .into_iter()
        .map(|row| user::ActiveModel::from(row).reset_all());
    let transaction = app.db.begin().await.unwrap();
    let users = user::Entity::insert_many(users);
    users.write(&transaction).await.unwrap();
    let held = user_role::Entity::insert_many(held);
    held.write(&transaction).await.unwrap();
    transaction.commit().await.unwrap();

    let input = json!({ "id": id });
    let payload = administrator.mutate("deleteRole", input, "").await;
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("450 users hold"), "{message}");
    let input = json!({ "id": id, "force": true });
    let payload = administrator.mutate("deleteRole", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    let answer = administrator
        .run(
            "{ events(filter: { actions: [USER_UPDATED] }) {
                totalCount nodes { changes { field before after } }
            } }",
        )
        .await;
    let events = &answer.data()["events"];
    assert_eq!(events["totalCount"], HOLDERS);
    assert_eq!(
        events["nodes"][0]["changes"],
        json!([{ "field": "roles", "before": "Reader", "after": null }])
    );
}
