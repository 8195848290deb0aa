//! Users by what they may do, hold and are called, through the filters that administrators need most.

use serde_json::{Value, json};

use super::people;
use crate::support::{Client, TestServer};

async fn found(client: &Client, filter: Value) -> Vec<String> {
    let by_email = json!({ "field": "EMAIL", "direction": "ASC" });
    super::emails(client, json!({ "filter": filter, "orderBy": by_email })).await
}

#[tokio::test]
async fn users_are_found_by_what_they_may_do_and_by_all_of_their_roles() {
    let server = TestServer::start().await;
    let administrator = people(&server).await;
    let answer = administrator
        .run("{ roles(filter: { codeNames: [\"Editor\", \"Other\"] }) { nodes { id } } }")
        .await;
    let nodes = &answer.data()["roles"]["nodes"];
    let (editor, other) = (&nodes[0]["id"], &nodes[1]["id"]);
    let bob = administrator
        .run("{ user(email: \"bob@kbank.com\") { id } }")
        .await;
    let bob = bob.data()["user"]["id"].clone();
    let input = json!({ "id": bob, "roleIds": [editor, other] });
    administrator
        .mutate("updateUser", input, "user { id }")
        .await;
    for (filter, expected) in [
        // Those who have signed up; the invited ones may do nothing yet.
        (
            json!({ "permission": "content-hub.view" }),
            vec!["admin@example.com", "dave@kbank.com", "zoe@kbank.com"],
        ),
        (
            json!({ "permission": "users.delete" }),
            vec!["admin@example.com"],
        ),
        (json!({ "permission": "no.such" }), vec![]),
        (
            json!({ "hasAllRoleIds": [other, editor, other] }),
            vec!["bob@kbank.com"],
        ),
        (json!({ "hasAllRoleIds": [editor, "rubbish"] }), vec![]),
        (
            json!({ "hasAllRoleIds": [editor] }),
            vec![
                "bob@kbank.com",
                "carol@kbank.com",
                "dave@kbank.com",
                "zoe@kbank.com",
            ],
        ),
        (json!({ "withoutRoles": true }), vec![]),
        (
            json!({ "emails": ["ZOE@KBANK.com", "nobody@kbank.com", "rubbish", "\0"] }),
            vec!["zoe@kbank.com"],
        ),
        (json!({ "emails": [] }), vec![]),
        (json!({ "invitedById": bob }), vec![]),
        (
            json!({ "updatedAfter": "2020-01-01T00:00:00Z", "search": "zoe" }),
            vec!["zoe@kbank.com"],
        ),
        (json!({ "updatedAfter": "2120-01-01T00:00:00Z" }), vec![]),
    ] {
        assert_eq!(
            found(&administrator, filter.clone()).await,
            expected,
            "{filter}"
        );
    }
    let all = found(&administrator, json!({})).await;
    assert_eq!(
        found(&administrator, json!({ "withoutRoles": false })).await,
        all
    );
    assert_eq!(
        found(&administrator, json!({ "hasAllRoleIds": [] })).await,
        all
    );
    let invited = json!({ "invitedById": administrator.id });
    assert_eq!(found(&administrator, invited).await, all[1..]);

    let input = json!({ "id": editor, "force": true });
    administrator.mutate("deleteRole", input, "").await;
    let without = ["carol@kbank.com", "dave@kbank.com", "zoe@kbank.com"];
    assert_eq!(
        found(&administrator, json!({ "withoutRoles": true })).await,
        without
    );
}

#[tokio::test]
async fn users_are_sorted_by_status_and_by_their_last_change() {
    let server = TestServer::start().await;
    let administrator = people(&server).await;
    for field in ["STATUS", "UPDATED_AT"] {
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let document = "query($orderBy: UserOrder, $after: String) {
                users(first: 3, orderBy: $orderBy, after: $after) {
                    nodes { email status updatedAt } pageInfo { hasNextPage endCursor }
                }
            }";
            let order = json!({ "field": field, "direction": "ASC" });
            let answer = administrator
                .run_with(document, json!({ "orderBy": order, "after": after }))
                .await;
            let users = &answer.data()["users"];
            seen.extend(users["nodes"].as_array().unwrap().clone());
            if users["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = users["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(seen.len(), 11);
        if field == "STATUS" {
            let active = seen
                .iter()
                .position(|user| user["status"] == "ACTIVE")
                .unwrap();
            assert!(
                seen[..active]
                    .iter()
                    .all(|user| user["status"] == "INVITED")
            );
            assert!(seen[active..].iter().all(|user| user["status"] == "ACTIVE"));
        } else {
            let times: Vec<&str> = seen
                .iter()
                .map(|user| user["updatedAt"].as_str().unwrap())
                .collect();
            assert!(times.is_sorted(), "{times:?}");
        }
    }
}

#[tokio::test]
async fn a_user_is_found_by_exactly_one_of_id_and_address() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let document =
        "query($id: ID, $email: EmailAddress) { user(id: $id, email: $email) { email } }";
    for variables in [
        json!({ "id": administrator.id }),
        json!({ "email": " ADMIN@example.com " }),
    ] {
        let answer = administrator.run_with(document, variables).await;
        assert_eq!(answer.data()["user"]["email"], "admin@example.com");
    }
    for email in [
        "",
        "nobody@kbank.com",
        "%",
        "admin@example.co_",
        "\0",
        &"a".repeat(10_000),
    ] {
        let answer = administrator
            .run_with(document, json!({ "email": email }))
            .await;
        assert_eq!(answer.data()["user"], Value::Null, "{email:?}");
    }
    for variables in [
        json!({}),
        json!({ "id": null, "email": null }),
        json!({ "id": administrator.id, "email": "admin@example.com" }),
    ] {
        let answer = administrator.run_with(document, variables).await;
        assert_eq!(answer.code(), "BAD_REQUEST");
        assert_eq!(
            answer.message(),
            "Provide either `id` or `email`: exactly one of them."
        );
    }
    let document = "query($filter: UserFilter) { users(filter: $filter) { totalCount } }";
    for filter in [
        json!({ "emails": vec!["a@kbank.com"; 101] }),
        json!({ "hasAllRoleIds": vec!["role"; 101] }),
    ] {
        let answer = administrator
            .run_with(document, json!({ "filter": filter }))
            .await;
        assert_eq!(answer.code(), "BAD_REQUEST");
    }
}
