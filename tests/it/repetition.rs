//! What may not be repeated without end: e-mails to one recipient, and events of one user.

use std::time::Duration;

use serde_json::{Value, json};
use usher::domain::{EmailAddress, setup};

use crate::support::{Answer, Client, PASSWORD, TestServer, ids};

const ADMINISTRATOR: &str = "admin@example.com";
const LAURA: &str = "laura@kbank.com";
const NEW: &str = "brittle-lantern-58-canoe";

/// A delay that is not over before the test is, however slow the database.
const LONG: &str = "throttle.delay=1h";

/// Executes one mutation a hundred times in one request, and returns the answer and how many of
/// them were refused, all with the time to wait.
async fn hundredfold(
    client: &Client,
    field: &str,
    input: impl Fn(usize) -> String,
) -> (Answer, usize) {
    let document = |batch: usize| {
        let aliases: String = (0..10)
            .map(|alias| {
                let input = input(batch * 10 + alias);
                format!("a{alias}: {field}(input: {{ {input} }}) {{ userErrors {{ code retryAfter }} }} ")
            })
            .collect();
        json!({ "query": format!("mutation {{ {aliases} }}") })
    };
    let batch: Vec<Value> = (0..10).map(document).collect();
    let request = client
        .http
        .post(format!("{}/graphql", client.url))
        .bearer_auth(client.token.as_ref().unwrap())
        .json(&batch);
    let answer = Answer::read(request.send().await.unwrap()).await;
    let mut refused = 0;
    for one in answer.body.as_array().unwrap() {
        for payload in one["data"].as_object().unwrap().values() {
            if let Some(error) = payload["userErrors"].get(0) {
                assert_eq!(error["code"], "TOO_MANY_ATTEMPTS");
                assert!(error["retryAfter"].as_u64().unwrap() > 0);
                refused += 1;
            }
        }
    }
    (answer, refused)
}

async fn count(client: &Client, kind: &str) -> u64 {
    let filter = json!({ "filter": { "kinds": [kind] } });
    let document = "query($filter: EmailFilter) { emails(filter: $filter) { totalCount } }";
    let answer = client.run_with(document, filter).await;
    answer.data()["emails"]["totalCount"].as_u64().unwrap()
}

/// Security rule 21.
#[tokio::test]
async fn nobody_is_sent_a_hundred_e_mails_of_one_kind() {
    let server = TestServer::start_with(&[LONG]).await;
    let administrator = server.administrator().await;
    let laura = server.user_with(&administrator, LAURA, &[]).await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, _) = server.invite(&administrator, "new@kbank.com", &role).await;
    let invited = invited["user"]["id"].as_str().unwrap();
    for (kind, field, input, already) in [
        ("TEST", "sendTestEmail", "to: \"a@b.example\"".to_owned(), 0),
        (
            "INVITATION",
            "resendInvitation",
            format!("userId: \"{invited}\""),
            1,
        ),
        (
            "PASSWORD_RESET",
            "sendPasswordReset",
            format!("userId: \"{}\"", laura.id),
            0,
        ),
    ] {
        let before = count(&administrator, kind).await;
        let (answer, refused) = hundredfold(&administrator, field, |_| input.clone()).await;
        assert_eq!(refused, 95 + already, "{kind}");
        assert!(answer.headers.contains_key("retry-after"), "{kind}");
        assert_eq!(
            count(&administrator, kind).await - before,
            5 - already as u64,
            "{kind}"
        );
    }
    // What was refused has not happened either: the last link works.
    let resent = "{ events(filter: { actions: [INVITATION_RESENT] }) { totalCount } }";
    let answer = administrator.run(resent).await;
    assert_eq!(answer.data()["events"]["totalCount"], 4);
    // It is the recipient who counts, however their address is written.
    let send = async |to: &str| {
        let payload = administrator
            .mutate("sendTestEmail", json!({ "to": to }), "")
            .await;
        ids(&payload["userErrors"])
    };
    assert_eq!(send("A@B.EXAMPLE").await, ["TOO_MANY_ATTEMPTS "]);
    server.advance(Duration::from_secs(60 * 60));
    assert_eq!(send("A@b.example").await, [""; 0]);
}

/// Security rule 21: many people may be invited, and an operator may repeat what they like.
#[tokio::test]
async fn as_many_people_can_be_invited_as_there_are() {
    let server = TestServer::start_with(&[LONG, "throttle.emails_per_recipient=1"]).await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let input = |who| format!("email: \"user{who}@kbank.com\", roleIds: [\"{role}\"]");
    let (_, refused) = hundredfold(&administrator, "inviteUser", input).await;
    assert_eq!(refused, 0);
    for _ in 0..5 {
        let email = EmailAddress::parse("operator@kbank.com").unwrap();
        setup::invite_administrator(&server.server.app, &email)
            .await
            .unwrap();
    }
}

