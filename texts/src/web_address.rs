//! What mail clients turn into a link, wherever it stands: in a name, it leads the reader of an e-mail
//! to where whoever typed the name wants them to go.

use std::net::Ipv4Addr;

/// Top-level domains that count in any case: others are ordinary words with a capital letter.
const COMMON: &[&str] = &[
    "app", "biz", "click", "co", "com", "dev", "info", "io", "link", "live", "me", "net", "online",
    "org", "page", "ru", "shop", "site", "top", "xyz",
];

/// The first word that is a web address beyond doubt: with `://`, with `www.` in front, or a domain
/// with something behind it, as in `evil.example/login`.
pub fn find(text: &str) -> Option<&str> {
    words(text).find(|word| is_address(word))
}

/// The same, and also a mere domain: `evil.example`. A word with a dot is one if what stands behind
/// the dot is in small letters, or a common top-level domain; `St.Gallen`, `J.Smith` and `Ph.D.` are
/// none. Neither is an e-mail address.
pub fn find_any(text: &str) -> Option<&str> {
    words(text).find(|word| is_address(word) || (!is_email(word) && domains(word).any(is_domain)))
}

/// The text with an ellipsis for each web address, for texts that were stored before they were refused.
pub fn without(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(found) = find_any(&text) {
        text = text.replace(&found.to_owned(), "…");
    }
    text
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "()[]{}<>\"'“”„‘’«»,;|!…".contains(c))
        .filter(|word| !word.is_empty())
}

fn is_address(word: &str) -> bool {
    if word.contains("://") {
        return true;
    }
    let starts_with_www = word
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("www."));
    let leads_on = word
        .split_once(['/', '?', '#', ':', '\\'])
        .is_some_and(|(host, _)| is_domain(host) || host.parse::<Ipv4Addr>().is_ok());
    !is_email(word) && ((starts_with_www && word.len() > 4) || leads_on)
}

/// Whether a mail client takes the word for an e-mail address: `evil.example/@login` is none.
fn is_email(word: &str) -> bool {
    word.split_once('@').is_some_and(|(account, domain)| {
        let is_there = !account.is_empty() && !domain.is_empty();
        is_there && !domain.contains('@') && !account.contains(['/', '?', '#', ':', '\\'])
    })
}

/// What in a word may be a domain: mail clients find one between other characters, too, as in `*evil.example*`.
fn domains(word: &str) -> impl Iterator<Item = &str> {
    word.split(|c: char| !c.is_alphanumeric() && !".-".contains(c))
        .map(|part| part.trim_matches(['-', '.']))
}

fn is_domain(word: &str) -> bool {
    let Some((host, last)) = word.trim_end_matches('.').rsplit_once('.') else {
        return false;
    };
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    if !host.split('.').all(is_label) || last.chars().count() < 2 {
        return false;
    }
    let is_initial = host
        .rsplit('.')
        .next()
        .is_some_and(|label| label.chars().count() < 2);
    let is_small = last.chars().all(char::is_lowercase) || last.starts_with("xn--");
    COMMON.contains(&last.to_ascii_lowercase().as_str()) || (is_small && !is_initial)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_leads_somewhere_is_found() {
        for text in [
            "Your account is locked. Sign in at https://evil.example/login now, or",
            "see evil.example/login",
            "evil.example/@login",
            "javascript://x",
            "WWW.evil.example",
            "(evil.example:8080)",
            "192.0.2.1/login",
            "банк.рф/вход",
        ] {
            assert!(find(text).is_some(), "{text}");
            assert!(find_any(text).is_some(), "{text}");
        }
        for text in [
            "evil.example",
            "Go to Evil.Com!",
            "t.co",
            "xn--80a.xn--p1ai",
            "a-b.example.",
            "*evil.example*",
            "-evil.example-",
            "_evil.example",
            "now→evil.example",
            "go=evil.example",
            "evil.example@",
            "@evil.example",
            "mailto:ada@evil.example",
        ] {
            assert_eq!(find(text), None, "{text}");
            assert!(find_any(text).is_some(), "{text}");
        }
    }

    #[test]
    fn names_are_none() {
        for text in [
            "J.Smith",
            "j.smith",
            "Sub.Zero Ltd",
            "St.Gallen",
            "ST.GALLEN",
            "Ph.D.",
            "Prof.Dr. Müller",
            "Dipl.-Ing. Kraus",
            "a.k.a.",
            "Sales (U.S./EMEA)",
            "and/or",
            "24/7",
            "Re: you",
            "Zürich/St.Gallen",
            "ada@example.com",
            "www.ada@example.com",
            "-ada@example.com-",
            "--",
            "1.5/2.5",
            "AT&T, R&D.",
            "rock'n'roll",
            "Version 1.2.3",
            "…",
            "李.明",
        ] {
            assert_eq!(find_any(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left(text in any::<String>()) {
            let left = without(&text);
            prop_assert_eq!(find_any(&left), None);
        }

        #[test]
        fn nothing_is_left_of_names(text in "[a-zA-Z.:/@ w]{0,30}") {
            let left = without(&text);
            prop_assert_eq!(find_any(&left), None);
        }
    }
}
