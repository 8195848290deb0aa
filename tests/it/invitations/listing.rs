//! Lists of invitations: pages, filters, orders, and what they cost.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, TestServer};

const LIST: &str =
    "query($filter: InvitationFilter, $orderBy: InvitationOrder, $first: Int, $after: String) {
    invitations(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
        totalCount nodes { email } pageInfo { hasNextPage endCursor }
    }
}";

/// Somebody of each state, an hour apart, beside the administrator, who has accepted theirs. Zoë's was sent
/// again, by another.
async fn people(server: &TestServer) -> (Client, Client) {
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let inviting = ["users.create", "content-hub.view"];
    let other = server
        .user_with(&administrator, "other@kbank.com", &inviting)
        .await;
    let mut zoe = Value::Null;
    for (email, last) in [
        ("zoe@kbank.com", "Żółw"),
        ("accepted@kbank.com", "100%"),
        ("revoked@kbank.com", "eve_1"),
        ("pending@kbank.com", "evex1"),
    ] {
        server.advance(Duration::from_secs(3600));
        let input = json!({ "email": email, "lastName": last, "roleIds": [role] });
        let payload = administrator
            .mutate("inviteUser", input, "user { id }")
            .await;
        let received = server.inbox.next().await;
        let user = json!({ "userId": payload["user"]["id"] });
        match email {
            "accepted@kbank.com" => {
                server.accept(&crate::support::token_in(&received)).await;
            }
            "revoked@kbank.com" => {
                administrator.mutate("revokeInvitation", user, "").await;
            }
            "zoe@kbank.com" => zoe = user,
            _ => {}
        }
    }
    server.advance(Duration::from_secs(3600));
    other.mutate("resendInvitation", zoe, "").await;
    server.inbox.next().await;
    server.all_sent(&administrator).await;
    (administrator, other)
}

async fn found(client: &Client, filter: Value) -> Vec<String> {
    let answer = client.run_with(LIST, json!({ "filter": filter })).await;
    let list = &answer.data()["invitations"];
    let emails = emails(list);
    assert_eq!(list["totalCount"], emails.len(), "{filter}");
    emails
}

fn emails(list: &Value) -> Vec<String> {
    let nodes = list["nodes"].as_array().unwrap().iter();
    let email = |node: &Value| node["email"].as_str().unwrap().replace("@kbank.com", "");
    nodes.map(email).collect()
}

#[tokio::test]
async fn invitations_are_found_by_what_became_of_them_and_by_who_sent_them() {
    let server = TestServer::start().await;
    let (administrator, other) = people(&server).await;
    let answer = administrator
        .run("{ user(email: \"ZOE@KBank.com\") { id } }")
        .await;
    let zoe = answer.data()["user"]["id"].clone();
    let all = [
        "zoe",
        "pending",
        "revoked",
        "accepted",
        "zoe",
        "other",
        "admin@example.com",
    ];
    for (filter, expected) in [
        (json!({}), all.to_vec()),
        (json!({ "statuses": ["PENDING"] }), vec!["zoe", "pending"]),
        (json!({ "statuses": ["REVOKED"] }), vec!["revoked", "zoe"]),
        (
            json!({ "statuses": ["ACCEPTED", "ACCEPTED"] }),
            vec!["accepted", "other", "admin@example.com"],
        ),
        (json!({ "statuses": [] }), vec![]),
        (json!({ "invitedById": other.id }), vec!["zoe"]),
        (
            json!({ "invitedById": administrator.id, "statuses": ["PENDING"] }),
            vec!["pending"],
        ),
        (json!({ "invitedById": "rubbish" }), vec![]),
        (json!({ "userId": zoe }), vec!["zoe", "zoe"]),
        (
            json!({ "emailStatuses": ["SENT"], "search": "EVE" }),
            vec!["pending", "revoked"],
        ),
        (json!({ "emailStatuses": ["FAILED"] }), vec![]),
        (json!({ "emailStatuses": [] }), vec![]),
        (json!({ "search": "żół" }), vec!["zoe", "zoe"]),
        (json!({ "search": "eve_1" }), vec!["revoked"]),
        (json!({ "search": "%" }), vec!["accepted"]),
        (json!({ "search": "  " }), all.to_vec()),
        (json!({ "search": "\0" }), vec![]),
        (json!({ "search": "k".repeat(200) }), vec![]),
        (json!({ "expiresBefore": "2020-01-01T00:00:00Z" }), vec![]),
        (
            json!({ "createdAfter": "2020-01-01T00:00:00Z" }),
            all.to_vec(),
        ),
    ] {
        assert_eq!(
            found(&administrator, filter.clone()).await,
            expected,
            "{filter}"
        );
    }
    server.advance(Duration::from_secs(400 * 24 * 3600));
    let administrator = server.sign_in("admin@example.com").await;
    let expired = json!({ "statuses": ["EXPIRED"] });
    assert_eq!(found(&administrator, expired).await, ["zoe", "pending"]);
}

