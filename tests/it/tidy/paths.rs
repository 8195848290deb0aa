//! Which modules a source file names, in `use` items and anywhere else in its code.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A source file.
pub struct Source {
    pub file: PathBuf,
    pub text: String,
}

impl Source {
    /// The Rust files in a folder and below it, or the one file of that name.
    ///
    /// Fails where there are none: a rule about them would hold whatever they were.
    pub fn all_in(path: &str) -> Vec<Self> {
        let mut found = Vec::new();
        walk(Path::new(path), &mut found);
        assert!(
            !found.is_empty(),
            "{path} is gone: name in tests/it/tidy.rs what has taken its place"
        );
        found
    }

    /// Where it stands among the modules of its crate: `src/a/b.rs` is `a::b`, as is `src/a/b/mod.rs`.
    pub fn module(&self) -> Vec<String> {
        let below = self.file.with_extension("");
        let mut names = below.iter().map(|name| name.to_str().unwrap().to_owned());
        names.find(|name| name == "src");
        let is_named = |name: &String| !["mod", "lib", "main"].contains(&name.as_str());
        names.filter(is_named).collect()
    }

    /// Its code without the tests that stand at its end.
    pub fn code(&self) -> &str {
        let mut parts = self.text.split("#[cfg(test)]\nmod tests");
        parts.next().unwrap_or_default()
    }

    /// What this part of its text names.
    pub fn names(&self, part: &str) -> Vec<Named> {
        let tokens: TokenStream = part.parse().unwrap();
        let mut names = Vec::new();
        read(tokens, &self.module(), &mut names);
        names
    }
}

fn walk(path: &Path, found: &mut Vec<Source>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            walk(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs")
        && let Ok(text) = std::fs::read_to_string(path)
    {
        found.push(Source {
            file: path.to_owned(),
            text,
        });
    }
}

/// A path in the code, such as `crate::domain::users`.
pub struct Named {
    /// Begins at the root of its own crate, for `crate`, `usher`, `self` and `super`; as it stands there,
    /// otherwise.
    pub path: Vec<String>,
    pub is_of_this_crate: bool,
    /// Whether a `use` item names it.
    pub is_import: bool,
}

fn read(tokens: TokenStream, module: &[String], names: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let is_import = is(&tokens, at, "use");
        match &tokens[at..] {
            [
                TokenTree::Ident(word),
                TokenTree::Ident(name),
                TokenTree::Group(inside),
                ..,
            ] if word == "mod" => {
                let inner = [module, &[name.to_string()]].concat();
                read(inside.stream(), &inner, names);
                at += 3;
            }
            [TokenTree::Group(inside), ..] => {
                read(inside.stream(), module, names);
                at += 1;
            }
            [TokenTree::Ident(_), ..] if is_import || is_separator(&tokens, at + 1) => {
                let first = at + usize::from(is_import);
                let is_of_this_crate = ["crate", "usher", "self", "super"]
                    .iter()
                    .any(|root| is(&tokens, first, root));
                let (start, after) = match tokens.get(first) {
                    _ if is(&tokens, first, "crate") || is(&tokens, first, "usher") => {
                        (Vec::new(), first + 3)
                    }
                    _ if is_of_this_crate => (module.to_vec(), first),
                    _ => (Vec::new(), first),
                };
                let before = names.len();
                at = branch(&tokens, after, start, names).max(at + 1);
                for named in &mut names[before..] {
                    (named.is_of_this_crate, named.is_import) = (is_of_this_crate, is_import);
                }
            }
            _ => at += 1,
        }
    }
}

/// Reads on in a path, and in all of those that braces make of it; returns where it ends.
fn branch(
    tokens: &[TokenTree],
    mut at: usize,
    mut path: Vec<String>,
    names: &mut Vec<Named>,
) -> usize {
    loop {
        let token = tokens.get(at);
        match token {
            Some(TokenTree::Ident(name)) if name == "super" => drop(path.pop()),
            Some(TokenTree::Ident(name)) if name == "self" => {}
            Some(TokenTree::Ident(name)) => path.push(name.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma = |token: &TokenTree| token.to_string() == ",";
                for part in inside.split(is_comma).filter(|part| !part.is_empty()) {
                    branch(part, 0, path.clone(), names);
                }
                return at + 1;
            }
            _ => {}
        }
        if is_separator(tokens, at + 1) {
            at += 3;
            continue;
        }
        names.push(Named {
            path,
            is_of_this_crate: false,
            is_import: false,
        });
        return match token {
            Some(TokenTree::Ident(_)) => at + 1,
            // What may name others: `a::<crate::B>`.
            _ => at,
        };
    }
}

fn is(tokens: &[TokenTree], at: usize, word: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(name)) if name == word)
}

/// `::`
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon =
        |at| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}
