//! Rules about the code itself: who may use whom, how long a file may get, that it says what it is
//! for. Each failure says how to mend it.

use std::path::{Path, PathBuf};

/// What each layer must not name, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "src/domain",
        &[
            "async_graphql",
            "poem",
            "lettre",
            "crate::graphql",
            "crate::http",
            "crate::mail",
            "transports::",
        ],
        "the domain holds the rules, and knows nothing of GraphQL, HTTP or mail protocols",
    ),
    (
        "src/email_templates.rs",
        &["sea_orm", "crate::domain", "crate::mail"],
        "a e-mail is written from what it is told, by whomever",
    ),
    (
        "src/config.rs",
        &["crate::database", "crate::domain", "crate::email_templates"],
        "everything goes by the configuration, which goes by nothing",
    ),
    (
        "src/config",
        &["crate::database", "crate::domain", "crate::email_templates"],
        "everything goes by the configuration, which goes by nothing",
    ),
    (
        "src/metrics.rs",
        &["crate::domain"],
        "what is counted does not know who counts it",
    ),
    (
        "src/graphql",
        &["poem", "lettre", "sea_orm", "crate::http", "transports::"],
        "a resolver decodes, calls the domain, and encodes",
    ),
    (
        "src/mail",
        &[
            "async_graphql",
            "poem",
            "lettre",
            "sea_orm",
            "crate::graphql",
            "crate::http",
        ],
        "mail makes messages and works the queue off, through the domain",
    ),
    (
        "src/http",
        &["lettre", "sea_orm", "transports::"],
        "http turns requests into calls",
    ),
    (
        "entity/src",
        &["use usher", "migration::", "transports::"],
        "entities know nothing but their tables",
    ),
    (
        "migration/src",
        &["entity::"],
        "a migration must not drift with the entities",
    ),
    (
        "texts/src",
        &[
            "async_graphql",
            "sea_orm",
            "entity::",
            "use usher",
            "transports::",
        ],
        "texts are what they are, whoever reads them",
    ),
    (
        "transports/src",
        &["async_graphql", "sea_orm", "entity::", "use usher", "poem"],
        "transports know nothing of GraphQL, the database or users",
    ),
];

/// Longer than this, a file has more than one subject.
const MAX_LINES: usize = 500;

const SOURCES: &[&str] = &[
    "src",
    "entity/src",
    "migration/src",
    "texts/src",
    "transports/src",
];

/// Tests may get longer: they are read one by one.
const TESTS: &[&str] = &["transports/tests", "tests", "benches"];

fn sources(root: &str) -> Vec<(PathBuf, String)> {
    fn walk(path: &Path, found: &mut Vec<PathBuf>) {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                walk(&entry.unwrap().path(), found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.to_owned());
        }
    }
    let mut found = Vec::new();
    walk(Path::new(root), &mut found);
    found
        .into_iter()
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn layers_use_only_what_lies_below_them() {
    let mut found = Vec::new();
    for (folder, forbidden, why) in FORBIDDEN {
        for (path, source) in sources(folder) {
            for (number, line) in source.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for name in *forbidden {
                    if code.contains(name) {
                        found.push(format!("{}:{}: {name}: {why}", path.display(), number + 1));
                    }
                }
            }
        }
    }
    assert_eq!(found, [""; 0], "see the drawing in src/lib.rs");
}

#[test]
fn every_file_says_what_it_is_for_and_stays_short() {
    let mut found = Vec::new();
    for (path, source) in SOURCES
        .iter()
        .chain(TESTS)
        .flat_map(|folder| sources(folder))
    {
        if !source.starts_with("//! ") {
            found.push(format!(
                "{}: begin with a `//!` sentence that says what lives there",
                path.display()
            ));
        }
        let code = source
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        let lines = code.lines().count();
        let is_test = TESTS.iter().any(|folder| path.starts_with(folder));
        if lines > MAX_LINES && !is_test {
            found.push(format!(
                "{}: {lines} lines; split it by subject",
                path.display()
            ));
        }
        let is_module_list = path.ends_with("mod.rs");
        let is_code = |start: &str| source.lines().any(|line| line.starts_with(start));
        if is_module_list && !is_test && ["fn ", "pub fn ", "impl "].into_iter().any(is_code) {
            found.push(format!(
                "{}: a mod.rs holds declarations only",
                path.display()
            ));
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn sets_of_permissions_are_compared_in_one_place() {
    let mut found = Vec::new();
    for (path, source) in ["src/domain", "src/graphql"].into_iter().flat_map(sources) {
        for (number, line) in source.lines().enumerate() {
            let compares = ["is_subset(", "is_superset(", ".difference(", "is_disjoint("];
            if !path.ends_with("rights.rs") && compares.iter().any(|name| line.contains(name)) {
                found.push(format!(
                    "{}:{}: compare what somebody is worth with domain::rights, which counts what is not declared at the moment",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    assert_eq!(found, [""; 0]);
}
