//! Lists of roles: pages, filters, orders; one role by its ID or its code name.

use serde_json::{Value, json};

use crate::support::{Client, TestServer};

async fn some(server: &TestServer) -> Client {
    let administrator = server.administrator().await;
    server
        .role(&administrator, "Zebra 100%", &["content-hub.view"])
        .await;
    server.role(&administrator, "apple_1", &[]).await;
    server
        .role(&administrator, "Applex1", &["users.view"])
        .await;
    let role = server.role(&administrator, "Żółw", &[]).await;
    server.invite(&administrator, "a@kbank.com", &role).await;
    server.invite(&administrator, "b@kbank.com", &role).await;
    administrator
}

async fn names(client: &Client, arguments: Value) -> Vec<String> {
    let document = "query($filter: RoleFilter, $orderBy: RoleOrder) {
        roles(filter: $filter, orderBy: $orderBy) { totalCount nodes { name } }
    }";
    let answer = client.run_with(document, arguments).await;
    let roles = &answer.data()["roles"];
    let nodes = roles["nodes"].as_array().unwrap();
    assert_eq!(roles["totalCount"], nodes.len());
    let name = |node: &Value| node["name"].as_str().unwrap().to_owned();
    nodes.iter().map(name).collect()
}

#[tokio::test]
async fn roles_are_filtered_and_sorted() {
    let server = TestServer::start().await;
    let administrator = some(&server).await;
    let all = ["Administrator", "Zebra 100%", "apple_1", "Applex1", "Żółw"];
    for (filter, expected) in [
        (json!({}), all.to_vec()),
        (json!({ "search": "APPLE" }), vec!["apple_1", "Applex1"]),
        (json!({ "search": "e_1" }), vec!["apple_1"]),
        (json!({ "search": "%" }), vec!["Zebra 100%"]),
        (json!({ "search": "ŻÓŁ" }), vec!["Żółw"]),
        (json!({ "search": "" }), all.to_vec()),
        (json!({ "search": "\0" }), vec![]),
        (
            json!({ "permission": "users.view" }),
            vec!["Administrator", "Applex1"],
        ),
        (json!({ "permission": "no.such" }), vec![]),
        (
            json!({ "codeNames": ["ADMINISTRATOR", "nobody"] }),
            vec!["Administrator"],
        ),
        (json!({ "codeNames": [] }), vec![]),
    ] {
        let found = names(&administrator, json!({ "filter": filter })).await;
        assert_eq!(found, expected, "{filter}");
    }
    let by_name = json!({ "orderBy": { "field": "NAME", "direction": "ASC" } });
    let found = names(&administrator, by_name).await;
    assert_eq!(
        found,
        ["Administrator", "apple_1", "Applex1", "Zebra 100%", "Żółw"]
    );
    let newest = json!({ "orderBy": { "field": "UPDATED_AT", "direction": "DESC" } });
    assert_eq!(names(&administrator, newest).await[0], "Żółw");
    for filter in [
        json!({ "search": "a".repeat(10_000) }),
        json!({ "codeNames": vec!["a"; 101] }),
    ] {
        let document = "query($filter: RoleFilter) { roles(filter: $filter) { totalCount } }";
        let answer = administrator
            .run_with(document, json!({ "filter": filter }))
            .await;
        assert_eq!(answer.code(), "BAD_REQUEST");
    }
}

#[tokio::test]
async fn pages_of_roles_follow_each_other_from_either_end() {
    let server = TestServer::start().await;
    let administrator = some(&server).await;
    for direction in ["ASC", "DESC"] {
        let order = json!({ "field": "NAME", "direction": direction });
        let whole = names(&administrator, json!({ "orderBy": order })).await;
        for (size, place) in [("first", "after"), ("last", "before")] {
            let document = format!(
                "query($order: RoleOrder, $place: String) {{
                    roles({size}: 2, {place}: $place, orderBy: $order) {{
                        nodes {{ name }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
                    }}
                }}"
            );
            let (mut seen, mut at) = (Vec::new(), Value::Null);
            loop {
                let variables = json!({ "order": order, "place": at });
                let answer = administrator.run_with(&document, variables).await;
                let page = &answer.data()["roles"];
                let nodes = page["nodes"].as_array().unwrap().iter();
                let page_names: Vec<String> = nodes
                    .map(|node| node["name"].as_str().unwrap().to_owned())
                    .collect();
                let info = &page["pageInfo"];
                let (has_more, next) = if size == "first" {
                    seen.extend(page_names);
                    (&info["hasNextPage"], &info["endCursor"])
                } else {
                    seen.splice(0..0, page_names);
                    (&info["hasPreviousPage"], &info["startCursor"])
                };
                if has_more == false {
                    break;
                }
                at = next.clone();
            }
            assert_eq!(seen, whole, "{direction} {size}");
        }
    }
}

