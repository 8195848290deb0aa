//! When two texts are the same, apart from how they are written.

use unicode_normalization::UnicodeNormalization;

/// Takes the dot off an i that has its own.
const DOT_ABOVE: char = '\u{307}';

/// The form in which texts are compared when case is ignored: composed (NFC), and in lower case,
/// letter by letter. It is its own folded form.
///
/// It differs from the lower case of [`str::to_lowercase`] in two letters, so that a text has the
/// same form in capitals. Turkish capitals have a dotted `İ`, whose lower case would be an `i` and a
/// combining dot: it is an `i`. A Greek sigma is the same at the end of a word as within. The
/// dotless `ı` stays a letter of its own.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfc().flat_map(char::to_lowercase) {
        match c {
            DOT_ABOVE if folded.ends_with('i') => {}
            'ς' => folded.push('σ'),
            c => folded.push(c),
        }
    }
    folded.nfc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn capitals_are_the_same_text() {
        for (one, other) in [
            ("İSMAİL", "ismail"),
            ("I\u{307}smail", "ismail"),
            ("ΝΊΚΟΣ", "νίκος"),
            ("STRAẞE", "straße"),
            ("J\u{30C}", "ǰ"),
            ("\u{212A}urt", "kurt"),
        ] {
            assert_eq!(fold(one), fold(other));
        }
        assert_ne!(fold("mıke"), fold("mike"));
    }

    proptest! {
        #[test]
        fn the_folded_form_is_its_own(text in any::<String>()) {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn marks_in_any_order_have_one_form(text in "[iIİıjJσΣς\u{307}\u{301}\u{323}\u{328}\u{30c}]{0,8}") {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }
    }
}
