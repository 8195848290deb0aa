//! Rules about the code itself: who may use whom, how long a file may get, that it says what it is
//! for. Each failure says how to mend it.

mod paths;

use std::collections::{BTreeMap, BTreeSet};

use self::paths::Source;

/// The layers of the server, from the bottom to the top, and those that each may use. Whoever adds a
/// module to `src` says here where it belongs.
const LAYERS: &[(&str, &[&str])] = &[
    // Anybody may use these; they know of nobody.
    ("clock", &[]),
    ("color", &[]),
    ("metrics", &[]),
    ("quota", &[]),
    ("seldom", &[]),
    ("config", &["color"]),
    ("telemetry", &["config"]),
    ("log", &["config", "telemetry"]),
    ("database", &["clock", "config", "seldom"]),
    ("email_templates", &["color", "config"]),
    (
        "domain",
        &[
            "clock",
            "config",
            "database",
            "email_templates",
            "metrics",
            "quota",
            "telemetry",
        ],
    ),
    ("mail", &["domain", "email_templates", "telemetry"]),
    ("graphql", &["domain", "mail"]),
    (
        "http",
        &[
            "color",
            "config",
            "database",
            "domain",
            "graphql",
            "mail",
            "metrics",
            "quota",
            "seldom",
            "telemetry",
        ],
    ),
    ("demo", &["config", "domain"]),
    (
        "server",
        &[
            "config",
            "database",
            "domain",
            "http",
            "log",
            "mail",
            "telemetry",
        ],
    ),
    (
        "cli",
        &[
            "clock",
            "config",
            "database",
            "demo",
            "domain",
            "graphql",
            "http",
            "log",
            "server",
            "telemetry",
        ],
    ),
];

/// What else code must not name, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "src/domain",
        &["async_graphql", "lettre", "poem", "transports"],
        "the domain holds the rules, and knows nothing of GraphQL, HTTP or mail protocols",
    ),
    (
        "src/email_templates.rs",
        &["sea_orm"],
        "an e-mail is written from what it is told, by whomever",
    ),
    (
        "src/graphql",
        &["lettre", "poem", "sea_orm", "transports"],
        "a resolver decodes, calls the domain, and encodes",
    ),
    (
        "src/mail",
        &["async_graphql", "lettre", "poem", "sea_orm"],
        "mail makes messages and works the queue off, through the domain",
    ),
    (
        "src/http",
        &["lettre", "sea_orm", "transports"],
        "http turns requests into calls",
    ),
    (
        "entity/src",
        &["migration", "transports"],
        "entities know nothing but their tables",
    ),
    (
        "migration/src",
        &["entity"],
        "a migration must not drift with the entities",
    ),
    (
        "texts/src",
        &["async_graphql", "entity", "sea_orm", "transports"],
        "texts are what they are, whoever reads them",
    ),
    (
        "transports/src",
        &["async_graphql", "entity", "poem", "sea_orm"],
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

#[test]
fn layers_use_only_what_lies_below_them() {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for source in Source::all_in("src") {
        let file = source.file.display();
        let Some(layer) = source.module().into_iter().next() else {
            // `lib.rs` and `main.rs` name all of them.
            continue;
        };
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            found.push(format!("{file}: say in LAYERS where `{layer}` belongs"));
            continue;
        };
        for named in source.names(&source.text) {
            let used = named.path.first().filter(|_| named.is_of_this_crate);
            if let Some(used) = used.filter(|used| **used != layer)
                && LAYERS.iter().any(|(name, _)| name == used)
                && !below.contains(&used.as_str())
            {
                found.push(format!(
                    "{file}: {}: `{layer}` may not use `{used}`: have it told what it needs, or move what both need to a layer below",
                    named.path.join("::")
                ));
            }
        }
        seen.insert(layer);
    }
    for (index, (layer, below)) in LAYERS.iter().enumerate() {
        if !seen.contains(*layer) {
            found.push(format!("`{layer}` is gone: take it out of LAYERS"));
        }
        for used in *below {
            if !LAYERS[..index].iter().any(|(name, _)| name == used) {
                found.push(format!("LAYERS: `{used}` does not stand before `{layer}`"));
            }
        }
    }
    assert_eq!(found, [""; 0], "see the drawing in ARCHITECTURE.md");
}

