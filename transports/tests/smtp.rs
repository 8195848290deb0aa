//! The `smtp` transport against a scripted server: what it reports for each way in which a server
//! can fail, and what it does with its connections. What holds for every transport is in
//! `conformance.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeMap, sync::Arc};

use rstest::rstest;
use serde_json::{Value, json};
use support::{
    executable, mail,
    smtp::{Answer, Authority, Behaviour, Encryption, Server, Step},
};
use transports::{
    Delivery,
    Failure::{self, Permanent, Transient, Unavailable},
    Mail, Registry, Transport,
};

/// The transport for a server; `settings` replaces the ones that suit most tests.
fn smtp(server: &Server, settings: Value) -> Arc<dyn Transport> {
    let mut section = json!({
        "host": "127.0.0.1",
        "port": server.address.port(),
        "tls": "none",
        "helo_name": "client.example.com",
    });
    for (key, value) in settings.as_object().unwrap() {
        section[key] = value.clone();
    }
    let sections = BTreeMap::from([("smtp".to_owned(), section)]);
    Registry::builtin().build("smtp", &sections).unwrap()
}

/// Sends to a server that behaves like this; returns the failure.
async fn failure(behaviour: Behaviour, settings: Value) -> (Failure, String) {
    let server = Server::start(behaviour).await;
    let error = smtp(&server, settings).send(&mail()).await.unwrap_err();
    assert_eq!(server.received(), []);
    assert_eq!(error.transport, "smtp");
    (error.kind, error.response)
}

/// The same, from a server that takes commands one by one, and from one that takes them in one go.
async fn failure_in_both_ways(behaviour: Behaviour, settings: Value) -> (Failure, String) {
    let pipelining = behaviour.clone().extensions(vec!["PIPELINING"]);
    let in_one_go = failure(pipelining, settings.clone()).await;
    let one_by_one = failure(behaviour, settings).await;
    assert_eq!(in_one_go, one_by_one);
    one_by_one
}

fn short() -> Value {
    json!({"connect_timeout": "200ms", "command_timeout": "200ms", "data_timeout": "200ms"})
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let server = Server::start(Behaviour::default()).await;
    let mail = mail();
    let delivery = smtp(&server, json!({})).send(&mail).await.unwrap();
    assert_eq!(delivery, Delivery::new("smtp", "250 2.0.0 Ok: queued"));
    let received = server.received();
    assert_eq!(received[0].from, "<no-reply@example.com>");
    assert_eq!(received[0].to, ["<ada@example.com>"]);
    assert_eq!(received[0].content, mail.format().unwrap());
    assert_eq!(server.turns()[1].line, "EHLO client.example.com");
}

/// RFC 5321's quoted local parts, and RFC 6531's letters of all scripts.
#[rstest]
#[case("\"xxx.\"@docomo.example", "<\"xxx.\"@docomo.example>")]
#[case("\"ada lovelace\"@example.com", "<\"ada lovelace\"@example.com>")]
#[case("\"ada\"@example.com", "<ada@example.com>")]
#[case("info@ไปรษณีย์.ไทย", "<info@xn--k3cpwc4a3e2e2c.xn--o3cw4h>")]
#[case("संपर्क@डाटामेल.भारत", "<संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c>")]
#[tokio::test]
async fn a_recipient_is_written_as_the_standards_have_it(#[case] to: &str, #[case] written: &str) {
    let server = Server::start(Behaviour::default()).await;
    let mail = Mail {
        to: vec![to.into()],
        ..mail()
    };
    smtp(&server, json!({})).send(&mail).await.unwrap();
    assert_eq!(server.received()[0].to, [written]);
    let header = format!("\r\nTo: {}\r\n", written.trim_matches(['<', '>']));
    let content = String::from_utf8(server.received()[0].content.clone()).unwrap();
    assert!(content.contains(&header), "{content}");
}

#[tokio::test]
async fn refusals_are_sorted_by_step_and_code() {
    for (step, reply, kind) in [
        (Step::Greeting, "554 5.7.1 No", Unavailable),
        (Step::Greeting, "421 4.3.2 Busy", Unavailable),
        (Step::Ehlo, "550 Not you", Unavailable),
        (Step::MailFrom, "550 5.7.1 Not from there", Unavailable),
        (Step::MailFrom, "451 4.7.1 Later", Transient),
        (Step::RcptTo, "450 4.2.0 Greylisted", Transient),
        (Step::RcptTo, "550 5.1.1 No such user", Permanent),
        (Step::Data, "451 Later", Transient),
        (Step::Data, "554 No", Permanent),
        (Step::Content, "451 Later", Transient),
        (Step::Content, "554 5.7.1 Spam", Permanent),
        (Step::Content, "421 Bye", Transient),
    ] {
        let begin = match step {
            Step::MailFrom => "the sender no-reply@example.com was rejected:",
            Step::RcptTo => "the recipient ada@example.com was rejected:",
            Step::Data => "DATA was rejected:",
            Step::Content => "the message was rejected:",
            _ => "127.0.0.1 replied",
        };
        let behaviour = Behaviour::at(step, Answer::say(reply));
        let refused = failure_in_both_ways(behaviour, json!({})).await;
        assert_eq!(refused, (kind, format!("{begin} {reply}")));
    }
    for (step, reply, kind, said) in [
        (
            Step::RcptTo,
            "550-5.1.1 No\r\n550 5.1.1 such user",
            Permanent,
            "the recipient ada@example.com was rejected: 550 5.1.1 No such user",
        ),
        (
            Step::Data,
            "250 Ok?",
            Transient,
            "unexpected reply to DATA: 250 Ok?",
        ),
    ] {
        let behaviour = Behaviour::at(step, Answer::say(reply));
        let refused = failure_in_both_ways(behaviour, json!({})).await;
        assert_eq!(refused, (kind, said.to_owned()));
    }
}

