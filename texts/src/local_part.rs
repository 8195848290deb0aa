//! What stands before the `@` of an e-mail address: RFC 5321, section 4.1.2, with the letters of all
//! scripts (RFC 6531, section 3.3).

/// What it names: without quotes, where it has them. `None` if it is none.
///
/// Between quotes everything may stand that is not a control character, except what separates
/// addresses in a list: mail servers do not agree on how those are read.
pub fn read(source: &str) -> Option<String> {
    let Some(quoted) = source.strip_prefix('"') else {
        return is_dot_string(source).then(|| source.to_owned());
    };
    let mut chars = quoted.strip_suffix('"')?.chars();
    let mut name = String::with_capacity(quoted.len());
    while let Some(c) = chars.next() {
        name.push(match c {
            '\\' => chars.next().filter(|c| matches!(c, ' '..='~'))?,
            '"' => return None,
            c => c,
        });
    }
    let may_stand = |c| match c {
        '<' | '>' | ',' | ';' | ':' => false,
        ' '..='~' => true,
        c => is_atext(c),
    };
    (!name.is_empty() && name.chars().all(may_stand)).then_some(name)
}

/// The reverse of [`read`]: in quotes only where it has to be.
pub fn write(name: &str) -> String {
    if is_dot_string(name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Whether only its dots keep it from being one: two in a row, or one at either end.
pub(crate) fn has_misplaced_dots(source: &str) -> bool {
    !source.is_empty() && source.chars().all(|c| c == '.' || is_atext(c)) && !is_dot_string(source)
}

fn is_dot_string(source: &str) -> bool {
    let is_atom = |atom: &str| !atom.is_empty() && atom.chars().all(is_atext);
    source.split('.').all(is_atom)
}

/// RFC 5321 takes any character that is not ASCII; those that are no part of a word are none here.
fn is_atext(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        !c.is_control() && !c.is_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_written_where_they_are_needed() {
        for (source, written) in [
            ("ada", "ada"),
            ("\"ada\"", "ada"),
            ("\"a.d.a\"", "a.d.a"),
            ("\"\\a\\d\\a\"", "ada"),
            ("\"xxx.\"", "\"xxx.\""),
            ("\"aaa..bbb\"", "\"aaa..bbb\""),
            ("\"ada lovelace\"", "\"ada lovelace\""),
            ("\"a@b\"", "\"a@b\""),
            ("\"a\\\"b\\\\\"", "\"a\\\"b\\\\\""),
            ("संपर्क", "संपर्क"),
        ] {
            assert_eq!(
                read(source).map(|name| write(&name)).as_deref(),
                Some(written)
            );
        }
        for source in [
            "",
            ".",
            "a..b",
            ".a",
            "a.",
            "a b",
            "\"",
            "\"\"",
            "\"a",
            "a\"",
            "\"a\"b\"",
            "\"a\\\"",
            "\"a,b\"",
            "\"<a>\"",
            "\"a\u{A0}b\"",
            "a\u{A0}b",
            "\"\\é\"",
            "(a)b",
            "a@b",
        ] {
            assert_eq!(read(source), None, "{source}");
        }
    }
}
