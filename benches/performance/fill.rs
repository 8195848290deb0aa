//! Fills a database by SQL that it runs itself, so that a million rows take seconds.
//!
//! The rows are those that the server would have written: [`texts::fold`] is `LOWER` for the plain
//! letters that are used here, and IDs are UUIDs of version 7, in the order of time.

use chrono::Utc;
use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::database::Dialect;

/// The first of the built-in users, made by the server itself.
pub const ADMINISTRATOR: &str = "admin@example.com";

const MINUTE: u64 = 60 * 1_000_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// How many users, roughly, are deactivated, and how many events and e-mails are of a rare kind: as
/// many in a large database as in a small one.
const RARE: u64 = 10;

const FIRST_NAMES: [&str; 16] = [
    "Ada",
    "Alan",
    "Barbara",
    "Claude",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "John",
    "Katherine",
    "Leslie",
    "Margaret",
    "Niklaus",
    "Radia",
    "Shafi",
    "Tony",
];

/// Two of them make a last name.
const LAST_NAMES: [&str; 16] = [
    "Allen",
    "Backus",
    "Dijkstra",
    "Goldwasser",
    "Hamilton",
    "Hoare",
    "Hopper",
    "Johnson",
    "Knuth",
    "Lamport",
    "Liskov",
    "Lovelace",
    "Perlman",
    "Shannon",
    "Turing",
    "Wirth",
];

/// Adds as many users as that, each with an invitation, an e-mail and an event. There must be an
/// administrator who has invited somebody, and a role named Member; all new users hold it, and one in
/// a hundred holds the role named Editor, too. Every active user's password is the administrator's.
#[allow(
    clippy::disallowed_methods,
    reason = "rows are made at this machine's time"
)]
pub async fn fill(connection: &DatabaseConnection, users: u64) {
    let dialect = Dialect(connection.get_database_backend());
    let run = async |statement: &str| {
        if let Err(error) = connection.execute_unprepared(statement).await {
            panic!("{error}: {statement}");
        }
    };
    for statement in dialect.before_filling() {
        run(statement).await;
    }
    let now = u64::try_from(Utc::now().timestamp_micros()).unwrap();
    let rows = Rows {
        dialect,
        count: users,
        now,
    };
    run("BEGIN").await;
    for statement in [
        rows.users(),
        rows.roles("Member", 1),
        rows.roles("Editor", 100),
        rows.invitations(),
        rows.emails(),
        rows.events(),
    ] {
        run(&statement).await;
    }
    run("COMMIT").await;
    for statement in dialect.after_filling() {
        run(statement).await;
    }
}

/// The statements that make rows.
struct Rows {
    dialect: Dialect,
    count: u64,
    /// Microseconds since 1970.
    now: u64,
}

impl Rows {
    /// Times in the order of `n`, from that many days ago until an hour ago.
    fn time(&self, days: u64) -> String {
        let span = days * DAY - 60 * MINUTE;
        let (begin, step) = (self.now - days * DAY, span / self.count);
        format!("({begin} + n * {step})")
    }

    /// The ID of row `n`, which was made at that time (RFC 9562, section 5.7).
    fn id(&self, time: &str, table: u64) -> String {
        let milliseconds = self.dialect.quotient(time, 1_000);
        // Scattered, as random digits are, and still a different one for each `n`.
        let scattered = "(n * 2654435761 % 4294967296)";
        self.dialect.uuid(&format!(
            "CONCAT({}, '7', {}, '8', {}, '0000', {})",
            self.dialect.hex(&milliseconds, 12),
            self.dialect.hex("(n * 7919 % 4096)", 3),
            self.dialect.hex(&table.to_string(), 3),
            self.dialect.hex(scattered, 8),
        ))
    }

    fn user_time(&self) -> String {
        self.time(300)
    }

    fn user_id(&self) -> String {
        self.id(&self.user_time(), 1)
    }

    fn invitation_id(&self) -> String {
        self.id(&self.user_time(), 2)
    }

    /// Whether `n` is one of [`RARE`], who have all signed up.
    fn is_rare(&self) -> String {
        format!("n % {} = 7", (self.count / RARE / 20 * 20).max(20))
    }

    /// One of the names, in no order that can be seen.
    fn name(names: [&str; 16], factor: u64, shift: u64) -> String {
        let mut whens = String::new();
        for (index, name) in names.iter().enumerate() {
            whens += &format!(" WHEN {index} THEN '{name}'");
        }
        format!("CASE (n * {factor} + {shift}) % 4093 % 16{whens} END")
    }

    /// For one in twenty users, who have not signed up.
    fn if_invited(then: &str, otherwise: &str) -> String {
        format!("CASE WHEN n % 20 = 3 THEN {then} ELSE {otherwise} END")
    }

    fn users(&self) -> String {
        let time = self.user_time();
        format!(
            "INSERT INTO users (id, email, email_normal, first_name, last_name, name_key, search_text, \
                password_hash, deactivated_at, created_at, updated_at, last_signed_in_at) \
             SELECT id, email, email, first_name, last_name, LOWER(CONCAT(first_name, ' ', last_name)), \
                LOWER(CONCAT(email, '\n', first_name, '\n', last_name)), \
                {password}, CASE WHEN {rare} THEN made_at + {day} END, made_at, made_at, {signed_in} \
             FROM (SELECT n, {id} AS id, {time} AS made_at, CONCAT('user', n, '@example.com') AS email, \
                {first} AS first_name, CONCAT({last}, {second}) AS last_name \
                FROM {series}) AS new \
             CROSS JOIN (SELECT password_hash FROM users WHERE email_normal = '{ADMINISTRATOR}') AS model",
            password = Self::if_invited("NULL", "model.password_hash"),
            rare = self.is_rare(),
            day = DAY,
            // Never.
            signed_in = Self::if_invited("-9223372036854775807 - 1", &format!("made_at + {DAY}")),
            id = self.user_id(),
            first = Self::name(FIRST_NAMES, 7_919, 1),
            last = Self::name(LAST_NAMES, 104_729, 2),
            second = format_args!("LOWER({})", Self::name(LAST_NAMES, 1_299_709, 3)),
            series = self.dialect.series(self.count),
        )
    }

