//! The key that somebody may have meant.

use strsim::normalized_damerau_levenshtein as likeness;

/// From here on, two words are likely to be the same one, mistyped.
const LIKELY: f64 = 0.8;

/// The one of these words that is most like that one, if one is.
pub(super) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words
        .into_iter()
        .map(|candidate| (likeness(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKELY)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// The key that was meant by an unknown one, its levels parted by dots: one that is spelt alike, or the
/// only one whose end it is.
pub(super) fn key_meant(unknown: &str, keys: &[String]) -> Option<String> {
    let all = || keys.iter().map(String::as_str);
    let (_, last) = unknown.rsplit_once('.').unwrap_or(("", unknown));
    let with_same_end = || {
        let mut same = all().filter(|key| key.ends_with(&format!(".{last}")));
        same.next().filter(|_| same.next().is_none())
    };
    nearest(unknown, all())
        .or_else(with_same_end)
        .map(str::to_owned)
}
