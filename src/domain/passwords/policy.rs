//! Which passwords are accepted: the one policy that there is.

use zxcvbn::Score;

use super::feedback::{Suggestion, Warning};
use super::password::{Context, MAX_LENGTH, Password};
use crate::config;
use crate::domain::actor::Client;
use crate::domain::app::App;
use crate::domain::error::{Result, UserError, UserErrorCode};

/// How much of a password zxcvbn looks at; the rest can only make it harder to guess. At three times
/// this length, some passwords take seconds.
const SCORED_CHARACTERS: usize = 32;

/// Checks a new password against the one policy, and hashes it.
///
/// # Errors
///
/// [`UserErrorCode::PasswordTooShort`], [`TooLong`](UserErrorCode::TooLong) or
/// [`PasswordTooWeak`](UserErrorCode::PasswordTooWeak) for the input `field`, with advice.
pub async fn hash_new(
    app: &App,
    client: &Client,
    field: &'static str,
    password: Password,
    context: &Context<'_>,
) -> Result<entity::user::PasswordHash> {
    let password = check_new(app, client, field, password, context).await?;
    app.passwords.hash(client, password).await
}

/// Checks a new password, and returns it if it is acceptable.
pub(super) async fn check_new(
    app: &App,
    client: &Client,
    field: &'static str,
    password: Password,
    context: &Context<'_>,
) -> Result<Password> {
    let policy = &app.settings.passwords;
    let words = words_of(context, &app.settings.branding.name);
    let policy = policy.clone();
    let judge = move || {
        let estimate = estimate(&password, &words);
        check(&policy, field, &password, &estimate).map(|()| password)
    };
    Ok(app.passwords.scoring.run(client, judge).await??)
}

/// How hard a password is to guess. Nothing of it is stored.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// From 0 (trivial to guess) to 4 (very hard to guess).
    pub score: u8,
    /// Why the policy rejects it; `None` if it does not.
    pub refusal: Option<UserError>,
    /// Why it is easy to guess, by code and in English.
    pub warning: Option<(Warning, String)>,
    /// How to make the password harder to guess, by code and in English.
    pub suggestions: Vec<(Suggestion, String)>,
}

/// Scores a password against the policy, for forms that help users choose one.
pub async fn assess(
    app: &App,
    client: &Client,
    password: Password,
    context: &Context<'_>,
) -> Result<Assessment> {
    let policy = app.settings.passwords.clone();
    let words = words_of(context, &app.settings.branding.name);
    let judge = move || {
        let estimate = estimate(&password, &words);
        let feedback = estimate.feedback();
        Assessment {
            score: estimate.score().into(),
            refusal: check(&policy, "password", &password, &estimate).err(),
            warning: feedback
                .and_then(|feedback| feedback.warning())
                .map(|warning| (warning.into(), warning.to_string())),
            suggestions: feedback
                .map(|feedback| feedback.suggestions())
                .into_iter()
                .flatten()
                .map(|suggestion| ((*suggestion).into(), suggestion.to_string()))
                .collect(),
        }
    };
    app.passwords.assessing.run(client, judge).await
}

fn check(
    policy: &config::Passwords,
    field: &'static str,
    password: &Password,
    estimate: &zxcvbn::Entropy,
) -> std::result::Result<(), UserError> {
    if password.is_too_long() {
        return Err(UserError::new(
            UserErrorCode::TooLong,
            field,
            format!("A password can be at most {MAX_LENGTH} bytes long."),
        )
        .with("max", MAX_LENGTH));
    }
    if password.0.chars().count() < policy.min_length {
        return Err(UserError::new(
            UserErrorCode::PasswordTooShort,
            field,
            format!(
                "Choose a password with at least {} characters.",
                policy.min_length
            ),
        )
        .with("min", policy.min_length));
    }
    if u8::from(estimate.score()) < policy.min_score {
        return Err(UserError::new(
            UserErrorCode::PasswordTooWeak,
            field,
            advice(estimate),
        ));
    }
    Ok(())
}

fn estimate(password: &Password, words: &[String]) -> zxcvbn::Entropy {
    let scored: String = password.0.chars().take(SCORED_CHARACTERS).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    zxcvbn::zxcvbn(&scored, &words)
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

/// The policy, for those who want to check a password before they submit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The fewest characters (Unicode scalar values after NFC).
    pub min_length: usize,
    /// The most bytes of UTF-8.
    pub max_length: usize,
    /// The minimum zxcvbn score, from 0 to 4.
    pub min_score: u8,
}

/// What new passwords have to satisfy, as the settings have it.
pub fn policy(app: &App) -> Policy {
    let settings = &app.settings.passwords;
    Policy {
        min_length: settings.min_length,
        max_length: MAX_LENGTH,
        min_score: settings.min_score.min(Score::Four.into()),
    }
}
