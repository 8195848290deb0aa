//! Lists of users: pages, filters, orders.

mod administration;
mod finding;

use serde_json::{Value, json};

use crate::support::{Client, TestServer};

/// Ten users beside the administrator, some of whom have signed up.
async fn people(server: &TestServer) -> Client {
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Editor", &["content-hub.view"])
        .await;
    let other = server.role(&administrator, "Other", &[]).await;
    for (index, (email, first, last)) in [
        ("zoe@kbank.com", "Zoë", "Adams"),
        ("bob@kbank.com", "Bob", "Miller"),
        ("carol@kbank.com", "carol", "Miller"),
        ("dave@kbank.com", "", ""),
        ("eve_1@kbank.com", "Eve", "100%"),
        ("evex1@kbank.com", "Eve", "100"),
        ("frank@example.org", "Frank", "O'Neil"),
        ("grace@example.org", "Grace", "!bang"),
        ("heidi@example.org", "Heidi", "Back\\slash"),
        ("ivan@example.org", "Ivan", "Żółw"),
    ]
    .into_iter()
    .enumerate()
    {
        let payload = administrator
            .mutate(
                "inviteUser",
                json!({
                    "email": email, "firstName": first, "lastName": last,
                    "roleIds": [if index < 4 { &role } else { &other }]
                }),
                "user { id }",
            )
            .await;
        assert_eq!(payload["userErrors"], json!([]));
        let received = server.inbox.next().await;
        if index % 3 == 0 {
            server.accept(&crate::support::token_in(&received)).await;
        }
    }
    administrator
}

async fn emails(client: &Client, arguments: Value) -> Vec<String> {
    let answer = client
        .run_with(
            "query($filter: UserFilter, $orderBy: UserOrder, $first: Int) {
                users(filter: $filter, orderBy: $orderBy, first: $first) { totalCount nodes { email } }
            }",
            arguments,
        )
        .await;
    let users = &answer.data()["users"];
    let emails: Vec<String> = users["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["email"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(users["totalCount"], emails.len());
    emails
}

/// Security rule 18.
#[tokio::test]
async fn a_search_takes_its_term_literally_and_in_any_case() {
    let server = TestServer::start().await;
    let administrator = people(&server).await;
    for (search, expected) in [
        ("ZOË", vec!["zoe@kbank.com"]),
        ("miller", vec!["bob@kbank.com", "carol@kbank.com"]),
        ("ŻÓŁ", vec!["ivan@example.org"]),
        ("e_1", vec!["eve_1@kbank.com"]),
        ("100%", vec!["eve_1@kbank.com"]),
        ("%", vec!["eve_1@kbank.com"]),
        ("\\", vec!["heidi@example.org"]),
        ("!", vec!["grace@example.org"]),
        ("o'neil", vec!["frank@example.org"]),
        ("kbank.com zoë", vec![]),
    ] {
        let found = emails(&administrator, json!({ "filter": { "search": search } })).await;
        assert_eq!(found, expected, "{search}");
    }
    let all = emails(&administrator, json!({ "filter": { "search": "  " } })).await;
    assert_eq!(all.len(), 11);
    let long = administrator
        .run_with(
            "query($s: String) { users(filter: { search: $s }) { nodes { id } } }",
            json!({ "s": "x".repeat(201) }),
        )
        .await;
    assert_eq!(long.code(), "BAD_REQUEST");
}

#[tokio::test]
async fn filters_narrow_by_state_and_role() {
    let server = TestServer::start().await;
    let administrator = people(&server).await;
    let roles = administrator
        .run("{ roles { nodes { id codeName users { totalCount nodes { email } } } } }")
        .await;
    let editor = &roles.data()["roles"]["nodes"][1];
    assert_eq!(editor["codeName"], "Editor");
    assert_eq!(editor["users"]["totalCount"], 4);

    let active = emails(
        &administrator,
        json!({ "filter": { "statuses": ["ACTIVE"] } }),
    )
    .await;
    assert_eq!(active.len(), 5);
    let none = emails(
        &administrator,
        json!({ "filter": { "statuses": ["DEACTIVATED"] } }),
    )
    .await;
    assert_eq!(none, [""; 0]);
    let none = emails(&administrator, json!({ "filter": { "statuses": [] } })).await;
    assert_eq!(none, [""; 0]);
    let editors = emails(
        &administrator,
        json!({ "filter": { "roleIds": [editor["id"], "rubbish"], "statuses": ["INVITED"] } }),
    )
    .await;
    assert_eq!(editors, ["bob@kbank.com", "carol@kbank.com"]);
    let nobody = emails(
        &administrator,
        json!({ "filter": { "roleIds": ["rubbish"] } }),
    )
    .await;
    assert_eq!(nobody, [""; 0]);
}