#[tokio::test]
async fn silence_runs_into_a_time_out() {
    for answer in [Answer::Hang, Answer::DripForever] {
        for (step, kind, said) in [
            (Step::Greeting, Unavailable, " did not respond within 200ms"),
            (Step::Ehlo, Unavailable, " did not respond within 200ms"),
            (Step::MailFrom, Transient, "no reply to the sender "),
            (Step::RcptTo, Transient, "no reply to the recipient "),
            (Step::Data, Transient, "no reply to DATA within 200ms"),
        ] {
            let behaviour = Behaviour::at(step, answer.clone());
            let (found, response) = failure_in_both_ways(behaviour, short()).await;
            assert_eq!(found, kind, "{step:?} {answer:?}");
            assert!(response.contains(said), "{response}");
        }
    }
    let hang = Behaviour::at(Step::Content, Answer::Hang);
    let (found, response) = failure(hang, short()).await;
    assert_eq!(found, Transient);
    assert_eq!(response, "no reply to the message within 200ms");
}

#[tokio::test]
async fn the_time_out_for_the_mail_is_its_own() {
    let server = Server::start(Behaviour::at(Step::Content, Answer::Hang)).await;
    let settings =
        json!({"connect_timeout": "1h", "command_timeout": "1h", "data_timeout": "50ms"});
    let error = smtp(&server, settings).send(&mail()).await.unwrap_err();
    assert_eq!(error.response, "no reply to the message within 50ms");
}

