//! Throttling of guesses.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, PASSWORD, PROXY, TestServer, ids};

const SIGN_IN: &str = "mutation($input: SignInInput!) { payload: signIn(input: $input) {
    token userErrors { code field message retryAfter }
} }";
const ADMINISTRATOR: &str = "admin@example.com";

async fn sign_in_from(server: &TestServer, client: &str, email: &str, password: &str) -> Answer {
    let variables = json!({ "input": { "email": email, "password": password } });
    let request = server
        .anonymous()
        .http
        .post(format!("{}/graphql", server.url))
        .header("x-forwarded-for", client)
        .json(&json!({ "query": SIGN_IN, "variables": variables }));
    Answer::read(request.send().await.unwrap()).await
}

fn codes(answer: &Answer) -> Vec<String> {
    ids(&answer.data()["payload"]["userErrors"])
}

/// Security rules 3 and 4.
#[tokio::test]
async fn guesses_at_an_account_are_delayed_longer_and_longer_known_or_not() {
    let server = TestServer::start().await;
    server.administrator().await;
    let mut stories = Vec::new();
    for email in [ADMINISTRATOR, "nobody@kbank.com", "no address"] {
        let mut story = Vec::new();
        for guess in 0..9 {
            let answer = sign_in_from(&server, "", email, "wrong").await;
            let wait = &answer.data()["payload"]["userErrors"][0]["retryAfter"];
            let header = answer.headers.get("retry-after");
            let header = header.map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(header, wait.as_u64().map(|wait| wait.to_string()));
            if wait.is_u64() {
                assert_eq!(codes(&answer), ["TOO_MANY_ATTEMPTS "]);
                assert!(guess >= 5);
                // Whoever waits for as long is let in.
                server.advance(Duration::from_secs(wait.as_u64().unwrap()));
            } else {
                assert_eq!(codes(&answer), ["INVALID_CREDENTIALS "]);
            }
            // Of the wait only what passes between two requests differs.
            let wait = wait.as_u64().map(|wait| wait.div_ceil(5) * 5);
            story.push((answer.status, codes(&answer), wait));
        }
        let waits: Vec<u64> = story.iter().filter_map(|(_, _, wait)| *wait).collect();
        assert_eq!(waits, [10, 20], "{email}");
        stories.push(story);
    }
    stories.dedup();
    assert_eq!(stories.len(), 1);
}

/// Security rule 4: administrators see in the event log that somebody has begun to guess.
#[tokio::test]
async fn each_delay_that_begins_is_an_event() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let events = async || {
        let document = "{ events(filter: { actions: [SIGN_IN_FAILED, SIGN_IN_THROTTLED] }) {
            nodes { action subjectLabel actorLabel ipAddress }
        } }";
        let answer = administrator.run(document).await;
        let nodes = answer.data()["events"]["nodes"].as_array().unwrap().clone();
        let of = |action: &str| nodes.iter().filter(|node| node["action"] == action).count();
        (of("SIGN_IN_FAILED"), of("SIGN_IN_THROTTLED"), nodes)
    };
    for email in [ADMINISTRATOR, "nobody@kbank.com"] {
        let (failed, throttled, _) = events().await;
        for _ in 0..6 {
            sign_in_from(&server, "", email, "wrong").await;
        }
        let (all_failed, all_throttled, nodes) = events().await;
        assert_eq!((all_failed - failed, all_throttled - throttled), (5, 1));
        assert_eq!(
            nodes[0],
            json!({
                "action": "SIGN_IN_THROTTLED",
                "subjectLabel": email,
                "actorLabel": "anonymous",
                "ipAddress": "127.0.0.1",
            })
        );
    }
    // The next wrong guess after the wait begins a longer one.
    server.advance(Duration::from_secs(11));
    for _ in 0..2 {
        sign_in_from(&server, "", ADMINISTRATOR, "wrong").await;
    }
    let (failed, throttled, _) = events().await;
    assert_eq!((failed, throttled), (11, 3));
}

