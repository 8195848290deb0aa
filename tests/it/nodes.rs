//! Anything by its identifier.

use serde_json::{Value, json};

use crate::support::TestServer;

#[tokio::test]
async fn every_node_is_found_by_its_id() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let answer = administrator
        .run("{ viewer { id roles { id } invitation { id emails { id } } } sessions { id } }")
        .await;
    let viewer = &answer.data()["viewer"];
    let all = json!([
        viewer["id"],
        viewer["roles"][0]["id"],
        viewer["invitation"]["id"],
        viewer["invitation"]["emails"][0]["id"],
        answer.data()["sessions"][0]["id"],
        "user_01h2xcejqtf2nbrexx3vqjhp41",
        "rubbish",
        "",
    ]);
    let nodes = administrator
        .run_with(
            "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
            json!({ "ids": all }),
        )
        .await;
    let nodes = nodes.data()["nodes"].as_array().unwrap();
    let names = ["User", "Role", "Invitation", "Email", "Session"];
    for (index, name) in names.into_iter().enumerate() {
        assert_eq!(
            nodes[index],
            json!({ "__typename": name, "id": all[index] })
        );
        let node = administrator
            .run_with(
                "query($id: ID!) { node(id: $id) { __typename id } }",
                json!({ "id": all[index] }),
            )
            .await;
        assert_eq!(node.data()["node"], nodes[index]);
    }
    assert_eq!(nodes[5..], [Value::Null, Value::Null, Value::Null]);
    let many = vec!["rubbish"; 101];
    let answer = administrator
        .run_with(
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({ "ids": many }),
        )
        .await;
    assert_eq!(answer.code(), "BAD_REQUEST");
}

#[tokio::test]
async fn an_id_of_another_type_is_nothing_in_a_query() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let answer = administrator
        .run_with(
            "query($user: ID!, $role: ID!) { a: user(id: $role) { id } b: role(id: $user) { id } c: email(id: $user) { id } }",
            json!({ "user": administrator.id, "role": role }),
        )
        .await;
    assert_eq!(*answer.data(), json!({ "a": null, "b": null, "c": null }));
}

/// Whether a thing exists cannot be told without the permission to see it.
#[tokio::test]
async fn without_permission_only_what_is_ones_own_is_found() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let answer = administrator
        .run("{ viewer { id roles { id } invitation { id emails { id } } } sessions { id } }")
        .await;
    let theirs = answer.data().clone();
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &["content-hub.view"])
        .await;
    let own = laura
        .run("{ viewer { id roles { id name permissions } invitation { id status } } sessions { id } }")
        .await;
    let own = own.data();
    let node = async |id: &Value| {
        laura
            .run_with(
                "query($id: ID!) { node(id: $id) { id } }",
                json!({ "id": id }),
            )
            .await
    };
    for id in [
        &own["viewer"]["id"],
        &own["viewer"]["roles"][0]["id"],
        &own["viewer"]["invitation"]["id"],
        &own["sessions"][0]["id"],
    ] {
        assert_eq!(node(id).await.data()["node"]["id"], *id);
    }
    for (id, permission) in [
        (theirs["viewer"]["id"].clone(), "users.view"),
        (json!("user_01h2xcejqtf2nbrexx3vqjhp41"), "users.view"),
        (theirs["viewer"]["roles"][0]["id"].clone(), "roles.view"),
        (json!("role_01h2xcejqtf2nbrexx3vqjhp41"), "roles.view"),
        (theirs["viewer"]["invitation"]["id"].clone(), "users.view"),
        (json!("invitation_01h2xcejqtf2nbrexx3vqjhp41"), "users.view"),
        (
            theirs["viewer"]["invitation"]["emails"][0]["id"].clone(),
            "email-queue.view",
        ),
        (
            json!("email_01h2xcejqtf2nbrexx3vqjhp41"),
            "email-queue.view",
        ),
        (theirs["sessions"][0]["id"].clone(), "users.view"),
        (json!("session_01h2xcejqtf2nbrexx3vqjhp41"), "users.view"),
    ] {
        let answer = node(&id).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{id}");
        assert_eq!(
            answer.body["errors"][0]["extensions"]["permission"],
            permission
        );
    }
}
