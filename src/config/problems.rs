//! What must hold of the configuration's values.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Config, addresses, production, secrets};
use crate::color::Palette;

/// Far above what any machine can hold open, and far below what a semaphore can count.
const MAX_CONNECTIONS: usize = 1_000_000;
/// Each takes memory when the server starts.
const MAX_DATABASE_CONNECTIONS: u32 = 10_000;
/// A database on the other side of the world takes a third of a second to let somebody in.
const MIN_SILENCE: Duration = Duration::from_millis(500);
/// Whoever asks has given up by then.
const MAX_SILENCE: Duration = Duration::from_secs(10);
const MIN_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(600);
const MIN_LIFETIME: Duration = Duration::from_secs(1);
/// Each takes memory, here and on the server.
const MAX_STATEMENTS: usize = 10_000;
/// Each may be a connection of its own to the mail server.
const MAX_MAIL_WORKERS: usize = 1_000;
/// Nothing that is counted from now on ends after the calendar does.
const MAX_DURATION: Duration = Duration::from_secs(MAX_DAYS as u64 * 24 * 60 * 60);
const MAX_DAYS: u32 = 100 * 365 + 25;
/// 4 GiB for each password that is hashed.
const MAX_ARGON2_MEMORY: u32 = 4 * 1024 * 1024;
/// Each takes as long as the one before.
const MAX_ARGON2_ITERATIONS: u32 = 1_000;
/// More threads than this only take turns.
const MAX_HASH_WORKERS: usize = 1_000;

