//! How a text may quote a secret, and how that is found: everything but letters and digits is left
//! out of both and case is ignored, so that it does not matter where lines are broken. Escapes are
//! resolved before, of each kind and of all kinds together, up to three deep; what stands at the
//! beginning of a reply's line (`550-5.7.1`) is passed over; and the secret is looked for in base64
//! and in hexadecimal digits too.

use std::{collections::HashSet, ops::Range};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::Secret;

/// How many characters of a random secret in a row give it away.
const PART: usize = 12;

/// What is shorter may stand anywhere by chance.
const SHORTEST: usize = 4;

/// How often something may be escaped: `%25252D`.
const DEPTH: usize = 3;

/// See [`super::mask`].
pub(super) fn mask(secrets: &[Secret], text: &str) -> String {
    let mut quoted: Vec<(Range<usize>, &str)> = Vec::new();
    let readings = match secrets {
        [] => return text.to_owned(),
        _ => readings(text),
    };
    for secret in secrets {
        let needles = needles(secret);
        let ranges = readings.iter().flat_map(|reading| {
            needles
                .iter()
                .flat_map(|needle| needle.found_in(reading, text))
        });
        quoted.extend(ranges.map(|range| (range, secret.mask)));
        // What holds neither letters nor digits is only found as it is.
        let is_long = secret.value.chars().count() >= SHORTEST;
        if is_long && !secret.value.chars().all(char::is_alphanumeric) {
            let verbatim = text.match_indices(&secret.value);
            quoted.extend(verbatim.map(|(at, found)| (at..at + found.len(), secret.mask)));
        }
    }
    quoted.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));

    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for (range, mask) in quoted {
        // Those that overlap are one.
        if let Some(between) = text.get(done..range.start) {
            masked.push_str(between);
            masked.push_str(mask);
        }
        done = done.max(range.end);
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    masked
}

/// A character of what was read, and where it stands in the text.
#[derive(Clone)]
struct Unit {
    c: char,
    at: Range<usize>,
}

/// The text in each way of reading it.
fn readings(text: &str) -> Vec<Reading> {
    let verbatim: Vec<Unit> = (text.char_indices())
        .map(|(start, c)| Unit {
            c,
            at: start..start + c.len_utf8(),
        })
        .collect();
    // A line may be broken within an escape too, and its end may be written as an escape itself.
    let of_lines = resolve(&verbatim, &[backslash]);
    let of_text = unwrapped(&of_lines);
    let of_reply = unwrapped(&without_codes(&of_lines));
    let kinds = [percent, quoted_printable, html, backslash];
    let mut all = Vec::new();
    for begin in [verbatim, of_text, of_reply] {
        for kinds in kinds.chunks(1).chain([&kinds[..]]) {
            let mut units = begin.clone();
            for _ in 0..DEPTH {
                let resolved = resolve(&units, kinds);
                if resolved.len() == units.len() {
                    break;
                }
                all.push(resolved.clone());
                units = resolved;
            }
        }
        all.push(begin);
    }
    for at in 0..all.len() {
        let without = without_codes(&all[at]);
        if without.len() < all[at].len() {
            all.push(without);
        }
    }
    all.iter().map(|units| Reading::of(units)).collect()
}

/// What is compared: letters and digits in lower case, and where each stands in the text.
struct Reading {
    letters: Vec<char>,
    at: Vec<Range<usize>>,
}

impl Reading {
    fn of(units: &[Unit]) -> Self {
        let (letters, at) = (units.iter())
            .filter_map(|unit| Some((fold(unit.c)?, unit.at.clone())))
            .unzip();
        Self { letters, at }
    }
}

/// Letters and digits, in lower case.
fn fold(c: char) -> Option<char> {
    c.to_lowercase().next().filter(|c| c.is_alphanumeric())
}

/// An escape at the beginning: how many characters it has, and what it stands for.
type Escape = fn(&[Unit]) -> Option<(usize, char)>;

fn resolve(units: &[Unit], kinds: &[Escape]) -> Vec<Unit> {
    let mut resolved = Vec::with_capacity(units.len());
    let mut rest = units;
    while let [first, ..] = rest {
        match kinds.iter().find_map(|escape| escape(rest)) {
            Some((length, c)) => {
                let end = rest[length - 1].at.end;
                let at = first.at.start..end;
                resolved.push(Unit { c, at });
                rest = &rest[length..];
            }
            None => {
                resolved.push(first.clone());
                rest = &rest[1..];
            }
        }
    }
    resolved
}

/// The number that `count` digits make from `start` on.
fn number(units: &[Unit], start: usize, count: usize, radix: u32) -> Option<char> {
    let digits = units.get(start..start + count)?;
    let code = (digits.iter()).try_fold(0_u32, |code, unit| {
        Some(code * radix + unit.c.to_digit(radix)?)
    });
    char::from_u32(code?)
}

/// `%2D` (RFC 3986 §2.1)
fn percent(units: &[Unit]) -> Option<(usize, char)> {
    (units[0].c == '%').then_some(())?;
    Some((3, number(units, 1, 2, 16)?))
}

/// `=2D` (RFC 2045 §6.7)
fn quoted_printable(units: &[Unit]) -> Option<(usize, char)> {
    (units[0].c == '=').then_some(())?;
    Some((3, number(units, 1, 2, 16)?))
}

/// `&#45;`, `&#x2d;`; a named one, such as `&shy;`, stands for no letter of a token.
fn html(units: &[Unit]) -> Option<(usize, char)> {
    (units[0].c == '&').then_some(())?;
    let length = units.iter().take(12).position(|unit| unit.c == ';')?;
    let c = match (units.get(1)?.c, units.get(2)?.c) {
        ('#', 'x' | 'X') => number(units, 3, length.checked_sub(3)?, 16)?,
        ('#', _) => number(units, 2, length - 2, 10)?,
        _ => (units[1..length].iter().all(|unit| unit.c.is_alphanumeric())).then_some('\0')?,
    };
    Some((length + 1, c))
}