#[tokio::test]
async fn a_lost_connection_is_not_a_refusal() {
    for (step, kind) in [
        (Step::Greeting, Unavailable),
        (Step::Ehlo, Unavailable),
        (Step::MailFrom, Transient),
        (Step::RcptTo, Transient),
        (Step::Data, Transient),
        (Step::Content, Transient),
    ] {
        let behaviour = Behaviour::at(step, Answer::Drop);
        for behaviour in [behaviour.clone().extensions(vec!["PIPELINING"]), behaviour] {
            let (found, _) = failure(behaviour, json!({})).await;
            assert_eq!(found, kind, "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_dripping_server_is_a_slow_one_only() {
    let server = Server::start(Behaviour::script(|_| Some(Answer::Drip))).await;
    smtp(&server, json!({})).send(&mail()).await.unwrap();
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_greylisted_mail_goes_at_the_second_attempt() {
    let server = Server::start(Behaviour::script(|turn| {
        (turn.step == Step::RcptTo && turn.before == 0).then(|| Answer::say("451 4.7.1 Greylisted"))
    }))
    .await;
    let smtp = smtp(&server, json!({}));
    assert_eq!(smtp.send(&mail()).await.unwrap_err().kind, Transient);
    smtp.send(&mail()).await.unwrap();
    assert_eq!(server.received().len(), 1);
    // On the same connection, after RSET.
    assert_eq!(server.connections(), 1);
    assert!(server.turns().iter().any(|turn| turn.step == Step::Rset));
}

#[tokio::test]
async fn connections_are_kept() {
    let server = Server::start(Behaviour::default()).await;
    let smtp = smtp(&server, json!({}));
    for _ in 0..5 {
        smtp.send(&mail()).await.unwrap();
    }
    assert_eq!((server.received().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn there_are_no_more_connections_than_allowed() {
    let server = Server::start(Behaviour::default()).await;
    let smtp = smtp(&server, json!({"pool_size": 2}));
    let sending: Vec<_> = (0..20)
        .map(|_| {
            let smtp = Arc::clone(&smtp);
            tokio::spawn(async move { smtp.send(&mail()).await })
        })
        .collect();
    for send in sending {
        send.await.unwrap().unwrap();
    }
    assert_eq!(server.received().len(), 20);
    assert!(server.connections() <= 2);
}

#[tokio::test]
async fn idle_connections_are_not_used_after_their_time() {
    let server = Server::start(Behaviour::default()).await;
    let smtp = smtp(&server, json!({"idle_timeout": "0s"}));
    smtp.send(&mail()).await.unwrap();
    smtp.send(&mail()).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let server = Server::start(Behaviour::at(
        Step::Content,
        Answer::SayAndDrop("250 Ok".into()),
    ))
    .await;
    let smtp = smtp(&server, json!({}));
    smtp.send(&mail()).await.unwrap();
    server.reached(Step::Gone, 1).await;
    smtp.send(&mail()).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn a_connection_that_the_server_takes_leave_of_is_replaced() {
    let server = Server::start(Behaviour::script(|turn| {
        (turn.step == Step::MailFrom && turn.connection == 0 && turn.before > 0)
            .then(|| Answer::SayAndDrop("421 4.4.2 Idle for too long".into()))
    }))
    .await;
    let smtp = smtp(&server, json!({}));
    smtp.send(&mail()).await.unwrap();
    smtp.send(&mail()).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn a_dropped_future_sends_nothing() {
    let server = Server::start(Behaviour::script(|turn| {
        (turn.step == Step::Data && turn.before == 0).then_some(Answer::Hang)
    }))
    .await;
    let smtp = smtp(&server, json!({"pool_size": 1}));
    let cancelled = mail();
    tokio::select! {
        _ = smtp.send(&cancelled) => panic!("the server hangs"),
        () = server.reached(Step::Data, 1) => {}
    }
    // The connection is closed, its place is free, and the next mail is not mixed up with it.
    server.reached(Step::Gone, 1).await;
    smtp.send(&mail()).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (1, 2));
}

#[tokio::test]
async fn a_dropped_future_sends_nothing_after_data() {
    let server = Server::start(Behaviour::at(Step::Content, Answer::Hang)).await;
    let smtp = smtp(&server, json!({}));
    let large = Mail {
        text: "x".repeat(2_000_000),
        ..mail()
    };
    tokio::select! {
        _ = smtp.send(&large) => panic!("the server hangs"),
        () = server.reached(Step::Data, 1) => {}
    }
    server.reached(Step::Gone, 1).await;
    assert_eq!(server.received(), []);
}

#[tokio::test]
async fn one_refused_recipient_stops_the_mail() {
    let server = Server::start(Behaviour::script(|turn| {
        (turn.line.contains("nobody@")).then(|| Answer::say("550 5.1.1 Nobody"))
    }))
    .await;
    let both = Mail {
        to: vec!["ada@example.com".into(), "nobody@example.com".into()],
        ..mail()
    };
    let error = smtp(&server, json!({})).send(&both).await.unwrap_err();
    assert_eq!(error.kind, Permanent);
    assert_eq!(
        error.response,
        "the recipient nobody@example.com was rejected: 550 5.1.1 Nobody"
    );
    assert_eq!(server.received(), []);
    assert!(server.turns().iter().all(|turn| turn.step != Step::Data));
}

#[tokio::test]
async fn credentials_are_given_in_both_ways() {
    for mechanism in ["PLAIN", "LOGIN"] {
        let hello = format!("250-test\r\n250 AUTH {mechanism}");
        let server = Server::start(
            Behaviour::at(Step::Ehlo, Answer::say(hello)).credentials("usher", "pässword"),
        )
        .await;
        let right = json!({"username": "usher", "password": "pässword"});
        smtp(&server, right).send(&mail()).await.unwrap();
        let auth = server
            .turns()
            .into_iter()
            .find(|turn| turn.step == Step::Auth);
        assert!(auth.unwrap().line.contains(mechanism));

        let wrong = json!({"username": "usher", "password": "wrong"});
        let error = smtp(&server, wrong).check().await.unwrap_err();
        assert_eq!(error.kind, Unavailable);
        assert_eq!(
            error.response,
            "the credentials of usher were rejected: 127.0.0.1 replied 535 5.7.8 Who are you?"
        );
        let error = smtp(&server, json!({})).send(&mail()).await.unwrap_err();
        assert_eq!(error.kind, Unavailable);
        assert!(
            error
                .response
                .ends_with("530 5.7.0 Authentication required")
        );
    }
}

#[tokio::test]
async fn a_password_does_not_go_over_an_open_line() {
    let server = Server::start(Behaviour::default().credentials("usher", "secret")).await;
    let settings = json!({"username": "usher", "password": "secret", "tls": "opportunistic"});
    let error = smtp(&server, settings).check().await.unwrap_err();
    assert_eq!(
        error.response,
        "127.0.0.1 does not offer STARTTLS, and the password is not sent unencrypted"
    );
    let server = Server::start(Behaviour::default()).await;
    let settings = json!({"username": "usher", "password": "secret"});
    let error = smtp(&server, settings).check().await.unwrap_err();
    assert_eq!(
        error.response,
        "127.0.0.1 offers neither AUTH PLAIN nor AUTH LOGIN"
    );
}

#[tokio::test]
async fn tls_is_used_where_it_is_offered() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = authority.write(folder.path());
    let config = authority.server("127.0.0.1");
    for (offered, wanted, encrypted) in [
        (Encryption::StartTls(config.clone()), "required", true),
        (Encryption::StartTls(config.clone()), "opportunistic", true),
        (Encryption::Implicit(config.clone()), "implicit", true),
        (Encryption::None, "opportunistic", false),
        (Encryption::StartTls(config.clone()), "none", false),
    ] {
        let behaviour = Behaviour::default()
            .credentials("usher", "secret")
            .encryption(offered);
        let with_password = encrypted || wanted == "none";
        let behaviour = if with_password {
            behaviour
        } else {
            Behaviour::default()
        };
        let server = Server::start(behaviour).await;
        let (username, password) = if with_password {
            ("usher", "secret")
        } else {
            ("", "")
        };
        let settings = json!({
            "tls": wanted, "ca_file": ca_file, "username": username, "password": password,
        });
        let smtp = smtp(&server, settings);
        smtp.check().await.unwrap();
        smtp.send(&mail()).await.unwrap();
        smtp.send(&mail()).await.unwrap();
        assert!(
            server
                .received()
                .iter()
                .all(|mail| mail.encrypted == encrypted)
        );
        assert_eq!(server.received().len(), 2, "{wanted}");
    }
}

/// A server that cannot look anybody up says nothing about the password, and one that knows the mechanism
/// not at all neither.
#[tokio::test]
async fn what_keeps_from_logging_in_is_not_always_the_password() {
    let not_now = "127.0.0.1 cannot check credentials at the moment: it replied";
    let not_so = "127.0.0.1 does not let usher log in this way: it replied";
    let rejected = "the credentials of usher were rejected: 127.0.0.1 replied";
    for (reply, begin) in [
        ("454 4.7.0 Temporary authentication failure", not_now),
        ("451 4.7.1 Try again", not_now),
        ("451 Directory is down", not_now),
        ("421 4.7.0 Closing", not_now),
        ("535 4.7.8 Directory is down", not_now),
        ("432 4.7.12 A password transition is needed", rejected),
        ("535 5.7.8 Who are you?", rejected),
        ("535 Who are you?", rejected),
        ("550 5.7.1 Not you", rejected),
        ("504 5.5.4 Unknown mechanism", not_so),
        ("534 5.7.9 Too weak", not_so),
        ("538 5.7.11 Encrypt first", not_so),
    ] {
        let server = Server::start(
            Behaviour::at(Step::Auth, Answer::say(reply)).credentials("usher", "right"),
        )
        .await;
        let settings = json!({"username": "usher", "password": "right"});
        let error = smtp(&server, settings).check().await.unwrap_err();
        assert_eq!(error.kind, Unavailable, "{reply}");
        assert_eq!(error.response, format!("{begin} {reply}"));
    }
}

#[tokio::test]
async fn a_server_that_takes_nothing_at_the_moment_does_not_blame_the_mail() {
    for (step, reply, at) in [
        (
            Step::MailFrom,
            "454 4.7.0 Temporary authentication failure",
            "the sender no-reply@example.com",
        ),
        (
            Step::RcptTo,
            "454 4.7.0 Temporary authentication failure",
            "the recipient ada@example.com",
        ),
        (
            Step::RcptTo,
            "454 TLS not available",
            "the recipient ada@example.com",
        ),
    ] {
        let behaviour = Behaviour::at(step, Answer::say(reply));
        let refused = failure_in_both_ways(behaviour, json!({})).await;
        let said =
            format!("the mail server takes no mail at the moment: at {at}, it replied {reply}");
        assert_eq!(refused, (Unavailable, said));
    }
}

#[tokio::test]
async fn a_check_says_what_is_wrong_with_tls() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = authority.write(folder.path());
    let starts_tls = |name| Encryption::StartTls(authority.server(name));
    let plain = Behaviour::default;
    let answers =
        |answer| Behaviour::at(Step::StartTls, answer).encryption(starts_tls("127.0.0.1"));
    let not_offered = "127.0.0.1 does not offer STARTTLS, and tls = \"required\"";
    let not_trusted = "the certificate of 127.0.0.1 is not trusted: its issuer is unknown; ";
    let other_name = "the certificate of 127.0.0.1 is for another name (";
    let no_tls = "127.0.0.1 does not speak TLS on port ";
    let refused = "127.0.0.1 cannot encrypt at the moment: it replied 454 4.7.0 Not now";
    let lost = "cannot connect to 127.0.0.1 on port ";
    let later = Answer::say("454 4.7.0 Not now");
    let rubbish = Answer::SayAndDrop("220 Go ahead\r\n???".into());
    let nothing = Answer::SayAndDrop("220 Go ahead".into());
    let implicit = Encryption::Implicit(authority.server("mail.example.com"));
    for (behaviour, tls, ca_file, said) in [
        (plain(), "required", Some(&ca_file), not_offered),
        (
            plain().encryption(starts_tls("127.0.0.1")),
            "required",
            None,
            not_trusted,
        ),
        (
            plain().encryption(implicit),
            "implicit",
            Some(&ca_file),
            other_name,
        ),
        (
            plain().encryption(starts_tls("mail.example.com")),
            "opportunistic",
            Some(&ca_file),
            other_name,
        ),
        (plain(), "implicit", Some(&ca_file), no_tls),
        (answers(later), "required", Some(&ca_file), refused),
        (answers(rubbish), "required", Some(&ca_file), no_tls),
        (answers(nothing), "required", Some(&ca_file), lost),
    ] {
        let server = Server::start(behaviour).await;
        let ca_file = ca_file.map(|path| path.display().to_string());
        let settings = json!({"tls": tls, "ca_file": ca_file.unwrap_or_default()});
        let error = smtp(&server, settings).check().await.unwrap_err();
        assert_eq!(error.kind, Unavailable);
        assert!(error.response.starts_with(said), "{}", error.response);
    }
}

/// RFC 3207 leaves the line open until TLS begins: a reply that somebody adds before must not
/// count as one from within.
#[tokio::test]
async fn replies_from_before_tls_are_not_taken_for_later_ones() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let injected = "220 Go ahead\r\n250-evil\r\n250 AUTH PLAIN";
    let server = Server::start(
        Behaviour::at(Step::StartTls, Answer::say(injected))
            .encryption(Encryption::StartTls(authority.server("127.0.0.1"))),
    )
    .await;
    let settings = json!({"tls": "required", "ca_file": authority.write(folder.path())});
    let error = smtp(&server, settings).check().await.unwrap_err();
    assert!(
        error.response.contains("does not speak TLS"),
        "{}",
        error.response
    );
}

#[tokio::test]
async fn a_check_says_that_nobody_is_there() {
    let server = Server::start(Behaviour::default()).await;
    let unused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let nobody_there = "cannot connect to 127.0.0.1 on port ";
    let no_such_host = "the host nobody.invalid was not found: ";
    for (settings, said) in [
        (json!({"port": unused}), nobody_there),
        (json!({"port": unused, "tls": "implicit"}), nobody_there),
        (json!({"host": "nobody.invalid"}), no_such_host),
    ] {
        let error = smtp(&server, settings).check().await.unwrap_err();
        assert_eq!(error.kind, Unavailable);
        assert!(error.response.starts_with(said), "{}", error.response);
    }
}

#[tokio::test]
async fn a_check_sends_nothing() {
    let server = Server::start(Behaviour::default()).await;
    smtp(&server, json!({})).check().await.unwrap();
    server.reached(Step::Quit, 1).await;
    assert!(
        server
            .turns()
            .iter()
            .all(|turn| turn.step != Step::MailFrom)
    );
}

/// The steps of a conversation, behind the greeting and the first `EHLO`.
async fn steps(server: &Server) -> Vec<Step> {
    server.reached(Step::Gone, 1).await;
    let turns = server.turns();
    turns.iter().skip(2).map(|turn| turn.step).collect()
}

#[tokio::test]
async fn a_check_of_the_sender_asks_and_takes_it_back() {
    let server = Server::start(Behaviour::default()).await;
    let from = "Usher <no-reply@bücher.example>";
    let smtp = smtp(&server, json!({}));
    assert_eq!(smtp.check_sender(from).await, Ok(None));
    let expected = [
        Step::MailFrom,
        Step::RcptTo,
        Step::Rset,
        Step::Quit,
        Step::Gone,
    ];
    assert_eq!(steps(&server).await, expected);
    let line = "MAIL FROM:<no-reply@xn--bcher-kva.example>";
    assert_eq!(server.turns()[2].line, line);

    let error = smtp.check_sender("rubbish").await.unwrap_err();
    let said = "\"rubbish\" is not a single e-mail address";
    assert_eq!((error.kind, error.response.as_str()), (Permanent, said));
}

#[tokio::test]
async fn a_check_says_that_the_sender_is_refused() {
    let refusal = Answer::say("550 5.7.1 Not from there");
    let server = Server::start(Behaviour::at(Step::MailFrom, refusal)).await;
    let from = "Usher <no-reply@example.com>";
    let said = "the sender no-reply@example.com was rejected: 550 5.7.1 Not from there";
    let error = smtp(&server, json!({})).check_sender(from).await;
    assert_eq!(error.unwrap_err().response, said);
    let expected = [Step::MailFrom, Step::Quit, Step::Gone];
    assert_eq!(steps(&server).await, expected);

    // Nor does a list of transports hide it.
    let sections = serde_json::from_value(json!({
        "failover": {"transports": ["smtp"]},
        "smtp": {"host": "127.0.0.1", "port": server.address.port(), "tls": "none"},
    }));
    let failover = Registry::builtin().build("failover", &sections.unwrap());
    let error = failover.unwrap().check_sender(from).await.unwrap_err();
    assert_eq!(error.response, format!("smtp: {said}"));
}

/// Postfix answers for the sender, the host and the login only once it knows a recipient.
#[tokio::test]
async fn a_check_goes_as_far_as_the_recipient() {
    let from = "Usher <no-reply@example.com>";
    let refused = "554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied";
    let server = Server::start(Behaviour::at(Step::RcptTo, Answer::say(refused))).await;
    let error = smtp(&server, json!({})).check_sender(from).await;
    let said = format!("the recipient no-reply@example.com was rejected: {refused}");
    assert_eq!(error.unwrap_err().response, said);

    // Nobody says that the sender has a mailbox; for now, nobody may know.
    for (refused, is_told) in [
        (
            "550 5.1.1 <no-reply@example.com>: Recipient address rejected",
            true,
        ),
        (
            "450 4.2.0 <no-reply@example.com>: Recipient address rejected: Greylisted",
            false,
        ),
    ] {
        let server = Server::start(Behaviour::at(Step::RcptTo, Answer::say(refused))).await;
        let said = smtp(&server, json!({})).check_sender(from).await.unwrap();
        let told = format!("the recipient no-reply@example.com was rejected: {refused}");
        assert_eq!(said, is_told.then_some(told));
    }
}

/// Servers answer in other character sets, with bare codes, in lines that end with LF.
#[rstest]
#[case(
    Step::Content,
    b"250 2.0.0 Gr\xfc\xdfe\r\n",
    Ok("250 2.0.0 Gr\u{fffd}\u{fffd}e")
)]
#[case(
    Step::RcptTo,
    b"550 5.1.1 Empf\xe4nger unbekannt\r\n",
    Err("the recipient ada@example.com was rejected: 550 5.1.1 Empf\u{fffd}nger unbekannt")
)]
#[case(
    Step::RcptTo,
    b"550-5.1.1 No\r\n550 5.1.1 such user\r\n",
    Err("the recipient ada@example.com was rejected: 550 5.1.1 No such user")
)]
#[case(Step::Greeting, b"220\r\n", Ok("250 2.0.0 Ok: queued"))]
#[case(Step::Ehlo, b"250\r\n", Ok("250 2.0.0 Ok: queued"))]
#[case(Step::Ehlo, b"250-\r\n250 8BITMIME\r\n", Ok("250 2.0.0 Ok: queued"))]
#[case(Step::MailFrom, b"250\n", Ok("250 2.0.0 Ok: queued"))]
#[case(Step::RcptTo, b"250-\r\n250\r\n", Ok("250 2.0.0 Ok: queued"))]
#[case(Step::Data, b"354\r\n", Ok("250 2.0.0 Ok: queued"))]
#[case(Step::Content, b"250\r\n", Ok("250"))]
#[case(
    Step::Content,
    b"250-2.0.0 Ok\r\n250 2.0.0 queued as 1\r\n",
    Ok("250 2.0.0 Ok queued as 1")
)]
#[tokio::test]
async fn replies_are_read_as_octets(
    #[case] step: Step,
    #[case] octets: &'static [u8],
    #[case] expected: Result<&str, &str>,
) {
    let server = Server::start(Behaviour::at(step, Answer::Octets(octets))).await;
    let sent = smtp(&server, json!({})).send(&mail()).await;
    match expected {
        Ok(response) => assert_eq!(sent, Ok(Delivery::new("smtp", response)), "{step:?}"),
        Err(response) => {
            let error = sent.unwrap_err();
            assert_eq!((error.kind, error.response.as_str()), (Permanent, response));
        }
    }
    let copies = usize::from(expected.is_ok());
    assert_eq!(server.received().len(), copies, "{step:?}");
}

