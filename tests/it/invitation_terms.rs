//! What is agreed on with one invitation: what it says, how long it is valid, where it leads, and whether it
//! is sent at all; and what nobody may wish for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer, ids, token_in};

const ORIGINS: &str =
    r#"links.redirect_origins=["https://app.example.com", "http://localhost:3000"]"#;

/// Invites somebody with these wishes.
async fn invite(client: &Client, email: &str, role: &str, wishes: Value) -> Value {
    let mut input = json!({ "email": email, "roleIds": [role] });
    let wishes = wishes.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(wishes);
    client
        .mutate(
            "inviteUser",
            input,
            "user { id } invitation { id expiresAt } link",
        )
        .await
}

/// Accepts an invitation, and returns where that leads.
async fn accepted(server: &TestServer, token: &str) -> Value {
    let input = json!({ "token": token, "password": PASSWORD });
    let payload = server
        .anonymous()
        .mutate("acceptInvitation", input, "redirectUrl user { id }")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    payload["redirectUrl"].clone()
}

#[tokio::test]
async fn the_inviter_is_quoted() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let input = json!({ "firstName": "Ada", "lastName": "Miller" });
    administrator.mutate("updateProfile", input, "").await;
    let message = " Hello <b>Laura</b>,\r\n\r\nsee you on Monday & bring cake. ";
    let payload = invite(
        &administrator,
        "laura@kbank.com",
        &role,
        json!({ "message": message }),
    )
    .await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["link"], json!(null));
    let mail = server.inbox.next().await;
    let quoted = "Ada Miller writes:\n\n> Hello <b>Laura</b>,\n>";
    assert!(mail.text.contains(quoted), "{}", mail.text);
    assert!(mail.text.contains("\n> see you on Monday & bring cake.\n"));
    let html = mail.html.clone().unwrap_or_default();
    assert!(
        html.contains("Hello &lt;b&gt;Laura&lt;&#x2f;b&gt;,<br>"),
        "{html}"
    );
    server.accept(&token_in(&mail)).await;
}

#[tokio::test]
async fn a_message_leads_nowhere_and_hides_nothing() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let long = "a".repeat(501);
    for (message, expected) in [
        ("see https://evil.example/login", "INVALID"),
        ("HTTPS://evil", "INVALID"),
        ("see www.evil.example", "INVALID"),
        ("see\nevil.example", "INVALID"),
        ("(evil.com)", "INVALID"),
        ("example.com", "INVALID"),
        ("Go to EXAMPLE.COM, please", "INVALID"),
        ("*example.com*", "INVALID"),
        ("example.com/@login", "INVALID"),
        ("mailto:ada@example.com", "INVALID"),
        ("javascript://x", "INVALID"),
        ("банк.рф", "INVALID"),
        ("10.0.0.1/x", "INVALID"),
        ("one\u{7}two", "INVALID"),
        ("one\0two", "INVALID"),
        ("one\rtwo", "INVALID"),
        ("one\u{202E}two", "INVALID"),
        ("one\u{2066}two", "INVALID"),
        ("one\u{2028}two", "INVALID"),
        ("one\u{061C}two", "INVALID"),
        ("one\u{200F}two", "INVALID"),
        ("one\u{200B}two", "INVALID"),
        ("{{ link }}\u{FFFC}", "INVALID"),
        ("\u{FFFC}x", "INVALID"),
        (long.as_str(), "TOO_LONG"),
    ] {
        let wishes = json!({ "message": message });
        let payload = invite(&administrator, "laura@kbank.com", &role, wishes.clone()).await;
        assert_eq!(
            ids(&payload["userErrors"]),
            [format!("{expected} input.message")],
            "{message:?}"
        );
        let mut row = json!({ "email": "laura@kbank.com", "roleIds": [role] });
        row["message"] = wishes["message"].clone();
        let input = json!({ "invitations": [row] });
        let select = "results { outcome userErrors { code field } }";
        let payload = administrator.mutate("inviteUsers", input, select).await;
        let errors = ids(&payload["results"][0]["userErrors"]);
        assert_eq!(errors, [format!("{expected} input.invitations.0.message")]);
    }
    let answer = administrator
        .run("{ users { totalCount } emails { totalCount } }")
        .await;
    assert_eq!(answer.data()["users"]["totalCount"], 1);
    assert_eq!(answer.data()["emails"]["totalCount"], 1);
}

#[tokio::test]
async fn a_link_works_as_long_as_was_wished() {
    let server = TestServer::start_with(&["invitations.valid_for_at_most=8d"]).await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let eight_days = 8 * 24 * 60 * 60;
    for seconds in [-1, 0, 299, eight_days + 1, i32::MAX, i32::MIN] {
        let wishes = json!({ "validForSeconds": seconds });
        let payload = invite(&administrator, "laura@kbank.com", &role, wishes).await;
        assert_eq!(
            ids(&payload["userErrors"]),
            ["INVALID input.validForSeconds"],
            "{seconds}"
        );
    }
    // A century is more than the API's numbers hold, and half an hour is no number.
    for seconds in [json!(3_155_760_000_u64), json!("1800"), json!(1800.5)] {
        let input =
            json!({ "email": "laura@kbank.com", "roleIds": [role], "validForSeconds": seconds });
        let document =
            "mutation($input: InviteUserInput!) { inviteUser(input: $input) { user { id } } }";
        let answer = administrator
            .run_with(document, json!({ "input": input }))
            .await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{seconds}");
    }
    let mut tokens = Vec::new();
    for (email, seconds) in [("short@kbank.com", 300), ("long@kbank.com", eight_days)] {
        let wishes = json!({ "validForSeconds": seconds });
        let payload = invite(&administrator, email, &role, wishes).await;
        assert_eq!(payload["userErrors"], json!([]));
        tokens.push(token_in(&server.inbox.next().await));
    }
    server.advance(Duration::from_secs(301));
    let input = json!({ "token": tokens[0], "password": PASSWORD });
    let payload = server
        .anonymous()
        .mutate("acceptInvitation", input, "")
        .await;
    assert_eq!(ids(&payload["userErrors"]), ["TOKEN_EXPIRED input.token"]);
    server.advance(Duration::from_secs(7 * 24 * 60 * 60 + 60));
    server.accept(&tokens[1]).await;
}