#[tokio::test]
async fn a_role_is_found_by_exactly_one_of_id_and_code_name() {
    let server = TestServer::start().await;
    let administrator = some(&server).await;
    let document =
        "query($id: ID, $codeName: String) { role(id: $id, codeName: $codeName) { id name } }";
    let by_name = administrator
        .run_with(document, json!({ "codeName": "aDMINISTRATOR" }))
        .await;
    let role = by_name.data()["role"].clone();
    assert_eq!(role["name"], "Administrator");
    let by_id = administrator
        .run_with(document, json!({ "id": role["id"] }))
        .await;
    assert_eq!(by_id.data()["role"], role);
    for name in ["", "nobody", "%", "\0", &"a".repeat(10_000)] {
        let answer = administrator
            .run_with(document, json!({ "codeName": name }))
            .await;
        assert_eq!(answer.data()["role"], Value::Null);
    }
    for variables in [
        json!({}),
        json!({ "id": role["id"], "codeName": "Administrator" }),
    ] {
        let answer = administrator.run_with(document, variables).await;
        assert_eq!(answer.code(), "BAD_REQUEST");
        assert_eq!(
            answer.message(),
            "Provide either `id` or `codeName`: exactly one of them."
        );
    }
}

#[tokio::test]
async fn the_users_of_a_page_of_roles_are_counted_at_once() {
    let server = TestServer::start().await;
    let administrator = some(&server).await;
    let app = &server.server.app;
    let mut asked = Vec::new();
    for first in [1, 5] {
        let document = format!("{{ roles(first: {first}) {{ nodes {{ name userCount }} }} }}");
        app.db.take_asked();
        let answer = administrator.run(&document).await;
        let counts = |query: &&sea_orm::Statement| {
            query.sql.contains("GROUP BY") && query.sql.contains("user_roles")
        };
        asked.push(app.db.take_asked().iter().filter(counts).count());
        let nodes = answer.data()["roles"]["nodes"].as_array().unwrap();
        if first == 5 {
            let counts: Vec<&Value> = nodes.iter().map(|node| &node["userCount"]).collect();
            assert_eq!(counts, [1, 0, 0, 0, 2]);
        }
    }
    assert_eq!(asked, [1, 1]);
    // Who may not see users sees the roles all the same.
    let viewer = server
        .user_with(&administrator, "viewer@kbank.com", &["roles.view"])
        .await;
    let answer = viewer
        .run("{ roles(first: 1) { nodes { name userCount } } }")
        .await;
    assert_eq!(answer.code(), "FORBIDDEN");
    let node = &answer.body["data"]["roles"]["nodes"][0];
    assert_eq!(node["name"], "Administrator");
    assert_eq!(node["userCount"], Value::Null);
}

#[tokio::test]
async fn the_users_of_a_role_are_filtered_and_sorted() {
    let server = TestServer::start().await;
    let administrator = some(&server).await;
    let document =
        "query($filter: UserFilter, $orderBy: UserOrder) { roles(filter: { search: \"żółw\" }) {
        nodes { users(filter: $filter, orderBy: $orderBy) { totalCount nodes { email } } }
    } }";
    let by_email = json!({ "field": "EMAIL", "direction": "DESC" });
    for (filter, expected) in [
        (Value::Null, vec!["b@kbank.com", "a@kbank.com"]),
        (json!({ "search": "A@" }), vec!["a@kbank.com"]),
        (json!({ "search": "admin" }), vec![]),
        (json!({ "permission": "content-hub.view" }), vec![]),
    ] {
        let variables = json!({ "filter": filter, "orderBy": by_email });
        let answer = administrator.run_with(document, variables).await;
        let users = &answer.data()["roles"]["nodes"][0]["users"];
        let nodes = users["nodes"].as_array().unwrap();
        let emails: Vec<&str> = nodes
            .iter()
            .map(|user| user["email"].as_str().unwrap())
            .collect();
        assert_eq!(emails, expected, "{filter}");
        assert_eq!(users["totalCount"], expected.len());
    }
}
