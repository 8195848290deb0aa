//! A database that goes, and comes back: what requests are told meanwhile, what the log says, and that
//! everything goes on by itself.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use url::Url;
use usher::database::Source;

use crate::emails::office;
use crate::support::{
    Answer, Binary, Client, Network, Proxy, Said, Socket, TestDatabase, TestServer, link_in,
    skipped, token_in, within,
};

/// What is promised, and as much again for a machine that has much else to do.
const READYZ_TELLS_IN: Duration = Duration::from_secs(2 * 2);
const REQUESTS_ARE_TOLD_IN: Duration = Duration::from_secs(3 * 2);
const IS_BACK_IN: Duration = Duration::from_secs(5 * 2);

const ON_SQLITE: &str = "a file does not go away";

/// A query by which anybody asks the database.
const QUERY: &str = r#"{ invitationByToken(token: "unheard of") { status } }"#;

/// A server behind a network that can fail; none on SQLite.
async fn start(settings: &[&str]) -> Option<(TestServer, Proxy)> {
    let (reached, proxy) = TestDatabase::behind_proxy().await?;
    let settings = [settings, &["database.unavailable_after=1s"]].concat();
    Some((TestServer::start_on(reached, &settings).await, proxy))
}

async fn get(
    client: &Client,
    path: &str,
) -> (reqwest::StatusCode, reqwest::header::HeaderMap, String) {
    let answer = client.http.get(format!("{}{path}", client.url));
    let answer = match &client.token {
        Some(token) => answer.bearer_auth(token),
        None => answer,
    };
    let answer = answer.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.text().await.unwrap())
}

/// What becomes of it, and how long that took.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    (future.await, begun.elapsed())
}

#[track_caller]
fn is_unavailable(answer: &Answer) {
    let told = (answer.status, answer.code());
    assert_eq!(told, (503, "UNAVAILABLE"), "{}", answer.body);
    assert_eq!(answer.body["errors"][0]["extensions"]["retryAfter"], 2);
    assert_eq!(answer.headers["retry-after"], "2");
    assert!(answer.message().contains("Try again"), "{}", answer.body);
}