#[tokio::test]
async fn a_refusal_of_the_credentials_is_read_as_octets() {
    let refused = Answer::Octets(b"535 \xc7\xeb\xca\xb9\r\n");
    let server = Behaviour::at(Step::Auth, refused).credentials("usher", "other");
    let (kind, response) =
        failure(server, json!({"username": "usher", "password": "secret"})).await;
    let said = "the credentials of usher were rejected: 127.0.0.1 replied 535 ";
    assert!(
        kind == Unavailable && response.starts_with(said),
        "{response}"
    );
}

#[tokio::test]
async fn a_reply_without_end_counts_by_its_code() {
    for (step, line, kind) in [
        (Step::Greeting, "220-and so on", Unavailable),
        (Step::RcptTo, "550-and so on", Permanent),
        (Step::Content, "451-and so on", Transient),
    ] {
        let (found, response) =
            failure(Behaviour::at(step, Answer::Forever(line)), json!({})).await;
        assert_eq!(found, kind, "{step:?}");
        assert!(response.chars().count() <= 2_001);
    }
    // It has arrived. The connection is not used again.
    let server = Server::start(Behaviour::at(Step::Content, Answer::Forever("250-on"))).await;
    let smtp = smtp(&server, json!({}));
    smtp.send(&mail()).await.unwrap();
    smtp.send(&mail()).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn a_mail_has_arrived_once_its_reply_has_begun() {
    let broken = Answer::SayAndDrop("250-2.0.0 Ok".into());
    let server = Server::start(Behaviour::at(Step::Content, broken)).await;
    smtp(&server, json!({})).send(&mail()).await.unwrap();
    assert_eq!(server.received().len(), 1);
}

/// Otherwise each later reply would be taken for the answer to the wrong command.
#[tokio::test]
async fn a_reply_out_of_turn_ends_the_conversation() {
    for step in [Step::Ehlo, Step::MailFrom, Step::RcptTo] {
        let twice = Answer::Octets(b"250 Ok\r\n250 Ok\r\n");
        let (kind, response) = failure(Behaviour::at(step, twice), json!({})).await;
        assert_eq!(kind, Transient, "{step:?}");
        assert!(
            response.ends_with("the server said out of turn: 250 Ok"),
            "{response}"
        );
    }
    let leaves = Answer::Octets(b"250 Ok\r\n421 4.3.2 Shutting down\r\n");
    let (kind, _) = failure(Behaviour::at(Step::MailFrom, leaves), json!({})).await;
    assert_eq!(kind, Unavailable);
}

#[tokio::test]
async fn an_old_server_is_greeted_in_the_old_way() {
    let old = |turn: &support::smtp::Turn| match turn.step {
        Step::Ehlo => Some(Answer::say("500 5.5.1 What?")),
        Step::Helo => Some(Answer::say("250 test")),
        _ => None,
    };
    let server = Server::start(Behaviour::script(old)).await;
    smtp(&server, json!({})).send(&mail()).await.unwrap();
    assert_eq!(server.received()[0].from, "<no-reply@example.com>");
    assert_eq!(server.turns()[2].line, "HELO client.example.com");

    // Where more is asked for than such a server has, it is not.
    let server = Server::start(Behaviour::script(old)).await;
    let error = smtp(&server, json!({"tls": "required"}))
        .check()
        .await
        .unwrap_err();
    assert_eq!(error.response, "127.0.0.1 replied 500 5.5.1 What?");
}

#[tokio::test]
async fn a_mail_that_is_too_large_is_not_transmitted() {
    let large = Mail {
        text: "x".repeat(5_000),
        ..mail()
    };
    let server = Server::start(Behaviour::default().extensions(vec!["size 3000"])).await;
    let small = smtp(&server, json!({}));
    small.send(&mail()).await.unwrap();
    let size = mail().format().unwrap().len();
    let line = format!("<no-reply@example.com> SIZE={size}");
    assert_eq!(server.received()[0].from, line);
    let error = small.send(&large).await.unwrap_err();
    assert_eq!(error.kind, Permanent);
    assert!(
        error.response.ends_with("the server takes 3000 at most"),
        "{}",
        error.response
    );
    small.send(&mail()).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (2, 1));
    for unlimited in ["SIZE", "SIZE 0"] {
        let server = Server::start(Behaviour::default().extensions(vec![unlimited])).await;
        smtp(&server, json!({})).send(&large).await.unwrap();
    }
}

