//! The documents: what they list is all that there is.

use usher::config::Layers;

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

#[test]
fn the_files_that_documents_link_to_exist() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/deployment.md",
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
