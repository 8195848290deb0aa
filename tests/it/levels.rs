//! Lists ask the database once for each level of what is selected, whatever the size of the page.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Client, TestServer};

/// How deep the selections go. Deeper ones would be refused as too large.
const DEPTH: usize = 2;

/// The schema's types by their names, from introspection.
struct Types(BTreeMap<String, Value>);

impl Types {
    async fn of(client: &Client) -> Self {
        let document = "{ __schema { types { name kind fields { name args { name }
            type { name kind ofType { name kind ofType { name kind ofType { name kind } } } } } } } }";
        let answer = client.run(document).await;
        let types = answer.data()["__schema"]["types"]
            .as_array()
            .unwrap()
            .clone();
        let named = types.into_iter().map(|type_| {
            let name = type_["name"].as_str().unwrap().to_owned();
            (name, type_)
        });
        Self(named.collect())
    }

    /// Everything that can be selected from a type. Left out are pages within pages, which take arguments:
    /// each of them is a list of its own.
    fn everything(&self, of: &str, depth: usize, except: &[&str]) -> String {
        let mut selected = String::from("{ __typename ");
        for field in self.0[of]["fields"].as_array().unwrap() {
            if field["args"]
                .as_array()
                .is_some_and(|args| !args.is_empty())
            {
                continue;
            }
            let name = field["name"].as_str().unwrap();
            if except.contains(&name) {
                continue;
            }
            let (type_, kind) = innermost(&field["type"]);
            match kind {
                "OBJECT" if depth > 0 => {
                    selected += &format!("{name} {} ", self.everything(type_, depth - 1, except));
                }
                "OBJECT" => {}
                "INTERFACE" => selected += &format!("{name} {{ __typename id }} "),
                _ => selected += &format!("{name} "),
            }
        }
        selected + "}"
    }
}

fn innermost(type_: &Value) -> (&str, &str) {
    match type_.get("ofType") {
        Some(inner) if !inner.is_null() => innermost(inner),
        _ => (
            type_["name"].as_str().unwrap(),
            type_["kind"].as_str().unwrap(),
        ),
    }
}

/// How often each statement is asked for the document, whatever its parameters. The least of several runs,
/// since workers ask in the meantime.
async fn asked(server: &TestServer, client: &Client, document: &str) -> BTreeMap<String, usize> {
    let app = &server.server.app;
    let mut least: Option<BTreeMap<String, usize>> = None;
    for _ in 0..3 {
        app.db.take_asked();
        let answer = client.run(document).await;
        let errors = &answer.body["errors"];
        assert!(errors.is_null(), "{errors:#}");
        let mut counts = BTreeMap::new();
        for statement in app.db.take_asked() {
            // However many keys are looked for, it is one statement.
            let (mut words, mut inside) = (Vec::new(), false);
            for word in statement.sql.split(' ') {
                inside |= word.contains("(?") || word.contains("($");
                if !inside {
                    words.push(word);
                }
                inside &= !word.contains(')');
            }
            *counts.entry(words.join(" ")).or_default() += 1;
        }
        if let Some(before) = &least {
            counts.retain(|statement, _| before.contains_key(statement));
            for (statement, count) in &mut counts {
                *count = before[statement].min(*count);
            }
        }
        least = Some(counts);
    }
    least.unwrap()
}

#[tokio::test]
async fn lists_ask_once_a_level_whatever_is_selected() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let permissions = [
        "users.view",
        "users.delete",
        "users.create",
        "roles.view",
        "roles.delete",
        "email-queue.view",
        "email-queue.view-sensitive",
        "event-log.view",
    ];
    // Not an administrator, who may do everything without being asked what.
    let manager = server
        .user_with(&administrator, "manager@kbank.com", &permissions)
        .await;
    for number in 0..12 {
        let role = server
            .role(&administrator, &format!("Role {number}"), &["users.view"])
            .await;
        let email = format!("person{number}@kbank.com");
        let (_, token) = server.invite(&manager, &email, &role).await;
        if number % 2 == 0 {
            server.accept(&token).await;
            let input = json!({ "email": email });
            administrator
                .mutate("requestPasswordReset", input, "")
                .await;
            server.inbox.next().await;
        }
    }
    server.all_sent(&administrator).await;
    let types = Types::of(&administrator).await;
    for (list, node) in [
        ("users", "User"),
        ("invitations", "Invitation"),
        ("emails", "Email"),
        ("roles", "Role"),
        ("events", "Event"),
    ] {
        let everything = types.everything(node, DEPTH, &["sessions"]);
        for client in [&administrator, &manager] {
            let page =
                |first: usize| format!("{{ {list}(first: {first}) {{ nodes {everything} }} }}");
            let few = asked(&server, client, &page(6)).await;
            let many = asked(&server, client, &page(10)).await;
            assert!(few.len() > 1, "{few:#?}");
            // Whether there is anything to ask at all may depend on the rows.
            for (statement, count) in &many {
                let before = few.get(statement).copied().unwrap_or(1);
                assert!(*count <= before, "{list}: {count} times: {statement}");
            }
        }
    }
    // The largest page, with all but the longest of what leads on, is no larger than a request may be.
    for (list, node) in [("users", "User"), ("emails", "Email")] {
        let everything = types.everything(node, 1, &["sessions"]);
        let document = format!("{{ {list}(first: 100) {{ nodes {everything} }} }}");
        let statements: usize = asked(&server, &administrator, &document)
            .await
            .values()
            .sum();
        assert!(statements < 25, "{list}: {statements}");
    }
    // Who may do nothing learns so without a question about those who hold the same roles.
    let nobody = server
        .user_with(&administrator, "nobody@kbank.com", &[])
        .await;
    let own = "{ viewer { roles { viewerCan { update delete assign } } } }";
    let statements = asked(&server, &nobody, own).await;
    assert!(
        !statements.keys().any(|sql| sql.contains("holder")),
        "{statements:#?}"
    );
    // A user may have many sessions, so that few users' fit into an answer.
    let page = |first: usize| {
        format!("{{ users(first: {first}) {{ nodes {{ sessions {{ id user {{ id }} }} }} }} }}")
    };
    let few = asked(&server, &administrator, &page(4)).await;
    let many = asked(&server, &administrator, &page(10)).await;
    assert_eq!(few, many);
    let ids = administrator.run("{ users { nodes { id } } }").await;
    let ids: Vec<Value> = ids.data()["users"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].clone())
        .collect();
    let nodes = |ids: &[Value]| format!("{{ nodes(ids: {}) {{ id }} }}", json!(ids));
    let few = asked(&server, &administrator, &nodes(&ids[..2])).await;
    let many = asked(&server, &administrator, &nodes(&ids)).await;
    assert_eq!(few, many);
}