/// Many servers say only at `RCPT TO` that they do not take anything from here.
#[tokio::test]
async fn a_refusal_of_the_host_is_not_the_mails_fault() {
    for said in [
        "504 5.5.2 <25aea30808b2>: Helo command rejected: need fully-qualified hostname",
        "554 5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied",
        "554 5.7.1 <ada@example.com>: Relay access denied",
        "550 relay not permitted",
    ] {
        let (kind, response) =
            failure(Behaviour::at(Step::RcptTo, Answer::say(said)), json!({})).await;
        assert_eq!(kind, Unavailable, "{said}");
        assert!(response.ends_with(said));
    }
}

/// What a server says to a connection that lay idle is not about the next mail.
#[tokio::test]
async fn an_idle_connection_that_ends_costs_nothing() {
    // With a word, such as Amazon SES's, and without.
    for last in [
        "250 Ok\r\n451 4.4.2 Timeout waiting for data from client.",
        "250 Ok\r\n421 Bye",
        "250 Ok",
    ] {
        let ends = Answer::SayAndDrop(last.into());
        let server = Server::start(Behaviour::at(Step::Content, ends)).await;
        let smtp = smtp(&server, json!({}));
        smtp.send(&mail()).await.unwrap();
        server.reached(Step::Gone, 1).await;
        smtp.send(&mail()).await.unwrap();
        assert_eq!(
            (server.received().len(), server.connections()),
            (2, 2),
            "{last}"
        );
    }
    // It is said when the next mail comes, or the connection ends just then.
    let said = [
        (
            Step::MailFrom,
            Answer::say("451 4.4.2 Timeout waiting for data from client."),
        ),
        (Step::MailFrom, Answer::Drop),
        (Step::RcptTo, Answer::Drop),
        (Step::Data, Answer::SayAndDrop("421 4.4.2 Bye".into())),
    ];
    for ((step, answer), extensions) in said
        .iter()
        .flat_map(|said| [vec![], vec!["PIPELINING"]].map(|extensions| (said.clone(), extensions)))
    {
        let behaviour = Behaviour::script(move |turn| {
            (turn.step == step && turn.connection == 0 && turn.before > 0).then(|| answer.clone())
        });
        let server = Server::start(behaviour.extensions(extensions)).await;
        let smtp = smtp(&server, json!({}));
        smtp.send(&mail()).await.unwrap();
        smtp.send(&mail()).await.unwrap();
        assert_eq!(
            (server.received().len(), server.connections()),
            (2, 2),
            "{step:?}"
        );
    }
}

