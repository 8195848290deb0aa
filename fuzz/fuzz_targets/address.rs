//! `targets/address.rs`, fed by libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| usher_fuzz::address::check(input));
