//! The operations that are measured, and what makes an answer right.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::http::request;
use crate::world::{PASSWORD, World};

/// The name of the operation that others are compared with: all guards, and nearly no work.
pub const REFERENCE: &str = "viewer";

/// An operation, ready to be sent.
pub struct Operation {
    pub name: String,
    pub requests: Requests,
}

/// What is sent, and what has to come back.
pub enum Requests {
    /// One after the other, again and again; each with the answer that it got when it was looked at.
    Repeated(Vec<(Vec<u8>, Vec<u8>)>),
    /// A new one each time, by number; its answer holds no errors.
    Made(Box<dyn Fn(u64) -> Vec<u8>>),
    /// One whose answer changes with the time; it holds no errors.
    Timed(Vec<u8>),
}

impl Requests {
    /// The request of that number.
    pub fn get(&self, number: u64) -> Cow<'_, [u8]> {
        match self {
            Self::Repeated(requests) => requests[index(number, requests.len())].0.as_slice().into(),
            Self::Made(make) => make(number).into(),
            Self::Timed(request) => request.as_slice().into(),
        }
    }

    /// Whether that is the answer to the request of that number.
    pub fn is_answer(&self, number: u64, answer: &[u8]) -> bool {
        let without_errors = || {
            let answer: Option<Value> = serde_json::from_slice(answer).ok();
            answer.filter(|answer| answer.get("errors").is_none())
        };
        match self {
            Self::Repeated(requests) => requests[index(number, requests.len())].1 == answer,
            Self::Made(_) => without_errors()
                .is_some_and(|answer| answer["data"]["payload"]["userErrors"] == json!([])),
            Self::Timed(_) => without_errors().is_some(),
        }
    }
}

fn index(number: u64, length: usize) -> usize {
    usize::try_from(number).unwrap_or_default() % length
}

/// A query that is always the same, looked at once.
pub async fn query(
    world: &World,
    name: &str,
    query: &str,
    is_right: impl Fn(&Value) -> bool,
) -> Operation {
    let requests = vec![looked_at(world, query, &Value::Null, is_right).await];
    Operation {
        name: name.to_owned(),
        requests: Requests::Repeated(requests),
    }
}

/// A query whose answer changes with the time.
pub fn timed_query(world: &World, name: &str, query: &str) -> Operation {
    Operation {
        name: name.to_owned(),
        requests: Requests::Timed(request(&world.token, query, &Value::Null)),
    }
}

async fn looked_at(
    world: &World,
    query: &str,
    variables: &Value,
    is_right: impl Fn(&Value) -> bool,
) -> (Vec<u8>, Vec<u8>) {
    let request = request(&world.token, query, variables);
    let mut caller = world.connect().await;
    let answer = caller.send(&request).await.unwrap().to_vec();
    let parsed: Value = serde_json::from_slice(&answer).unwrap();
    let is_right = parsed.get("errors").is_none() && is_right(&parsed["data"]);
    assert!(is_right, "{query}: {parsed:.500}");
    (request, answer)
}

