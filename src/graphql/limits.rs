//! How large a GraphQL document may be: parses it and measures it before anything else walks it.
//! Says nothing about the schema, which validation does, nor about the values of variables.
//!
//! The library's parser recurses once per bracket and overflows the stack on 4 KiB of them, so the
//! text is scanned first. Its validation expands fragments wherever they are spread, so their sizes
//! are computed first, each one once. All of it takes time linear in the size of the text.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value;

use crate::domain::page::{DEFAULT_SIZE, MAX_SIZE};

/// The most of everything that a document may have. Introspection counts like everything else: the
/// standard query has 230 fields in 15 levels.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The length of the text.
    pub bytes: usize,
    /// Names, numbers, strings and punctuation characters: parsing time and memory go by them.
    pub tokens: usize,
    /// The length of a name; errors and responses repeat it once for each field.
    pub name_bytes: usize,
    /// Nested brackets of any kind, and nested selection sets with fragments expanded: whatever
    /// walks the document recurses this deep.
    pub nesting: usize,
    /// Operations, of which one is executed.
    pub operations: usize,
    /// Fragments, used or not.
    pub fragments: usize,
    /// Variables of an operation.
    pub variables: usize,
    /// Places where an operation uses variables, with fragments expanded: each one copies the
    /// value.
    pub variable_uses: usize,
    /// Directives, as written.
    pub directives: usize,
    /// Fields that an operation selects, with fragments expanded; aliases are fields of their own.
    pub fields: usize,
    /// Nested fields.
    pub depth: usize,
    /// Fields that the response to an introspection query may have, by the maximum length of its
    /// lists.
    pub introspected: usize,
    /// Fields at the root of a mutation, with fragments expanded.
    pub root_mutations: usize,
    /// Fields at the root of a subscription: one (GraphQL specification, section 5.2.3.1).
    pub root_subscriptions: usize,
    /// Selections, arguments, directives and values that validation and execution look at. A
    /// fragment counts wherever it is spread, and a field once more for every fragment around it in
    /// the same object: "Field Selection Merging" (section 5.3.2) compares it there again, and can
    /// complain each time.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 10_000,
            name_bytes: 200,
            nesting: 32,
            operations: 10,
            fragments: 100,
            variables: 100,
            variable_uses: 100,
            directives: 50,
            fields: 500,
            depth: 20,
            introspected: 5_000_000,
            root_mutations: 10,
            root_subscriptions: 1,
            parts: 5_000,
        }
    }
}

/// How many fields a response may have, by what the document requests: a field of a page counts once
/// for each row that the page may have. Otherwise pages within pages could multiply to any number.
///
/// It is computed by validation, which knows the schema and the variables; see [`page_complexity`].
pub const MAX_COMPLEXITY: usize = 20_000;

/// The complexity of a page: everything that is selected from it, for each row that it may have.
pub fn page_complexity(first: Option<i32>, last: Option<i32>, selected: usize) -> usize {
    let rows = first.or(last).and_then(|rows| usize::try_from(rows).ok());
    list_complexity(rows.unwrap_or(DEFAULT_SIZE as usize), selected)
}

/// The complexity of a list with this many rows.
pub fn list_complexity(rows: usize, selected: usize) -> usize {
    // The library adds these up, and must not overflow.
    let rows = rows.min(MAX_SIZE as usize);
    rows.saturating_mul(selected).clamp(1, 1 << 32)
}

/// How long introspection's lists are in a schema such as this one. They lead from type to type, in
/// circles, so a short document could request any number of fields.
fn introspected_rows(field: &str) -> usize {
    match field {
        "types" => 200,
        "possibleTypes" => 50,
        "fields" | "enumValues" => 40,
        "inputFields" => 20,
        "args" | "directives" => 10,
        "interfaces" => 5,
        _ => 1,
    }
}

/// Why a document is refused. The texts are for the client and repeat nothing from the document.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not a GraphQL document, or its fragments form a cycle.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where.
        at: Pos,
    },
    /// It exceeds a limit.
    #[error("The document has more than {limit} {what}.")]
    Exceeded {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
}

/// Parses a document if it is within the limits. Nothing needs to parse it again.
pub fn parse_within(limits: &Limits, query: &str) -> Result<ExecutableDocument, Refusal> {
    scan(limits, query)?;
    let document = parse_query(query).map_err(not_a_document)?;
    measure(limits, &document)?;
    Ok(document)
}