    /// A role for each user whose number can be divided by `every`.
    fn roles(&self, role: &str, every: u64) -> String {
        format!(
            "INSERT INTO user_roles (user_id, role_id) \
             SELECT {id}, model.id FROM {series} \
             CROSS JOIN (SELECT id FROM roles WHERE name = '{role}') AS model \
             WHERE n % {every} = 0",
            id = self.user_id(),
            series = self.dialect.series(self.count),
        )
    }

    fn invitations(&self) -> String {
        let time = self.user_time();
        // A token's digest looks random.
        let digest = (0..4)
            .map(|part| {
                let scattered = format!("(n * {} % 4294967296)", 2_654_435_761_u64 + part);
                format!("{}, '{part}0000000'", self.dialect.hex(&scattered, 8))
            })
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "INSERT INTO invitations (id, user_id, email, invited_by, token_hash, created_at, expires_at, \
                accepted_at, revoked_at) \
             SELECT {id}, {user}, CONCAT('user', n, '@example.com'), model.id, {digest}, {time}, \
                CASE WHEN n % 80 = 23 THEN {time} + {week} ELSE {now} + {week} END, \
                {accepted}, CASE WHEN n % 80 = 43 THEN {time} + {day} END \
             FROM {series} \
             CROSS JOIN (SELECT id FROM users WHERE email_normal = '{ADMINISTRATOR}') AS model",
            id = self.invitation_id(),
            user = self.user_id(),
            digest = self.dialect.bytes(&format!("CONCAT({digest})")),
            now = self.now,
            week = 7 * DAY,
            day = DAY,
            accepted = Self::if_invited("NULL", &format!("{time} + {DAY}")),
            series = self.dialect.series(self.count),
        )
    }

    /// Within the time for which e-mails are kept.
    fn emails(&self) -> String {
        let time = self.time(25);
        let never = "-9223372036854775807 - 1";
        format!(
            "INSERT INTO emails (id, kind, status, priority, from_mailbox, recipients, recipients_key, \
                subject, subject_key, text_body, html_body, invitation_id, message_id, attempt_count, \
                last_error, next_attempt_at, created_at, sent_at, changed_at) \
             SELECT id, CASE WHEN {rare} THEN 'email-changed' ELSE 'invitation' END, status, 1, \
                from_mailbox, email, email, subject, LOWER(subject), text_body, html_body, invitation_id, \
                CONCAT('<', n, '.', made_at, '@example.com>'), CASE WHEN status = 'queued' THEN 0 ELSE 1 END, \
                CASE WHEN status = 'failed' THEN '550 5.1.1 no such user' END, \
                CASE WHEN status = 'queued' THEN made_at ELSE {never} END, made_at, \
                CASE WHEN status = 'sent' THEN made_at + 1000000 ELSE {never} END, made_at + 1000000 \
             FROM (SELECT n, {id} AS id, {invitation} AS invitation_id, {time} AS made_at, \
                CONCAT('user', n, '@example.com') AS email, from_mailbox, text_body, html_body, \
                CONCAT(subject, ', number ', n) AS subject, \
                CASE n % 1000 WHEN 11 THEN 'queued' WHEN 12 THEN 'failed' WHEN 13 THEN 'cancelled' \
                    WHEN 14 THEN 'failed' ELSE 'sent' END AS status \
                FROM {series} CROSS JOIN (SELECT from_mailbox, subject, text_body, html_body FROM emails \
                    WHERE kind = 'invitation' ORDER BY created_at DESC LIMIT 1) AS model) AS new",
            rare = self.is_rare(),
            id = self.id(&time, 3),
            invitation = self.invitation_id(),
            series = self.dialect.series(self.count),
        )
    }

    fn events(&self) -> String {
        let time = self.time(300);
        format!(
            "INSERT INTO events (id, created_at, actor_id, actor_label, ip_address, action, subject_type, \
                subject_id, subject_label, changes) \
             SELECT {id}, {time}, CASE WHEN n % 10 < 7 THEN {user} ELSE model.id END, \
                CASE WHEN n % 10 < 7 THEN CONCAT('user', n, '@example.com') ELSE '{ADMINISTRATOR}' END, \
                '192.0.2.1', CASE WHEN {rare} THEN 'role.created' WHEN n % 10 < 6 THEN 'session.began' \
                    WHEN n % 10 = 6 THEN 'invitation.accepted' WHEN n % 10 = 7 THEN 'user.updated' \
                    ELSE 'user.invited' END, \
                'user', {user}, CONCAT('user', n, '@example.com'), '[]' \
             FROM {series} \
             CROSS JOIN (SELECT id FROM users WHERE email_normal = '{ADMINISTRATOR}') AS model",
            id = self.id(&time, 4),
            user = self.user_id(),
            rare = self.is_rare(),
            series = self.dialect.series(self.count),
        )
    }
}
