//! Known devices: whoever has one is locked out by nobody, and it tells nobody anything.

use serde_json::json;

use crate::support::{Browser, PASSWORD, PROXY, TestServer, token_in};

const ADMINISTRATOR: &str = "admin@example.com";
const LAURA: &str = "laura@kbank.com";
const NEW: &str = "brittle-lantern-58-canoe";
const OFFICE: &str = "192.0.2.1";
const RIGHT: [&str; 0] = [];
const WRONG: [&str; 1] = ["INVALID_CREDENTIALS "];
const TOO_MANY: [&str; 1] = ["TOO_MANY_ATTEMPTS "];

/// A server on which delays are long.
async fn server(settings: &[&str]) -> TestServer {
    let long = [
        PROXY,
        "throttle.delay=1h",
        "throttle.delay_at_most=1h",
        "throttle.account_delay_at_most=1h",
    ];
    TestServer::start_with(&[&long, settings].concat()).await
}

/// Somebody without a device guesses until they have to wait.
async fn guess_until_delayed(server: &TestServer, address: &str, email: &str) {
    let mut stranger = Browser::at(server, address);
    for _ in 0..5 {
        assert_eq!(stranger.sign_in(email, "wrong").await, WRONG);
    }
    assert_eq!(stranger.sign_in(email, "wrong").await, TOO_MANY);
}

async fn request_reset(browser: &mut Browser, email: &str) -> Vec<String> {
    let input = json!({ "email": email });
    let answer = browser.mutate("requestPasswordReset", input).await;
    answer.user_errors()
}

/// Security rule 4.
#[tokio::test]
async fn a_colleague_at_the_same_address_locks_nobody_out() {
    let server = server(&[]).await;
    server.administrator().await;
    let mut user = Browser::of(&server, OFFICE, ADMINISTRATOR).await;
    guess_until_delayed(&server, OFFICE, ADMINISTRATOR).await;
    assert_eq!(user.sign_in(ADMINISTRATOR, PASSWORD).await, RIGHT);
    // Wherever they take it.
    user.address = "203.0.113.5".to_owned();
    assert_eq!(user.sign_in(ADMINISTRATOR, PASSWORD).await, RIGHT);
}

/// Security rule 4.
#[tokio::test]
async fn nobody_keeps_a_user_from_asking_for_a_reset() {
    let limits = [
        "throttle.client_attempts=10",
        "throttle.account_attempts_in_all=10",
    ];
    let server = server(&limits).await;
    server.administrator().await;
    let mut user = Browser::of(&server, OFFICE, ADMINISTRATOR).await;
    let mut colleague = Browser::at(&server, OFFICE);
    for who in 0..10 {
        let email = format!("user{who}@kbank.com");
        assert_eq!(request_reset(&mut colleague, &email).await, RIGHT);
    }
    assert_eq!(request_reset(&mut colleague, LAURA).await, TOO_MANY);
    assert_eq!(request_reset(&mut user, ADMINISTRATOR).await, RIGHT);
    for stranger in 0..10 {
        let mut stranger = Browser::at(&server, &format!("198.51.100.{stranger}"));
        assert_eq!(request_reset(&mut stranger, ADMINISTRATOR).await, RIGHT);
    }
    let mut stranger = Browser::at(&server, "198.51.100.77");
    assert_eq!(request_reset(&mut stranger, ADMINISTRATOR).await, TOO_MANY);
    assert_eq!(request_reset(&mut user, ADMINISTRATOR).await, RIGHT);
}