/// Security rule 4: while an account is throttled, the right password is not looked at either.
#[tokio::test]
async fn a_throttled_account_takes_no_password_until_the_wait_is_over() {
    let server = TestServer::start().await;
    server.administrator().await;
    for _ in 0..5 {
        sign_in_from(&server, "", ADMINISTRATOR, "wrong").await;
    }
    let answer = sign_in_from(&server, "", ADMINISTRATOR, PASSWORD).await;
    assert_eq!(codes(&answer), ["TOO_MANY_ATTEMPTS "]);
    server.advance(Duration::from_secs(11));
    let answer = sign_in_from(&server, "", ADMINISTRATOR, PASSWORD).await;
    assert_eq!(codes(&answer), [""; 0]);
    // Counting begins anew.
    for _ in 0..5 {
        let answer = sign_in_from(&server, "", ADMINISTRATOR, "wrong").await;
        assert_eq!(codes(&answer), ["INVALID_CREDENTIALS "]);
    }
}

/// Security rule 4: fifty guesses at once are fifty, in one document, in a batch, or side by side.
#[tokio::test]
async fn guesses_at_once_are_counted_one_by_one() {
    let server = TestServer::start().await;
    server.administrator().await;
    let guesses = (0..50).map(|_| sign_in_from(&server, "", "a@kbank.com", "wrong"));
    let answers = join_all(guesses).await;
    let looked_at = |answers: &[Vec<String>]| {
        let was = |codes: &&Vec<String>| codes[0] == "INVALID_CREDENTIALS ";
        answers.iter().filter(was).count()
    };
    let all: Vec<_> = answers.iter().map(codes).collect();
    assert_eq!(looked_at(&all), 5);

    let aliases: String = (0..10)
        .map(|index| {
            format!(
                "a{index}: signIn(input: {{ email: \"b@kbank.com\", password: \"x\" }}) {{
                    userErrors {{ code field message }}
                }} "
            )
        })
        .collect();
    let answer = server
        .anonymous()
        .run(&format!("mutation {{ {aliases} }}"))
        .await;
    let all: Vec<_> = (0..10)
        .map(|index| ids(&answer.data()[format!("a{index}")]["userErrors"]))
        .collect();
    assert_eq!(looked_at(&all), 5);

    let one = json!({
        "query": SIGN_IN,
        "variables": { "input": { "email": "c@kbank.com", "password": "x" } }
    });
    let batch = server
        .anonymous()
        .http
        .post(format!("{}/graphql", server.url))
        .json(&vec![one; 10]);
    let answer = Answer::read(batch.send().await.unwrap()).await;
    assert!(answer.headers.contains_key("retry-after"));
    let all: Vec<_> = answer
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|one| ids(&one["data"]["payload"]["userErrors"]))
        .collect();
    assert_eq!(looked_at(&all), 5);
}

/// Guesses that turn out right, however many at once, are no guesses.
#[tokio::test]
async fn a_user_may_sign_in_everywhere_at_once() {
    let server = TestServer::start().await;
    server.administrator().await;
    let all = (0..30).map(|_| sign_in_from(&server, "", ADMINISTRATOR, PASSWORD));
    for answer in join_all(all).await {
        assert_eq!(codes(&answer), [""; 0]);
    }
}

/// Security rule 4.
#[tokio::test]
async fn a_stranger_shuts_nobody_out() {
    let server = TestServer::start_with(&[
        PROXY,
        "throttle.account_attempts_in_all=10",
        "throttle.delay=1h",
        "throttle.delay_at_most=1h",
        "throttle.account_delay_at_most=1h",
    ])
    .await;
    server.administrator().await;
    let mut user = Browser::of(&server, "192.0.2.1", ADMINISTRATOR).await;
    // Strangers at many addresses guess until nobody from elsewhere is let in.
    let mut last = Vec::new();
    for stranger in 0..12 {
        let stranger = format!("198.51.100.{stranger}");
        let answer = sign_in_from(&server, &stranger, ADMINISTRATOR, "wrong").await;
        last = codes(&answer);
    }
    assert_eq!(last, ["TOO_MANY_ATTEMPTS "]);
    // The user's own device is known.
    assert_eq!(user.sign_in(ADMINISTRATOR, PASSWORD).await, [""; 0]);
}

