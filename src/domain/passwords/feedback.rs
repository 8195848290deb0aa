//! Why a password is easy to guess, and what would help, by codes that front ends can translate.

use zxcvbn::feedback;

/// Declares an enum that a library's is translated into.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident from $library:ty { $($(#[$code_doc:meta])* $code:ident = $theirs:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$code_doc])* $code,)*
        }

        impl From<$library> for $name {
            fn from(theirs: $library) -> Self {
                match theirs {
                    $(<$library>::$theirs => Self::$code,)*
                }
            }
        }
    };
}

codes! {
    /// The main reason why a password is easy to guess.
    Warning from feedback::Warning {
        /// A straight row of keys.
        StraightRow = StraightRowsOfKeysAreEasyToGuess,
        /// A short pattern of keys.
        KeyPattern = ShortKeyboardPatternsAreEasyToGuess,
        /// A repeat such as "aaa".
        SimpleRepeat = RepeatsLikeAaaAreEasyToGuess,
        /// A repeat such as "abcabcabc".
        ExtendedRepeat = RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess,
        /// One of the ten most common passwords.
        TopTen = ThisIsATop10Password,
        /// One of the hundred most common passwords.
        TopHundred = ThisIsATop100Password,
        /// A very common password.
        Common = ThisIsACommonPassword,
        /// Similar to a common password.
        SimilarToCommon = ThisIsSimilarToACommonlyUsedPassword,
        /// A sequence such as "abc" or "6543".
        Sequences = SequencesLikeAbcAreEasyToGuess,
        /// A recent year.
        RecentYears = RecentYearsAreEasyToGuess,
        /// A word by itself.
        WordByItself = AWordByItselfIsEasyToGuess,
        /// A date.
        Dates = DatesAreOftenEasyToGuess,
        /// A name or a surname by itself.
        NamesByThemselves = NamesAndSurnamesByThemselvesAreEasyToGuess,
        /// A common name or surname.
        CommonNames = CommonNamesAndSurnamesAreEasyToGuess,
    }
}

codes! {
    /// What would make a password harder to guess, or would not.
    Suggestion from feedback::Suggestion {
        /// Use a few words, and avoid common phrases.
        UseWords = UseAFewWordsAvoidCommonPhrases,
        /// There is no need for symbols, digits or upper-case letters.
        NoNeed = NoNeedForSymbolsDigitsOrUppercaseLetters,
        /// Add another word or two.
        AnotherWord = AddAnotherWordOrTwo,
        /// Capitalisation does not help much.
        Capitalization = CapitalizationDoesntHelpVeryMuch,
        /// All upper case is almost as easy to guess as all lower case.
        AllUppercase = AllUppercaseIsAlmostAsEasyToGuessAsAllLowercase,
        /// Reversed words are not much harder to guess.
        ReverseWords = ReversedWordsArentMuchHarderToGuess,
        /// Predictable substitutions such as "@" for "a" do not help much.
        Substitutions = PredictableSubstitutionsDontHelpVeryMuch,
        /// Use a longer pattern of keys, with more turns.
        LongerKeyboardPattern = UseALongerKeyboardPatternWithMoreTurns,
        /// Avoid repeated words and characters.
        Repeated = AvoidRepeatedWordsAndCharacters,
        /// Avoid sequences.
        Sequences = AvoidSequences,
        /// Avoid recent years.
        RecentYears = AvoidRecentYears,
        /// Avoid years that are associated with you.
        AssociatedYears = AvoidYearsThatAreAssociatedWithYou,
        /// Avoid dates and years that are associated with you.
        Dates = AvoidDatesAndYearsThatAreAssociatedWithYou,
    }
}