/// Security rule 3: an attacker has no device, and so does not learn who has one at their address.
#[tokio::test]
async fn at_a_throttled_address_everybodys_account_answers_alike() {
    let server = server(&["throttle.client_attempts=10"]).await;
    let administrator = server.administrator().await;
    server.user_with(&administrator, LAURA, &[]).await;
    Browser::of(&server, OFFICE, LAURA).await;
    let mut attacker = Browser::of(&server, OFFICE, ADMINISTRATOR).await;
    for guess in 0..10 {
        let email = format!("user{guess}@kbank.com");
        attacker.sign_in(&email, "wrong").await;
        request_reset(&mut attacker, &email).await;
    }
    for field in ["signIn", "requestPasswordReset"] {
        let mut answers = Vec::new();
        for email in [LAURA, "nobody@kbank.com", "user3@kbank.com"] {
            let input = match field {
                "signIn" => json!({ "email": email, "password": "wrong" }),
                _ => json!({ "email": email }),
            };
            let answer = attacker.mutate(field, input).await;
            assert_eq!(answer.user_errors(), TOO_MANY, "{field} {email}");
            let mut headers: Vec<String> =
                answer.headers.keys().map(|key| key.to_string()).collect();
            headers.sort();
            // Each refusal is counted, and the next one's wait is not shorter: it is the same hour.
            let wait = &answer.data()["payload"]["userErrors"][0]["retryAfter"];
            answers.push((answer.status, headers, wait.as_u64().unwrap().div_ceil(60)));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{field}: {answers:#?}");
    }
}

/// Security rule 4: it grants what its own user may mistype, and nothing else.
#[tokio::test]
async fn a_device_is_throttled_itself_and_known_for_its_own_account_only() {
    let server = server(&[]).await;
    let administrator = server.administrator().await;
    server.user_with(&administrator, LAURA, &[]).await;
    let mut first = Browser::of(&server, OFFICE, LAURA).await;
    let mut second = Browser::of(&server, OFFICE, LAURA).await;
    for _ in 0..5 {
        assert_eq!(first.sign_in(LAURA, "wrong").await, WRONG);
    }
    assert_eq!(first.sign_in(LAURA, PASSWORD).await, TOO_MANY);
    // Neither the user's other device nor strangers have anything to do with that.
    assert_eq!(second.sign_in(LAURA, PASSWORD).await, RIGHT);
    guess_until_delayed(&server, OFFICE, LAURA).await;

    guess_until_delayed(&server, OFFICE, ADMINISTRATOR).await;
    assert_eq!(second.sign_in(ADMINISTRATOR, PASSWORD).await, TOO_MANY);
    let mut forged = Browser::at(&server, OFFICE);
    forged.device = Some(format!("usher_device={}", "A".repeat(43)));
    assert_eq!(forged.sign_in(LAURA, PASSWORD).await, TOO_MANY);
}

/// Security rule 4: each successful sign-in replaces the cookie, whose copies are worth nothing.
#[tokio::test]
async fn a_device_has_one_cookie_at_a_time_and_a_user_a_bounded_number_of_devices() {
    let server = server(&[]).await;
    server.administrator().await;
    let mut user = Browser::of(&server, OFFICE, ADMINISTRATOR).await;
    let mut copy = user.clone();
    assert_eq!(user.sign_in(ADMINISTRATOR, PASSWORD).await, RIGHT);
    assert_ne!(user.device, copy.device);
    let oldest = user.clone();
    for _ in 0..100 {
        Browser::of(&server, OFFICE, ADMINISTRATOR).await;
    }
    guess_until_delayed(&server, OFFICE, ADMINISTRATOR).await;
    for mut browser in [copy.clone(), oldest] {
        assert_eq!(browser.sign_in(ADMINISTRATOR, PASSWORD).await, TOO_MANY);
    }
    copy.device = None;
    assert_eq!(copy.sign_in(ADMINISTRATOR, PASSWORD).await, TOO_MANY);
}

/// Security rule 4: a page elsewhere cannot use up what its visitor may mistype.
#[tokio::test]
async fn a_foreign_page_does_not_guess_as_its_visitors_device() {
    let server = server(&[]).await;
    server.administrator().await;
    let mut user = Browser::of(&server, OFFICE, ADMINISTRATOR).await;
    let mut page = user.clone();
    page.origin = Some("https://evil.example".to_owned());
    for _ in 0..6 {
        page.sign_in(ADMINISTRATOR, "wrong").await;
    }
    assert_eq!(page.sign_in(ADMINISTRATOR, "wrong").await, TOO_MANY);
    user.origin = Some("http://127.0.0.1:8000".to_owned());
    assert_eq!(user.sign_in(ADMINISTRATOR, PASSWORD).await, RIGHT);
}

/// Security rule 14.
#[tokio::test]
async fn a_device_is_forgotten_with_its_session_and_with_all_of_them() {
    let server = server(&[]).await;
    let administrator = server.administrator().await;
    let laura = server.user_with(&administrator, LAURA, &[]).await;
    guess_until_delayed(&server, OFFICE, LAURA).await;
    let known = async |browser: &Browser| {
        let mut browser = browser.clone();
        // A guess, so that the device stays the same.
        browser.sign_in(LAURA, "wrong").await == WRONG
    };
    let elsewhere = "203.0.113.5";
    let mut lost = Browser::of(&server, elsewhere, LAURA).await;
    lost.address = OFFICE.to_owned();
    assert!(known(&lost).await);
    let answer = laura.run("{ sessions { id } }").await;
    let newest = &answer.data()["sessions"][0]["id"];
    laura
        .mutate("revokeSession", json!({ "id": newest }), "")
        .await;
    assert!(!known(&lost).await);

    let others = "mutation { revokeOtherSessions { count } }";
    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    for ends in ["others", "all", "password", "deactivated"] {
        let mut browser = Browser::of(&server, elsewhere, LAURA).await;
        browser.address = OFFICE.to_owned();
        assert!(known(&browser).await, "{ends}");
        let id = json!({ "id": laura.id });
        match ends {
            "others" => drop(laura.run(others).await),
            "all" => {
                let id = json!({ "userId": laura.id });
                administrator.mutate("endUserSessions", id, "").await;
            }
            "password" => {
                let laura = server.sign_in(LAURA).await;
                let changed = laura.mutate("changePassword", change.clone(), "").await;
                assert_eq!(changed["userErrors"], json!([]));
                server.inbox.next().await;
                let back = json!({ "currentPassword": NEW, "newPassword": PASSWORD });
                laura.mutate("changePassword", back, "").await;
                server.inbox.next().await;
            }
            _ => {
                administrator.mutate("deactivateUser", id.clone(), "").await;
                administrator.mutate("activateUser", id, "").await;
            }
        }
        assert!(!known(&browser).await, "{ends}");
    }
}

/// Security rule 4: whoever proves by an e-mailed link who they are is known from then on.
#[tokio::test]
async fn a_reset_makes_the_device_known() {
    let server = server(&[]).await;
    server.administrator().await;
    let mut user = Browser::at(&server, OFFICE);
    request_reset(&mut user, ADMINISTRATOR).await;
    let token = token_in(&server.inbox.next().await);
    let input = json!({ "token": token, "newPassword": NEW });
    let answer = user.mutate("resetPassword", input).await;
    assert_eq!(answer.user_errors(), RIGHT);
    guess_until_delayed(&server, OFFICE, ADMINISTRATOR).await;
    assert_eq!(user.sign_in(ADMINISTRATOR, NEW).await, RIGHT);
}

/// Security rule 4: a session is as good as a device.
#[tokio::test]
async fn strangers_do_not_keep_a_signed_in_user_from_changing_the_password() {
    let server = server(&[]).await;
    let administrator = server.administrator().await;
    guess_until_delayed(&server, "127.0.0.1", ADMINISTRATOR).await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let payload = administrator.mutate("changePassword", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
}

/// Security rule 9: scripts do not see it, nor do other hosts and unencrypted connections.
#[tokio::test]
async fn the_cookie_is_guarded_like_the_sessions() {
    for (url, name, secure) in [
        ("http://127.0.0.1:8000", "usher_device", ""),
        (
            "https://people.kbank.com",
            "__Host-usher_device",
            "; Secure",
        ),
    ] {
        let server = TestServer::start_with(&[&format!("server.public_url={url}")]).await;
        server.administrator().await;
        for (is_kept, age) in [(true, "; Max-Age=31536000"), (false, "")] {
            let input =
                json!({ "email": ADMINISTRATOR, "password": PASSWORD, "keepSignedIn": is_kept });
            let answer = Browser::at(&server, "").mutate("signIn", input).await;
            let cookies = answer.headers.get_all("set-cookie").iter();
            let cookies: Vec<&str> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
            let device = cookies[1].strip_prefix(&format!("{name}=")).unwrap();
            let (token, attributes) = device.split_at(43);
            assert_eq!(
                attributes,
                format!("; Path=/{age}; HttpOnly; SameSite=Lax{secure}")
            );
            assert!(!cookies[0].contains(token));
        }
    }
}