/// Security rule 4: nor does one who keeps trying, whoever asks for a link in between.
#[tokio::test]
async fn a_mailed_link_opens_the_way_past_strangers() {
    let server = TestServer::start_with(&[
        PROXY,
        "throttle.account_attempts_in_all=10",
        "throttle.delay=1h",
        "throttle.delay_at_most=1h",
        "throttle.account_delay_at_most=1h",
    ])
    .await;
    server.administrator().await;
    for stranger in 0..12 {
        let stranger = format!("198.51.100.{stranger}");
        sign_in_from(&server, &stranger, ADMINISTRATOR, "wrong").await;
    }
    let elsewhere = "203.0.113.5";
    let answer = sign_in_from(&server, elsewhere, ADMINISTRATOR, PASSWORD).await;
    assert_eq!(codes(&answer), ["TOO_MANY_ATTEMPTS "]);

    let ask = async || {
        let input = json!({ "email": ADMINISTRATOR });
        let client = server.anonymous();
        client.mutate("requestPasswordReset", input, "").await;
        crate::support::token_in(&server.inbox.next().await)
    };
    let token = ask().await;
    ask().await;
    let new = "brittle-lantern-58-canoe";
    let mut user = Browser::at(&server, elsewhere);
    let reset = json!({ "token": token, "newPassword": new });
    let answer = user.mutate("resetPassword", reset).await;
    assert_eq!(codes(&answer), [""; 0]);
    // The strangers go on.
    for stranger in 0..12 {
        let stranger = format!("192.0.2.{stranger}");
        sign_in_from(&server, &stranger, ADMINISTRATOR, "wrong").await;
    }
    assert_eq!(user.sign_in(ADMINISTRATOR, new).await, [""; 0]);
}

/// Security rule 4: who does not wait, waits longer.
#[tokio::test]
async fn refused_attempts_count_for_the_client_address() {
    let server = TestServer::start_with(&[PROXY, "throttle.client_attempts=20"]).await;
    server.administrator().await;
    let client = "198.51.100.7";
    for _ in 0..20 {
        sign_in_from(&server, client, "a@kbank.com", "wrong").await;
    }
    let answer = sign_in_from(&server, client, "b@kbank.com", "wrong").await;
    assert_eq!(codes(&answer), ["TOO_MANY_ATTEMPTS "]);
}

/// Security rule 4: what others of the same address have mistyped over the days is forgotten, and
/// does not hold for those whose device is known.
#[tokio::test]
async fn an_office_is_not_shut_out_by_its_own_mistakes() {
    let server = TestServer::start_with(&[PROXY, "throttle.client_attempts=5"]).await;
    server.administrator().await;
    let office = "198.51.100.7";
    let mistype = async |who: usize| {
        let email = format!("colleague{who}@kbank.com");
        codes(&sign_in_from(&server, office, &email, "wrong").await)
    };
    for day in 0..3 {
        for who in 0..4 {
            assert_eq!(mistype(who).await, ["INVALID_CREDENTIALS "], "day {day}");
            server.advance(Duration::from_secs(5 * 60 * 60));
        }
        server.advance(Duration::from_secs(4 * 60 * 60 + 1));
    }
    let mut user = Browser::of(&server, office, ADMINISTRATOR).await;
    for who in 10..15 {
        assert_eq!(mistype(who).await, ["INVALID_CREDENTIALS "]);
    }
    assert_eq!(mistype(16).await, ["TOO_MANY_ATTEMPTS "]);
    assert_eq!(user.sign_in(ADMINISTRATOR, PASSWORD).await, [""; 0]);
}

/// Security rule 4.
#[tokio::test]
async fn a_client_address_is_throttled_whatever_it_guesses_at_and_others_are_not() {
    let server = TestServer::start_with(&[PROXY, "throttle.client_attempts=10"]).await;
    server.administrator().await;
    let client = "198.51.100.7";
    for guess in 0..10 {
        let email = format!("user{guess}@kbank.com");
        let answer = sign_in_from(&server, client, &email, "wrong").await;
        assert_eq!(codes(&answer), ["INVALID_CREDENTIALS "]);
    }
    let answer = sign_in_from(&server, client, ADMINISTRATOR, PASSWORD).await;
    assert_eq!(codes(&answer), ["TOO_MANY_ATTEMPTS "]);
    let answer = sign_in_from(&server, "198.51.100.8", ADMINISTRATOR, PASSWORD).await;
    assert_eq!(codes(&answer), [""; 0]);
}

