//! What a request costs: the server's own CPU time, read from the process table, with 10,000 users.
//!
//! `cargo bench --bench requests` builds the binary, fills a database, starts the server on it and
//! sends each request a thousand times over one connection.

// The optimiser computes the layout of nested async blocks, and those of the routes nest deeply.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]

use std::process::{Child, Command, Stdio};

use entity::{TimeOrNever, Timestamp, user};
use sea_orm::{ActiveModelTrait, EntityTrait};
use serde_json::{Value, json};
use usher::config::Layers;
use usher::domain::passwords::Password;
use usher::domain::users::DerivedColumns;
use usher::domain::{Actor, Client, EmailAddress, invitations, setup};

const USERS: i64 = 10_000;
const REQUESTS: u32 = 1_000;
const PASSWORD: &str = "walrus-teapot-93-orbit";

/// Ends the server with the benchmark.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "database.url=sqlite://{}/usher.db?mode=rwc",
        folder.path().display()
    );
    let token = fill(&url).await;
    let server = Server(
        Command::new(env!("CARGO_BIN_EXE_usher"))
            .current_dir(folder.path())
            .args(["--set", &url, "--set", "log.filter=warn"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |query: &str| -> Option<Value> {
        let body = json!({ "query": query });
        let request = client.post("http://127.0.0.1:8000/graphql").json(&body);
        let response = request.bearer_auth(&token).send().await.ok()?;
        serde_json::from_str(&response.text().await.ok()?).ok()
    };
    let started = std::time::Instant::now();
    while send("{ __typename }").await.is_none() {}
    println!(
        "first answer after {:.0} ms",
        started.elapsed().as_secs_f64() * 1e3
    );

    let middle = {
        let order = "orderBy: { field: EMAIL, direction: ASC }";
        let mut cursor = String::new();
        for _ in 0..50 {
            let query =
                format!("{{ users(first: 100, {order} {cursor}) {{ pageInfo {{ endCursor }} }} }}");
            let answer = send(&query).await.unwrap();
            let end = &answer["data"]["users"]["pageInfo"]["endCursor"];
            cursor = format!(", after: {end}");
        }
        format!("{order} {cursor}")
    };
    let nodes = "nodes { id email displayName status roles { name } lastSignedInAt }";
    for (name, query) in [
        ("no database", "{ __typename }".to_owned()),
        (
            "who am I",
            "{ viewer { displayName permissions } }".to_owned(),
        ),
        ("a page of 25 users", format!("{{ users {{ {nodes} }} }}")),
        (
            "a page of 25, 5,000 deep",
            format!("{{ users({middle}) {{ {nodes} }} }}"),
        ),
        (
            "a search with many hits",
            format!("{{ users(filter: {{ search: \"example\" }}) {{ {nodes} }} }}"),
        ),
        (
            "a search with one hit",
            format!("{{ users(filter: {{ search: \"user7777@\" }}) {{ {nodes} }} }}"),
        ),
        (
            "a search with no hit",
            format!("{{ users(filter: {{ search: \"nobody\" }}) {{ {nodes} }} }}"),
        ),
        (
            "active users",
            format!("{{ users(filter: {{ status: [ACTIVE] }}) {{ {nodes} }} }}"),
        ),
        (
            "how many users",
            "{ users(first: 1) { totalCount } }".to_owned(),
        ),
    ] {
        for _ in 0..50 {
            let answer = send(&query).await.unwrap();
            assert!(answer.get("errors").is_none(), "{answer}");
        }
        let (cpu, begun) = (cpu_seconds(&server.0), std::time::Instant::now());
        for _ in 0..REQUESTS {
            send(&query).await.unwrap();
        }
        let cpu = (cpu_seconds(&server.0) - cpu) / f64::from(REQUESTS) * 1e3;
        let wall = begun.elapsed().as_secs_f64() / f64::from(REQUESTS) * 1e3;
        println!("{name:<26} {cpu:6.3} ms of server CPU, {wall:6.3} ms in all");
    }
    println!("memory {} KiB", memory_kib(&server.0));
}

/// An administrator and ten thousand users; returns the administrator's token.
async fn fill(url: &str) -> String {
    let settings = Layers {
        command_line: vec![url.to_owned()],
        ..Layers::default()
    };
    let (app, _) = usher::server::open(settings.load().unwrap()).await.unwrap();
    let email = EmailAddress::parse("admin@example.com").unwrap();
    let setup::NewAdministrator::Invited(invited) =
        setup::invite_administrator(&app, &email).await.unwrap()
    else {
        unreachable!("the database is empty");
    };
    let acceptance = invitations::Acceptance {
        token: invited.link.split_once("token=").unwrap().1.to_owned(),
        password: Password::new(PASSWORD),
        first_name: None,
        last_name: None,
    };
    let anonymous = Actor::anonymous(Client::default());
    let session = invitations::accept(&app, &anonymous, acceptance)
        .await
        .unwrap();
    let transaction = app.db.begin().await.unwrap();
    let now = app.clock.now();
    for number in 0..USERS {
        let address = format!("user{number}@example.com");
        let email = EmailAddress::parse(&address).unwrap();
        // Names in another order than addresses.
        let last = format!("Name{}", number * 7_919 % USERS);
        let derived = DerivedColumns::of(&email, "First", &last);
        let row = user::Model {
            id: app.new_id(),
            email: address,
            email_normal: email.normal().to_owned(),
            first_name: "First".to_owned(),
            last_name: last,
            name_key: derived.name_key,
            search_text: derived.search_text,
            password_hash: None,
            deactivated_at: None,
            created_at: Timestamp(now.0 + number),
            updated_at: now,
            last_signed_in_at: TimeOrNever::NEVER,
        };
        let row = user::ActiveModel::from(row).reset_all();
        user::Entity::insert(row)
            .exec_without_returning(&transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    session.token.expose().to_owned()
}

/// User and system time, proc(5), fields 14 and 15, in hundredths of a second.
fn cpu_seconds(server: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn memory_kib(server: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