/// Security rule 21: nor by way of roles and addresses that are changed again and again.
#[tokio::test]
async fn no_change_that_causes_e_mails_can_be_repeated_without_end() {
    let server = TestServer::start_with(&[LONG, "throttle.emails_per_recipient=3"]).await;
    let administrator = server.administrator().await;
    let laura = server.user_with(&administrator, LAURA, &[]).await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server.invite(&administrator, "new@kbank.com", &role).await;
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        for permissions in [&["content-hub.view"][..], &[]] {
            let input = json!({ "id": role, "permissions": permissions });
            let payload = administrator.mutate("updateRole", input, "").await;
            outcomes.extend(ids(&payload["userErrors"]));
        }
    }
    // The invitation itself and two more.
    assert_eq!(outcomes, ["TOO_MANY_ATTEMPTS "; 2]);
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        for email in ["other@kbank.com", LAURA] {
            let input = json!({ "id": laura.id, "email": email });
            let payload = administrator.mutate("updateUser", input, "").await;
            outcomes.extend(ids(&payload["userErrors"]));
        }
    }
    assert_eq!(outcomes, ["TOO_MANY_ATTEMPTS "]);
}

/// Security rules 3 and 21.
#[tokio::test]
async fn whoever_asks_for_a_reset_is_not_told_that_there_were_too_many_e_mails() {
    let server = TestServer::start_with(&[LONG, "throttle.emails_per_recipient=1"]).await;
    let administrator = server.administrator().await;
    for _ in 0..3 {
        let input = json!({ "email": ADMINISTRATOR });
        let payload = server
            .anonymous()
            .mutate("requestPasswordReset", input, "")
            .await;
        assert_eq!(payload["userErrors"], json!([]));
    }
    let asked = "{ events(filter: { actions: [PASSWORD_RESET_REQUESTED] }) { totalCount } }";
    while administrator.run(asked).await.data()["events"]["totalCount"] != 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&administrator, "PASSWORD_RESET").await, 1);
}

/// Security rule 14: a notice protects, and is not counted.
#[tokio::test]
async fn every_new_password_is_told() {
    let server = TestServer::start_with(&[LONG, "throttle.emails_per_recipient=1"]).await;
    let administrator = server.administrator().await;
    for (current, new) in [(PASSWORD, NEW), (NEW, PASSWORD), (PASSWORD, NEW)] {
        let input = json!({ "currentPassword": current, "newPassword": new });
        let payload = administrator.mutate("changePassword", input, "").await;
        assert_eq!(payload["userErrors"], json!([]));
    }
    assert_eq!(count(&administrator, "PASSWORD_CHANGED").await, 3);
}

/// Security rule 21: whoever has to wait for a link has one that works.
#[tokio::test]
async fn the_wait_for_the_next_link_is_no_longer_than_the_last_one_works() {
    let server = TestServer::start_with(&[
        "throttle.emails_per_recipient=1",
        "throttle.delay=1h",
        "passwords.reset_valid_for=2m",
    ])
    .await;
    let administrator = server.administrator().await;
    let send = async || {
        let document = "mutation($input: SendPasswordResetInput!) {
            sendPasswordReset(input: $input) { userErrors { retryAfter } }
        }";
        let input = json!({ "input": { "userId": administrator.id } });
        let answer = administrator.run_with(document, input).await;
        answer.data()["sendPasswordReset"]["userErrors"][0]["retryAfter"].as_u64()
    };
    assert_eq!(send().await, None);
    let wait = send().await.unwrap();
    assert!((100..=120).contains(&wait), "{wait}");
    server.advance(Duration::from_secs(wait));
    assert_eq!(send().await, None);
}

/// Security rule 21: whoever may do nothing else still has a profile.
#[tokio::test]
async fn a_user_cannot_fill_the_event_log() {
    let server = TestServer::start_with(&[LONG]).await;
    let administrator = server.administrator().await;
    let laura = server.user_with(&administrator, LAURA, &[]).await;
    let recorded = async || {
        let document = "{ events(filter: { actions: [PROFILE_UPDATED] }) { totalCount } }";
        let answer = administrator.run(document).await;
        answer.data()["events"]["totalCount"].as_u64().unwrap()
    };
    // What changes nothing is neither recorded nor counted.
    let same = |_| "firstName: \"Laura\"".to_owned();
    let (_, refused) = hundredfold(&laura, "updateProfile", same).await;
    assert_eq!((refused, recorded().await), (0, 1));
    let other = |turn| format!("firstName: \"Laura {turn}\"");
    let (answer, refused) = hundredfold(&laura, "updateProfile", other).await;
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!((refused, recorded().await), (71, 30));
    // In no other session either, nor does a new password make a new beginning.
    let elsewhere = server.sign_in(LAURA).await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let payload = elsewhere.mutate("changePassword", input.clone(), "").await;
    assert_eq!(ids(&payload["userErrors"]), ["TOO_MANY_ATTEMPTS "]);
    server.advance(Duration::from_secs(15 * 60));
    let payload = elsewhere.mutate("changePassword", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
}
