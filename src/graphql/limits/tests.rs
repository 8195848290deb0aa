//! The limits as a whole, and what the tests of the scan and the walk share.

use rstest::rstest;

use super::walk::{DEPTH, FIELDS, PARTS, ROOT_MUTATIONS, ROOT_SUBSCRIPTIONS, VARIABLE_USES};
use super::*;

pub(super) fn parse(query: &str) -> Result<ExecutableDocument, Refusal> {
    parse_within(&Limits::default(), query)
}

#[track_caller]
pub(super) fn passes(query: &str) {
    if let Err(refusal) = parse(query) {
        panic!("{refusal} {refusal:?}");
    }
}

#[track_caller]
pub(super) fn exceeds(what: &str, query: &str) {
    match parse(query) {
        Err(Refusal::Exceeded { what: excess, .. }) => assert_eq!(excess, what),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(super) fn complains(about: &str, position: &str, query: &str) {
    match parse(query) {
        Err(Refusal::Invalid { message, at }) => {
            assert_eq!(
                (message.as_str(), at.to_string().as_str()),
                (about, position)
            );
        }
        other => panic!("{other:?}"),
    }
}

/// So many `part`s, each with its number for `#`.
pub(super) fn repeat(part: &str, count: usize) -> String {
    (0..count)
        .map(|i| part.replace('#', &i.to_string()))
        .collect()
}

pub(super) fn nest(open: &str, inner: &str, close: &str, levels: usize) -> String {
    open.repeat(levels) + inner + &close.repeat(levels)
}

/// A query that spreads a fragment `width` times, which spreads the next one as often, and so
/// on.
pub(super) fn spreads(width: usize, fragments: usize, innermost: &str) -> String {
    let mut query = format!("{{{}}}", "...F0 ".repeat(width));
    for i in 1..fragments {
        let spreads = format!("...F{i} ").repeat(width);
        query += &format!("fragment F{} on Q{{{spreads}}}", i - 1);
    }
    query + &format!("fragment F{} on Q{{{innermost}}}", fragments - 1)
}

#[track_caller]
pub(super) fn at_most(limits: &Limits, most: usize, what: &str, query: impl Fn(usize) -> String) {
    if let Err(refusal) = parse_within(limits, &query(most)) {
        panic!("{what}: {refusal:?}");
    }
    match parse_within(limits, &query(most + 1)) {
        Err(Refusal::Exceeded { what: excess, .. }) => assert_eq!(excess, what),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn limits_are_the_last_numbers_that_pass() {
    for (most, what, start, part, end) in [
        (65_533, "bytes", "{a", " ", "}"),
        (200, "bytes in a name", "{", "a", "}"),
        (10, "operations", "", "query Q#{a}", ""),
        (100, "fragments", "{a}", "fragment F# on Q{a}", ""),
        (100, "variables", "query(", "$a#:I ", "){a}"),
        (100, VARIABLE_USES, "{a(x:[", "$v ", "])}"),
        (50, "directives", "{a", "@d", "}"),
        (500, FIELDS, "{", "a#:a ", "}"),
        (10, ROOT_MUTATIONS, "mutation{", "a#:a ", "}"),
        (1, ROOT_SUBSCRIPTIONS, "subscription{", "a#:a ", "}"),
        // With the list and its field, and all of it once more for the root.
        (2_498, PARTS, "{a(x:[", "1 ", "])}"),
    ] {
        let query = |count| format!("{start}{}{end}", repeat(part, count));
        at_most(&Limits::default(), most, what, query);
    }
    let all_but_tokens = Limits {
        fields: usize::MAX,
        parts: usize::MAX,
        ..Limits::default()
    };
    let query = |count| format!("{{{}}}", "a ".repeat(count));
    at_most(&all_but_tokens, 9_998, "tokens", query);
}

#[test]
fn depths_are_the_last_ones_that_pass() {
    for (most, what, start, open, inner, close, end) in [
        (20, DEPTH, "", "{a", "", "}", ""),
        (31, NESTING, "", "{...", "{a}", "}", ""),
        (30, NESTING, "{a(x:", "[", "1", "]", ")}"),
        (30, NESTING, "{a(x:", "{a:", "1", "}", ")}"),
        (31, NESTING, "query($a:", "[", "I", "]", "){a}"),
    ] {
        let query = |levels| format!("{start}{}{end}", nest(open, inner, close, levels));
        at_most(&Limits::default(), most, what, query);
    }
    let chain = |fragments| spreads(1, fragments, "a");
    at_most(&Limits::default(), 31, NESTING, chain);
    let unused = |fragments| chain(fragments).replace("{...F0 }", "{a}");
    at_most(&Limits::default(), 32, NESTING, unused);
}

#[test]
fn the_standard_introspection_query_passes() {
    // That of graphql-js 16, with all of its options.
    let type_ref = nest("ofType{name kind ", "", "}", 9);
    passes(&format!(
        "query IntrospectionQuery{{__schema{{description queryType{{name kind}}
        mutationType{{name kind}} subscriptionType{{name kind}} types{{...FullType}}
        directives{{name description isRepeatable locations
        args(includeDeprecated:true){{...InputValue}}}}}}}}
        fragment FullType on __Type{{kind name description specifiedByURL isOneOf
        fields(includeDeprecated:true){{name description
        args(includeDeprecated:true){{...InputValue}} type{{...TypeRef}}
        isDeprecated deprecationReason}}
        inputFields(includeDeprecated:true){{...InputValue}} interfaces{{...TypeRef}}
        enumValues(includeDeprecated:true){{name description isDeprecated deprecationReason}}
        possibleTypes{{...TypeRef}}}}
        fragment InputValue on __InputValue{{name description type{{...TypeRef}} defaultValue
        isDeprecated deprecationReason}}
        fragment TypeRef on __Type{{kind name {type_ref}}}"
    ));
}