async fn until_ready(client: &Client) {
    within("the server to be ready", async {
        while get(client, "/readyz").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// The binary, as operators run it, with its own log. One of the words says what it has found.
async fn tells_of(network: Network, words: &[&str]) {
    let Some((reached, proxy)) = TestDatabase::behind_proxy().await else {
        return skipped(ON_SQLITE);
    };
    let folder = tempfile::tempdir().unwrap();
    let url = format!("database.url={}", reached.url);
    let polls = "mail.queue.poll_interval=50ms";
    let settings = [url.as_str(), "mail.transport=file", polls];
    let binary = Binary::start(folder.path(), &settings);
    let client = Client::anonymous(binary.url.clone());
    client.run(QUERY).await.data();

    proxy.network(network).await;
    let (((status, headers, body), ready_took), (answer, query_took)) =
        tokio::join!(timed(get(&client, "/readyz")), timed(client.run(QUERY)));
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("the database does not respond: "), "{body}");
    assert_eq!(headers["retry-after"], "2");
    assert!(ready_took < READYZ_TELLS_IN, "{ready_took:?}");
    is_unavailable(&answer);
    assert!(query_took < REQUESTS_ARE_TOLD_IN, "{query_took:?}");
    // From here on nobody waits, and nothing is said again.
    let (answers, took) = timed(join_all((0..50).map(|_| client.run(QUERY)))).await;
    answers.iter().for_each(is_unavailable);
    assert!(took < REQUESTS_ARE_TOLD_IN, "{took:?}");
    let (status, _, body) = get(&client, "/readyz").await;
    assert_eq!(status, 503, "{body}");
    let words = words.iter().find(|words| body.contains(**words));
    let words = *words.unwrap_or_else(|| panic!("{body}"));
    assert_eq!(get(&client, "/healthz").await.0, 200);
    assert_eq!(get(&client, "/sign-in").await.0, 200);

    proxy.network(Network::Passes).await;
    let ((), took) = timed(until_ready(&client)).await;
    assert!(took < IS_BACK_IN, "{took:?}");
    for answer in join_all((0..20).map(|_| client.run(QUERY))).await {
        answer.data();
    }
    let log = binary.stop();
    let told = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(told("the database does not respond"), 1, "{log}");
    assert_eq!(told("the database responds again"), 1, "{log}");
    assert_eq!((told("ERROR"), told(words)), (1, 1), "{log}");
    // That this is a demo is another matter.
    let warnings = log.lines().filter(|line| line.contains("WARN"));
    let of_database: Vec<&str> = warnings.filter(|line| line.contains("database")).collect();
    assert_eq!(of_database, [""; 0], "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_stopped_is_told_of() {
    // Whoever connects in the very moment when it stops is let in, and loses the connection.
    let words = ["it refuses connections", "the connection broke off"];
    tells_of(Network::Refuses, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_a_load_balancer_no_longer_finds_is_told_of() {
    tells_of(Network::Closes, &["the connection broke off"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_says_nothing_is_told_of() {
    tells_of(Network::Hangs, &["it says nothing"]).await;
}

/// Whichever way a request came, and however far it had got.
#[tokio::test]
async fn whoever_waits_for_a_database_that_goes_is_told() {
    let Some((server, proxy)) = start(&["mail.queue.poll_interval=100ms"]).await else {
        return skipped(ON_SQLITE);
    };
    let administrator = server.administrator().await;
    let mails = administrator.run("{ emails { nodes { id } } }").await;
    let mail = mails.data()["emails"]["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let changes = "subscription { emailChanged { email { id status } } }";
    let mut events = administrator.subscribe(changes, json!({})).await;
    let credentials = format!("Bearer {}", administrator.token.as_ref().unwrap());
    let mut socket =
        Socket::initialised(&server.url, json!({ "Authorization": credentials })).await;
    socket.subscribe("watch", changes, json!({})).await;
    // A transaction that is open while the database goes.
    let app = server.server.app.clone();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let open = tokio::spawn(async move {
        let nobody = usher::domain::Actor::server();
        usher::domain::change::make(&app, &nobody, |change| {
            let begun = begun.lock().unwrap().take();
            async move {
                begun.unwrap().send(()).unwrap();
                std::future::pending::<()>().await;
                change.commit(()).await
            }
        })
        .await
    });
    within("a transaction to begin", has_begun).await.unwrap();

    proxy.network(Network::Hangs).await;
    let told = async {
        let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
        let event = events.next().await.unwrap();
        assert_eq!(code(&event), "UNAVAILABLE", "{event}");
        assert_eq!(
            socket.about("watch").await["payload"]["errors"][0]["extensions"]["code"],
            "UNAVAILABLE"
        );
        let answer = socket.answer("query", "{ viewer { id } }", json!({})).await;
        assert_eq!(code(&answer), "UNAVAILABLE", "{answer}");
    };
    let ((), took) = timed(told).await;
    assert!(took < REQUESTS_ARE_TOLD_IN, "{took:?}");
    let refusal = within("the transaction to end", open)
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(refusal, usher::domain::Error::Unavailable(_)),
        "{refusal:?}"
    );
    is_unavailable(&administrator.run("{ users { totalCount } }").await);
    let input = json!({ "input": { "name": "Editor", "permissions": [] } });
    let create = "mutation($input: CreateRoleInput!) { createRole(input: $input) { role { id } } }";
    is_unavailable(&administrator.run_with(create, input).await);
    let (status, headers, body) = get(&administrator, &format!("/emails/{mail}.eml")).await;
    assert_eq!(
        (status.as_u16(), &headers["retry-after"]),
        (503, &"2".parse().unwrap())
    );
    assert!(body.contains("Try again"), "{body}");
    // A new stream is refused like any request, and a WebSocket is one that its client opens again.
    let stream = administrator
        .http
        .post(format!("{}/graphql", server.url))
        .bearer_auth(administrator.token.as_ref().unwrap())
        .header("Accept", "text/event-stream")
        .json(&json!({ "query": changes }));
    let stream = Answer::read(stream.send().await.unwrap()).await;
    is_unavailable(&stream);
    let mut other = Socket::open(&server.url, &[]).await.unwrap();
    let payload = json!({ "Authorization": credentials });
    other
        .say(json!({ "type": "connection_init", "payload": payload }))
        .await;
    assert_eq!(other.listen().await, Said::Close(1013));

    proxy.network(Network::Passes).await;
    until_ready(&administrator).await;
    // The socket that was open is as good as before.
    let answer = socket.answer("again", "{ viewer { id } }", json!({})).await;
    assert_eq!(answer["data"]["viewer"]["id"], administrator.id.as_str());
}

/// Mails that were being sent when the database went are recorded as sent, and none is sent twice.
#[tokio::test]
async fn mails_go_on_by_themselves() {
    let Some((server, proxy)) = start(&["mail.queue.poll_interval=100ms"]).await else {
        return skipped(ON_SQLITE);
    };
    let (administrator, role) = office(&server).await;
    server.inbox.open_gate(false);
    let invite = async |email: &str| {
        let input = json!({ "email": email, "roleIds": [role] });
        administrator
            .mutate("inviteUser", input, "user { id }")
            .await;
    };
    invite("first@kbank.com").await;
    invite("second@kbank.com").await;
    let both = json!({ "to": "@kbank.com", "statuses": ["SENDING"] });
    server
        .emails_that(&administrator, both, "both to be on their way", |mails| {
            mails.len() == 2
        })
        .await;
    proxy.network(Network::Refuses).await;
    is_unavailable(&administrator.run("{ viewer { id } }").await);
    server.inbox.open_gate(true);
    let mut recipients =
        [server.inbox.next().await, server.inbox.next().await].map(|mail| mail.to.concat());
    recipients.sort();
    assert_eq!(recipients, ["first@kbank.com", "second@kbank.com"]);
    is_unavailable(&administrator.run("{ viewer { id } }").await);

    proxy.network(Network::Passes).await;
    until_ready(&administrator).await;
    let sent = server
        .emails_in(&administrator, json!({ "to": "@kbank.com" }), "SENT")
        .await;
    let attempts = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|mail| &mail["attemptCount"]);
    assert_eq!(attempts.collect::<Vec<_>>(), [1, 1], "{sent:#}");
    invite("third@kbank.com").await;
    assert_eq!(server.inbox.next().await.to, ["third@kbank.com"]);
}

/// A request for a new password that is being answered when the database goes is answered later.
#[tokio::test]
async fn no_request_for_a_password_is_dropped() {
    let Some((server, proxy)) = start(&["mail.queue.poll_interval=1h"]).await else {
        return skipped(ON_SQLITE);
    };
    server.administrator().await;
    // The request's own transaction is stored, and the worker's is not.
    proxy
        .network(Network::CutsBeforeCommitOf("password_resets"))
        .await;
    let input = json!({ "email": "admin@example.com" });
    server
        .anonymous()
        .mutate("requestPasswordReset", input, "")
        .await;
    server.advance(Duration::from_secs(1));
    let wakes = async {
        let mail = server.inbox.next();
        let mut mail = std::pin::pin!(mail);
        loop {
            tokio::select! {
                mail = &mut mail => return mail,
                () = tokio::time::sleep(Duration::from_millis(100)) => {
                    server.server.app.mail_queued.notify_one();
                }
            }
        }
    };
    let mail = within("the answer", wakes).await;
    assert!(link_in(&mail).contains(&token_in(&mail)));
}

/// Nobody may believe that nothing was done, and it is not done twice.
#[tokio::test]
async fn a_change_whose_commit_nobody_heard_of_is_not_made_again() {
    let Some((server, proxy)) = start(&["mail.queue.poll_interval=1h"]).await else {
        return skipped(ON_SQLITE);
    };
    let administrator = server.administrator().await;
    for (name, network, roles) in [
        ("Stored", Network::CutsAfterCommitOf("Stored"), Some(1)),
        (
            "Forgotten",
            Network::CutsBeforeCommitOf("Forgotten"),
            Some(0),
        ),
        // It may be stored when the network is back.
        ("Frozen", Network::HangsAtCommitOf("Frozen"), None),
    ] {
        proxy.network(network).await;
        let input = json!({ "input": { "name": name, "permissions": [] } });
        let create =
            "mutation($input: CreateRoleInput!) { createRole(input: $input) { role { id } } }";
        let answer = administrator.run_with(create, input).await;
        assert_eq!(answer.code(), "OUTCOME_UNKNOWN", "{}", answer.body);
        assert!(
            answer.message().contains("may have been done"),
            "{}",
            answer.body
        );
        assert!(!answer.headers.contains_key("retry-after"));
        proxy.network(Network::Passes).await;
        until_ready(&administrator).await;
        let look = "{ roles { nodes { name } } events(filter: { actions: [ROLE_CREATED] }) {
            nodes { subjectLabel } } }";
        let found = administrator.run(look).await.data().to_string();
        let times = found.matches(name).count();
        // A role, and an event of it.
        let is_so = roles.map_or([0, 2].contains(&times), |roles| times == 2 * roles);
        assert!(is_so, "{found}");
    }
}

/// A proxy that closes what is idle, or a database that was restarted in between, is no outage.
#[tokio::test]
async fn connections_that_have_ended_are_replaced() {
    let Some((server, proxy)) = start(&[]).await else {
        return skipped(ON_SQLITE);
    };
    let client = server.anonymous();
    for turn in 0..5 {
        for answer in join_all((0..8).map(|_| client.run(QUERY))).await {
            answer.data();
        }
        proxy.network(Network::Cuts(turn)).await;
    }
}

/// A query may take as long as it takes while the database answers others.
#[tokio::test]
async fn a_slow_query_is_no_outage() {
    let Some((server, _proxy)) = start(&[]).await else {
        return skipped(ON_SQLITE);
    };
    let reader = server.server.app.db.read();
    let sleep = match reader.backend() {
        DbBackend::Postgres => "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_sleep(3)",
        _ => "SELECT CAST(SLEEP(3) AS SIGNED)",
    };
    let rows = reader.rows(Statement::from_string(reader.backend(), sleep));
    let (rows, took) = timed(rows).await;
    assert_eq!(rows.unwrap().len(), 1);
    assert!(took > Duration::from_secs(2), "{took:?}");
}

/// As between a new password and the moment at which the server is told of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_is_an_outage_like_any_other() {
    let other = TestServer::start().await;
    let mut database = other.database.clone();
    if !database.url.starts_with("postgres") {
        return skipped("PostgreSQL alone lets the tests make a user, and bar it");
    }
    let operator = sea_orm::Database::connect(&database.url).await.unwrap();
    let role = format!("guest_{}", std::process::id());
    let ask = async |query: String| operator.execute_unprepared(&query).await.unwrap();
    ask(format!("CREATE ROLE {role} LOGIN SUPERUSER")).await;
    let mut url = Url::parse(&database.url).unwrap();
    url.set_username(&role).unwrap();
    database.url = url.into();
    let server = TestServer::start_on(database, &["database.unavailable_after=1s"]).await;
    let client = server.anonymous();
    assert_eq!(get(&client, "/readyz").await.0, 200);

    ask(format!("ALTER ROLE {role} NOLOGIN")).await;
    ask(format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
    ))
    .await;
    is_unavailable(&client.run(QUERY).await);
    let (status, _, why) = get(&client, "/readyz").await;
    assert_eq!(status, 503, "{why}");
    assert!(why.contains("it refuses the login"), "{why}");

    ask(format!("ALTER ROLE {role} LOGIN")).await;
    let ready = async { while get(&client, "/readyz").await.0 != 200 {} };
    within("the server to be ready again", ready).await;
    assert_eq!(client.run(QUERY).await.status, 200);
}