/// Security rule 4: a customer's and a site's IPv6 addresses are many, and still one client's.
#[tokio::test]
async fn whoever_owns_a_large_network_has_not_as_many_guesses_as_addresses() {
    let server = TestServer::start_with(&[
        PROXY,
        "throttle.client_attempts=10",
        "throttle.delay=1h",
        "throttle.delay_at_most=1h",
    ])
    .await;
    let looked_at = async |networks: &[String]| {
        let mut looked_at = 0;
        for (index, network) in networks.iter().enumerate() {
            let email = format!("{network}{index}@kbank.com").replace(':', ".");
            let answer = sign_in_from(&server, network, &email, "wrong").await;
            looked_at += usize::from(codes(&answer) == ["INVALID_CREDENTIALS "]);
        }
        looked_at
    };
    let walk = |address: &dyn Fn(u32) -> String| (0..50).map(address).collect::<Vec<_>>();
    for (addresses, expected) in [
        (walk(&|n| format!("2001:db8:1:1::{n:x}")), 10),
        (walk(&|n| format!("2001:db8:2:{n:x}::1")), 15),
        (walk(&|n| format!("2001:db8:3:{n:x}00::1")), 20),
        (walk(&|n| format!("2001:db8:1{n:02x}::1")), 50),
        (walk(&|_| "198.51.100.1".to_owned()), 10),
        (walk(&|n| format!("203.0.113.{n}")), 40),
        (walk(&|n| format!("192.{n}.2.1")), 50),
        // The same address, carried by others.
        (walk(&|_| "64:ff9b::198.51.100.1".to_owned()), 0),
        (walk(&|_| "::ffff:198.51.100.1".to_owned()), 0),
    ] {
        assert_eq!(looked_at(&addresses).await, expected, "{}", addresses[1]);
    }
}

/// Security rule 10: whatever others at this address have tried, a link works.
#[tokio::test]
async fn no_number_of_wrong_tokens_keeps_a_right_one_from_working() {
    let server = TestServer::start_with(&["throttle.client_attempts=1"]).await;
    let wrong = async |field: &str, password: &str| {
        for guess in 0..20 {
            let input = json!({ "token": format!("guess{guess}"), password: PASSWORD });
            let payload = server.anonymous().mutate(field, input, "").await;
            assert_eq!(ids(&payload["userErrors"]), ["TOKEN_INVALID input.token"]);
        }
    };
    wrong("acceptInvitation", "password").await;
    let administrator = server.administrator().await;
    let input = json!({ "userId": administrator.id });
    administrator.mutate("sendPasswordReset", input, "").await;
    let token = crate::support::token_in(&server.inbox.next().await);
    wrong("resetPassword", "newPassword").await;
    let input = json!({ "token": token, "newPassword": "brittle-lantern-58-canoe" });
    let payload = server.anonymous().mutate("resetPassword", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
}

/// Security rule 4: the count is in the database, and so outlives the server.
#[tokio::test]
async fn a_restart_forgets_nothing_and_a_reset_lifts_it() {
    let server = TestServer::start().await;
    server.administrator().await;
    for _ in 0..5 {
        sign_in_from(&server, "", ADMINISTRATOR, "wrong").await;
    }
    let TestServer {
        server: running,
        database,
        ..
    } = server;
    running.stop();
    running.stopped().await;
    let server = TestServer::start_on(database, &[]).await;
    let answer = sign_in_from(&server, "", ADMINISTRATOR, PASSWORD).await;
    assert_eq!(codes(&answer), ["TOO_MANY_ATTEMPTS "]);

    let input = json!({ "email": ADMINISTRATOR });
    server
        .anonymous()
        .mutate("requestPasswordReset", input, "")
        .await;
    let token = crate::support::token_in(&server.inbox.next().await);
    let new = "brittle-lantern-58-canoe";
    let input = json!({ "token": token, "newPassword": new });
    let payload = server.anonymous().mutate("resetPassword", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    let answer = sign_in_from(&server, "", ADMINISTRATOR, new).await;
    assert_eq!(codes(&answer), [""; 0]);
}

/// Security rule 4.
#[tokio::test]
async fn who_found_an_open_session_cannot_try_passwords_in_it() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let mut outcomes = Vec::new();
    for _ in 0..6 {
        let input =
            json!({ "currentPassword": "wrong", "newPassword": "brittle-lantern-58-canoe" });
        let payload = administrator.mutate("changePassword", input, "").await;
        outcomes.extend(ids(&payload["userErrors"]));
    }
    assert_eq!(outcomes[4], "INVALID_CREDENTIALS input.currentPassword");
    assert_eq!(outcomes[5], "TOO_MANY_ATTEMPTS ");
}

/// Security rule 1: what is too much is refused, and not queued without bound.
#[tokio::test]
async fn too_many_passwords_at_once_are_refused() {
    let server = TestServer::start_with(&[
        "passwords.hash_workers=1",
        "passwords.hash_queue=2",
        "passwords.argon2.memory_kib=65536",
        "passwords.argon2.iterations=3",
    ])
    .await;
    let emails: Vec<String> = (0..20)
        .map(|user| format!("user{user}@kbank.com"))
        .collect();
    let guesses = emails
        .iter()
        .map(|email| sign_in_from(&server, "", email, "wrong"));
    let answers = join_all(guesses).await;
    let refused: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.code() == "RATE_LIMITED")
        .collect();
    assert!(!refused.is_empty());
    for answer in &refused {
        assert_eq!(answer.headers["retry-after"], "5");
        assert_eq!(answer.body["errors"][0]["extensions"]["retryAfter"], 5);
    }
    assert!(
        answers
            .iter()
            .any(|answer| answer.body["data"] != Value::Null)
    );
    let answer = server.anonymous().run("{ __typename }").await;
    assert_eq!(*answer.data(), json!({ "__typename": "Query" }));
}

