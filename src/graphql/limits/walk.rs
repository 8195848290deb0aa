//! The walk of the parsed document: what it comes to with its fragments expanded. It stops where that
//! becomes too much.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value;

use super::complexity::introspected_rows;
use super::{Limits, NESTING, Refusal, within};

pub(super) const FIELDS: &str = "selected fields";
pub(super) const DEPTH: &str = "levels of fields";
pub(super) const VARIABLE_USES: &str = "uses of variables";
const INTROSPECTED: &str = "fields to introspect";
pub(super) const ROOT_MUTATIONS: &str = "fields at the root of a mutation";
pub(super) const ROOT_SUBSCRIPTIONS: &str = "field at the root of a subscription";
pub(super) const PARTS: &str = "selections, arguments and values with fragments expanded";

/// Walks each operation and each fragment once.
pub(super) fn walk(limits: &Limits, document: &ExecutableDocument) -> Result<(), Refusal> {
    let (operations, fragments) = (&document.operations, &document.fragments);
    let count = operations.iter().len();
    within(count, limits.operations, "operations", || {
        last(operations.iter().map(|(_, operation)| operation.pos))
    })?;
    within(fragments.len(), limits.fragments, "fragments", || {
        last(fragments.values().map(|fragment| fragment.pos))
    })?;
    let mut walk = Walk {
        limits,
        document,
        fragments: HashMap::new(),
        is_executed: true,
        directives: 0,
        parts: 0,
    };
    // Which operation will be executed is not known here, and validation walks all of them.
    for (_, operation) in operations.iter() {
        walk.operation(operation)?;
    }
    // Validation walks unused fragments too.
    walk.is_executed = false;
    for (name, fragment) in fragments {
        walk.fragment(name, 0, fragment.pos)?;
    }
    Ok(())
}

fn last(positions: impl Iterator<Item = Pos>) -> Pos {
    positions.max().unwrap_or_default()
}

/// What a part of a document comes to, with fragments expanded. Sums saturate: a hundred fragments
/// that spread one another stand for more than any integer holds. [`Limits`] says what is counted.
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

struct Walk<'a> {
    limits: &'a Limits,
    document: &'a ExecutableDocument,
    /// `None` for those that are being walked.
    fragments: HashMap<&'a Name, Option<Size>>,
    /// Whether this is within an operation, and not within a fragment that none uses.
    is_executed: bool,
    /// As written, in the whole document.
    directives: usize,
    /// Of all operations, and of each fragment by itself.
    parts: usize,
}

impl<'a> Walk<'a> {
    fn operation(&mut self, operation: &'a Positioned<OperationDefinition>) -> Result<(), Refusal> {
        let limits = self.limits;
        let Positioned { pos, node } = operation;
        let variables = &node.variable_definitions;
        within(variables.len(), limits.variables, "variables", || {
            variables[limits.variables].pos
        })?;
        let mut size = self.directives(&node.directives)?;
        for variable in variables {
            size = size.and(self.directives(&variable.node.directives)?);
            if let Some(default) = &variable.node.default_value {
                size = size.and(value_size(&default.node.clone().into_value()));
            }
        }
        size = size.and(self.selection_set(&node.selection_set, 1)?);
        self.afford(&size, *pos)?;
        self.spend(size.parts, *pos)?;
        let (roots, what) = match node.ty {
            OperationType::Query => return Ok(()),
            OperationType::Mutation => (limits.root_mutations, ROOT_MUTATIONS),
            OperationType::Subscription => (limits.root_subscriptions, ROOT_SUBSCRIPTIONS),
        };
        within(size.own_fields, roots, what, || *pos)
    }

    /// `level` is how many selection sets there are around and including this one, and thereby how
    /// deep this recurses.
    fn selection_set(
        &mut self,
        set: &'a Positioned<SelectionSet>,
        level: usize,
    ) -> Result<Size, Refusal> {
        within(level, self.limits.nesting, NESTING, || set.pos)?;
        let mut size = Size {
            levels: 1,
            ..Size::default()
        };
        for Positioned { pos, node } in &set.node.items {
            let mut part = match node {
                Selection::Field(field) => self.field(&field.node, level)?,
                Selection::InlineFragment(fragment) => self
                    .directives(&fragment.node.directives)?
                    .and(self.selection_set(&fragment.node.selection_set, level + 1)?)
                    .and(one_part()),
                Selection::FragmentSpread(spread) => self
                    .directives(&spread.node.directives)?
                    .and(self.fragment(&spread.node.fragment_name.node, level, spread.pos)?)
                    .and(one_part()),
            };
            part.levels += 1;
            size = size.and(part);
            self.afford(&size, *pos)?;
        }
        self.spend(size.own_parts, set.pos)?;
        Ok(size)
    }

    /// Refuses what comes to too much. Sizes only grow towards their operation, so what a part of it
    /// cannot afford, the whole could not either.
    fn afford(&self, size: &Size, at: Pos) -> Result<(), Refusal> {
        let limits = self.limits;
        let within = |count, limit, what| within(count, limit, what, || at);
        within(size.levels, limits.nesting, NESTING)?;
        if !self.is_executed {
            return Ok(());
        }
        within(size.fields, limits.fields, FIELDS)?;
        within(size.depth, limits.depth, DEPTH)?;
        within(size.introspected, limits.introspected, INTROSPECTED)?;
        within(size.variable_uses, limits.variable_uses, VARIABLE_USES)?;
        within(size.parts, limits.parts, PARTS)
    }

    /// Takes the parts from what all operations and fragments may have together.
    fn spend(&mut self, parts: usize, at: Pos) -> Result<(), Refusal> {
        self.parts = self.parts.saturating_add(parts);
        within(self.parts, self.limits.parts, PARTS, || at)
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Result<Size, Refusal> {
        let itself = Size {
            fields: 1,
            own_fields: 1,
            depth: 1,
            introspected: 1,
            ..one_part()
        };
        let size = itself
            .and(self.directives(&field.directives)?)
            .and(arguments(&field.arguments));
        if field.selection_set.node.items.is_empty() {
            return Ok(size);
        }
        let below = self.selection_set(&field.selection_set, level + 1)?;
        let rows = introspected_rows(&field.name.node);
        Ok(size.and(Size {
            introspected: below.introspected.saturating_mul(rows),
            depth: below.depth + 1,
            own_fields: 0,
            own_parts: 0,
            ..below
        }))
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
            .directives(&fragment.node.directives)?
            .and(self.selection_set(&fragment.node.selection_set, level + 1)?);
        self.fragments.insert(name, Some(size));
        Ok(size)
    }

    /// Everything is walked once, so that this counts directives as written.
    fn directives(&mut self, directives: &[Positioned<Directive>]) -> Result<Size, Refusal> {
        let mut size = Size::default();
        for Positioned { pos, node } in directives {
            self.directives += 1;
            within(
                self.directives,
                self.limits.directives,
                "directives",
                || *pos,
            )?;
            size = size.and(arguments(&node.arguments)).and(one_part());
        }
        Ok(size)
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
    use crate::graphql::limits::tests::{complains, exceeds, nest, passes, repeat, spreads};

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
}
