//! E-mail addresses: one that is accepted has a normal form, which is accepted as well, and is its own.

#![no_main]

use libfuzzer_sys::fuzz_target;
use texts::EmailAddress;

fuzz_target!(|text: &str| {
    let Ok(address) = EmailAddress::parse(text) else {
        return;
    };
    for again in [address.normal(), address.as_typed()] {
        let same = EmailAddress::parse(again);
        let same = same.expect("what was accepted once is never refused");
        assert_eq!(same.normal(), address.normal(), "{again:?}");
    }
});
