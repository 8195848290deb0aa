//! Security rules 9 and 13, watched over in every test, whatever it is about: no password and no
//! token appears in a log, however talkative, or stays in a database.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Mutex, Once};
use std::thread;

use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How many characters 256 bits take in base64url without padding.
const TOKEN_LENGTH: usize = 43;

/// Shorter passwords are refused by the policy, and might be part of anything.
const PASSWORD_LENGTH: usize = 12;

/// So is an address, which stands in many places for good reasons.
const NO_PASSWORD: &str = "@kbank.com";

/// What the tests have sent as passwords, and which of them did so first.
static PASSWORDS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// The leaks that no test has failed for.
static FOUND: Mutex<Vec<Leak>> = Mutex::new(Vec::new());

/// The tests that are over.
static OVER: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A secret where none may be.
pub struct Leak {
    /// The test that was running, or a thread that serves all of them.
    culprit: String,
    secret: String,
    /// The log, or the column of the database.
    place: String,
    line: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            culprit,
            secret,
            place,
            line,
        } = self;
        write!(f, "{culprit} left {secret} in {place}: {line}")
    }
}

/// The errors that all tests of this process have logged.
static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Writes the log of all tests of this process, as talkative as can be, to where it is searched.
pub fn watch_the_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().with_writer(|| Watched))
            .with(usher::log::filter("trace", usher::log::Spans::NotMade).unwrap())
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
        let mut passwords = PASSWORDS.lock().unwrap();
        passwords.entry(password.to_owned()).or_insert_with(here);
    }
}

/// The test that this thread runs, by its name; or the name of a thread that runs none.
fn here() -> String {
    thread::current().name().unwrap_or("a thread").to_owned()
}

fn is_test(name: &str) -> bool {
    name.contains("::")
}

/// Searches a line for what looks like a token, and for the passwords that were sent until now.
fn secret_in(line: &str) -> Option<String> {
    let passwords = PASSWORDS.lock().unwrap();
    let password = passwords
        .iter()
        .find(|(password, _)| line.contains(*password));
    match password {
        Some((password, sender)) => Some(format!("the password `{password}` (sent by {sender})")),
        None => words(line)
            .find(|word| is_token(word))
            .map(|token| format!("the token `{token}`")),
    }
}

/// The secrets in a text, each with the line that it is in.
pub fn leaks_in(place: &str, text: &str) -> Vec<Leak> {
    let leak = |line: &str| {
        Some(Leak {
            culprit: here(),
            secret: secret_in(line)?,
            place: place.to_owned(),
            line: line.to_owned(),
        })
    };
    text.lines().filter_map(leak).collect()
}

/// Ends a test that has failed already.
pub fn end_of_failed_test() {
    OVER.lock().unwrap().insert(here());
}

/// Ends a test: fails for the secrets that it has left in its database, given as `(column, value)`, and
/// in the log; and for those in the log that no other test will fail for, of threads that all of them
/// use, and of tests that are over. Each names its culprit.
pub fn end_of_test(database: &[(String, String)]) {
    let mut leaks: Vec<Leak> = database
        .iter()
        .flat_map(|(column, value)| leaks_in(column, value))
        .collect();
    let mut over = OVER.lock().unwrap();
    over.insert(here());
    let is_due = |leak: &mut Leak| over.contains(&leak.culprit) || !is_test(&leak.culprit);
    leaks.extend(FOUND.lock().unwrap().extract_if(.., is_due));
    drop(over);
    let told: Vec<String> = leaks.iter().map(Leak::to_string).collect();
    assert!(told.is_empty(), "secrets leaked:\n{}", told.join("\n"));
}

/// The errors in the log that contain this.
pub fn errors_about(text: &str) -> Vec<String> {
    let errors = ERRORS.lock().unwrap();
    let about = errors.iter().filter(|line| line.contains(text));
    about.cloned().collect()
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
        FOUND.lock().unwrap().extend(leaks_in("the log", &line));
        if line.contains("ERROR") {
            ERRORS.lock().unwrap().push(line.into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
