//! Roles as code: what the configuration declares is made, kept, and left to people in the end.

use std::process::Command;

use entity::revision;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{
    APPLICATIONS, Binary, Client, Finish, PASSWORD, TestDatabase, TestServer, ids, token_in,
};

const EDITOR: &str = r#"
[[roles]]
code_name = "ContentEditor"
name = "Content editor"
description = "Writes texts."
permissions = ["content-hub.update"]
"#;

const AUDITOR: &str = r#"
[[roles]]
code_name = "Auditor"
name = "Auditor"
permissions = ["event-log.view", "users.view"]
"#;

/// Another server, with the applications of every test and these roles.
async fn restarted(server: &TestServer, roles: &str) -> TestServer {
    let declared = format!("{APPLICATIONS}{roles}");
    server.another_declaring(&declared).await
}

/// The same person at another server.
fn at(server: &TestServer, client: &Client) -> Client {
    Client {
        token: client.token.clone(),
        id: client.id.clone(),
        ..server.anonymous()
    }
}

/// The roles besides the built-in one.
async fn roles(client: &Client, filter: Value) -> Value {
    let document = "query($filter: RoleFilter) { roles(filter: $filter, first: 100) { nodes {
        id name codeName description isManaged isProtected permissions unknownPermissions
        viewerCan { update delete assign }
    } } }";
    let answer = client.run_with(document, json!({ "filter": filter })).await;
    let mut nodes = answer.data()["roles"]["nodes"].clone();
    let nodes = nodes.as_array_mut().unwrap();
    nodes.retain(|role| role["isProtected"] == false);
    json!(nodes)
}

async fn role(client: &Client, code_name: &str) -> Value {
    let found = roles(client, json!({ "codeNames": [code_name] })).await;
    assert_eq!(found.as_array().unwrap().len(), 1, "{found:#}");
    found[0].clone()
}

/// What was done to roles, by whom, newest first.
async fn events(client: &Client) -> Value {
    let document =
        "{ events(first: 100, filter: { actions: [ROLE_CREATED, ROLE_UPDATED, ROLE_DELETED] }) {
        nodes { action actorLabel subjectLabel changes { field before after } }
    } }";
    client.run(document).await.data()["events"]["nodes"].clone()
}

/// How often the roles have changed.
async fn revision_of_roles(server: &TestServer) -> i64 {
    let db = &server.server.app.db;
    let row = revision::Entity::find_by_id(revision::ROLES);
    db.one(db.read(), row).await.unwrap().unwrap().revision
}

