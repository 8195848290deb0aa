//! Characters that nobody sees: they make two texts look the same, or a sentence read otherwise than
//! it is written. People paste them with what they have copied.

use std::borrow::Cow;

use icu_properties::props::{
    BidiControl, CanonicalCombiningClass, DefaultIgnorableCodePoint, EmojiModifier,
    ExtendedPictographic, JoiningType, NoncharacterCodePoint, UnifiedIdeograph, VariationSelector,
};
use icu_properties::{CodePointMapData, CodePointSetData};

const NON_JOINER: char = '\u{200C}';
const JOINER: char = '\u{200D}';
const KEYCAP: char = '\u{20E3}';

/// Whether the character leaves no mark of its own, wherever it stands: those that are ignored in
/// display (`Default_Ignorable_Code_Point`), those that turn the direction of writing
/// (`Bidi_Control`), interlinear annotation, a blank Braille cell, and what is no character at all.
/// See UTS 39, section 3.1, and UTR 36, section 2.5. White space is not among them.
pub fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<BidiControl>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
        || matches!(c, '\u{2800}' | '\u{FFF9}'..='\u{FFFB}')
}

/// The first invisible character, apart from those that shape their neighbours:
///
/// - a joiner or non-joiner where RFC 5892, appendices A.1 and A.2, has it: after a virama, as in
///   Sinhala and Hindi, and a non-joiner also between letters that would join, as in Persian;
/// - a joiner between two emoji;
/// - a variation selector after an emoji or a Han ideograph, and in Mongolian.
pub fn find(text: &str) -> Option<char> {
    find_from(text, 0).map(|(_, c)| c)
}

/// The same, from that index on, with its own index.
fn find_from(text: &str, start: usize) -> Option<(usize, char)> {
    text[start..]
        .char_indices()
        .map(|(at, c)| (start + at, c))
        .filter(|(_, c)| is_invisible(*c))
        .find(|(at, c)| !is_needed(&text[..*at], *c, &text[at + c.len_utf8()..]))
}

/// The text without what [`find`] finds, for texts that were stored before it was refused.
pub fn without(text: &str) -> Cow<'_, str> {
    let mut visible = Cow::Borrowed(text);
    let mut done = 0;
    while let Some((at, _)) = find_from(&visible, done) {
        visible.to_mut().remove(at);
        // What stood before it may have needed it.
        done = visible[..at]
            .char_indices()
            .next_back()
            .map_or(0, |(at, _)| at);
    }
    visible
}

/// The text without white space and invisible characters at its ends.
pub fn trim(text: &str) -> &str {
    let is_blank = |c: char| c.is_whitespace() || is_invisible(c);
    let mut text = text.trim_start_matches(is_blank);
    while let Some(c) = text.chars().next_back() {
        let before = &text[..text.len() - c.len_utf8()];
        if !is_blank(c) || is_needed(before, c, "") {
            break;
        }
        text = before;
    }
    text
}

/// How a message names a character that nobody sees: `U+200B`.
pub fn code(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

fn is_needed(before: &str, c: char, after: &str) -> bool {
    match c {
        NON_JOINER => follows_virama(before) || would_join(before, after),
        JOINER => follows_virama(before) || (ends_in_emoji(before) && begins_with_emoji(after)),
        c if CodePointSetData::new::<VariationSelector>().contains(c) => {
            is_variation(before, c, after)
        }
        _ => false,
    }
}

fn follows_virama(before: &str) -> bool {
    let class = CodePointMapData::<CanonicalCombiningClass>::new();
    let last = before.chars().next_back();
    last.is_some_and(|c| class.get(c) == CanonicalCombiningClass::Virama)
}

/// RFC 5892, appendix A.1: `(L|D) T* ZWNJ T* (R|D)`.
fn would_join(before: &str, after: &str) -> bool {
    let joins = |c: &char| CodePointMapData::<JoiningType>::new().get(*c);
    let shows = |c: &char| joins(c) != JoiningType::Transparent;
    let left = before.chars().rev().find(shows);
    let right = after.chars().find(shows);
    left.is_some_and(|c| [JoiningType::LeftJoining, JoiningType::DualJoining].contains(&joins(&c)))
        && right.is_some_and(|c| {
            [JoiningType::RightJoining, JoiningType::DualJoining].contains(&joins(&c))
        })
}

fn is_emoji(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

fn begins_with_emoji(text: &str) -> bool {
    text.chars().next().is_some_and(is_emoji)
}

/// UTS 51, `emoji_zwj_element`: an emoji may be followed by its presentation or its skin tone.
fn ends_in_emoji(text: &str) -> bool {
    let is_modifier = |c| c == '\u{FE0F}' || CodePointSetData::new::<EmojiModifier>().contains(c);
    let mut last = text.chars().rev();
    match last.next() {
        Some(c) if is_modifier(c) => last.next().is_some_and(is_emoji),
        last => last.is_some_and(is_emoji),
    }
}

fn is_variation(before: &str, selector: char, after: &str) -> bool {
    let Some(base) = before.chars().next_back() else {
        return false;
    };
    match selector {
        '\u{180B}'..='\u{180F}' => matches!(base, '\u{1820}'..='\u{18AA}'),
        // A keycap, such as 1️⃣.
        '\u{FE0F}' if after.starts_with(KEYCAP) => matches!(base, '0'..='9' | '#' | '*'),
        '\u{FE0E}' | '\u{FE0F}' if is_emoji(base) => true,
        _ => CodePointSetData::new::<UnifiedIdeograph>().contains(base),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_nobody_sees_is_found() {
        for c in [
            '\u{AD}',
            '\u{34F}',
            '\u{61C}',
            '\u{115F}',
            '\u{1160}',
            '\u{17B4}',
            '\u{180E}',
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{200E}',
            '\u{200F}',
            '\u{202A}',
            '\u{202E}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{FE0F}',
            '\u{FEFF}',
            '\u{FFA0}',
            '\u{FFFA}',
            '\u{FFFE}',
            '\u{1D173}',
            '\u{E0041}',
            '\u{E0100}',
        ] {
            let text = format!("a{c}b");
            assert_eq!(find(&text), Some(c), "{}", code(c));
            assert_eq!(without(&text), "ab");
            assert_eq!(trim(&format!(" {c}a {c}")), "a");
        }
    }

    #[test]
    fn what_shapes_its_neighbours_stays() {
        for text in [
            "می\u{200C}خواهم",
            "ශ්\u{200D}රී",
            "क्\u{200D}ष",
            "👩\u{200D}💻",
            "👩🏽\u{200D}❤\u{FE0F}\u{200D}👨",
            "❤\u{FE0F}",
            "1\u{FE0F}\u{20E3}",
            "葛\u{E0100}城",
            "ᠠ\u{180B}",
            "Zoë Müller-Straße, 山田\u{3000}太郎",
        ] {
            assert_eq!(find(text), None, "{text}");
            assert_eq!(trim(text), text);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_left_is_visible(text in any::<String>()) {
            prop_assert_eq!(find(&without(&text)), None);
            let trimmed = trim(&text);
            prop_assert_eq!(trim(trimmed), trimmed);
        }
    }
}
