//! E-mail addresses and names: what is accepted once is accepted again, as it is stored, and comes to
//! the same; and nothing that could add a line to a message is.

use texts::EmailAddress;
use usher::domain::text;

pub fn check(input: &[u8]) {
    let Ok(typed) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(address) = EmailAddress::parse(typed) {
        for again in [address.normal(), address.as_typed()] {
            assert!(!again.contains(char::is_control), "{again:?}");
            let same = EmailAddress::parse(again);
            let same = same.expect("what was accepted once is never refused");
            assert_eq!(same.normal(), address.normal(), "{again:?}");
            assert_eq!(same.domain(), address.domain(), "{again:?}");
        }
    }
    for read in [text::line, text::name, text::lines] {
        if let Ok(accepted) = read("name", typed, 100) {
            assert!(
                !accepted.contains(|c: char| c.is_control() && c != '\n'),
                "{accepted:?}"
            );
            assert_eq!(read("name", &accepted, 100).ok(), Some(accepted));
        }
    }
}