impl Config {
    /// What contradicts itself, each in a sentence that names the key. What is of the wrong type, or
    /// not known at all, was refused before, when the layers were read.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Problems::default();
        self.check_server(&mut problems);
        self.check_mail(&mut problems);
        self.check_accounts(&mut problems);
        self.check_branding(&mut problems);
        self.check_links(&mut problems);
        problems.0.extend(production::problems(self));
        problems.0
    }

    fn check_server(&self, problems: &mut Problems) {
        let (server, database) = (&self.server, &self.database);
        problems.must(
            (1..=MAX_CONNECTIONS).contains(&server.max_connections),
            "server.max_connections: must be from 1 to 1,000,000",
        );
        problems.must(
            server.max_connections_per_client >= 1,
            "server.max_connections_per_client: must be at least 1",
        );
        problems.must_end("server.drain", server.drain);
        problems.must_end("server.shutdown_timeout", server.shutdown_timeout);
        problems.must_end("database.wait", database.wait);
        problems.must_end("server.request_timeout", server.request_timeout);
        problems.require_positive("server.idle_timeout", server.idle_timeout);
        problems.require_positive("graphql.timeout", self.graphql.timeout);
        problems.must(
            self.graphql.timeout < server.request_timeout,
            "server.request_timeout: must be longer than graphql.timeout, or the connection closes before the time-out error is sent",
        );
        problems.must(
            (2..=MAX_DATABASE_CONNECTIONS).contains(&database.max_connections),
            "database.max_connections: must be from 2 to 10,000",
        );
        problems.must(
            (MIN_SILENCE..=MAX_SILENCE).contains(&database.unavailable_after),
            "database.unavailable_after: must be from 500ms to 10s",
        );
        for (key, time) in [
            ("database.connect_timeout", database.connect_timeout),
            ("database.acquire_timeout", database.acquire_timeout),
        ] {
            problems.must(
                (MIN_WAIT..=MAX_WAIT).contains(&time),
                &format!("{key}: must be from 100ms to 10m"),
            );
        }
        for (key, time) in [
            ("database.idle_timeout", database.idle_timeout),
            ("database.max_lifetime", database.max_lifetime),
        ] {
            problems.must(
                time >= MIN_LIFETIME,
                &format!("{key}: must be at least 1s, or connections do little else than open"),
            );
            problems.must_end(key, time);
        }
        problems.must(
            (1..=MAX_STATEMENTS).contains(&database.statement_cache),
            "database.statement_cache: must be from 1 to 10,000",
        );
        problems.must(
            (0.0..=1.0).contains(&self.telemetry.sampling_ratio),
            "telemetry.sampling_ratio: must be from 0 to 1",
        );
        let flaw = secrets::flaw_of_database_url(database.url.expose_secret());
        problems
            .0
            .extend(flaw.map(|flaw| format!("database.url: {flaw}")));
    }

    fn check_mail(&self, problems: &mut Problems) {
        let queue = &self.mail.queue;
        problems.must(
            self.mail.from.domain().is_some(),
            "mail.from: must be one e-mail address, with or without a name, such as Usher <no-reply@example.com>",
        );
        problems.must(
            (1..=MAX_MAIL_WORKERS).contains(&queue.workers),
            "mail.queue.workers: must be from 1 to 1,000",
        );
        problems.must(
            queue.max_attempts >= 1,
            "mail.queue.max_attempts: must be at least 1",
        );
        problems.must(
            queue.lease >= Duration::from_secs(1),
            "mail.queue.lease: must be at least 1s",
        );
        problems.must(
            queue.poll_interval >= Duration::from_millis(10),
            "mail.queue.poll_interval: must be at least 10ms, or the server does little else",
        );
        for (key, days) in [
            ("mail.queue.keep_sent_days", queue.keep_sent_days),
            ("event_log.keep_days", self.event_log.keep_days),
        ] {
            problems.must(
                days <= MAX_DAYS,
                &format!("{key}: must be at most {MAX_DAYS}, which is 100 years"),
            );
        }
        problems.must_end("mail.queue.lease", queue.lease);
        problems.must_end("mail.queue.poll_interval", queue.poll_interval);
        problems.require_positive("mail.queue.retry_after", queue.retry_after);
        problems.require_positive("mail.queue.retry_after_at_most", queue.retry_after_at_most);
        problems.require_positive("mail.queue.probe_interval", queue.probe_interval);
    }

    fn check_accounts(&self, problems: &mut Problems) {
        let (passwords, sessions, throttle) = (&self.passwords, &self.sessions, &self.throttle);
        problems.must(
            passwords.min_length >= 8,
            "passwords.min_length: must be at least 8 (NIST SP 800-63B)",
        );
        problems.must(
            passwords.min_length <= 64,
            "passwords.min_length: must be at most 64, so that a password of 64 characters is always accepted (NIST SP 800-63B)",
        );
        problems.must(
            passwords.min_score <= 4,
            "passwords.min_score: must be from 0 to 4",
        );
        problems.must(
            passwords.hash_workers <= MAX_HASH_WORKERS,
            "passwords.hash_workers: must be at most 1,000; 0 is one per CPU core",
        );
        problems.must(
            passwords.hash_queue_per_client >= 1,
            "passwords.hash_queue_per_client: must be at least 1, or nobody could sign in",
        );
        problems.must(
            passwords.hash_queue <= MAX_CONNECTIONS,
            "passwords.hash_queue: must be at most 1,000,000",
        );
        problems.must(
            passwords.argon2.memory_kib <= MAX_ARGON2_MEMORY,
            "passwords.argon2.memory_kib: must be at most 4,194,304, which is 4 GiB for each password",
        );
        problems.must(
            passwords.argon2.iterations <= MAX_ARGON2_ITERATIONS,
            "passwords.argon2.iterations: must be at most 1,000",
        );
        for (key, attempts) in [
            ("account_attempts", throttle.account_attempts),
            ("account_attempts_in_all", throttle.account_attempts_in_all),
            ("client_attempts", throttle.client_attempts),
            ("emails_per_recipient", throttle.emails_per_recipient),
            ("own_changes", throttle.own_changes),
        ] {
            problems.must(
                attempts >= 1,
                &format!("throttle.{key}: must be at least 1, or even the first would be delayed"),
            );
        }
        for (key, duration) in [
            ("invitations.valid_for", self.invitations.valid_for),
            (
                "invitations.valid_for_at_most",
                self.invitations.valid_for_at_most,
            ),
            ("passwords.reset_valid_for", passwords.reset_valid_for),
            ("sessions.idle_timeout", sessions.idle_timeout),
            (
                "sessions.idle_timeout_unless_kept",
                sessions.idle_timeout_unless_kept,
            ),
            ("sessions.absolute_timeout", sessions.absolute_timeout),
            ("throttle.delay", throttle.delay),
            ("throttle.delay_at_most", throttle.delay_at_most),
            (
                "throttle.account_delay_at_most",
                throttle.account_delay_at_most,
            ),
            ("throttle.email_delay_at_most", throttle.email_delay_at_most),
            ("throttle.forget_after", throttle.forget_after),
        ] {
            problems.require_positive(key, duration);
        }
    }

    fn check_branding(&self, problems: &mut Problems) {
        let branding = &self.branding;
        problems.must(
            !branding.name.trim().is_empty()
                && branding.name.chars().count() <= 100
                && !branding.name.contains(char::is_control)
                && texts::invisible::find(&branding.name).is_none(),
            "branding.name: must have 1 to 100 characters, without line breaks and invisible characters",
        );
        problems.must(
            Palette::of(&branding.color).is_some(),
            "branding.color: must be a colour such as #1f4fd8",
        );
        if !branding.logo_url.is_empty() {
            let flaw = addresses::parse(&branding.logo_url).err();
            problems
                .0
                .extend(flaw.map(|flaw| format!("branding.logo_url: {flaw}")));
        }
    }

    fn check_links(&self, problems: &mut Problems) {
        for application in &self.applications {
            let url = application.url.as_deref();
            let flaw = url.and_then(|url| addresses::parse(url).err());
            let key = format!("applications: the url of {:?}", application.code);
            problems.0.extend(flaw.map(|flaw| format!("{key} {flaw}")));
        }
        for origin in &self.links.redirect_origins {
            let is_origin = addresses::parse(origin).is_ok_and(|url| {
                url.origin().ascii_serialization() == origin.trim_end_matches('/')
            });
            problems.must(
                is_origin,
                &format!("links.redirect_origins: {origin:?} must be an origin such as https://app.example.com"),
            );
        }
        for (key, link) in self.links.all() {
            let flaw = addresses::flaw_of_link(link, &self.server.public_url);
            problems.0.extend(flaw.map(|flaw| format!("{key}: {flaw}")));
        }
    }
}

/// Sentences, each of which names the key that it is about.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn must(&mut self, holds: bool, problem: &str) {
        if !holds {
            self.0.push(problem.to_owned());
        }
    }

    /// What lasts no time at all is over before it has begun.
    fn require_positive(&mut self, key: &str, duration: Duration) {
        self.must(
            !duration.is_zero(),
            &format!("{key}: must be longer than 0s"),
        );
        self.must_end(key, duration);
    }

    /// What ends when nobody is left need not be counted.
    fn must_end(&mut self, key: &str, duration: Duration) {
        self.must(
            duration <= MAX_DURATION,
            &format!("{key}: must be at most 100 years"),
        );
    }
}
