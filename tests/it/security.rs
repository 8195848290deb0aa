//! That every rule of docs/security.md is proved by a test that names its number.

use std::collections::BTreeSet;
use std::path::Path;

const RULES: std::ops::RangeInclusive<u8> = 1..=21;

fn named_in(folder: &Path, found: &mut BTreeSet<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                found.extend(numbers(line));
            }
        }
    }
}

/// `/// Security rules 3 and 4: …` names 3 and 4.
fn numbers(line: &str) -> Vec<u8> {
    let Some(rest) = line.trim_start().strip_prefix("/// Security rule") else {
        return Vec::new();
    };
    rest.trim_start_matches('s')
        .split([' ', ','])
        .filter(|word| !word.is_empty() && *word != "and")
        .map_while(|word| word.trim_end_matches(['.', ':']).parse().ok())
        .collect()
}

#[test]
fn every_rule_is_named_by_a_test_and_explained() {
    let mut named = BTreeSet::new();
    for folder in ["tests", "src", "transports/tests"] {
        named_in(Path::new(folder), &mut named);
    }
    let without: Vec<u8> = RULES.filter(|rule| !named.contains(rule)).collect();
    assert_eq!(
        without, [0; 0],
        "begin the doc comment of a test that proves it with `Security rule N`"
    );
    let explained = std::fs::read_to_string("docs/security.md").unwrap();
    for rule in RULES {
        assert!(explained.contains(&format!("\n| {rule} | ")), "rule {rule}");
    }
}
