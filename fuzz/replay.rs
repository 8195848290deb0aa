//! The fuzz targets, fed with their kept corpus and with the same variations of it at every run: what
//! broke a target once never does again, and what a change breaks is likely to be seen. libFuzzer
//! looks further (`.ci/fuzz`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a target fails by panicking"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use rstest::rstest;

mod targets;
mod variations;

use targets::{address, configuration, cursor, document, request, smtp, socket};
use variations::{Variations, long};

/// How long an input may take: so long that a busy machine is no reason.
const LIMIT: Duration = Duration::from_secs(10);

#[rstest]
#[case::address("address", address::check, 1000)]
#[case::configuration("configuration", configuration::check, 300)]
#[case::cursor("cursor", cursor::check, 100)]
#[case::document("document", document::check, 300)]
#[case::request("request", request::check, 300)]
#[case::smtp("smtp", smtp::check, 150)]
#[case::socket("socket", socket::check, 300)]
fn nothing_breaks(#[case] target: &str, #[case] check: fn(&[u8]), #[case] variations: usize) {
    let corpus = files_in(&Path::new("fuzz/corpus").join(target));
    assert!(!corpus.is_empty());
    let words = words(target);
    let variations = Variations::of(&corpus, &words).take(variations);
    let inputs = corpus.iter().cloned().chain(long(&corpus, &words));
    for input in inputs.chain(variations) {
        let shown = ShownOnPanic(&input);
        let begun = Instant::now();
        check(&input);
        assert!(begun.elapsed() < LIMIT, "it took {:?}", begun.elapsed());
        drop(shown);
    }
}

/// By name, so that the order is the same everywhere.
fn files_in(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The words of the target's dictionary, which libFuzzer reads as well.
fn words(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new("fuzz/dictionaries").join(target);
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'))
        .map(|word| {
            word.replace("\\\"", "\"")
                .replace("\\\\", "\\")
                .into_bytes()
        })
        .collect()
}

/// Says which input it was.
struct ShownOnPanic<'a>(&'a [u8]);

impl Drop for ShownOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input: \"{}\"", self.0.escape_ascii());
        }
    }
}
