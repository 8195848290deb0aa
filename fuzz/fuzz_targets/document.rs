//! GraphQL documents: what strangers send is measured before anything else walks it, and whatever
//! keeps within the limits is validated and executed without a panic, in little time and memory.
//!
//! The schema is executed without a server: every resolver that needs one answers with an error.

#![no_main]

use std::sync::LazyLock;

use async_graphql::Request;
use libfuzzer_sys::fuzz_target;
use usher::graphql::limits::{Limits, parse_within};
use usher::graphql::schema::{Schema, schema};

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| schema(true));

fuzz_target!(|text: &str| {
    let Ok(document) = parse_within(&Limits::default(), text) else {
        return;
    };
    let mut request = Request::new(text);
    request.set_parsed_query(document);
    futures_executor::block_on(SCHEMA.execute(request));
});