/// What the client has said when the server has read `step` for the first time, but not answered it.
fn ahead(server: &Server, step: Step) -> String {
    let turns = server.turns();
    let turn = turns.iter().find(|turn| turn.step == step);
    turn.unwrap().ahead.clone()
}

/// RFC 2920.
#[tokio::test]
async fn a_mail_is_announced_in_one_go_where_the_server_takes_that() {
    let server = Server::start(Behaviour::default().extensions(vec!["pipelining"])).await;
    let smtp = smtp(&server, json!({}));
    smtp.send(&mail()).await.unwrap();
    smtp.send(&mail()).await.unwrap();
    let rest = "RCPT TO:<ada@example.com>\r\nDATA\r\n";
    assert_eq!(ahead(&server, Step::MailFrom), rest);
    // The mail itself waits for the server to ask for it.
    assert_eq!(ahead(&server, Step::Data), "");
    assert_eq!(server.received()[0].content, mail().format().unwrap());
    assert_eq!((server.received().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn a_mail_is_announced_step_by_step_where_the_server_does_not() {
    let server = Server::start(Behaviour::default()).await;
    smtp(&server, json!({})).send(&mail()).await.unwrap();
    assert!(server.turns().iter().all(|turn| turn.ahead.is_empty()));
    assert_eq!(server.received().len(), 1);
}

/// Not every server that offers it answers in one go, too.
#[tokio::test]
async fn replies_to_one_go_may_come_one_by_one() {
    let behaviour = Behaviour::script(|_| Some(Answer::Drip)).extensions(vec!["PIPELINING"]);
    let server = Server::start(behaviour).await;
    smtp(&server, json!({})).send(&mail()).await.unwrap();
    assert_eq!(server.received().len(), 1);
}

/// The refusal of one mail is not taken for the answer to the next.
#[tokio::test]
async fn a_connection_is_used_on_after_a_refusal_in_one_go() {
    for (step, reply) in [
        (Step::MailFrom, "451 4.3.0 Later"),
        (Step::RcptTo, "451 4.7.1 Greylisted"),
        (Step::Data, "451 4.3.0 Later"),
        (Step::Content, "451 4.3.0 Later"),
    ] {
        let behaviour = Behaviour::script(move |turn| {
            (turn.step == step && turn.before == 0).then(|| Answer::say(reply))
        });
        let server = Server::start(behaviour.extensions(vec!["PIPELINING"])).await;
        let smtp = smtp(&server, json!({}));
        let error = smtp.send(&mail()).await.unwrap_err();
        assert!(error.response.ends_with(reply), "{error}");
        smtp.send(&mail()).await.unwrap();
        assert_eq!(
            (server.received().len(), server.connections()),
            (1, 1),
            "{step:?}"
        );
        // Taken back and announced anew in one go.
        let again = "MAIL FROM:<no-reply@example.com>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n";
        assert_eq!(ahead(&server, Step::Rset), again);
    }
}

/// Some servers ask for the mail all the same: they get an empty one (RFC 2920 §3.1), which is to nobody.
#[tokio::test]
async fn a_server_that_asks_for_a_refused_mail_gets_an_empty_one() {
    let behaviour = Behaviour::script(|turn| match turn.step {
        Step::RcptTo if turn.before == 0 => Some(Answer::say("550 5.1.1 No such user")),
        Step::Data => Some(Answer::say("354 Go ahead")),
        Step::Content if turn.before == 0 => Some(Answer::say("554 5.5.1 No valid recipients")),
        _ => None,
    });
    let server = Server::start(behaviour.extensions(vec!["PIPELINING"])).await;
    let smtp = smtp(&server, json!({}));
    let error = smtp.send(&mail()).await.unwrap_err();
    let said = "the recipient ada@example.com was rejected: 550 5.1.1 No such user";
    assert_eq!((error.kind, error.response.as_str()), (Permanent, said));
    let turns = server.turns();
    let content = turns.iter().find(|turn| turn.step == Step::Content);
    assert_eq!(content.unwrap().line, "");
    // The connection is as good as before.
    smtp.send(&mail()).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (1, 1));
}

/// An empty mail would reach those recipients that were not refused.
#[tokio::test]
async fn a_mail_that_is_refused_for_one_of_two_reaches_neither() {
    let behaviour = Behaviour::script(|turn| {
        (turn.line.contains("nobody@")).then(|| Answer::say("550 5.1.1 Nobody"))
    });
    let server = Server::start(behaviour.extensions(vec!["PIPELINING"])).await;
    let smtp = smtp(&server, json!({}));
    for to in [
        ["ada@example.com", "nobody@example.com"],
        ["nobody@example.com", "ada@example.com"],
    ] {
        let both = Mail {
            to: to.map(str::to_owned).to_vec(),
            ..mail()
        };
        let error = smtp.send(&both).await.unwrap_err();
        let said = "the recipient nobody@example.com was rejected: 550 5.1.1 Nobody";
        assert_eq!((error.kind, error.response.as_str()), (Permanent, said));
    }
    server.reached(Step::Gone, 2).await;
    assert_eq!(server.received(), []);
    let turns = server.turns();
    assert!(turns.iter().all(|turn| turn.step != Step::Content));
    smtp.send(&mail()).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (1, 3));
}

/// One reply too many would be taken for the answer to the next command.
#[tokio::test]
async fn a_reply_out_of_turn_sends_nothing_in_one_go_either() {
    for step in [Step::MailFrom, Step::RcptTo] {
        let twice = Behaviour::at(step, Answer::Octets(b"250 Ok\r\n250 Ok\r\n"));
        let (kind, _) = failure(twice.extensions(vec!["PIPELINING"]), json!({})).await;
        assert_eq!(kind, Transient, "{step:?}");
    }
}

/// Once the mail was transmitted, another connection would deliver it twice.
#[tokio::test]
async fn a_mail_is_not_transmitted_twice_in_one_attempt() {
    let server = Server::start(Behaviour::script(|turn| {
        (turn.step == Step::Content && turn.before > 0).then_some(Answer::Drop)
    }))
    .await;
    let smtp = smtp(&server, json!({}));
    smtp.send(&mail()).await.unwrap();
    assert_eq!(smtp.send(&mail()).await.unwrap_err().kind, Transient);
    let contents = server
        .turns()
        .into_iter()
        .filter(|turn| turn.step == Step::Content);
    assert_eq!((contents.count(), server.connections()), (2, 1));
}

/// Exchange Online and Gmail.
#[tokio::test]
async fn an_access_token_takes_the_place_of_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let hello = format!("250-test\r\n250 AUTH {mechanism}");
        let behaviour = Behaviour::at(Step::Ehlo, Answer::say(hello));
        let server = Server::start(behaviour.credentials("usher@example.com", "token-2")).await;
        let user = json!({"username": "usher@example.com", "oauth2_token_file": file});
        let from_file = smtp(&server, user);
        std::fs::write(&file, "token-1\n").unwrap();
        let error = from_file.send(&mail()).await.unwrap_err();
        let said = "the credentials of usher@example.com were rejected: 127.0.0.1 replied 535 ";
        assert!(
            error.kind == Unavailable && error.response.starts_with(said),
            "{error}"
        );
        std::fs::write(&file, "token-2\n").unwrap();
        from_file.send(&mail()).await.unwrap();

        // Printed once, and once more when it is refused: it has expired.
        let count = folder.path().join(mechanism);
        let command = folder.path().join(format!("print-{mechanism}"));
        executable(
            &command,
            "#!/bin/sh\necho x >> \"$1\"\necho token-$(wc -l < \"$1\")\n",
        );
        let command = json!([command, count]);
        let user = json!({"username": "usher@example.com", "oauth2_token_command": command, "idle_timeout": "0s"});
        let printed = smtp(&server, user);
        printed.send(&mail()).await.unwrap();
        printed.send(&mail()).await.unwrap();
        assert_eq!(std::fs::read_to_string(count).unwrap(), "x\nx\n");
        assert_eq!(server.received().len(), 3);
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_access_token_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let fails = folder.path().join("fails");
    executable(&fails, "#!/bin/sh\necho secret >&2\nexit 3\n");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    for (offer, source, said) in [
        (
            "XOAUTH2",
            json!({"oauth2_token_file": "/nonexistent/token"}),
            "oauth2_token_file: cannot read /nonexistent/token: ",
        ),
        (
            "XOAUTH2",
            json!({"oauth2_token_file": empty}),
            "oauth2_token_file gives no access token",
        ),
        (
            "XOAUTH2",
            json!({"oauth2_token_command": ["/nonexistent/print"]}),
            "oauth2_token_command: cannot run /nonexistent/print: ",
        ),
        (
            "XOAUTH2",
            json!({"oauth2_token_command": [fails]}),
            "oauth2_token_command: ",
        ),
        (
            "PLAIN LOGIN",
            json!({"oauth2_token_file": empty}),
            "127.0.0.1 offers neither AUTH XOAUTH2 nor AUTH OAUTHBEARER",
        ),
        (
            "XOAUTH2",
            json!({"password": "secret"}),
            "127.0.0.1 offers neither AUTH PLAIN nor AUTH LOGIN, but takes access tokens: set oauth2_",
        ),
    ] {
        let hello = format!("250-test\r\n250 AUTH {offer}");
        let behaviour = Behaviour::at(Step::Ehlo, Answer::say(hello));
        let mut settings = source;
        settings["username"] = json!("usher");
        let (kind, response) = failure(behaviour, settings).await;
        assert_eq!(kind, Unavailable);
        assert!(
            response.starts_with(said) && !response.contains("secret"),
            "{response}"
        );
    }
}