#[test]
fn what_validation_complains_about_is_left_to_it() {
    passes("{a ...Unknown}");
    passes("{a}fragment Unused on Q{...Unknown}");
    passes("{a(x:$unknown)@unknown}");
}

#[test]
fn ten_thousand_aliases_are_refused() {
    exceeds("bytes", &format!("{{{}}}", repeat("a#:a ", 10_000)));
    exceeds("tokens", &format!("{{{}}}", repeat("a#:a ", 5_000)));
    exceeds(FIELDS, &format!("{{{}}}", repeat("a#:a ", 3_000)));
}

#[rstest]
#[case("Syntax error: expected executable_definition.", "1:1", "")]
#[case("Syntax error: expected name.", "2:183", "{N}\n{N(")]
#[case("An anonymous operation must be the only one.", "1:183", "{N}{N}")]
#[case("Two operations have the same name.", "1:190", "query N{a}query N{a}")]
#[case(
    "Two fragments have the same name.",
    "1:201",
    "{a}fragment N on Q{a}fragment N on Q{a}"
)]
#[case("The document contains no operation.", "1:1", "fragment N on Q{a}")]
#[case("Unterminated string.", "2:4", "{N\n(é:\"N")]
fn complaints_say_where_and_repeat_nothing(
    #[case] about: &str,
    #[case] position: &str,
    #[case] query: &str,
) {
    complains(about, position, &query.replace('N', &"secret".repeat(30)));
}

#[test]
fn excesses_say_where_it_becomes_too_much() {
    let many = |fields| "a ".repeat(fields);
    for (position, query) in [
        ("2:65535", format!("{{\n{}", "a".repeat(65_536))),
        ("2:3", format!("{{\n é{}", "a".repeat(201))),
        ("2:31", format!("{{a(x:\n{}", "[".repeat(40))),
        ("3:2", format!("{{a\n{}\n b}}", many(499))),
        (
            "2:10",
            format!("{{a\n b{{ ...F ...F}}}}fragment F on Q{{{}}}", many(251)),
        ),
        ("2:2", format!("{{\n {}}}", nest("a{", "a", "}", 20))),
        ("1:1", "subscription{a b}".to_owned()),
    ] {
        match parse(&query) {
            Err(Refusal::Exceeded { at, what, .. }) => {
                assert_eq!(at.to_string(), position, "{what}");
            }
            other => panic!("{other:?}"),
        }
    }
}
