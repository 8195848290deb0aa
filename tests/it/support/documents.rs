//! Requests that want much: long, deep, or broken in a way that has cost others dearly.

use std::fmt::Write;

use serde_json::{Value, json};

/// A request's body.
pub fn query(text: impl Into<String>) -> String {
    json!({ "query": text.into() }).to_string()
}

/// The same with variables.
pub fn with_variables(variables: Value) -> String {
    json!({ "query": "query($a: Int) { __typename }", "variables": variables }).to_string()
}

/// Fragments that each spread the next one so many times.
pub fn spreads(times: usize, deep: usize, last: &str) -> String {
    let mut text = "{ ...F0 } ".to_owned();
    for level in 0..deep {
        let next = format!("...F{} ", level + 1).repeat(times);
        write!(text, "fragment F{level} on Query {{ {next} }} ").unwrap();
    }
    write!(text, "fragment F{deep} on Query {{ {last} }}").unwrap();
    text
}

/// Something in itself, so many levels deep.
pub fn nested(open: &str, inner: &str, close: &str, levels: usize) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

/// A part so many times, with its number for each `#`.
pub fn numbered(part: &str, count: usize) -> String {
    (0..count)
        .map(|index| part.replace('#', &index.to_string()))
        .collect()
}

/// JSON so deep that it cannot be built as a value here.
pub fn deep_json(levels: usize) -> String {
    format!(
        r#"{{"query":"{{ __typename }}","variables":{{"a":{}}}}}"#,
        nested("[", "1", "]", levels)
    )
}

/// Bodies that want too much, or that are broken in a way that has cost others dearly.
pub fn hostile() -> Vec<String> {
    let mut bodies = Vec::new();
    let mut queries = vec![
        spreads(20, 5, "__typename"),
        spreads(30, 6, "__typename"),
        spreads(30, 30, "__typename"),
        spreads(2, 98, "__typename"),
        spreads(30, 30, "...Unknown"),
        spreads(10, 10, "passwordPolicy { minLength }"),
        "{ ...A } fragment A on Query { ...A }".to_owned(),
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
        "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
        format!("{{ {} }}", numbered("a#: __typename ", 501)),
        format!("{{ {} }}", numbered("a#: __typename ", 10_000)),
        format!("{{ {} }}", "__typename ".repeat(5_000)),
        format!("{{ {} }}", numbered("a#: nothing ", 499)),
        format!("mutation {{ {} }}", numbered("a#: signOut { userErrors { code } } ", 11)),
        numbered("query Q# { __typename } ", 11),
        numbered("query Q# { __typename } ", 2_000),
        format!("{{ __typename }} {}", numbered("fragment F# on Query { __typename } ", 101)),
        format!("query({}) {{ __typename }}", numbered("$a#: Int ", 101)),
        format!("{{ __typename {} }}", "@skip(if: false) ".repeat(51)),
        format!("{{ __typename {} }}", "@unknown ".repeat(5_000)),
        format!("{{ __typename @include(if: {}) }}", nested("[", "1", "]", 5_000)),
        format!("{{ {} }}", "x".repeat(60_000)),
        format!("{{ {} }}", "x".repeat(70_000)),
        format!("{{ __typename }} #{}", "#".repeat(70_000)),
        format!("{{ invitationByToken(token: \"{}\") {{ email }} }}", "x".repeat(60_000)),
        format!("{{ invitationByToken(token: \"\"\"{}", "x".repeat(1_000)),
        format!("{{ invitationByToken(token: \"{}", "\\\"".repeat(1_000)),
        format!("{{ invitationByToken(token: {}) {{ email }} }}", nested("[", "1", "]", 1_000)),
        format!("{{ invitationByToken(token: {}) {{ email }} }}", nested("{a:", "1", "}", 1_000)),
        format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(4_000)),
        format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(101)),
        format!("query($a: {}) {{ __typename }}", nested("[", "Int", "]", 5_000)),
        nested("{a", "", "}", 20_000),
        nested("{ ... ", "{ __typename }", "}", 5_000),
        nested("{ ... on Query ", "{ __typename }", "}", 40),
        "{".repeat(60_000),
        "[".repeat(60_000),
        "(".repeat(60_000),
        "}".repeat(60_000),
        "\"".repeat(60_000),
        "...".repeat(20_000),
        "@".repeat(60_000),
        "$".repeat(60_000),
        "query ".repeat(10_000),
        "\u{0}".repeat(1_000),
        "\u{feff}".repeat(10_000),
        "\u{202e}{ __typename }".to_owned(),
        String::new(),
        " ".repeat(60_000),
        "{ users(first: 2147483647) { totalCount } }".to_owned(),
        "{ users(first: 99999999999999999999) { totalCount } }".to_owned(),
        "{ users(first: -1) { totalCount } }".to_owned(),
        "{ __typename(a: 1e999999) }".to_owned(),
        format!("{{ __typename(a: {}) }}", "9".repeat(60_000)),
        "subscription { a b }".to_owned(),
        "subscription { __typename }".to_owned(),
        "type Query { a: Int }".to_owned(),
        "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }".to_owned(),
        format!("{{ __schema {{ types {{ {} }} }} }}", numbered("a#: fields { name } ", 300)),
        format!(
            "{{ __schema {{ types {{ {} }} }} }}",
            nested("fields { type {", "name", "} }", 12)
        ),
    ];
    bodies.extend(queries.drain(..).map(query));
    let variables: serde_json::Map<String, Value> = (0..101)
        .map(|index| (format!("a{index}"), json!(1)))
        .collect();
    bodies.push(with_variables(Value::Object(variables)));
    bodies.push(with_variables(json!({ "a": vec![1; 20_000] })));
    bodies.push(with_variables(json!({ "a": "x".repeat(200_000) })));
    bodies.push(with_variables(json!({ "a": vec![vec![0; 10]; 1_000] })));
    bodies.push(with_variables(json!([1, 2, 3])));
    bodies.extend([33, 100, 127, 128, 1_000, 50_000].map(deep_json));
    bodies.extend([
        "[".repeat(200_000),
        "{\"query\":".repeat(20_000),
        format!("[{}]", vec![query("{ __typename }"); 11].join(",")),
        format!("[{}]", vec![query("{ __typename }"); 5_000].join(",")),
        format!("[{}]", vec![query(spreads(30, 6, "__typename")); 10].join(",")),
        format!("[[{}]]", query("{ __typename }")),
        format!("[{}", query("{ __typename }")),
        "[]".to_owned(),
        "null".to_owned(),
        "\u{0}".to_owned(),
        "x".repeat(300_000),
        format!("{{\"query\":\"{}\"}}", "\\u0000".repeat(5_000)),
        format!("{{\"query\":\"{{ __typename }}\",\"query\":{}}}", "1".repeat(1_000)),
        format!("{{\"query\":\"{{ __typename }}\",{}\"x\":1}}", "\"a\":1,".repeat(20_000)),
        r#"{"query":"{ __typename }","operationName":"Missing"}"#.to_owned(),
        format!("{{\"query\":\"{{ __typename }}\",\"operationName\":\"{}\"}}", "x".repeat(100_000)),
        r#"{"query":"query($a: Int!) { users(first: $a) { totalCount } }","variables":{"a":1e400}}"#
            .to_owned(),
    ]);
    bodies
}
