//! `targets/document.rs`, fed by libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| usher_fuzz::document::check(input));
