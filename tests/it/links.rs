//! The links in e-mails: they lead to where the settings say when an e-mail is sent, which may be other settings
//! than when it was queued.

use serde_json::{Value, json};

use crate::emails::office;
use crate::support::{Client, TestServer, link_in, token_in};

const LAURA: &str = "laura@kbank.com";

/// A server with an invitation and a reset in its queue, stopped; and its administrator.
async fn stopped_with_a_queue() -> (TestServer, Client) {
    let server = TestServer::start_with(&["server.public_url=https://old.kbank.com"]).await;
    let (administrator, role) = office(&server).await;
    let pause = "mutation { pauseEmailQueue { userErrors { code } } }";
    administrator.run(pause).await.data();
    let input = json!({ "email": LAURA, "roleIds": [role] });
    let invited = administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    assert_eq!(invited["userErrors"], json!([]));
    let input = json!({ "email": "admin@example.com" });
    let asked = administrator
        .mutate("requestPasswordReset", input, "")
        .await;
    assert_eq!(asked["userErrors"], json!([]));
    let to = json!({ "kinds": ["PASSWORD_RESET"] });
    server.emails_in(&administrator, to, "QUEUED").await;
    (server, administrator)
}

/// The server, started again with other settings, and its administrator.
async fn started_again(server: TestServer, administrator: Client) -> (TestServer, Client) {
    let database = server.database.clone();
    server.server.stop();
    server.server.stopped().await;
    let server = TestServer::start_on(database, NEW).await;
    let url = server.url.clone();
    (
        server,
        Client {
            url,
            ..administrator
        },
    )
}

const NEW: &[&str] = &[
    "server.public_url=https://new.kbank.com/people",
    "links.password_reset=https://app.kbank.com/reset/{token}/now",
];

async fn link_shown(administrator: &Client) -> Value {
    let answer = administrator
        .run_with(
            "query($to: String!) { emails(filter: { to: $to }) { nodes { id link textBody } } }",
            json!({ "to": LAURA }),
        )
        .await;
    answer.data()["emails"]["nodes"][0].clone()
}

#[tokio::test]
async fn an_e_mail_that_waits_leads_to_where_the_settings_say_when_it_is_sent() {
    let (server, administrator) = stopped_with_a_queue().await;
    let (server, administrator) = started_again(server, administrator).await;
    let shown = link_shown(&administrator).await;
    let link = shown["link"].as_str().unwrap();
    let page = "https://new.kbank.com/people/accept-invitation#token=";
    assert!(link.starts_with(page), "{link}");
    assert!(
        shown["textBody"].as_str().unwrap().contains(link),
        "{shown}"
    );
    let eml = format!(
        "{}/emails/{}.eml",
        server.url,
        shown["id"].as_str().unwrap()
    );
    let eml = administrator
        .http
        .get(eml)
        .bearer_auth(administrator.token.as_ref().unwrap());
    let eml = eml.send().await.unwrap().text().await.unwrap();
    assert!(!eml.contains("old.kbank.com"), "{eml}");

    let resume = "mutation { resumeEmailQueue { userErrors { code } } }";
    administrator.run(resume).await.data();
    let mut sent = Vec::new();
    for _ in 0..2 {
        sent.push(server.inbox.next().await);
    }
    let of = |to: &str| sent.iter().find(|mail| mail.to == [to]).unwrap();
    let reset = link_in(of("admin@example.com"));
    let token = reset.strip_prefix("https://app.kbank.com/reset/").unwrap();
    assert_eq!(token.strip_suffix("/now").unwrap().len(), 43, "{reset}");
    assert_eq!(link_in(of(LAURA)), link);
    assert!(of(LAURA).html.as_ref().unwrap().contains(page));
    server.accept(&token_in(of(LAURA))).await;
}

/// The place of the token was not stored by earlier versions.
#[tokio::test]
async fn a_link_that_an_earlier_version_queued_stays_as_it_is() {
    let (server, administrator) = stopped_with_a_queue().await;
    let transaction = server.server.app.db.begin().await.unwrap();
    let forget = "UPDATE emails SET token_at = NULL";
    transaction.execute_batch(forget).await.unwrap();
    server.server.app.db.commit(transaction).await.unwrap();
    let (_server, administrator) = started_again(server, administrator).await;
    let shown = link_shown(&administrator).await;
    let link = shown["link"].as_str().unwrap();
    assert!(
        link.starts_with("https://old.kbank.com/accept-invitation#token="),
        "{link}"
    );
}