#[tokio::test]
async fn a_host_may_stand_in_brackets() {
    let server = Server::start(Behaviour::default()).await;
    smtp(&server, json!({"host": "[127.0.0.1]"}))
        .check()
        .await
        .unwrap();
}

#[tokio::test]
async fn internationalised_addresses_need_a_server_that_knows_them() {
    let mail = Mail {
        to: vec!["José <josé@bücher.example>".into()],
        ..mail()
    };
    let server = Server::start(Behaviour::default()).await;
    smtp(&server, json!({})).send(&mail).await.unwrap();
    let received = &server.received()[0];
    assert_eq!(
        received.from,
        "<no-reply@example.com> SMTPUTF8 BODY=8BITMIME"
    );
    assert_eq!(received.to, ["<josé@xn--bcher-kva.example>"]);
    assert_eq!(received.content, mail.format().unwrap());

    let server = Server::start(Behaviour::default().extensions(vec![])).await;
    let error = smtp(&server, json!({})).send(&mail).await.unwrap_err();
    assert_eq!(error.kind, Permanent);
    assert!(error.response.contains("SMTPUTF8"));
}

#[tokio::test]
async fn answers_are_safe_to_keep_and_to_show() {
    let reply = format!("550 5.1.1 \u{1b}[2J{}", "x".repeat(900));
    let behaviour = Behaviour::at(Step::RcptTo, Answer::say(reply));
    let (_, response) = failure(behaviour, json!({})).await;
    assert!(!response.contains('\u{1b}'));
}

