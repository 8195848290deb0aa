//! Cursors and identifiers, which clients keep, and can make up: wherever one is taken, whatever it
//! holds. A cursor is JSON in base64; the input is tried as one, and as what one holds.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use usher::demo::ADMINISTRATOR;
use usher::domain::page::Cursor;

use super::server::with_server;

/// What takes an identifier, and each list in each of its orders: as many as a batch may hold.
const QUERIES: [&str; 10] = [
    "query($text: ID!) { nodes(ids: [$text]) { id } user(id: $text) { id } role(id: $text) { id } email(id: $text) { id } }",
    "query($text: String) { users(after: $text, orderBy: { field: EMAIL }) { nodes { id } } }",
    "query($text: String) { users(before: $text, orderBy: { field: NAME, direction: DESC }) { nodes { id } } }",
    "query($text: String) { users(after: $text, orderBy: { field: LAST_SIGNED_IN_AT }) { nodes { id } } }",
    "query($text: String) { roles(after: $text) { nodes { users(before: $text) { nodes { id } } } } }",
    "query($text: String) { emails(after: $text) { nodes { id } } }",
    "query($text: String) { emails(before: $text, orderBy: { field: SENT_AT }) { nodes { id } } }",
    "query($text: String) { events(after: $text, before: $text) { nodes { id } pageInfo { hasNextPage } } }",
    "query($text: String) { viewer { events(before: $text) { nodes { id } } } }",
    "mutation($text: ID!) { revokeSession(input: { id: $text }) { userErrors { code } } }",
];

pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    for text in [text.to_owned(), URL_SAFE_NO_PAD.encode(text)] {
        if let Some(cursor) = Cursor::decode(&text) {
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
        let one = |query: &&str| json!({ "query": query, "variables": { "text": text } });
        let batch: Value = QUERIES.iter().map(one).collect();
        with_server(async |server| server.ask(Some(&ADMINISTRATOR), &batch).await);
    }
}
