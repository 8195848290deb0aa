//! Security rules 9 and 13, watched over in every test, whatever it is about: no password and no
//! token appears in a log, however talkative, or stays in a database.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, Once};

use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How many characters 256 bits take in base64url without padding.
const TOKEN_LENGTH: usize = 43;

/// Shorter passwords are refused by the policy, and might be part of anything.
const PASSWORD_LENGTH: usize = 12;

/// So is an address, which stands in many places for good reasons.
const NO_PASSWORD: &str = "@kbank.com";

/// What the tests have sent as passwords.
static PASSWORDS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Where a secret was found.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The errors that all tests of this process have logged.
static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Writes the log of all tests of this process, as talkative as can be, to where it is searched.
pub fn watch_the_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().with_writer(|| Watched))
            .with(usher::log::filter("trace").unwrap())
            .init();
    });
}

/// Takes down a password before it is sent: whatever the input says is one.
pub fn note_passwords(variables: &Value) {
    match variables {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(value) if name.to_lowercase().ends_with("password") => note(value),
                    _ => note_passwords(value),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(note_passwords),
        _ => {}
    }
}

fn note(password: &str) {
    if password.len() >= PASSWORD_LENGTH && !password.ends_with(NO_PASSWORD) {
        PASSWORDS.lock().unwrap().insert(password.to_owned());
    }
}

/// Searches a text for what looks like a token, and for the passwords that were sent until now.
pub fn search(place: &str, text: &str) {
    let passwords = PASSWORDS.lock().unwrap();
    for line in text.lines() {
        let holds_password = passwords.iter().any(|password| line.contains(password));
        if holds_password || words(line).any(is_token) {
            FOUND.lock().unwrap().push(format!("{place}: {line}"));
        }
    }
}

/// The errors in the log that contain this.
pub fn errors_about(text: &str) -> Vec<String> {
    let errors = ERRORS.lock().unwrap();
    let about = errors.iter().filter(|line| line.contains(text));
    about.cloned().collect()
}

/// Fails where something was found.
pub fn none_so_far() {
    let found = std::mem::take(&mut *FOUND.lock().unwrap());
    assert!(found.is_empty(), "secrets leaked:\n{}", found.join("\n"));
}

/// The parts of a line that could be a token: a hash as argon2 writes it has other neighbours.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_$+/".contains(letter)))
}

fn is_token(word: &str) -> bool {
    word.len() == TOKEN_LENGTH
        && word.chars().all(|letter| !"$+/".contains(letter))
        && word.chars().any(|letter| letter.is_ascii_uppercase())
        && word.chars().any(|letter| letter.is_ascii_lowercase())
        && word.chars().any(|letter| letter.is_ascii_digit())
}

/// Where the log goes: a line at a time.
struct Watched;

impl io::Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        search("the log", &line);
        if line.contains("ERROR") {
            ERRORS.lock().unwrap().push(line.into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
