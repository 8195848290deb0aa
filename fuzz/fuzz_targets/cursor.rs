//! `targets/cursor.rs`, fed by libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| usher_fuzz::cursor::check(input));
