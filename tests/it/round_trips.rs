//! Any text for any scalar: what is accepted can be used again, and nothing is an internal error.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::{Client, TestServer};

/// How many texts are tried.
const CASES: usize = 24;

/// Texts of all kinds: any Unicode, and what is nearly an address, a name, a cursor or an ID.
fn texts() -> impl Strategy<Value = String> {
    let cursor = any::<String>().prop_map(|key| {
        let id = "0188bac7-4afa-78aa-bc3b-bd1eef28d881";
        let json = json!({ "order": "users.name", "key": key, "id": id });
        URL_SAFE_NO_PAD.encode(json.to_string())
    });
    prop_oneof![
        any::<String>(),
        "[a-zİıΣςक्é\u{307}\u{200b}\u{200d}\"._]{1,12}@[a-zßéक.-]{1,8}\\.(com|भारत)",
        "[A-Za-zİéक्\u{202e}\u{200b}👩\u{fe0f}\0\n .'%_\\\\]{1,20}",
        "(user|role|email|node|event|session|invitation)_[0-9a-z]{20,26}",
        "[0-9+-]{1,9}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9.]{1,12}(Z|[+-][0-9:]{1,6})",
        cursor,
    ]
}

/// Whatever it says, the server is not at fault.
async fn ask(client: &Client, document: &str, variables: Value) -> Value {
    let answer = client.run_with(document, variables.clone()).await;
    assert_ne!(answer.code(), "INTERNAL", "{document} {variables}");
    assert_ne!(answer.status, 500, "{document} {variables}");
    let is_valid = !answer.message().contains("Unknown")
        && !answer.message().contains("Invalid value for argument");
    assert!(is_valid, "{document} {}", answer.message());
    answer.body["data"].clone()
}

#[tokio::test]
async fn what_is_accepted_can_be_used_again_and_nothing_is_an_internal_error() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..CASES {
        let mut text = || texts().new_tree(&mut runner).unwrap().current();
        let (email, first, last) = (text(), text(), text());
        is_never_internal(&administrator, &text()).await;
        is_never_internal(&administrator, &email).await;
        let input =
            json!({ "email": email, "firstName": first, "lastName": last, "roleIds": [role] });
        let document = "mutation($input: InviteUserInput!) {
            inviteUser(input: $input) { user { id email firstName lastName } userErrors { code } }
        }";
        let invited = ask(&administrator, document, json!({ "input": input })).await;
        let user = &invited["inviteUser"]["user"];
        if !user.is_object() {
            continue;
        }
        let document = "query($id: ID!, $email: String!, $first: String!) {
            node(id: $id) { ... on User { id email firstName lastName } }
            byEmail: users(filter: { search: $email }) { nodes { id } }
            byName: users(filter: { search: $first }) { nodes { id } }
        }";
        let variables = json!({ "id": user["id"], "email": email, "first": first });
        let found = ask(&administrator, document, variables).await;
        assert_eq!(found["node"], *user);
        for list in ["byEmail", "byName"] {
            let nodes = found[list]["nodes"].as_array().unwrap();
            let is_there = nodes.iter().any(|node| node["id"] == user["id"]);
            assert!(is_there, "{list} {email:?} {first:?}");
        }
    }
}

/// Hands the text to every scalar of the API that anybody or an administrator can reach.
async fn is_never_internal(administrator: &Client, text: &str) {
    let read = "query($text: String!, $id: ID!, $email: EmailAddress!, $permission: PermissionCode!) {
        users(filter: { search: $text }) { totalCount }
        emails(filter: { to: $text, subject: $text }) { totalCount }
        found: emails(filter: { search: $text, transport: $text, lastError: $text, userId: $id, invitationId: $id }) { totalCount }
        failed: emails(filter: { lastError: $text }) { totalCount }
        events(filter: { search: $text, ipAddress: $text, sessionId: $id }) { totalCount }
        invitations(filter: { search: $text, invitedById: $id, userId: $id }) { totalCount }
        invited: invitations(filter: { search: $text }) { totalCount }
        roles(filter: { search: $text, codeNames: [$text], permission: $permission }) { totalCount }
        able: users(filter: { permission: $permission, hasAllRoleIds: [$id, $id], emails: [$email], invitedById: $id }) { totalCount }
        byEmail: user(email: $email) { id }
        byCodeName: role(codeName: $text) { id }
        node(id: $id) { id }
        user(id: $id) { id }
        role(id: $id) { id }
        email(id: $id) { id }
        invitationByToken(token: $text) { status }
        passwordResetByToken(token: $text) { status }
    }";
    ask(
        administrator,
        read,
        json!({ "text": text, "id": text, "email": text, "permission": text }),
    )
    .await;
    for list in [
        "users(first: 2, after: $text) { totalCount nodes { id } }",
        "users(first: 2, orderBy: { field: NAME, direction: ASC }, after: $text) { nodes { id } }",
        "roles(last: 2, before: $text) { nodes { id } }",
        "emails(first: 2, after: $text) { nodes { id } }",
        "events(first: 2, after: $text) { nodes { id } }",
        "invitations(first: 2, after: $text) { nodes { id } }",
        "roles(first: 2, orderBy: { field: NAME, direction: ASC }, after: $text) { nodes { id } }",
        "users(first: 2, orderBy: { field: STATUS, direction: ASC }, after: $text) { nodes { id } }",
    ] {
        let document = format!("query($text: String!) {{ {list} }}");
        ask(administrator, &document, json!({ "text": text })).await;
    }
    let since = "query($time: DateTime!) {
        users(filter: { createdAfter: $time, lastSignedInBefore: $time }) { totalCount }
        emails(filter: { createdAfter: $time, createdBefore: $time }) { totalCount }
        events(filter: { createdAfter: $time }) { totalCount }
    }";
    ask(administrator, since, json!({ "time": text })).await;
    // The search for leaked passwords passes over those that end like this: the text stands in names.
    let password = format!("{text}@kbank.com");
    for (mutation, input) in [
        ("signIn", json!({ "email": text, "password": password })),
        ("requestPasswordReset", json!({ "email": text })),
        (
            "acceptInvitation",
            json!({ "token": text, "password": password }),
        ),
        (
            "resetPassword",
            json!({ "token": text, "newPassword": password }),
        ),
        ("sendTestEmail", json!({ "to": text })),
        (
            "inviteUser",
            json!({ "email": text, "roleIds": [text], "roleCodeNames": [text], "message": text, "redirectUrl": text }),
        ),
        (
            "inviteUsers",
            json!({ "invitations": [{ "email": text, "roleCodeNames": ["Editor"], "message": text, "redirectUrl": text }] }),
        ),
        (
            "createRole",
            json!({ "name": text, "description": text, "permissions": [text] }),
        ),
        (
            "updateUser",
            json!({ "id": text, "firstName": text, "email": text }),
        ),
        ("retryEmails", json!({ "ids": [text] })),
        (
            "updateProfile",
            json!({ "firstName": text, "lastName": text }),
        ),
    ] {
        let name = mutation[..1].to_uppercase() + &mutation[1..];
        let document = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}"
        );
        ask(administrator, &document, json!({ "input": input })).await;
    }
}