/// Walks a list page by page, forwards or backwards, and returns it in its order.
async fn walk(client: &Client, order: &Value, size: u32, backwards: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let arguments = if backwards {
            json!({ "last": size, "before": cursor, "orderBy": order })
        } else {
            json!({ "first": size, "after": cursor, "orderBy": order })
        };
        let answer = client
            .run_with(
                "query($first: Int, $after: String, $last: Int, $before: String, $orderBy: UserOrder) {
                    users(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
                        edges { cursor node { email } }
                        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
                    }
                }",
                arguments,
            )
            .await;
        let users = &answer.data()["users"];
        let edges = users["edges"].as_array().unwrap();
        let page: Vec<String> = edges
            .iter()
            .map(|edge| edge["node"]["email"].as_str().unwrap().to_owned())
            .collect();
        let info = &users["pageInfo"];
        assert_eq!(info["startCursor"], edges[0]["cursor"]);
        assert_eq!(info["endCursor"], edges[edges.len() - 1]["cursor"]);
        let (more, next) = if backwards {
            assert_eq!(info["hasNextPage"], !found.is_empty());
            found.splice(0..0, page);
            (&info["hasPreviousPage"], &info["startCursor"])
        } else {
            assert_eq!(info["hasPreviousPage"], !found.is_empty());
            found.extend(page);
            (&info["hasNextPage"], &info["endCursor"])
        };
        if more == false {
            return found;
        }
        cursor = next.clone();
    }
}

#[tokio::test]
async fn pages_of_every_order_make_up_the_list_in_both_directions() {
    let server = TestServer::start().await;
    let administrator = people(&server).await;
    for field in ["EMAIL", "NAME", "CREATED_AT", "LAST_SIGNED_IN_AT"] {
        let order = |direction| json!({ "field": field, "direction": direction });
        let upwards = emails(
            &administrator,
            json!({ "orderBy": order("ASC"), "first": 100 }),
        )
        .await;
        let mut downwards = emails(
            &administrator,
            json!({ "orderBy": order("DESC"), "first": 100 }),
        )
        .await;
        downwards.reverse();
        assert_eq!(upwards, downwards, "{field}");
        for size in [1, 3, 11] {
            for backwards in [false, true] {
                let walked = walk(&administrator, &order("ASC"), size, backwards).await;
                assert_eq!(walked, upwards, "{field} {size} {backwards}");
            }
        }
        let walked = walk(&administrator, &order("DESC"), 4, false).await;
        assert_eq!(walked.into_iter().rev().collect::<Vec<_>>(), upwards);
    }
    let by_name = emails(&administrator, json!({ "first": 100 })).await;
    assert_eq!(
        by_name[..4],
        [
            "admin@example.com",
            "bob@kbank.com",
            "carol@kbank.com",
            "dave@kbank.com"
        ]
    );
    let by_sign_in =
        json!({ "orderBy": { "field": "LAST_SIGNED_IN_AT", "direction": "DESC" }, "first": 100 });
    let by_sign_in = emails(&administrator, by_sign_in).await;
    assert_eq!(by_sign_in[0], "ivan@example.org");
    assert_eq!(by_sign_in[4], "admin@example.com");
}

