//! Why a password is easy to guess, and what would help. The names are those of zxcvbn's translations.

use async_graphql::Enum;

use crate::domain::passwords;

/// The main reason why a password is easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "passwords::Warning")]
pub enum PasswordWarning {
    /// A straight row of keys.
    StraightRow,
    /// A short pattern of keys.
    KeyPattern,
    /// A repeat such as "aaa".
    SimpleRepeat,
    /// A repeat such as "abcabcabc".
    ExtendedRepeat,
    /// One of the ten most common passwords.
    TopTen,
    /// One of the hundred most common passwords.
    TopHundred,
    /// A very common password.
    Common,
    /// Similar to a common password.
    SimilarToCommon,
    /// A sequence such as "abc" or "6543".
    Sequences,
    /// A recent year.
    RecentYears,
    /// A word by itself.
    WordByItself,
    /// A date.
    Dates,
    /// A name or a surname by itself.
    NamesByThemselves,
    /// A common name or surname.
    CommonNames,
}

/// What would make a password harder to guess, or would not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "passwords::Suggestion")]
pub enum PasswordSuggestion {
    /// Use a few words, and avoid common phrases.
    UseWords,
    /// There is no need for symbols, digits or upper-case letters.
    NoNeed,
    /// Add another word or two.
    AnotherWord,
    /// Capitalisation does not help much.
    Capitalization,
    /// All upper case is almost as easy to guess as all lower case.
    AllUppercase,
    /// Reversed words are not much harder to guess.
    ReverseWords,
    /// Predictable substitutions such as "@" for "a" do not help much.
    Substitutions,
    /// Use a longer pattern of keys, with more turns.
    LongerKeyboardPattern,
    /// Avoid repeated words and characters.
    Repeated,
    /// Avoid sequences.
    Sequences,
    /// Avoid recent years.
    RecentYears,
    /// Avoid years that are associated with you.
    AssociatedYears,
    /// Avoid dates and years that are associated with you.
    Dates,
}
