//! Passwords: which are accepted, and how they are kept.

use unicode_normalization::UnicodeNormalization;
use zxcvbn::Score;

use super::Error;
use super::error::{Result, UserError, UserErrorCode};
use crate::app::App;
use crate::config;

mod hasher;

pub use hasher::PasswordHasher;

/// The longest password, in bytes of UTF-8. Longer ones are refused, never cut.
pub const MAX_LENGTH: usize = 1024;

/// What zxcvbn looks at; what lies behind it can only make a password harder to guess.
const SCORED_CHARACTERS: usize = 100;

/// A password as it was typed, in normal form: two keyboards that compose an accent differently
/// type the same password (NFC; NIST SP 800-63B, section 5.1.1.2).
///
/// It is never printed.
pub struct Password(String);

impl Password {
    /// Takes what was typed.
    pub fn new(typed: &str) -> Self {
        // Anything longer is refused before it is used; it need not be normalised first.
        match typed.len() > MAX_LENGTH {
            true => Self(typed.to_owned()),
            false => Self(typed.nfc().collect()),
        }
    }

    /// A second copy, for a hash with newer parameters: a password is used up when it is hashed.
    pub(super) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether it has more than [`MAX_LENGTH`] bytes, and can be nobody's password.
    pub(super) fn is_too_long(&self) -> bool {
        self.0.len() > MAX_LENGTH
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Whose password it shall be: what an attacker would try first.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Their address.
    pub email: &'a str,
    /// Their first name.
    pub first_name: &'a str,
    /// Their last name.
    pub last_name: &'a str,
}

/// Checks a new password against the one policy that there is, and hashes it.
///
/// # Errors
///
/// [`UserErrorCode::PasswordTooShort`], [`TooLong`](UserErrorCode::TooLong) or
/// [`PasswordTooWeak`](UserErrorCode::PasswordTooWeak) for the input `field`, with advice.
pub async fn hash_new(
    app: &App,
    field: &'static str,
    password: Password,
    context: &Context<'_>,
) -> Result<entity::user::PasswordHash> {
    let policy = &app.settings.passwords;
    let words = words_of(context, &app.settings.branding.name);
    let (password, verdict) = {
        let policy = policy.clone();
        // Scoring takes milliseconds: too long for a thread that serves requests.
        tokio::task::spawn_blocking(move || {
            let verdict = check(&policy, field, &password, &words);
            (password, verdict)
        })
        .await
        .map_err(Error::internal)?
    };
    verdict?;
    app.passwords.hash(password).await
}

fn check(
    policy: &config::Passwords,
    field: &'static str,
    password: &Password,
    words: &[String],
) -> std::result::Result<(), UserError> {
    if password.is_too_long() {
        return Err(UserError::new(
            UserErrorCode::TooLong,
            field,
            format!("A password has at most {MAX_LENGTH} bytes."),
        ));
    }
    if password.0.chars().count() < policy.min_length {
        return Err(UserError::new(
            UserErrorCode::PasswordTooShort,
            field,
            format!(
                "Choose a password of at least {} characters.",
                policy.min_length
            ),
        ));
    }
    let scored: String = password.0.chars().take(SCORED_CHARACTERS).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(&scored, &words);
    if u8::from(estimate.score()) < policy.min_score {
        return Err(UserError::new(
            UserErrorCode::PasswordTooWeak,
            field,
            advice(&estimate),
        ));
    }
    Ok(())
}

/// What a guesser would know: the address and its parts, the names, the application's name.
fn words_of(context: &Context<'_>, application: &str) -> Vec<String> {
    let mut words: Vec<String> = [
        context.email,
        context.first_name,
        context.last_name,
        application,
    ]
    .iter()
    .map(|word| word.to_lowercase())
    .collect();
    words.extend(
        context
            .email
            .to_lowercase()
            .split(['@', '.', '-', '_', '+'])
            .map(str::to_owned),
    );
    words.retain(|word| word.chars().count() > 2);
    words
}

fn advice(estimate: &zxcvbn::Entropy) -> String {
    let mut sentences = vec!["This password is easy to guess.".to_owned()];
    if let Some(feedback) = estimate.feedback() {
        sentences.extend(feedback.warning().map(|warning| warning.to_string()));
        sentences.extend(feedback.suggestions().iter().map(ToString::to_string));
    }
    sentences.join(" ")
}

/// The policy, for those who want to check a password before they send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The fewest characters.
    pub min_length: usize,
    /// The most bytes of UTF-8.
    pub max_length: usize,
    /// The lowest zxcvbn score, from 0 to 4.
    pub min_score: u8,
}

/// The policy in force.
pub fn policy(app: &App) -> Policy {
    let settings = &app.settings.passwords;
    Policy {
        min_length: settings.min_length,
        max_length: MAX_LENGTH,
        min_score: settings.min_score.min(Score::Four.into()),
    }
}
