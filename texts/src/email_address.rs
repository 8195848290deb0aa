//! E-mail addresses: what is accepted as one, and when two are the same.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use crate::{fold, invisible, local_part};

/// The maximum length of what stands before the `@`, in octets: RFC 5321, section 4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;

/// One address, as it was entered and in its normal form.
///
/// The normal form decides whether two addresses are the same: composed characters (NFC), lower case
/// as [`fold`] has it, quotes only where they are needed, and the domain in ASCII (IDNA A-labels,
/// UTS 46). It is an address itself, and its own normal form. It is compared by code point on every
/// database, so `mıke@…`, with a dotless i, is not `mike@…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    typed: String,
    normal: String,
}

/// Why a text is not one address: a sentence for whoever typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// There is nothing but white space.
    #[error("Enter an e-mail address.")]
    Empty,
    /// The part before the `@` is too long, as typed or in its normal form.
    #[error("What stands before the @ can be at most {MAX_LOCAL_PART} bytes long.")]
    LocalPartTooLong,
    /// The whole address is too long.
    #[error(
        "An e-mail address can be at most {} bytes long.",
        EmailAddress::MAX_LENGTH
    )]
    TooLong,
    /// Nobody sees that there is one character too many.
    #[error(
        "The address contains an invisible character ({}). Delete it, or type the address instead of pasting it.",
        invisible::code(*.0)
    )]
    Invisible(char),
    /// There is an address with something around it: a name, or `mailto:`.
    #[error("Enter only the address: {0}")]
    Surrounded(String),
    /// It would be an address, if its name were in quotes.
    #[error(
        "Before the @, dots cannot be in a row or at the end. If this one has them, write it in quotes: {0}"
    )]
    Unquoted(String),
    /// There is a dot behind the domain.
    #[error("Remove the dot at the end.")]
    TrailingDot,
    /// There is an IP address in place of the domain.
    #[error("Enter an address with a domain name, such as name@example.com, not an IP address.")]
    IpAddress,
    /// Anything else, such as two addresses.
    #[error("Enter one e-mail address, such as name@example.com.")]
    Other,
}

impl EmailAddress {
    /// The maximum length, in octets: RFC 5321, section 4.5.3.1.3, less the angle brackets.
    pub const MAX_LENGTH: usize = 254;

    /// How long a text that holds one may be, in octets, with what is around it and however its
    /// characters are composed. Reading a longer one would cost more than its sender has paid.
    pub const MAX_TEXT: usize = 4096;