#[test]
fn layers_name_no_library_that_is_not_theirs() {
    let mut found = Vec::new();
    for (folder, forbidden, why) in FORBIDDEN {
        for source in Source::all_in(folder) {
            for named in source.names(&source.text) {
                let library = named.path.first().filter(|_| !named.is_of_this_crate);
                if library.is_some_and(|name| forbidden.contains(&name.as_str())) {
                    let file = source.file.display();
                    found.push(format!("{file}: {}: {why}", named.path.join("::")));
                }
            }
        }
    }
    assert_eq!(found, [""; 0], "see the table in ARCHITECTURE.md");
}

/// Two files that need each other are one subject in two places. A module and the parts that it is
/// split into are one: that it names them makes no circle.
#[test]
fn no_file_of_the_domain_needs_itself_by_way_of_others() {
    let sources = Source::all_in("src/domain");
    let modules: BTreeSet<Vec<String>> = sources.iter().map(Source::module).collect();
    // What a module passes on of its parts, such as `domain::App`: by its name, where it comes from.
    let mut passed_on = BTreeMap::new();
    for source in &sources {
        let module = source.module();
        for named in source.names(source.code()) {
            let whole = [&module[..], &named.path].concat();
            if named.is_import
                && !named.is_of_this_crate
                && modules.contains(&whole[..=module.len()])
            {
                let name = [&module[..], &whole[whole.len() - 1..]].concat();
                if !modules.contains(&name) {
                    passed_on.insert(name, whole);
                }
            }
        }
    }
    let home = |path: &[String]| {
        let mut path = path.to_vec();
        while let Some(from) = (1..=path.len()).find_map(|end| passed_on.get(&path[..end])) {
            path.clone_from(from);
        }
        let ends = (1..=path.len()).rev();
        let mut modules = ends.filter_map(|end| modules.get(&path[..end]));
        modules.next().cloned()
    };
    let mut needs: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for source in &sources {
        let module = source.module();
        let names = source.names(source.code());
        let of_this_crate = names.iter().filter(|named| named.is_of_this_crate);
        let homes = of_this_crate.filter_map(|named| home(&named.path));
        let others = homes.filter(|home| !home.starts_with(&module));
        needs.insert(module.clone(), others.collect());
    }
    assert!(needs.values().map(BTreeSet::len).sum::<usize>() > 100);
    let circles: Vec<String> = modules
        .iter()
        .filter_map(|module| way_back(&needs, module))
        .map(|way| {
            let names: Vec<String> = way.iter().map(|module| module.join("::")).collect();
            format!(
                "{}: move what they need of each other to a file of its own",
                names.join(" -> ")
            )
        })
        .collect();
    assert_eq!(circles, [""; 0]);
}

/// The shortest way from a module over others back to itself.
fn way_back(
    needs: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
    module: &Vec<String>,
) -> Option<Vec<Vec<String>>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![module.clone()]]);
    while let Some(way) = ways.pop_front() {
        for next in needs.get(way.last()?)? {
            let further = [&way[..], std::slice::from_ref(next)].concat();
            if next == module {
                return Some(further);
            }
            if seen.insert(next.clone()) {
                ways.push_back(further);
            }
        }
    }
    None
}

#[test]
fn every_file_says_what_it_is_for_and_stays_short() {
    let mut found = Vec::new();
    let all = SOURCES.iter().chain(TESTS);
    for file in all.flat_map(|folder| Source::all_in(folder)) {
        let (path, source) = (&file.file, &file.text);
        if !source.starts_with("//! ") {
            found.push(format!(
                "{}: begin with a `//!` sentence that says what lives there",
                path.display()
            ));
        }
        let lines = file.code().lines().count();
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
    let folders = ["src/domain", "src/graphql"];
    for Source { file: path, text } in folders.into_iter().flat_map(Source::all_in) {
        for (number, line) in text.lines().enumerate() {
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
