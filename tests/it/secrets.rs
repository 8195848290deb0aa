//! Where secrets must not be: the log of the real binary, however talkative, and its database.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Binary, Client, PASSWORD, leaks_in};

const NEW: &str = "brittle-lantern-58-canoe";
const WRONG: &str = "not-this-one-71-gable";

/// All that the log can tell.
const SETTINGS: &[&str] = &[
    "mail.transport=file",
    "log.filter=trace",
    "passwords.argon2.memory_kib=8",
];

/// The token in the newest e-mail that is not among those that were read before.
async fn next_token(folder: &Path, read: &mut Vec<std::path::PathBuf>) -> String {
    let begun = Instant::now();
    loop {
        let received = std::fs::read_dir(folder.join("mail/new"));
        for received in received.into_iter().flatten().flatten() {
            let path = received.path();
            if read.contains(&path) {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            let text = mail.body_text(0).unwrap().into_owned();
            read.push(path);
            if let Some((_, rest)) = text.split_once("token=") {
                return rest.split_whitespace().next().unwrap().to_owned();
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no e-mail");
        // The mail system is another process; there is nothing to wait on but its folder.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn token_of(client: &Client, field: &str, input: Value) -> String {
    let payload = client.mutate(field, input, "token").await;
    payload["token"].as_str().unwrap().to_owned()
}

/// Security rules 9 and 13.
#[tokio::test]
async fn neither_the_log_nor_the_database_holds_a_password_or_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let binary = Binary::start(folder.path(), SETTINGS);
    let anonymous = Client::anonymous(binary.url.clone());
    let mut read = Vec::new();
    let mut secrets = vec![PASSWORD.to_owned(), NEW.to_owned(), WRONG.to_owned()];

    let invitation = next_token(folder.path(), &mut read).await;
    anonymous
        .run_with(
            "query($token: String!) { invitationByToken(token: $token) { email } }",
            json!({ "token": invitation }),
        )
        .await;
    anonymous
        .http
        .get(format!(
            "{}/accept-invitation#token={invitation}",
            binary.url
        ))
        .send()
        .await
        .unwrap();
    let input = json!({ "token": invitation, "password": PASSWORD });
    let session = token_of(&anonymous, "acceptInvitation", input).await;
    let email = "admin@example.com";
    let wrong = json!({ "email": email, "password": WRONG });
    anonymous.mutate("signIn", wrong, "token").await;
    let right = json!({ "email": email, "password": PASSWORD });
    let second = token_of(&anonymous, "signIn", right).await;
    anonymous
        .run(&format!(
            "mutation {{ signIn(input: {{ email: \"{email}\", password: \"{WRONG}\" }}) {{ token }} }}"
        ))
        .await;
    let client = anonymous.with_token(&second);
    client
        .run("{ viewer { id } emails { nodes { textBody link } } }")
        .await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    client.mutate("changePassword", change, "user { id }").await;
    let check = json!({ "password": WRONG });
    client
        .mutate("checkPassword", check, "assessment { score }")
        .await;
    anonymous
        .mutate("requestPasswordReset", json!({ "email": email }), "")
        .await;
    let reset = next_token(folder.path(), &mut read).await;
    let input = json!({ "token": reset, "newPassword": PASSWORD });
    anonymous
        .mutate("resetPassword", input, "user { email }")
        .await;
    secrets.extend([invitation, session, second, reset]);

    let log = binary.stop();
    assert!(log.contains("answered"), "the log is not talkative: {log}");
    let mut places = vec![("the log".to_owned(), log.into_bytes())];
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    assert!(places.len() > 1);
    for (place, bytes) in &places {
        let text = String::from_utf8_lossy(bytes);
        for secret in &secrets {
            let at = text.find(secret.as_str());
            let near = at.map(|at| text[..at].chars().rev().take(200).collect::<Vec<_>>());
            let near: Option<String> = near.map(|near| near.into_iter().rev().collect());
            assert!(at.is_none(), "{place} holds a secret behind {near:?}");
        }
    }
}

/// What every test is searched for is told with the test that left it, what it is, and where.
#[test]
fn a_leak_names_its_test_and_its_place() {
    let token = "0123456789abcdefghijABCDEFGHIJ0123456789abc";
    let text = format!(
        "nothing\n{{\"token\": \"{token}\"}}\n{}",
        token.to_lowercase()
    );
    let told: Vec<String> = leaks_in("events.changes", &text)
        .iter()
        .map(ToString::to_string)
        .collect();
    let test = "secrets::a_leak_names_its_test_and_its_place";
    let left =
        format!("{test} left the token `{token}` in events.changes: {{\"token\": \"{token}\"}}");
    assert_eq!(told, [left]);
}