const NESTING: &str = "levels of nested brackets and fragments";
const FIELDS: &str = "selected fields";
const DEPTH: &str = "levels of fields";
const VARIABLE_USES: &str = "uses of variables";
const INTROSPECTED: &str = "fields to introspect";
const ROOT_MUTATIONS: &str = "fields at the root of a mutation";
const ROOT_SUBSCRIPTIONS: &str = "field at the root of a subscription";
const PARTS: &str = "selections, arguments and values with fragments expanded";

fn within(count: usize, limit: usize, what: &'static str) -> Result<(), Refusal> {
    match count <= limit {
        true => Ok(()),
        false => Err(Refusal::Exceeded { what, limit }),
    }
}

/// Bounds the cost of parsing. It must see the same strings and comments as the parser; otherwise
/// brackets could hide from one of them.
fn scan(limits: &Limits, query: &str) -> Result<(), Refusal> {
    within(query.len(), limits.bytes, "bytes")?;
    let text = query.as_bytes();
    let (mut at, mut tokens, mut open) = (0, 0, 0_usize);
    while let Some(byte) = text.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => continue,
            b'#' => {
                at += length_while(&text[at..], |byte| !matches!(byte, b'\r' | b'\n'));
                continue;
            }
            b'"' => at = end_of_string(text, start).ok_or_else(|| unterminated(query, start))?,
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            byte if is_of_a_name(*byte) => {
                at += length_while(&text[at..], is_of_a_name);
                within(at - start, limits.name_bytes, "bytes in a name")?;
            }
            _ => {}
        }
        tokens += 1;
        within(tokens, limits.tokens, "tokens")?;
        within(open, limits.nesting, NESTING)?;
    }
    Ok(())
}

fn is_of_a_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

fn length_while(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|&&byte| belongs(byte)).count()
}