#[tokio::test]
async fn an_invitation_leads_to_the_origins_that_are_allowed_and_to_no_others() {
    let server = TestServer::start_with(&[ORIGINS]).await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    for url in [
        "",
        "/start",
        "start",
        "//app.example.com",
        "javascript:alert(1)//https://app.example.com",
        "data:text/html,x",
        "https://evil.example/",
        "https://app.example.com.evil.example/",
        "https://evil.example\\@app.example.com/",
        "https://app.example.com@evil.example/",
        "https://app.example.com\\@evil.example/",
        "https:\\\\app.example.com\\start",
        "https://app.example.com/a\\b",
        "https://app.example.com./",
        "https://xn--pp-mia.example.com/",
        "blob:https://app.example.com/start",
        "view-source:https://app.example.com/",
        "ftp://app.example.com/",
        "file:///etc/passwd",
        "https://@evil.example/",
        "https://laura@app.example.com/",
        "https://:secret@app.example.com/",
        "http://app.example.com/",
        "https://app.example.com:444/",
        "http://localhost:3001/",
        "https://app.example.com/a b",
        " https://app.example.com/",
        "https://app.example.com/\n",
        "ht\ttps://app.example.com/",
        &format!("https://app.example.com/{}", "a".repeat(2000)),
        &format!("https://app.example.com/{}", "é".repeat(900)),
    ] {
        let wishes = json!({ "redirectUrl": url });
        let payload = invite(&administrator, "laura@kbank.com", &role, wishes).await;
        assert_eq!(
            ids(&payload["userErrors"]),
            ["INVALID input.redirectUrl"],
            "{url:?}"
        );
    }
    let page = "https://APP.example.com:443/start?a=1&b=%20#two";
    let wishes = json!({ "redirectUrl": page });
    let payload = invite(&administrator, "laura@kbank.com", &role, wishes).await;
    assert_eq!(payload["userErrors"], json!([]));
    let first = server.inbox.next().await;
    // A new link leads to the same page.
    let input = json!({ "userId": payload["user"]["id"] });
    let payload = administrator.mutate("resendInvitation", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    let again = server.inbox.next().await;
    assert_ne!(token_in(&first), token_in(&again));
    let led = accepted(&server, &token_in(&again)).await;
    assert_eq!(led, "https://app.example.com/start?a=1&b=%20#two");

    // Nor does it lead to what is no longer allowed when it is accepted.
    let wishes = json!({ "redirectUrl": "http://localhost:3000" });
    let payload = invite(&administrator, "mike@kbank.com", &role, wishes).await;
    assert_eq!(payload["userErrors"], json!([]));
    let token = token_in(&server.inbox.next().await);
    let another = server.another().await;
    assert_eq!(accepted(&another, &token).await, json!(null));
    // And most lead nowhere.
    let (_, token) = server.invite(&administrator, "nina@kbank.com", &role).await;
    assert_eq!(accepted(&server, &token).await, json!(null));
}

#[tokio::test]
async fn without_an_email_the_link_is_shown_once_to_those_who_may_see_it() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let emails = "{ emails { totalCount } }";
    let before = administrator.run(emails).await.data().clone();
    let wishes = json!({ "sendEmail": false });
    let payload = invite(&administrator, "laura@kbank.com", &role, wishes.clone()).await;
    assert_eq!(payload["userErrors"], json!([]));
    let link = payload["link"].as_str().unwrap();
    assert_eq!(*administrator.run(emails).await.data(), before);
    let answer = administrator
        .run("{ events(filter: { actions: [LINK_SHOWN] }) { nodes { subjectLabel } } }")
        .await;
    let expected = json!([{ "subjectLabel": "laura@kbank.com" }]);
    assert_eq!(answer.data()["events"]["nodes"], expected);
    server.accept(link.split_once("token=").unwrap().1).await;

    let held = ["users.create", "users.view", "email-queue.view"];
    let manager = server
        .user_with(&administrator, "manager@kbank.com", &held)
        .await;
    let role = server.role(&administrator, "Nothing", &[]).await;
    let payload = invite(&manager, "mike@kbank.com", &role, wishes).await;
    let refused = "EXCEEDS_OWN_PERMISSIONS input.sendEmail";
    assert_eq!(ids(&payload["userErrors"]), [refused]);
    assert_eq!(payload["link"], json!(null));
    let rows = json!([
        { "email": "mike@kbank.com", "roleIds": [role], "sendEmail": false },
        { "email": "nina@kbank.com", "roleIds": [role] },
    ]);
    let input = json!({ "invitations": rows });
    let select = "results { outcome link userErrors { code field } }";
    let payload = manager.mutate("inviteUsers", input.clone(), select).await;
    assert_eq!(payload["results"][0]["outcome"], "FAILED");
    assert_eq!(payload["results"][1]["outcome"], "INVITED");
    assert_eq!(payload["results"][1]["link"], json!(null));
    let payload = administrator.mutate("inviteUsers", input, select).await;
    let link = payload["results"][0]["link"].as_str().unwrap();
    server.accept(link.split_once("token=").unwrap().1).await;
}