    /// Reads one address: an RFC 5321 mailbox in any script (RFC 6531). White space and invisible
    /// characters around it are removed. Lists, display names, control characters, line breaks and
    /// IP addresses in place of the domain are refused.
    ///
    /// # Errors
    ///
    /// A sentence that says what to do about it.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        if text.len() > Self::MAX_TEXT {
            return Err(NotAnAddress::TooLong);
        }
        let typed = visible(text)?;
        // Only once: what surrounds an address could surround itself thousands of times.
        if let Some(inner) = surrounded(&typed)
            && let Ok(address) = visible(inner).and_then(Self::of_visible)
        {
            return Err(NotAnAddress::Surrounded(address.typed));
        }
        Self::of_visible(typed)
    }

    /// Reads one address in which nothing is hidden.
    fn of_visible(typed: String) -> Result<Self, NotAnAddress> {
        let (local, domain) = typed.rsplit_once('@').ok_or(NotAnAddress::Other)?;
        let ascii = ascii_domain(domain)?;
        let Some(name) = local_part::read(local) else {
            return Err(match local_part::has_misplaced_dots(local) {
                true => NotAnAddress::Unquoted(format!("\"{local}\"@{domain}")),
                false => NotAnAddress::Other,
            });
        };
        let normal_local = local_part::write(&fold(&name));
        // Both are sent somewhere, and either can be the longer one.
        let longest = local.len().max(normal_local.len());
        if longest > MAX_LOCAL_PART {
            return Err(NotAnAddress::LocalPartTooLong);
        }
        if longest + "@".len() + ascii.len() > EmailAddress::MAX_LENGTH {
            return Err(NotAnAddress::TooLong);
        }
        let normal = format!("{normal_local}@{ascii}");
        Ok(Self { typed, normal })
    }

    /// An address that was accepted once, as it is stored. Rules get stricter; what stands in the
    /// database stays an address.
    pub fn stored(typed: &str, normal: &str) -> Self {
        Self {
            typed: typed.to_owned(),
            normal: normal.to_owned(),
        }
    }

    /// As it was entered: what is shown, and where e-mails are sent.
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The normal form: what is compared.
    pub fn normal(&self) -> &str {
        &self.normal
    }

    /// The domain, as A-labels in lower case.
    pub fn domain(&self) -> &str {
        self.normal
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The text without what nobody sees around it, if there is anything, and nothing hidden within it.
fn visible(text: &str) -> Result<String, NotAnAddress> {
    let visible: String = invisible::trim(text).nfc().collect();
    if visible.is_empty() {
        return Err(NotAnAddress::Empty);
    }
    if visible.contains(char::is_control) {
        return Err(NotAnAddress::Other);
    }
    match invisible::find(&visible) {
        Some(c) => Err(NotAnAddress::Invisible(c)),
        None => Ok(visible),
    }
}

/// What stands in `mailto:…`, `Name <…>` or `<…>`.
fn surrounded(text: &str) -> Option<&str> {
    const SCHEME: &str = "mailto:";
    match text.get(..SCHEME.len()) {
        Some(start) if start.eq_ignore_ascii_case(SCHEME) => Some(&text[SCHEME.len()..]),
        _ => Some(text.strip_suffix('>')?.rsplit_once('<')?.1),
    }
}

/// The domain as A-labels (UTS 46, with the rules for host names). Hyphens may stand anywhere within
/// a label: real names have two in the third place.
fn ascii_domain(domain: &str) -> Result<String, NotAnAddress> {
    let ascii = |length| {
        Uts46::new().to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            length,
        )
    };
    if domain.starts_with('[') {
        return Err(NotAnAddress::IpAddress);
    }
    let Ok(name) = ascii(DnsLength::Verify) else {
        return Err(match ascii(DnsLength::Ignore) {
            Ok(name) if name.len() > EmailAddress::MAX_LENGTH => NotAnAddress::TooLong,
            Ok(name) if name.len() > 1 && name.ends_with('.') => NotAnAddress::TrailingDot,
            _ => NotAnAddress::Other,
        });
    };
    // No top-level domain is a number (RFC 3696, section 2): it is an IP address without brackets.
    let last = name.rsplit('.').next().unwrap_or_default();
    match last.bytes().all(|digit| digit.is_ascii_digit()) {
        true => Err(NotAnAddress::IpAddress),
        false => Ok(name.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> Option<String> {
        EmailAddress::parse(text).ok().map(|address| address.normal)
    }

    fn told(text: &str) -> String {
        EmailAddress::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn case_white_space_quotes_and_domain_spelling_do_not_matter() {
        for (same, as_normal) in [
            (
                "Laura.Miller@bücher.example",
                "laura.miller@xn--bcher-kva.example",
            ),
            (
                "  laura.miller@xn--bcher-kva.EXAMPLE ",
                "laura.miller@xn--bcher-kva.example",
            ),
            (
                "laura.miller@BU\u{308}CHER.example",
                "laura.miller@xn--bcher-kva.example",
            ),
            (
                "\"Laura.Miller\"@bücher。example",
                "laura.miller@xn--bcher-kva.example",
            ),
            ("İSMAİL@example.com", "ismail@example.com"),
            ("İsmail@example.com", "ismail@example.com"),
            ("ΝΊΚΟΣ@example.com", "νίκοσ@example.com"),
            ("\"XXX.\"@docomo.example", "\"xxx.\"@docomo.example"),
            ("ada@AB--CD.example", "ada@ab--cd.example"),
            ("root@localhost", "root@localhost"),
        ] {
            assert_eq!(normal(same).as_deref(), Some(as_normal), "{same}");
        }
    }

    #[test]
    fn a_dotless_i_is_a_letter_of_its_own() {
        assert_ne!(normal("mıke@example.com"), normal("mike@example.com"));
        assert!(normal("mıke@example.com").is_some());
    }

    #[test]
    fn all_scripts_and_their_a_labels_are_the_same_address() {
        for (local, domain, ascii) in [
            ("संपर्क", "डाटामेल.भारत", "xn--c2bd4bq1db8d.xn--h2brj9c"),
            ("info", "ไปรษณีย์.ไทย", "xn--k3cpwc4a3e2e2c.xn--o3cw4h"),
            (
                "தகவல்",
                "எடுத்துக்காட்டு.சிங்கப்பூர்",
                "xn--4kcoa2bca5aa0vzacf2mdd.xn--clchc0ea0b2g2a9gcd",
            ),
            ("👩\u{200D}💻", "☕.example", "xn--53h.example"),
        ] {
            let expected = format!("{local}@{ascii}");
            for typed in [format!("{local}@{domain}"), expected.clone()] {
                assert_eq!(normal(&typed).as_deref(), Some(expected.as_str()));
            }
        }
    }

    #[test]
    fn what_is_pasted_around_an_address_is_dropped_and_within_is_named() {
        for around in [
            "\u{200B}",
            "\u{FEFF}",
            "\u{202A}",
            "\u{202C}",
            "\u{A0}",
            "\u{AD}",
            "\u{2069} ",
        ] {
            for text in [
                format!("{around}ada@example.com"),
                format!("ada@example.com{around}"),
                format!("{around}ada@example.com\t{around}"),
            ] {
                assert_eq!(
                    normal(&text).as_deref(),
                    Some("ada@example.com"),
                    "{text:?}"
                );
            }
        }
        for within in [
            "a\u{200B}da@example.com",
            "ada@exam\u{200B}ple.com",
            "ada\u{200B}@example.com",
        ] {
            assert!(told(within).contains("invisible character (U+200B)"));
        }
    }

    #[test]
    fn people_are_told_what_to_enter_instead() {
        for (typed, message) in [
            ("", "Enter an e-mail address."),
            (
                "mailto:ada@example.com",
                "Enter only the address: ada@example.com",
            ),
            (
                "MAILTO:ada@example.com",
                "Enter only the address: ada@example.com",
            ),
            (
                "Ada <ada@example.com>",
                "Enter only the address: ada@example.com",
            ),
            (
                "<ada@example.com>",
                "Enter only the address: ada@example.com",
            ),
            (
                "mailto:mailto:ada@example.com",
                "Enter one e-mail address, such as name@example.com.",
            ),
            ("ada@example.com.", "Remove the dot at the end."),
        ] {
            assert_eq!(told(typed), message);
        }
        for dotted in ["aaa..bbb", "xxx.", ".xxx"] {
            let quoted = format!("\"{dotted}\"@docomo.example");
            assert!(told(&format!("{dotted}@docomo.example")).ends_with(&quoted));
            assert_eq!(normal(&quoted), Some(quoted));
        }
        for ip in [
            "ada@[127.0.0.1]",
            "ada@[IPv6:::1]",
            "ada@127.0.0.1",
            "ada@1",
        ] {
            assert!(told(ip).contains("not an IP address"), "{ip}");
        }
    }

    #[test]
    fn lengths_are_those_of_the_octets_that_are_sent() {
        let local = |octets: &str| EmailAddress::parse(&format!("{octets}@example.com"));
        assert!(local(&"a".repeat(64)).is_ok());
        assert_eq!(local(&"a".repeat(65)), Err(NotAnAddress::LocalPartTooLong));
        // It grows in lower case; another one shrinks.
        assert_eq!(local(&"Ⱥ".repeat(32)), Err(NotAnAddress::LocalPartTooLong));
        assert_eq!(local(&"İ".repeat(33)), Err(NotAnAddress::LocalPartTooLong));
        // 152 octets, and 292 as A-labels.
        let short = format!("{}@{}com", "a".repeat(64), "é.".repeat(28));
        assert_eq!(EmailAddress::parse(&short), Err(NotAnAddress::TooLong));
        let longest = format!("{}@{}{}", "a".repeat(64), "b.".repeat(93), "com");
        assert_eq!(longest.len(), 254);
        assert!(EmailAddress::parse(&longest).is_ok());
        assert_eq!(
            EmailAddress::parse(&longest.replace("com", "info")),
            Err(NotAnAddress::TooLong)
        );
    }

    #[test]
    fn no_text_is_too_long_to_be_refused() {
        let schemes = |count: usize| format!("{}ada@example.com", "mailto:".repeat(count));
        let written = schemes((EmailAddress::MAX_TEXT - 15) / 7);
        assert!(written.len() <= EmailAddress::MAX_TEXT);
        assert_eq!(EmailAddress::parse(&written), Err(NotAnAddress::Other));
        for long in [schemes(50_000), "<".repeat(300_000), " ".repeat(4097)] {
            assert_eq!(EmailAddress::parse(&long), Err(NotAnAddress::TooLong));
        }
    }

    #[test]
    fn whatever_is_not_exactly_one_address_is_refused() {
        for bad in [
            "laura",
            "@kbank.com",
            "laura@",
            "laura@kbank.com, eve@example.com",
            "laura@kbank.com;eve@example.com",
            "laura@kbank.com eve@example.com",
            "laura@kbank.com\r\nBcc: eve@example.com",
            "laura@kbank.com\neve",
            "laura\0@kbank.com",
            "laura@kbank..com",
            "laura@-kbank.com",
            "laura@.",
            "laura@kbank_x.com",
            "\"\"@kbank.com",
            "\"<laura>, eve\"@kbank.com",
            "a@b@c.example",
            "laura@kbank.com>",
            "laura@xn--a.example",
        ] {
            assert_eq!(
                EmailAddress::parse(bad),
                Err(NotAnAddress::Other),
                "{bad:?}"
            );
        }
    }

    /// Texts that are likely to be addresses.
    fn almost_addresses() -> impl Strategy<Value = String> {
        "[ \u{200b}\"]{0,2}[a-zİıΣςȺ.\\\\\" \u{307}क्\u{200d}👩é@]{1,40}\"?@[a-zA-Zß。ñİक्\u{200d}.-]{1,12}\\.(com|भारत|ไทย)"
    }

    proptest! {
        #[test]
        fn the_normal_form_is_an_address_and_its_own_normal_form(
            text in prop_oneof![any::<String>(), almost_addresses()]
        ) {
            if let Ok(address) = EmailAddress::parse(&text) {
                let again = EmailAddress::parse(address.normal());
                prop_assert_eq!(again.map(|again| again.normal), Ok(address.normal.clone()));
                let shown = EmailAddress::parse(address.as_typed());
                prop_assert_eq!(shown, Ok(address.clone()));
                prop_assert!(address.normal().len() <= EmailAddress::MAX_LENGTH);
                prop_assert!(address.as_typed().chars().count() <= 320);
                prop_assert!(!address.as_typed().contains(char::is_control));
            }
        }
    }
}
