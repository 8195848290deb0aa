//! The numbers: the most of everything that a document may have.

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