#[test]
fn settings_never_show_the_password() {
    let settings: transports::smtp::Settings =
        serde_json::from_value(json!({"password": "secret"})).unwrap();
    assert!(!format!("{settings:?}").contains("secret"));
}

#[rstest]
#[case(json!({"host": " "}), "mail.smtp.host: is empty; ")]
#[case(json!({"pool_size": 0}), "mail.smtp.pool_size: is 0; ")]
#[case(json!({"helo_name": "a\r\nQUIT"}), "mail.smtp.helo_name: ")]
#[case(json!({"password": 12_345_678}), "mail.smtp.password: must be a text in quotes")]
#[case(
    json!({"username": "a", "password": "b", "oauth2_token_file": "c"}),
    "mail.smtp.password: an access token takes its place; "
)]
#[case(json!({"oauth2_token_file": "c"}), "mail.smtp.username: is empty; ")]
#[case(
    json!({"username": "a", "oauth2_token_file": "c", "oauth2_token_command": ["d"]}),
    "mail.smtp.oauth2_token_command: set it or oauth2_token_file, not both"
)]
#[case(json!({"tls": "always"}), "mail.smtp.tls: unknown variant `always`, expected one of ")]
#[case(json!({"data_timeout": "soon"}), "mail.smtp.data_timeout: ")]
#[case(json!({"connect_timeout": "0s"}), "mail.smtp.connect_timeout: must be longer than 0s")]
#[case(
    json!({"ca_file": "/nonexistent/ca.pem"}),
    "mail.smtp.ca_file: cannot read /nonexistent/ca.pem: "
)]
#[case(
    json!({"ca_file": concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")}),
    "mail.smtp.ca_file: "
)]
fn settings_that_cannot_work_are_refused(#[case] section: Value, #[case] said: &str) {
    let sections = BTreeMap::from([("smtp".to_owned(), section)]);
    let error = Registry::builtin().build("smtp", &sections).err().unwrap();
    assert!(error.to_string().starts_with(said), "{error}");
}