/// The position after the string that begins at `start` (GraphQL specification, section 2.9.4).
fn end_of_string(text: &[u8], start: usize) -> Option<usize> {
    let is_block = text[start..].starts_with(br#"""""#);
    let mut at = start + if is_block { 3 } else { 1 };
    loop {
        let rest = text.get(at..)?;
        at += match (is_block, rest.first()?) {
            (true, b'\\') if rest.starts_with(br#"\""""#) => 4,
            (true, b'"') if rest.starts_with(br#"""""#) => return Some(at + 3),
            (false, b'\\') => 2,
            (false, b'"') => return Some(at + 1),
            (false, b'\r' | b'\n') => return None,
            _ => 1,
        };
    }
}

/// The parser would see an empty string here instead of a block string, and carry on after it.
fn unterminated(query: &str, start: usize) -> Refusal {
    let line = 1 + query[..start].matches('\n').count();
    let before = query[..start].rsplit('\n').next().unwrap_or_default();
    let column = 1 + before.chars().count();
    Refusal::Invalid {
        message: "Unterminated string.".to_owned(),
        at: Pos { line, column },
    }
}

/// The parser's own messages repeat lines and names from the document.
fn not_a_document(error: parser::Error) -> Refusal {
    let message = match &error {
        parser::Error::Syntax { message, .. } => {
            // The first lines show the document; the last one tells what was expected.
            let expected = message.lines().last().unwrap_or_default();
            let expected = expected.trim_start_matches([' ', '=']);
            let expected: String = expected.chars().take(160).collect();
            format!("Syntax error: {expected}.")
        }
        parser::Error::MultipleOperations { .. } => {
            "An anonymous operation must be the only one.".to_owned()
        }
        parser::Error::OperationDuplicated { .. } => {
            "Two operations have the same name.".to_owned()
        }
        parser::Error::FragmentDuplicated { .. } => "Two fragments have the same name.".to_owned(),
        parser::Error::MissingOperation => "The document contains no operation.".to_owned(),
        _ => "This is not a GraphQL document.".to_owned(),
    };
    let at = error
        .positions()
        .next()
        .unwrap_or(Pos { line: 1, column: 1 });
    Refusal::Invalid { message, at }
}

fn measure(limits: &Limits, document: &ExecutableDocument) -> Result<(), Refusal> {
    let operations = document.operations.iter();
    within(operations.len(), limits.operations, "operations")?;
    within(document.fragments.len(), limits.fragments, "fragments")?;
    let mut measure = Measure {
        limits,
        document,
        fragments: HashMap::new(),
        directives: 0,
        parts: 0,
    };
    // Which operation will be executed is not known here, and validation walks all of them.
    for (_, operation) in operations {
        measure.operation(&operation.node)?;
    }
    // Validation walks unused fragments too.
    for (name, fragment) in &document.fragments {
        let size = measure.fragment(name, 0, fragment.pos)?;
        within(size.levels, limits.nesting, NESTING)?;
    }
    within(measure.directives, limits.directives, "directives")?;
    within(measure.parts, limits.parts, PARTS)
}

/// What a part of a document comes to, with fragments expanded. Sums saturate: a hundred fragments
/// that spread one another stand for more than any integer holds.
#[derive(Clone, Copy, Default)]
struct Size {
    fields: usize,
    /// Fields of the very object that is selected from.
    own_fields: usize,
    depth: usize,
    levels: usize,
    introspected: usize,
    variable_uses: usize,
    parts: usize,
    /// Parts that belong to the very object that is selected from.
    own_parts: usize,
}

impl Size {
    fn and(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            own_fields: self.own_fields.saturating_add(other.own_fields),
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            introspected: self.introspected.saturating_add(other.introspected),
            variable_uses: self.variable_uses.saturating_add(other.variable_uses),
            parts: self.parts.saturating_add(other.parts),
            own_parts: self.own_parts.saturating_add(other.own_parts),
        }
    }
}

struct Measure<'a> {
    limits: &'a Limits,
    document: &'a ExecutableDocument,
    /// Nothing for those that are being measured.
    fragments: HashMap<&'a Name, Option<Size>>,
    directives: usize,
    parts: usize,
}

impl<'a> Measure<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<(), Refusal> {
        let limits = self.limits;
        let variables = &operation.variable_definitions;
        within(variables.len(), limits.variables, "variables")?;
        let mut size = self.directives(&operation.directives);
        for variable in variables {
            size = size.and(self.directives(&variable.node.directives));
            if let Some(default) = &variable.node.default_value {
                size = size.and(value_size(&default.node.clone().into_value()));
            }
        }
        size = size.and(self.selection_set(&operation.selection_set.node, 1)?);

        within(size.fields, limits.fields, FIELDS)?;
        within(size.depth, limits.depth, DEPTH)?;
        within(size.levels, limits.nesting, NESTING)?;
        within(size.introspected, limits.introspected, INTROSPECTED)?;
        within(size.variable_uses, limits.variable_uses, VARIABLE_USES)?;
        self.parts = self.parts.saturating_add(size.parts);
        let (roots, what) = match operation.ty {
            OperationType::Query => return Ok(()),
            OperationType::Mutation => (limits.root_mutations, ROOT_MUTATIONS),
            OperationType::Subscription => (limits.root_subscriptions, ROOT_SUBSCRIPTIONS),
        };
        within(size.own_fields, roots, what)
    }

    /// `level` is how many selection sets there are around and including this one, and thereby how
    /// deep this recurses.
    fn selection_set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Size, Refusal> {
        within(level, self.limits.nesting, NESTING)?;
        let mut size = Size::default();
        for selection in &set.items {
            size = size.and(match &selection.node {
                Selection::Field(field) => self.field(&field.node, level)?,
                Selection::InlineFragment(fragment) => self
                    .directives(&fragment.node.directives)
                    .and(self.selection_set(&fragment.node.selection_set.node, level + 1)?)
                    .and(one_part()),
                Selection::FragmentSpread(spread) => self
                    .directives(&spread.node.directives)
                    .and(self.fragment(&spread.node.fragment_name.node, level, spread.pos)?)
                    .and(one_part()),
            });
        }
        self.parts = self.parts.saturating_add(size.own_parts);
        size.levels += 1;
        Ok(size)
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Result<Size, Refusal> {
        let itself = Size {
            fields: 1,
            own_fields: 1,
            depth: 1,
            introspected: 1,
            ..one_part()
        };
        let mut size = itself
            .and(self.directives(&field.directives))
            .and(arguments(&field.arguments));
        if !field.selection_set.node.items.is_empty() {
            let below = self.selection_set(&field.selection_set.node, level + 1)?;
            let rows = introspected_rows(&field.name.node);
            size = size.and(Size {
                introspected: below.introspected.saturating_mul(rows),
                depth: below.depth + 1,
                own_fields: 0,
                own_parts: 0,
                ..below
            });
        }
        Ok(size)
    }

    /// A fragment that is spread in a selection set of that level. Fragments that do not exist are
    /// for validation to complain about.
    fn fragment(&mut self, name: &Name, level: usize, spread: Pos) -> Result<Size, Refusal> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        match self.fragments.get(name) {
            Some(Some(size)) => return Ok(*size),
            // GraphQL specification, section 5.5.2.2.
            Some(None) => {
                return Err(Refusal::Invalid {
                    message: "A fragment spreads itself, directly or through other fragments."
                        .to_owned(),
                    at: spread,
                });
            }
            None => {}
        }
        self.fragments.insert(name, None);
        let size = self
            .directives(&fragment.node.directives)
            .and(self.selection_set(&fragment.node.selection_set.node, level + 1)?);
        self.fragments.insert(name, Some(size));
        Ok(size)
    }

    /// Everything is walked once, so that this counts directives as written.
    fn directives(&mut self, directives: &[Positioned<Directive>]) -> Size {
        self.directives += directives.len();
        let sizes = directives
            .iter()
            .map(|directive| arguments(&directive.node.arguments).and(one_part()));
        sum(sizes)
    }
}