#[tokio::test]
async fn rows_that_come_meanwhile_neither_repeat_nor_skip_others() {
    let server = TestServer::start().await;
    let administrator = people(&server).await;
    let order = "orderBy: { field: EMAIL, direction: ASC }";
    let first = administrator
        .run(&format!(
            "{{ users(first: 5, {order}) {{ nodes {{ email }} pageInfo {{ endCursor }} }} }}"
        ))
        .await;
    let users = &first.data()["users"];
    let last_of_first = users["nodes"][4]["email"].as_str().unwrap().to_owned();
    let role = server.role(&administrator, "Newcomer", &[]).await;
    for email in ["aaa@kbank.com", "yyy@kbank.com"] {
        server.invite(&administrator, email, &role).await;
    }
    let second = administrator
        .run_with(
            &format!("query($after: String) {{ users(first: 100, after: $after, {order}) {{ nodes {{ email }} }} }}"),
            json!({ "after": users["pageInfo"]["endCursor"] }),
        )
        .await;
    let rest: Vec<&str> = second.data()["users"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["email"].as_str().unwrap())
        .collect();
    assert_eq!(rest.len(), 7);
    assert!(rest.contains(&"yyy@kbank.com"));
    assert!(rest.iter().all(|email| *email > last_of_first.as_str()));
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let answer = administrator
        .run("{ users(first: 1, orderBy: { field: EMAIL, direction: ASC }) { pageInfo { endCursor } } }")
        .await;
    let by_email = answer.data()["users"]["pageInfo"]["endCursor"].clone();
    for (arguments, complaint) in [
        ("first: 0".to_owned(), "`first` must be between 1 and 100"),
        ("first: 101".to_owned(), "`first` must be between 1 and 100"),
        ("last: -1".to_owned(), "`last` must be between 1 and 100"),
        ("first: 1, last: 1".to_owned(), "not both"),
        ("first: 24, last: 1".to_owned(), "not both"),
        ("after: \"rubbish\"".to_owned(), "`after` is not a cursor"),
        (
            "before: \"WyJ1c2VycyJd\"".to_owned(),
            "`before` is not a cursor",
        ),
        (
            format!("after: {by_email}"),
            "`after` is not a cursor from this list",
        ),
    ] {
        let answer = administrator
            .run(&format!("{{ users({arguments}) {{ nodes {{ id }} }} }}"))
            .await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{arguments}");
        assert!(answer.message().contains(complaint), "{}", answer.message());
    }
    let too_large = administrator
        .run("{ users(first: 99999999999) { nodes { id } } }")
        .await;
    assert_eq!(too_large.code(), "BAD_REQUEST");
}

#[tokio::test]
async fn one_query_shows_users_with_roles_and_invitations() {
    let server = TestServer::start().await;
    let administrator = people(&server).await;
    let answer = administrator
        .run(
            "{ users(first: 100, filter: { search: \"kbank\" }) { nodes {
            email displayName roles { name } invitation { status invitedBy { email } emails { to } }
        } } }",
        )
        .await;
    let dave = &answer.data()["users"]["nodes"][2];
    assert_eq!(
        *dave,
        json!({
            "email": "dave@kbank.com",
            "displayName": "dave@kbank.com",
            "roles": [{ "name": "Editor" }],
            "invitation": {
                "status": "ACCEPTED",
                "invitedBy": { "email": "admin@example.com" },
                "emails": [{ "to": ["dave@kbank.com"] }]
            }
        })
    );
}

/// Input that a database might stumble over is answered like any other.
#[tokio::test]
async fn odd_input_is_no_fault_of_the_server() {
    let server = TestServer::start().await;
    let administrator = people(&server).await;
    // ["users.created","x",…] and ["users.name",1,…]: of the right order, but of the wrong kind.
    for (cursor, order) in [
        (
            "WyJ1c2Vycy5jcmVhdGVkIiwieCIsIjAxODhiYWM3LTRhZmEtNzhhYS1iYzNiLWJkMWVlZjI4ZDg4MSJd",
            "CREATED_AT",
        ),
        (
            "WyJ1c2Vycy5uYW1lIiwxLCIwMTg4YmFjNy00YWZhLTc4YWEtYmMzYi1iZDFlZWYyOGQ4ODEiXQ",
            "NAME",
        ),
    ] {
        let document = format!(
            "{{ users(after: \"{cursor}\", orderBy: {{ field: {order}, direction: ASC }}) {{ nodes {{ id }} }} }}"
        );
        let answer = administrator.run(&document).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{order}");
    }
    for (document, variables) in [
        (
            "query($s: String) { users(filter: { search: $s }) { totalCount } }",
            json!({ "s": "a\u{0}b" }),
        ),
        (
            "query($s: String) { users: emails(filter: { subject: $s, to: $s }) { totalCount } }",
            json!({ "s": "\u{0}" }),
        ),
    ] {
        let answer = administrator.run_with(document, variables).await;
        assert_eq!(answer.data()["users"]["totalCount"], 0, "{document}");
    }
    let answer = administrator
        .run_with(
            "query($s: [UserStatus!], $i: [InvitationStatus!]) { users(filter: { statuses: $s, invitationStatuses: $i }) { totalCount } }",
            json!({ "s": vec!["ACTIVE"; 100], "i": vec!["ACCEPTED"; 100] }),
        )
        .await;
    assert_eq!(answer.data()["users"]["totalCount"], 5);
}
