//! E-mail addresses: what is accepted as one, and when two are the same.

use std::fmt;

use email_address::Options;
use unicode_normalization::UnicodeNormalization;

use super::error::{UserError, UserErrorCode};

/// The maximum length of an address, in octets: RFC 5321, section 4.5.3.1.3, less the angle
/// brackets.
const MAX_LENGTH: usize = 254;

/// One address, as it was entered and in its normal form.
///
/// The normal form decides whether two addresses are the same: composed characters (NFC), lower
/// case, and the domain in ASCII (IDNA A-labels, RFC 5890). It is compared by code point on every
/// database, so `mıke@…`, with a dotless i, is not `mike@…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress {
    typed: String,
    normal: String,
}

impl EmailAddress {
    /// Reads one address from the input `field`. Surrounding white space is removed; lists, display
    /// names, control characters and line breaks are refused.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, UserError> {
        let typed: String = text.trim().nfc().collect();
        if typed.is_empty() {
            return Err(UserError::new(
                UserErrorCode::Required,
                field,
                "Enter an e-mail address.",
            ));
        }
        if typed.len() > MAX_LENGTH {
            return Err(UserError::new(
                UserErrorCode::TooLong,
                field,
                format!("An e-mail address can be at most {MAX_LENGTH} bytes long."),
            ));
        }
        let invalid = || {
            UserError::new(
                UserErrorCode::Invalid,
                field,
                "Enter one e-mail address, such as name@example.com.",
            )
        };
        if typed.contains(char::is_control) || typed.contains(char::is_whitespace) {
            return Err(invalid());
        }
        let options = Options::default()
            .without_display_text()
            .without_domain_literal();
        let parsed = email_address::EmailAddress::parse_with_options(&typed, options)
            .map_err(|_| invalid())?;
        // A quoted local part (RFC 5321, section 4.1.2) can hold spaces, brackets and commas; hardly
        // anybody has one, and it would be a second spelling of what needs no quotes.
        if parsed.local_part().starts_with('"') {
            return Err(invalid());
        }
        let domain = idna::domain_to_ascii_strict(parsed.domain()).map_err(|_| invalid())?;
        let normal = format!("{}@{domain}", parsed.local_part().to_lowercase());
        Ok(Self { typed, normal })
    }

    /// As it was entered: what is shown, and where e-mails are sent.
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The normal form: what is compared.
    pub fn normal(&self) -> &str {
        &self.normal
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Option<String> {
        EmailAddress::parse("email", text)
            .ok()
            .map(|address| address.normal)
    }

    #[test]
    fn case_white_space_and_domain_spelling_do_not_matter() {
        for same in [
            "Laura.Miller@bücher.example",
            "  laura.miller@xn--bcher-kva.EXAMPLE ",
            "laura.miller@BU\u{308}CHER.example",
        ] {
            assert_eq!(
                normal(same).as_deref(),
                Some("laura.miller@xn--bcher-kva.example"),
                "{same}"
            );
        }
    }

    #[test]
    fn a_dotless_i_is_a_letter_of_its_own() {
        assert_ne!(normal("mıke@example.com"), normal("mike@example.com"));
        assert!(normal("mıke@example.com").is_some());
    }

    #[test]
    fn whatever_is_not_exactly_one_address_is_refused() {
        for bad in [
            "",
            "laura",
            "@kbank.com",
            "laura@",
            "laura@kbank.com, eve@example.com",
            "laura@kbank.com;eve@example.com",
            "laura@kbank.com eve@example.com",
            "Laura <laura@kbank.com>",
            "laura@kbank.com\r\nBcc: eve@example.com",
            "laura@kbank.com\neve",
            "laura\0@kbank.com",
            "laura@kbank..com",
            "laura@-kbank.com",
            "laura@[127.0.0.1]",
            "\"laura\"@kbank.com",
            "\"<laura>, eve\"@kbank.com",
            "a@b@c.example",
        ] {
            assert_eq!(normal(bad), None, "{bad:?}");
        }
    }
}