/// `\u002d`, `\x2d`, `\055`, `\n`: as JSON and many languages write it.
fn backslash(units: &[Unit]) -> Option<(usize, char)> {
    (units[0].c == '\\').then_some(())?;
    match units.get(1)?.c {
        'u' => Some((6, number(units, 2, 4, 16)?)),
        'x' => Some((4, number(units, 2, 2, 16)?)),
        '0'..='3' if number(units, 1, 3, 8).is_some() => Some((4, number(units, 1, 3, 8)?)),
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '0' => Some((2, '\0')),
        _ => None,
    }
}

fn is_space(unit: &Unit) -> bool {
    unit.c.is_whitespace() || unit.c.is_control()
}

/// Without white space, and without the `=` before it, which is a soft line break (RFC 2045 §6.7).
fn unwrapped(units: &[Unit]) -> Vec<Unit> {
    let is_break = |(at, unit): &(usize, &Unit)| {
        is_space(unit) || unit.c == '=' && units.get(at + 1).is_some_and(is_space)
    };
    let kept = units.iter().enumerate().filter(|unit| !is_break(unit));
    kept.map(|(_, unit)| unit.clone()).collect()
}

/// Without what a server puts in front of each line of a reply: `550-`, `5.7.1`. Where its lines
/// began may be lost by now; it is looked for at the beginning of each word.
fn without_codes(units: &[Unit]) -> Vec<Unit> {
    let mut kept = Vec::with_capacity(units.len());
    for word in units.split_inclusive(is_space) {
        let text: String = word.iter().map(|unit| unit.c).collect();
        let without = behind_enhanced(behind_code(&text));
        let cut = text.chars().count() - without.chars().count();
        kept.extend_from_slice(&word[cut..]);
    }
    kept
}

/// RFC 5321 §4.2
fn behind_code(word: &str) -> &str {
    let is_digit = |at: usize| word.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    match word.as_bytes() {
        [b'2'..=b'5', ..] if is_digit(1) && is_digit(2) && !is_digit(3) => {
            word.get(3..)
                .map_or(word, |rest| match rest.chars().next() {
                    Some('-') => &rest[1..],
                    Some(c) if c.is_alphanumeric() => word,
                    _ => rest,
                })
        }
        _ => word,
    }
}

/// RFC 3463 §2
fn behind_enhanced(word: &str) -> &str {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (code, rest) = word.split_at(end.unwrap_or(word.len()));
    let parts: Vec<&str> = code.split('.').collect();
    match parts[..] {
        ["2" | "4" | "5", subject, detail]
            if (1..=3).contains(&subject.len()) && (1..=3).contains(&detail.len()) =>
        {
            rest
        }
        _ => word,
    }
}

/// One way in which a secret may be written.
struct Needle {
    /// All of its parts of one length, folded.
    parts: HashSet<Vec<char>>,
    length: usize,
    /// So short that it may be a part of a longer word by chance.
    is_word: bool,
    /// The digits beside it hold some of its bits too.
    is_base64: bool,
}

impl Needle {
    /// `part` is how many characters in a row count; all of them where it is absent.
    fn new(written: &str, part: Option<usize>) -> Self {
        let letters: Vec<char> = written.chars().filter_map(fold).collect();
        let length = part.unwrap_or(usize::MAX).clamp(1, letters.len().max(1));
        Self {
            parts: letters.windows(length).map(<[char]>::to_vec).collect(),
            length,
            is_word: length < PART,
            is_base64: false,
        }
    }

    fn is_telling(&self) -> bool {
        self.length >= SHORTEST
    }

    /// Where it stands in the text.
    fn found_in(&self, reading: &Reading, text: &str) -> Vec<Range<usize>> {
        let parts = reading.letters.windows(self.length).enumerate();
        parts
            .filter(|(_, part)| self.parts.contains(*part))
            .map(|(first, _)| reading.at[first].start..reading.at[first + self.length - 1].end)
            .filter(|range| !self.is_word || stands_alone(text, range))
            .map(|range| {
                if self.is_base64 {
                    whole_word(text, &range)
                } else {
                    range
                }
            })
            .collect()
    }
}

/// The range with the rest of its base64.
fn whole_word(text: &str, range: &Range<usize>) -> Range<usize> {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || "+/-_=".contains(c));
    let start = text[..range.start].rfind(is_other);
    let end = text[range.end..].find(is_other);
    start.map_or(0, |at| text.ceil_char_boundary(at + 1))
        ..end.map_or(text.len(), |length| range.end + length)
}

fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    ![before, after]
        .iter()
        .flatten()
        .any(|c| c.is_alphanumeric())
}

/// The secret as it is, in base64 wherever it may begin between the groups of three octets, and in
/// hexadecimal digits.
fn needles(secret: &Secret) -> Vec<Needle> {
    let octets = secret.value.as_bytes();
    let part = |factor: usize| secret.in_parts.then_some(PART * factor / 3);
    let mut needles = vec![Needle::new(&secret.value, part(3))];
    for before in 0..3 {
        let encoded = BASE64.encode([&[0; 3][..before], octets].concat());
        // Without the digits that hold bits of what comes before or after as well.
        let digits = (before * 8).div_ceil(6)..(before + octets.len()) * 8 / 6;
        needles.push(Needle {
            is_word: false,
            is_base64: true,
            ..Needle::new(&encoded[digits], part(4))
        });
    }
    let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    needles.push(Needle::new(&digits, part(6)));
    needles.retain(Needle::is_telling);
    needles
}