/// Security rule 1: judging a password is work as well, which anybody may ask for.
#[tokio::test]
async fn too_many_passwords_to_judge_at_once_are_refused() {
    let server =
        TestServer::start_with(&["passwords.hash_workers=1", "passwords.hash_queue=2"]).await;
    // What zxcvbn takes longest for: characters that may stand for several letters each.
    let password = "4@8({[<369!1|70$5+%2".repeat(5);
    let document = "mutation($input: CheckPasswordInput!) {
        checkPassword(input: $input) { assessment { score } }
    }";
    let client = server.anonymous();
    let input = json!({ "input": { "password": password } });
    let all = (0..20).map(|_| client.run_with(document, input.clone()));
    let answers = join_all(all).await;
    let refused = |answer: &&Answer| answer.code() == "RATE_LIMITED";
    assert!(answers.iter().any(|answer| !refused(&answer)));
    assert!(answers.iter().filter(refused).count() > 0);
    for answer in answers.iter().filter(refused) {
        assert_eq!(answer.headers["retry-after"], "5");
    }
}

/// Security rule 1: nobody waits behind all of what somebody else asks for, and nobody takes all of
/// the places.
#[tokio::test]
async fn many_passwords_from_one_client_keep_nobody_else_waiting() {
    let server = TestServer::start_with(&[
        "passwords.hash_workers=1",
        "passwords.hash_queue=60",
        "passwords.hash_queue_per_client=40",
        "passwords.argon2.memory_kib=65536",
        "passwords.argon2.iterations=3",
        "server.trusted_proxies=[\"127.0.0.1\"]",
    ])
    .await;
    let emails: Vec<String> = (0..80)
        .map(|user| format!("user{user}@kbank.com"))
        .collect();
    let guesses = emails
        .iter()
        .map(|email| sign_in_from(&server, "203.0.113.9", email, "wrong"));
    let mut flood = std::pin::pin!(join_all(guesses));
    let pending = || server.server.app.passwords.pending();
    let other = async {
        while pending() < 30 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let answer = sign_in_from(&server, "203.0.113.10", "other@kbank.com", "wrong").await;
        assert_eq!(codes(&answer), ["INVALID_CREDENTIALS "]);
        assert!(pending() >= 10, "it has waited for the others");
    };
    let mut other = std::pin::pin!(other);
    tokio::select! {
        biased;
        () = &mut other => {}
        _ = &mut flood => panic!("the others came first"),
    }
    let answers = flood.await;
    let refused = answers
        .iter()
        .filter(|answer| answer.code() == "RATE_LIMITED")
        .count();
    assert!((20..80).contains(&refused), "{refused}");
}