#[tokio::test]
async fn a_list_is_read_page_by_page_in_either_order() {
    let server = TestServer::start().await;
    let (administrator, _) = people(&server).await;
    let whole = found(&administrator, json!({})).await;
    for (field, direction) in [
        ("CREATED_AT", "DESC"),
        ("CREATED_AT", "ASC"),
        ("EXPIRES_AT", "DESC"),
        ("EXPIRES_AT", "ASC"),
    ] {
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let variables = json!({
                "orderBy": { "field": field, "direction": direction }, "first": 2, "after": after
            });
            let answer = administrator.run_with(LIST, variables).await;
            let list = &answer.data()["invitations"];
            seen.extend(emails(list));
            if list["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = list["pageInfo"]["endCursor"].clone();
        }
        if direction == "ASC" {
            seen.reverse();
        }
        assert_eq!(seen, whole, "{field} {direction}");
    }
}

#[tokio::test]
async fn an_invitation_tells_what_it_gives_and_what_became_of_it() {
    let server = TestServer::start().await;
    let (administrator, _) = people(&server).await;
    let document = "{
        user(email: \"zoe@kbank.com\") { invitations(first: 5) { totalCount nodes {
            email status revokedAt roles { name } invitedBy { email } emails { status textBody }
        } } }
    }";
    let answer = administrator.run(document).await;
    let list = &answer.data()["user"]["invitations"];
    assert_eq!(list["totalCount"], 2);
    let [now, before] = [&list["nodes"][0], &list["nodes"][1]];
    assert_eq!(now["status"], "PENDING");
    assert_eq!(now["revokedAt"], Value::Null);
    assert_eq!(now["roles"], json!([{ "name": "Editor" }]));
    assert_eq!(now["invitedBy"]["email"], "other@kbank.com");
    assert_eq!(now["emails"][0]["status"], "SENT");
    assert!(now["emails"][0]["textBody"].as_str().unwrap().len() > 20);
    assert_eq!(before["status"], "REVOKED");
    assert!(before["revokedAt"].is_string());
    assert_eq!(before["roles"], json!([]));
    assert_eq!(before["invitedBy"]["email"], "admin@example.com");
}

/// However long the page is, it takes the same queries.
#[tokio::test]
async fn what_invitations_lead_to_is_loaded_once_a_page() {
    let server = TestServer::start().await;
    let (administrator, _) = people(&server).await;
    let app = &server.server.app;
    let mut counts = Vec::new();
    for first in [1, 7] {
        let document = format!(
            "{{ invitations(first: {first}) {{ nodes {{
                email user {{ email roles {{ name }} }} roles {{ name }} invitedBy {{ email }}
                emails {{ subject status textBody }}
            }} }} }}"
        );
        app.db.take_asked();
        let answer = administrator.run(&document).await;
        let nodes = answer.data()["invitations"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), first);
        assert!(
            nodes
                .iter()
                .all(|node| node["emails"][0]["textBody"].is_string())
        );
        // What the worker asks in the meantime is another matter.
        let is_of_the_page = |query: &&sea_orm::Statement| {
            let (from, condition) = query.sql.split_once("WHERE").unwrap_or((&query.sql, ""));
            from.contains("users")
                || from.contains("user_roles")
                || condition.contains("invitation")
        };
        counts.push(app.db.take_asked().iter().filter(is_of_the_page).count());
    }
    assert_eq!(counts[0], counts[1]);
    assert!(counts[0] > 2);
}

#[tokio::test]
async fn a_list_of_invitations_is_refused_to_those_who_may_not_see_users_or_who_ask_for_too_much() {
    let server = TestServer::start().await;
    let (administrator, _) = people(&server).await;
    let viewer = server
        .user_with(&administrator, "viewer@kbank.com", &["users.view"])
        .await;
    for (client, filter, code) in [
        (&server.anonymous(), json!({}), "UNAUTHENTICATED"),
        (&viewer, json!({ "emailStatuses": ["SENT"] }), "FORBIDDEN"),
        (
            &viewer,
            json!({ "search": "a".repeat(10_000) }),
            "BAD_REQUEST",
        ),
        (
            &viewer,
            json!({ "statuses": vec!["PENDING"; 101] }),
            "BAD_REQUEST",
        ),
        (
            &administrator,
            json!({ "emailStatuses": vec!["SENT"; 101] }),
            "BAD_REQUEST",
        ),
    ] {
        let answer = client.run_with(LIST, json!({ "filter": filter })).await;
        assert_eq!(answer.code(), code, "{filter}");
    }
    // The e-mails alone are refused; their parent stays.
    let answer = viewer
        .run("{ invitations(first: 1) { nodes { email } } }")
        .await;
    assert_eq!(
        answer.data()["invitations"]["nodes"][0]["email"],
        "viewer@kbank.com"
    );
    // Whoever was invited sees their own history without any permission.
    let nobody = server
        .user_with(&administrator, "nobody@kbank.com", &[])
        .await;
    let answer = nobody
        .run("{ viewer { invitations { nodes { email status } } } }")
        .await;
    assert_eq!(
        answer.data()["viewer"]["invitations"]["nodes"],
        json!([{ "email": "nobody@kbank.com", "status": "ACCEPTED" }])
    );
    assert_eq!(
        nobody.run("{ invitations { totalCount } }").await.code(),
        "FORBIDDEN"
    );
}
