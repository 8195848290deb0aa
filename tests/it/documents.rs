//! The documents: what they list is all that there is.

use usher::config::Layers;

use crate::support::Finish;

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_names_every_key_of_the_configuration() {
    let layers = Layers {
        file: Some("/dev/null".into()),
        ..Layers::default()
    };
    let missing: Vec<String> = layers
        .shown()
        .unwrap()
        .into_iter()
        .map(|setting| setting.key)
        .filter(|key| !README.contains(&format!("`{key}`")))
        .collect();
    assert_eq!(missing, [""; 0], "add them to README's table of keys");
}

/// The commands that a help text lists.
fn commands(arguments: &[&str]) -> Vec<String> {
    let usher = std::process::Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(arguments)
        .arg("--help")
        .finish();
    let help = String::from_utf8(usher.stdout).unwrap();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    list.lines()
        .take_while(|line| !line.is_empty())
        // What a command does may go on in further lines, which are indented further.
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|rest| !rest.starts_with(' '))
        })
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .filter(|command| command != "help")
        .collect()
}

#[test]
fn the_readme_names_every_command() {
    let (_, table) = README.split_once("## On the command line").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let mut all = commands(&[]);
    assert!(all.iter().any(|command| command == "serve"), "{all:?}");
    let settings = commands(&["config"]);
    all.extend(settings.iter().map(|command| format!("config {command}")));
    all.retain(|command| command != "config");
    let starts = |command: &str, end: char| table.contains(&format!("`usher {command}{end}"));
    all.retain(|command| !starts(command, '`') && !starts(command, ' '));
    assert_eq!(all, [""; 0], "add them to README's table of commands");
}

#[test]
fn the_files_that_documents_link_to_exist() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/backup.md",
        "docs/clients.md",
        "docs/deployment.md",
        "docs/monitoring.md",
        "docs/performance.md",
        "docs/personal-data.md",
    ] {
        let text = std::fs::read_to_string(document).unwrap();
        let folder = std::path::Path::new(document).parent().unwrap();
        for part in text.split("](").skip(1) {
            let target = part.split([')', '#']).next().unwrap();
            if !target.is_empty() && !target.contains(':') {
                assert!(folder.join(target).exists(), "{document}: {target}");
            }
        }
    }
}