/// What somebody does to the rows, past every server.
async fn by_hand(server: &TestServer, statements: &[&str]) {
    let transaction = server.server.app.db.begin().await.unwrap();
    for statement in statements {
        transaction.execute_batch(statement).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn declared_roles_are_made_by_the_start() {
    let server = TestServer::start_with(&[
        "roles=[{code_name=\"ContentEditor\", name=\" Content editor \", description=\"Writes texts.\", permissions=[\"content-hub.update\"]}, {code_name=\"Nobody\", name=\"Nobody\", permissions=[]}]",
    ])
    .await;
    let administrator = server.administrator().await;
    let made = roles(&administrator, json!({ "isManaged": true })).await;
    let can = json!({ "update": false, "delete": false, "assign": true });
    assert_eq!(
        made,
        json!([
            {
                "id": made[0]["id"], "name": "Content editor", "codeName": "ContentEditor",
                "description": "Writes texts.", "isManaged": true, "isProtected": false,
                "permissions": ["content-hub.view", "content-hub.update"], "unknownPermissions": [],
                "viewerCan": can,
            },
            {
                "id": made[1]["id"], "name": "Nobody", "codeName": "Nobody",
                "description": null, "isManaged": true, "isProtected": false,
                "permissions": [], "unknownPermissions": [], "viewerCan": can,
            },
        ])
    );
    server.role(&administrator, "By hand", &[]).await;
    let others = roles(&administrator, json!({ "isManaged": false })).await;
    assert_eq!(others[0]["name"], "By hand");
    assert_eq!(others[0]["viewerCan"]["update"], true);
    assert_eq!(others.as_array().unwrap().len(), 1);
    let events = events(&administrator).await;
    assert_eq!(
        events[2],
        json!({
            "action": "ROLE_CREATED", "actorLabel": "server", "subjectLabel": "Content editor",
            "changes": [
                { "field": "name", "before": null, "after": "Content editor" },
                {
                    "field": "permissions", "before": null,
                    "after": "content-hub.update, content-hub.view",
                },
                { "field": "isManaged", "before": null, "after": "true" },
            ],
        })
    );
    // It is assigned as any other.
    let id = made[0]["id"].as_str().unwrap();
    let (_, token) = server.invite(&administrator, "laura@kbank.com", id).await;
    let laura = server.accept(&token).await;
    let answer = laura.run("{ viewer { permissions } }").await;
    assert_eq!(
        answer.data()["viewer"]["permissions"],
        json!(["content-hub.view", "content-hub.update"])
    );
}

#[tokio::test]
async fn a_start_that_finds_the_roles_as_declared_writes_nothing() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let server = restarted(&server, &[EDITOR, AUDITOR].concat()).await;
    let administrator = at(&server, &administrator);
    let found = async || {
        let updated = administrator
            .run("{ roles { nodes { codeName isManaged updatedAt } } }")
            .await;
        let events = events(&administrator).await;
        (
            updated.data().clone(),
            events,
            revision_of_roles(&server).await,
        )
    };
    let before = found().await;
    assert_eq!(before.1.as_array().unwrap().len(), 2);
    // In another order, and with what is implied spelt out.
    let spelt = EDITOR.replace(
        "[\"content-hub.update\"]",
        "[\"content-hub.update\", \"content-hub.view\", \"content-hub.update\"]",
    );
    for roles in [&[EDITOR, AUDITOR].concat(), &[AUDITOR, &spelt].concat()] {
        restarted(&server, roles).await;
        assert_eq!(found().await, before);
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_set_again_and_what_is_declared_anew_is_followed() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let first = restarted(&server, &[EDITOR, AUDITOR].concat()).await;
    let id = role(&administrator, "ContentEditor").await["id"].clone();
    by_hand(
        &first,
        &[
            "UPDATE roles SET name = 'Hacked', description = 'x' WHERE code_name_key = 'contenteditor'",
            "UPDATE role_permissions SET permission = 'old-app.create' WHERE permission = 'content-hub.update'",
            "UPDATE revisions SET revision = revision + 1 WHERE subject = 'roles'",
        ],
    )
    .await;
    assert_eq!(
        role(&administrator, "ContentEditor").await["name"],
        "Hacked"
    );
    restarted(&server, &[EDITOR, AUDITOR].concat()).await;
    let mut expected = json!({
        "id": id, "name": "Content editor", "codeName": "ContentEditor",
        "description": "Writes texts.", "isManaged": true, "isProtected": false,
        "permissions": ["content-hub.view", "content-hub.update"], "unknownPermissions": [],
        "viewerCan": { "update": false, "delete": false, "assign": true },
    });
    // Also for a server that was running before.
    assert_eq!(role(&administrator, "ContentEditor").await, expected);
    let changes = events(&administrator).await[0].clone();
    assert_eq!(
        changes,
        json!({
            "action": "ROLE_UPDATED", "actorLabel": "server", "subjectLabel": "Content editor",
            "changes": [
                { "field": "name", "before": "Hacked", "after": "Content editor" },
                { "field": "description", "before": "x", "after": "Writes texts." },
                {
                    "field": "permissions", "before": "content-hub.view, old-app.create",
                    "after": "content-hub.update, content-hub.view",
                },
            ],
        })
    );

    let renamed = r#"
[[roles]]
code_name = "CONTENTEDITOR"
name = "Author"
permissions = ["content-hub.view"]
"#;
    restarted(&server, &[renamed, AUDITOR].concat()).await;
    expected["name"] = json!("Author");
    expected["description"] = Value::Null;
    expected["permissions"] = json!(["content-hub.view"]);
    assert_eq!(role(&administrator, "ContentEditor").await, expected);
    assert_eq!(events(&administrator).await.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_declared_role_is_neither_edited_nor_deleted_by_anybody() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let server = restarted(&server, EDITOR).await;
    let administrator = at(&server, &administrator);
    let before = role(&administrator, "ContentEditor").await;
    let id = &before["id"];
    for (mutation, input) in [
        ("updateRole", json!({ "id": id, "name": "Mine" })),
        ("updateRole", json!({ "id": id, "permissions": [] })),
        ("updateRole", json!({ "id": id })),
        ("deleteRole", json!({ "id": id })),
        ("deleteRole", json!({ "id": id, "force": true })),
    ] {
        let payload = administrator.mutate(mutation, input.clone(), "").await;
        let refused = &payload["userErrors"];
        assert_eq!(ids(refused), ["PROTECTED input.id"], "{mutation} {input}");
        let message = refused[0]["message"].as_str().unwrap();
        assert!(message.contains("configuration declares"), "{message}");
    }
    // Nor does another one take its place.
    let input = json!({ "name": "contenteditor", "permissions": [] });
    let payload = administrator.mutate("createRole", input, "").await;
    assert_eq!(ids(&payload["userErrors"]), ["TAKEN input.codeName"]);
    assert_eq!(role(&administrator, "ContentEditor").await, before);
}

/// Security rule 10: a link is worth no more than when somebody was shown it.
#[tokio::test]
async fn a_role_that_was_made_by_hand_is_taken_over_with_its_holders() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let input = json!({
        "name": "Old", "codeName": "contentEDITOR", "permissions": ["content-hub.view"],
    });
    let payload = administrator
        .mutate("createRole", input, "role { id }")
        .await;
    let id = payload["role"]["id"].as_str().unwrap();
    let (_, token) = server.invite(&administrator, "laura@kbank.com", id).await;
    let laura = server.accept(&token).await;
    let (_, old) = server.invite(&administrator, "invited@kbank.com", id).await;

    let other = restarted(&server, EDITOR).await;
    let taken = role(&administrator, "ContentEditor").await;
    assert_eq!(taken["id"], id);
    assert_eq!(taken["codeName"], "contentEDITOR");
    assert_eq!(taken["name"], "Content editor");
    assert_eq!(taken["isManaged"], true);
    assert_eq!(
        events(&administrator).await[0]["changes"],
        json!([
            { "field": "name", "before": "Old", "after": "Content editor" },
            { "field": "description", "before": null, "after": "Writes texts." },
            {
                "field": "permissions", "before": "content-hub.view",
                "after": "content-hub.update, content-hub.view",
            },
            { "field": "isManaged", "before": "false", "after": "true" },
        ])
    );
    let answer = laura.run("{ viewer { permissions } }").await;
    assert_eq!(
        answer.data()["viewer"]["permissions"],
        json!(["content-hub.view", "content-hub.update"])
    );
    let accept = async |token: &str| {
        let input = json!({ "token": token, "password": PASSWORD });
        let payload = server
            .anonymous()
            .mutate("acceptInvitation", input, "")
            .await;
        ids(&payload["userErrors"])
    };
    assert_eq!(accept(&old).await, ["TOKEN_INVALID input.token"]);
    let received = tokio::select! {
        received = other.inbox.next() => received,
        received = server.inbox.next() => received,
    };
    assert_eq!(received.to, ["invited@kbank.com"]);
    let new = token_in(&received);

    // One that comes to grant less leaves the links alone.
    let less = EDITOR.replace("content-hub.update", "content-hub.view");
    restarted(&server, &less).await;
    assert_eq!(
        role(&administrator, "ContentEditor").await["permissions"],
        json!(["content-hub.view"])
    );
    assert_eq!(accept(&new).await, [""; 0]);
}

#[tokio::test]
async fn a_role_that_is_declared_no_longer_is_left_to_people() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    restarted(&server, &[EDITOR, AUDITOR].concat()).await;
    let editor = role(&administrator, "ContentEditor").await;
    let id = editor["id"].as_str().unwrap();
    let payload = administrator
        .mutate(
            "inviteUser",
            json!({ "email": "laura@kbank.com", "roleIds": [id] }),
            "user { id }",
        )
        .await;
    assert_eq!(payload["userErrors"], json!([]));

    restarted(&server, AUDITOR).await;
    let mut expected = editor.clone();
    expected["isManaged"] = json!(false);
    expected["viewerCan"] = json!({ "update": true, "delete": true, "assign": true });
    assert_eq!(role(&administrator, "ContentEditor").await, expected);
    assert_eq!(role(&administrator, "Auditor").await["isManaged"], true);
    assert_eq!(
        events(&administrator).await[0],
        json!({
            "action": "ROLE_UPDATED", "actorLabel": "server", "subjectLabel": "Content editor",
            "changes": [{ "field": "isManaged", "before": "true", "after": "false" }],
        })
    );
    let answer = administrator
        .run_with(
            "query($id: ID!) { role(id: $id) { userCount } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(answer.data()["role"]["userCount"], 1);

    let input = json!({ "id": id, "name": "Mine now" });
    let payload = administrator
        .mutate("updateRole", input, "role { name }")
        .await;
    assert_eq!(payload["role"]["name"], "Mine now");
    let input = json!({ "id": id, "force": true });
    let payload = administrator.mutate("deleteRole", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    // Nor does it come back.
    restarted(&server, AUDITOR).await;
    let left = roles(&administrator, json!({})).await;
    assert_eq!(left.as_array().unwrap().len(), 1);
}

/// On a database that has none of it, and on one where all of it is to be changed.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_make_each_role_once() {
    let database = TestDatabase::create().await;
    let mut declared = Vec::new();
    for number in 0..10 {
        declared.push(format!(
            "{{code_name=\"Role{number}\", name=\"NAME {number}\", permissions=[\"content-hub.update\"]}}"
        ));
    }
    let setting = format!("roles=[{}]", declared.join(","));
    let start = async |name: &str| {
        let setting = setting.replace("NAME", name);
        let starts = [(), (), ()].map(|()| {
            let (database, setting) = (database.clone(), setting.clone());
            tokio::spawn(async move { TestServer::start_on(database, &[&setting]).await })
        });
        let mut servers = Vec::new();
        for start in starts {
            servers.push(start.await.unwrap());
        }
        servers
    };
    let servers = start("First").await;
    let received = tokio::select! {
        received = servers[0].inbox.next() => received,
        received = servers[1].inbox.next() => received,
        received = servers[2].inbox.next() => received,
    };
    let administrator = servers[0].accept(&token_in(&received)).await;
    let check = async |name: &str, recorded: usize| {
        for server in &servers {
            let made = roles(&at(server, &administrator), json!({})).await;
            let made = made.as_array().unwrap();
            let names: Vec<&str> = made
                .iter()
                .map(|role| role["name"].as_str().unwrap())
                .collect();
            let expected: Vec<String> = (0..10).map(|number| format!("{name} {number}")).collect();
            assert_eq!(names, expected);
        }
        let events = events(&administrator).await;
        assert_eq!(events.as_array().unwrap().len(), recorded);
    };
    check("First", 10).await;
    let _others = start("Second").await;
    check("Second", 20).await;
}

fn usher(folder: &std::path::Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_usher"))
        .current_dir(folder)
        .args(arguments)
        .finish();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn what_cannot_be_declared_is_refused_in_sentences() {
    let declare = |code_name: &str, name: &str, description: &str, permissions: &str| {
        format!(
            "[[roles]]\ncode_name = {code_name:?}\nname = {name:?}\ndescription = {description:?}\npermissions = {permissions}\n"
        )
    };
    let named = |code_name: &str, name: &str| declare(code_name, name, "", "[]");
    let folder = tempfile::tempdir().unwrap();
    for (roles, sentences) in [
        (
            named("Editor", " "),
            vec!["roles: the name of \"Editor\" must have 1 to 100 characters"],
        ),
        (
            named("Editor", &"x".repeat(101)),
            vec!["roles: the name of \"Editor\" must have 1 to 100 characters"],
        ),
        (
            named("Editor", "See https://x.example/"),
            vec![
                "roles: the name of \"Editor\"",
                "Remove “https://x.example/”",
            ],
        ),
        (
            declare("Editor", "Editor", &"x".repeat(1001), "[]"),
            vec!["roles: the description of \"Editor\" can have 1000 characters"],
        ),
        (
            named("", "Editor") + &named("two words", "Editor") + &named(&"x".repeat(101), "x"),
            vec![
                "roles: the code name \"\" must have 1 to 100 characters: letters from A to Z",
                "roles: the code name \"two words\" must",
                "roles: the code name \"xxx",
            ],
        ),
        (
            named("Editor", "One") + &named("EDITOR", "Two"),
            vec!["roles: the code name \"EDITOR\" is already in use"],
        ),
        (
            named("administrator", "Administrator"),
            vec!["roles: the code name \"administrator\" is the built-in role's"],
        ),
        (
            declare(
                "Editor",
                "Editor",
                "",
                "[\"users.fly\", \"users.view\", \"\"]",
            ),
            vec![
                "roles: \"Editor\" grants \"users.fly\", which no application declares",
                "roles: \"Editor\" grants \"\", which no application declares",
            ],
        ),
        (
            "[[applications]]\ncode = \"a b\"\nname = \"A\"\nactions = [\"view\"]\n".to_owned()
                + &declare("Editor", "", "", "[\"a b.view\"]"),
            vec![
                "applications: the code \"a b\"",
                "roles: the name of \"Editor\"",
            ],
        ),
        (
            "[[roles]]\ncode_name = \"Editor\"\nname = \"Editor\"\n".to_owned(),
            vec!["permissions", "missing"],
        ),
        (
            named("Editor", "Editor") + "codename = \"x\"\n",
            vec!["codename", "unknown key"],
        ),
    ] {
        std::fs::write(folder.path().join("usher.toml"), &roles).unwrap();
        for command in [&["serve"][..], &["config", "check"], &["doctor"]] {
            let (is_fine, said) = usher(folder.path(), command);
            assert!(!is_fine, "{command:?} {roles}: {said}");
            for sentence in &sentences {
                assert!(said.contains(sentence), "{command:?} {roles}: {said}");
            }
            assert_eq!(
                said.matches("no application declares").count(),
                sentences
                    .join("")
                    .matches("no application declares")
                    .count(),
                "{said}"
            );
        }
    }
    assert!(
        !folder.path().join("usher.db").exists(),
        "nothing was begun"
    );
}

#[tokio::test]
async fn a_change_of_the_declaration_needs_a_restart_which_reading_it_again_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("usher.toml");
    let declare = |applications: &str, name: &str| {
        let mail = "[mail]\ntransport = \"file\"\n";
        std::fs::write(
            &file,
            format!(
                "{mail}{applications}{}",
                EDITOR.replace("Content editor", name)
            ),
        )
        .unwrap();
    };
    declare(APPLICATIONS, "One");
    let (is_fine, shown) = usher(folder.path(), &["config", "show"]);
    assert!(is_fine && shown.contains("name = \"One\""), "{shown}");
    assert!(!shown.contains("****\""), "{shown}");
    let server = Binary::start(folder.path(), &[]);
    declare("", "Two");
    server.signal("HUP");
    server
        .logs("the settings stay as they were: roles: \"ContentEditor\" grants \"content-hub.update\"")
        .await;
    declare(APPLICATIONS, "Two");
    server.signal("HUP");
    server
        .logs("these keys need a restart, the others are in force keys=\"roles\"")
        .await;
    server.stop();
}
