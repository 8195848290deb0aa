//! Part of an answer is refused: the rest comes whole, and says what is missing and why.

use serde_json::{Value, json};

use crate::support::TestServer;

/// The codes, permissions and paths of an answer's errors, sorted.
fn refusals(body: &Value) -> Vec<String> {
    let errors = body["errors"].as_array().into_iter().flatten();
    let mut refusals: Vec<_> = errors
        .map(|error| {
            let path: Vec<_> = error["path"]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part.as_str().map_or("*".to_owned(), str::to_owned))
                .collect();
            let permission = error["extensions"]["permission"].as_str().unwrap();
            format!("{permission} {}", path.join("."))
        })
        .collect();
    refusals.sort();
    refusals.dedup();
    refusals
}

#[tokio::test]
async fn whoever_may_not_see_all_of_a_list_sees_the_rest_of_it() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let auditor = server
        .user_with(&administrator, "auditor@kbank.com", &["users.view"])
        .await;
    let answer = auditor
        .run(
            "{ users(orderBy: { field: EMAIL, direction: ASC }) { nodes {
                email events { totalCount } invitation { status emails { status } }
                roles { name unknownPermissions users { totalCount } }
            } } }",
        )
        .await;
    let role = |name: &str| json!([{ "name": name, "unknownPermissions": null, "users": { "totalCount": 1 } }]);
    let user = |email: &str, role: Value| {
        json!({
            "email": email, "events": null, "invitation": { "status": "ACCEPTED", "emails": null },
            "roles": role,
        })
    };
    assert_eq!(
        answer.body["data"]["users"]["nodes"],
        json!([
            user("admin@example.com", role("Administrator")),
            user("auditor@kbank.com", role("auditor@kbank.com")),
        ])
    );
    assert_eq!(
        refusals(&answer.body),
        [
            "email-queue.view users.nodes.*.invitation.emails",
            "event-log.view users.nodes.*.events",
            "roles.view users.nodes.*.roles.*.unknownPermissions",
        ]
    );
    let reader = server
        .user_with(&administrator, "reader@kbank.com", &["roles.view"])
        .await;
    let answer = reader
        .run("{ roles { nodes { codeName unknownPermissions users { totalCount } } } }")
        .await;
    let nodes = answer.body["data"]["roles"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    for role in nodes {
        assert_eq!(role["users"], Value::Null);
        assert_eq!(role["unknownPermissions"], json!([]));
    }
    assert_eq!(refusals(&answer.body), ["users.view roles.nodes.*.users"]);
    // Each is recorded once, however many rows there were.
    let recorded = administrator
        .run("{ events(filter: { actions: [PERMISSION_REFUSED] }) { nodes { actorLabel subjectLabel } } }")
        .await;
    let mut recorded: Vec<_> = recorded.data()["events"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let of = |field: &str| event[field].as_str().unwrap().to_owned();
            (of("actorLabel"), of("subjectLabel"))
        })
        .collect();
    recorded.sort();
    let expected = [
        ("auditor@kbank.com", "email-queue.view"),
        ("auditor@kbank.com", "event-log.view"),
        ("auditor@kbank.com", "roles.view"),
        ("reader@kbank.com", "users.view"),
    ];
    assert_eq!(
        recorded,
        expected.map(|(actor, subject)| (actor.to_owned(), subject.to_owned()))
    );
}
