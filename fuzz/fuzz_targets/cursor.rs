//! Cursors of pages, which clients keep, and can make up.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usher::domain::page::Cursor;

fuzz_target!(|text: &str| {
    if let Some(cursor) = Cursor::decode(text) {
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
    }
});