fn one_part() -> Size {
    Size {
        parts: 1,
        own_parts: 1,
        ..Size::default()
    }
}

fn arguments(arguments: &[(Positioned<Name>, Positioned<Value>)]) -> Size {
    sum(arguments.iter().map(|(_, value)| value_size(&value.node)))
}

fn sum(sizes: impl Iterator<Item = Size>) -> Size {
    sizes.fold(Size::default(), Size::and)
}

/// Recurses no deeper than the brackets of the text.
fn value_size(value: &Value) -> Size {
    let inside = match value {
        Value::Variable(_) => Size {
            variable_uses: 1,
            ..Size::default()
        },
        Value::List(items) => sum(items.iter().map(value_size)),
        Value::Object(fields) => sum(fields.values().map(value_size)),
        _ => Size::default(),
    };
    inside.and(one_part())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<ExecutableDocument, Refusal> {
        parse_within(&Limits::default(), query)
    }

    #[track_caller]
    fn passes(query: &str) {
        if let Err(refusal) = parse(query) {
            panic!("{refusal} {refusal:?}");
        }
    }

    #[track_caller]
    fn exceeds(what: &str, query: &str) {
        match parse(query) {
            Err(Refusal::Exceeded { what: excess, .. }) => assert_eq!(excess, what),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn complains(about: &str, position: &str, query: &str) {
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
    fn repeat(part: &str, count: usize) -> String {
        (0..count)
            .map(|i| part.replace('#', &i.to_string()))
            .collect()
    }

    fn nest(open: &str, inner: &str, close: &str, levels: usize) -> String {
        open.repeat(levels) + inner + &close.repeat(levels)
    }

    /// A query that spreads a fragment `width` times, which spreads the next one as often, and so
    /// on.
    fn spreads(width: usize, fragments: usize, innermost: &str) -> String {
        let mut query = format!("{{{}}}", "...F0 ".repeat(width));
        for i in 1..fragments {
            let spreads = format!("...F{i} ").repeat(width);
            query += &format!("fragment F{} on Q{{{spreads}}}", i - 1);
        }
        query + &format!("fragment F{} on Q{{{innermost}}}", fragments - 1)
    }

    #[track_caller]
    fn at_most(limits: &Limits, most: usize, what: &str, query: impl Fn(usize) -> String) {
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
    fn nested_spreads_are_multiplied_not_walked() {
        passes(&spreads(7, 3, "a"));
        exceeds(FIELDS, &spreads(30, 6, "a"));
        // Walking these would outlast the universe.
        exceeds(FIELDS, &spreads(30, 30, "a"));
        exceeds(PARTS, &spreads(30, 30, "...Unknown"));
        exceeds(PARTS, &spreads(30, 30, "a").replace("...F0 ", "a "));
        exceeds(NESTING, &spreads(9, 100, "a"));
    }

    #[test]
    fn fragments_bring_along_what_they_hold() {
        let spread = |fragment: &str, times| {
            let spreads = "...F ".repeat(times);
            format!("{{a{{{spreads}}}}}fragment F on Q{{{fragment}}}")
        };
        let fields = "a ".repeat(499);
        passes(&spread(&fields, 1));
        exceeds(FIELDS, &spread(&fields, 2));
        let uses = "a(x:$v y:{z:[$v]})@d(if:$v)".repeat(20);
        passes(&spread(&uses, 1));
        exceeds(VARIABLE_USES, &spread(&uses, 2));
        passes(&spread(&nest("a{", "a", "}", 18), 9));
        exceeds(DEPTH, &spread(&nest("a{", "a", "}", 19), 1));
    }

    #[test]
    fn roots_are_counted_behind_fragments_and_in_each_operation() {
        let fragment = "fragment F on M{b:a{b c} ...{c:a}}";
        passes(&format!("mutation{{{}}}{fragment}", "...F ".repeat(5)));
        exceeds(
            ROOT_MUTATIONS,
            &format!("mutation{{a {}}}{fragment}", "...F ".repeat(5)),
        );
        passes(&repeat("mutation M#{a a a a a a}", 2));
    }

    #[test]
    fn a_field_counts_for_each_fragment_around_it() {
        let fragment = |levels| nest("{...", &format!("{{{}}}", "a ".repeat(200)), "}", levels);
        passes(&fragment(20));
        exceeds(PARTS, &fragment(30));
        let fragments = |count| {
            let spreads = repeat("fragment F# on Q{...F}", count);
            format!("{{a}}fragment F on Q{{{}}}{spreads}", "a ".repeat(200))
        };
        passes(&fragments(20));
        exceeds(PARTS, &fragments(30));
    }

    #[test]
    fn cycles_are_refused_wherever_they_are() {
        let cycle = "A fragment spreads itself, directly or through other fragments.";
        complains(cycle, "1:23", "{...A}fragment A on Q{...A}");
        complains(cycle, "1:28", "{a}fragment A on Q{a{...{a ...A ...A}}}");
        let mutual = "fragment A on Q{...B}fragment B on Q{a{...A}}";
        complains(cycle, "1:46", &format!("{{...A}}{mutual}"));
        complains(cycle, "1:23", &format!("{{...B}}{mutual}"));
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

    #[test]
    fn brackets_cannot_overflow_the_stack() {
        for (start, open) in [
            ("", "{"),
            ("", "{a"),
            ("", "{...on Q"),
            ("{a(x:", "["),
            ("{a(x:", "{a:"),
            ("{a@d(x:", "[{a:"),
            ("query($a:", "["),
            ("query($a:I=", "["),
            ("{a", "("),
        ] {
            let count = (65_536 - start.len()) / open.len();
            exceeds(NESTING, &format!("{start}{}", open.repeat(count)));
        }
    }

    #[test]
    fn strings_and_comments_end_where_they_do_for_the_parser() {
        let brackets = "[".repeat(100);
        for (start, end) in [
            (r#"""#, r#"""#),
            (r#""\""#, r#"\\""#),
            (r#"""""#, r#"""""#),
            (r#"""""""#, r#""\""" """"#),
            ("#", "\n1"),
            ("#\"", "\r1"),
        ] {
            passes(&format!("{{a(x:{start}{brackets}{end})}}"));
        }
        for before in [
            "",
            r#""""#,
            r#""\\""#,
            r#""""""""#,
            r#""""\"""""""#,
            "#\r",
            "#\"\n",
        ] {
            exceeds(NESTING, &format!("{{a(x:{before}{brackets}"));
        }
        for before in [r#"""#, r#"""""#, r#"""""""#, r#""""\""""#, "\"\n", r#""\"#] {
            complains(
                "Unterminated string.",
                "1:6",
                &format!("{{a(x:{before}{brackets}"),
            );
        }
    }

    #[test]
    fn complaints_say_where_and_repeat_nothing() {
        let name = "secret".repeat(30);
        for (about, position, query) in [
            ("Syntax error: expected executable_definition.", "1:1", ""),
            ("Syntax error: expected name.", "2:183", "{N}\n{N("),
            (
                "An anonymous operation must be the only one.",
                "1:183",
                "{N}{N}",
            ),
            (
                "Two operations have the same name.",
                "1:190",
                "query N{a}query N{a}",
            ),
            (
                "Two fragments have the same name.",
                "1:201",
                "{a}fragment N on Q{a}fragment N on Q{a}",
            ),
            (
                "The document contains no operation.",
                "1:1",
                "fragment N on Q{a}",
            ),
            ("Unterminated string.", "2:4", "{N\n(é:\"N"),
        ] {
            complains(about, position, &query.replace('N', &name));
        }
    }
}