/// The operations that are named in `docs/performance.md`, those of them that `wants` asks for.
pub async fn all(world: &World, wants: impl Fn(&str) -> bool) -> Vec<Operation> {
    let mut operations = Vec::new();
    let nodes = "nodes { id email roles { id name } }";
    let page = |arguments: &str| format!("{{ users({arguments}) {{ {nodes} }} }}");
    let search = |term: &str| page(&format!("filter: {{ search: \"{term}\" }}, first: 50"));
    let hits = |data: &Value| data["users"]["nodes"].as_array().map_or(0, Vec::len);
    let has_roles = |data: &Value| data["users"]["nodes"][0]["roles"][0]["name"].is_string();

    let name = "nothing";
    if wants(name) {
        operations.push(query(world, name, "{ __typename }", |_| true).await);
    }
    let name = REFERENCE;
    if wants(name) {
        let document = "{ viewer { applications { code viewerPermissions } } }";
        let is_right = |data: &Value| data["viewer"]["applications"][0]["code"].is_string();
        operations.push(query(world, name, document, is_right).await);
    }
    let name = "list of 50";
    if wants(name) {
        let is_right = |data: &Value| hits(data) == 50 && has_roles(data);
        operations.push(query(world, name, &page("first: 50"), is_right).await);
    }
    let name = "100th page";
    if wants(name) {
        let cursor = cursor(world, 99 * 50).await;
        let document = page(&format!("first: 50, after: {cursor}"));
        let is_right = |data: &Value| hits(data) == 50 && has_roles(data);
        operations.push(query(world, name, &document, is_right).await);
    }
    for (name, term, expected) in [
        ("search, many hits", "123", 10..=50),
        ("search, one hit", "user777@", 1..=1),
        ("search, no hit", "nobody", 0..=0),
    ] {
        if wants(name) {
            let is_right = |data: &Value| expected.contains(&hits(data));
            operations.push(query(world, name, &search(term), is_right).await);
        }
    }
    let name = "user by ID";
    if wants(name) {
        operations.push(users_by_id(world, name).await);
    }
    let name = "50 e-mails";
    if wants(name) {
        let document = "{ emails(first: 50) { nodes { id subject status to } } }";
        let is_right = |data: &Value| data["emails"]["nodes"][49]["to"][0].is_string();
        operations.push(query(world, name, document, is_right).await);
    }
    let name = "inviteUser";
    if wants(name) {
        operations.push(invitations(world, name));
    }
    let name = "signIn";
    if wants(name) {
        operations.push(sign_ins(world, name));
    }
    operations
}

/// The cursor of the user at that place by name, or of a page before the last one.
async fn cursor(world: &World, place: u64) -> Value {
    let mut caller = world.connect().await;
    let mut cursor = Value::Null;
    let mut left = place.min(world.users - 50);
    while left > 0 {
        let first = left.min(100);
        let document = "query($first: Int, $after: String) { users(first: $first, after: $after) { pageInfo { endCursor } } }";
        let variables = json!({ "first": first, "after": cursor });
        let data = caller.run(&world.token, document, &variables).await;
        cursor = data["users"]["pageInfo"]["endCursor"].clone();
        left -= first;
    }
    cursor
}

/// A hundred users in turn.
async fn users_by_id(world: &World, name: &str) -> Operation {
    let document = "{ users(first: 100) { nodes { id } } }";
    let mut caller = world.connect().await;
    let data = caller.run(&world.token, document, &Value::Null).await;
    let mut requests = Vec::new();
    for node in data["users"]["nodes"].as_array().unwrap() {
        let document = "query($id: ID!) { user(id: $id) { id email roles { id name } } }";
        let is_right = |data: &Value| {
            data["user"]["id"] == node["id"] && data["user"]["roles"][0]["name"].is_string()
        };
        let variables = json!({ "id": node["id"] });
        requests.push(looked_at(world, document, &variables, is_right).await);
    }
    Operation {
        name: name.to_owned(),
        requests: Requests::Repeated(requests),
    }
}

fn invitations(world: &World, name: &str) -> Operation {
    let (token, role) = (world.token.clone(), world.member.clone());
    let make = move |number| {
        let document = "mutation($input: InviteUserInput!) { payload: inviteUser(input: $input) { user { id } userErrors { code message } } }";
        let input = json!({ "email": format!("invited{number}@example.com"), "roleIds": [role] });
        request(&token, document, &json!({ "input": input }))
    };
    Operation {
        name: name.to_owned(),
        requests: Requests::Made(Box::new(make)),
    }
}

/// Each time another one of a thousand users.
fn sign_ins(world: &World, name: &str) -> Operation {
    let users = world.users.min(1_000);
    let make = move |number| {
        let document = "mutation($input: SignInInput!) { payload: signIn(input: $input) { token userErrors { code message } } }";
        // Those who have signed up and are not deactivated: see `fill`.
        let user = number % users / 20 * 20;
        let input = json!({ "email": format!("user{user}@example.com"), "password": PASSWORD });
        request("", document, &json!({ "input": input }))
    };
    Operation {
        name: name.to_owned(),
        requests: Requests::Made(Box::new(make)),
    }
}
