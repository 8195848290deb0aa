//! GraphQL documents and variables, through everything that answers them: limits, parsing,
//! validation, and execution on a database, for nobody, for somebody with few rights and for an
//! administrator. Whatever is asked for, it is no fault of the server.
//!
//! The input is a document; after a line `%%`, the variables follow as JSON. `<user>`,
//! `<role>` and `<email>` stand for the identifier of one.

use serde_json::{Value, json};

use super::server::{CALLERS, with_server};

pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    with_server(async |server| {
        let text = &server.with_ids(text).await;
        let (document, variables) = text.split_once("\n%%\n").unwrap_or((text, "null"));
        let variables: Value = serde_json::from_str(variables).unwrap_or(Value::Null);
        let parameters = json!({ "query": document, "variables": variables });
        for who in CALLERS {
            server.ask(who, &parameters).await;
        }
    });
}
