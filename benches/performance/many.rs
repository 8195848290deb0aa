//! What it takes to invite many people with one request: how long, how much memory, and how long others
//! wait meanwhile who want to write.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::http::{Connection, request};
use crate::options::{ManyOptions, SharedOptions};
use crate::table::milliseconds;
use crate::world::World;

/// As many as one request may name.
const PEOPLE: usize = 500;

/// How many others write meanwhile, each one change after the other.
const OTHERS: usize = 2;

/// For how long the others write alone, so that there is something to compare with.
const ALONE: Duration = Duration::from_secs(2);

/// What one request has cost.
struct Round {
    took: Duration,
    /// How much more memory was resident at the most.
    kibibytes: u64,
    /// How long each change of somebody else took meanwhile.
    waits: Vec<Duration>,
}

/// Measures it, and prints it.
pub async fn measure(shared: &SharedOptions, options: &ManyOptions) {
    let world = World::make(shared, shared.users).await;
    println!("{}, {} users\n", world.database.name, world.users);
    let others = Others::new(&world).await;
    let alone = others.write_until(|begun| begun.elapsed() > ALONE).await;
    println!("changes of {OTHERS} others, alone: {}", spread(alone));
    // The first one finds nothing prepared.
    round(&world, &others, 0, options.keyed).await;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        rounds.push(round(&world, &others, number, options.keyed).await);
    }
    let took = rounds.iter().map(|round| round.took).collect();
    println!("{PEOPLE} invitations in one request: {}", spread(took));
    let waits = rounds
        .iter()
        .flat_map(|round| round.waits.clone())
        .collect();
    println!("changes of {OTHERS} others meanwhile: {}", spread(waits));
    let memory = rounds.iter().map(|round| round.kibibytes.to_string());
    let memory: Vec<String> = memory.collect();
    println!(
        "more memory at the most, each time: {} KiB",
        memory.join(", ")
    );
    world.end().await;
}

/// Invites people whom nobody has invited yet, while the others write.
async fn round(world: &World, others: &Others<'_>, number: usize, is_keyed: bool) -> Round {
    let person = |index| json!({ "email": format!("many{number}.{index}@example.com"), "roleIds": [world.member] });
    let people: Vec<Value> = (0..PEOPLE).map(person).collect();
    let document = "mutation($input: InviteUsersInput!) { inviteUsers(input: $input) { results { outcome } userErrors { code } } }";
    let key = is_keyed.then(|| format!("round {number}"));
    let variables = json!({ "input": { "invitations": people, "idempotencyKey": key } });
    let request = request(&world.token, document, &variables);
    let mut caller = world.connect().await;
    let before = world.server.begin_peak();
    let is_done = Cell::new(false);
    let invite = async {
        let begun = Instant::now();
        let answer = caller.send(&request).await.unwrap();
        let took = begun.elapsed();
        is_done.set(true);
        let answer: Value = serde_json::from_slice(answer).unwrap();
        let results = answer["data"]["inviteUsers"]["results"].as_array().unwrap();
        let invited = results.iter().filter(|it| it["outcome"] == "INVITED");
        assert_eq!(invited.count(), PEOPLE, "{answer:.500}");
        took
    };
    let (took, waits) = tokio::join!(invite, others.write_until(|_| is_done.get()));
    Round {
        took,
        // The kernel's count is a little behind.
        kibibytes: world.server.peak_kibibytes().saturating_sub(before),
        waits,
    }
}

/// Those who change users' names all the time.
struct Others<'a> {
    world: &'a World,
    ids: Vec<Value>,
    next: Cell<usize>,
}

impl<'a> Others<'a> {
    async fn new(world: &'a World) -> Self {
        let document = r#"{ users(first: 100, filter: { search: "user1" }) { nodes { id } } }"#;
        let mut caller = world.connect().await;
        let data = caller.run(&world.token, document, &Value::Null).await;
        let nodes = data["users"]["nodes"].as_array().unwrap();
        Self {
            world,
            ids: nodes.iter().map(|node| node["id"].clone()).collect(),
            next: Cell::new(0),
        }
    }

    /// How long each change took, until that is so.
    async fn write_until(&self, is_over: impl Fn(Instant) -> bool) -> Vec<Duration> {
        let begun = Instant::now();
        let is_over = &is_over;
        let callers = (0..OTHERS).map(async |_| {
            let mut caller = self.world.connect().await;
            let mut waits = Vec::new();
            while !is_over(begun) {
                waits.push(self.write(&mut caller).await);
            }
            waits
        });
        join_all(callers).await.concat()
    }

    async fn write(&self, caller: &mut Connection) -> Duration {
        let number = self.next.replace(self.next.get() + 1);
        let document = "mutation($input: UpdateUserInput!) { payload: updateUser(input: $input) { userErrors { code } } }";
        let id = &self.ids[number % self.ids.len()];
        let variables = json!({ "input": { "id": id, "firstName": format!("Number {number}") } });
        let begun = Instant::now();
        let data = caller.run(&self.world.token, document, &variables).await;
        let took = begun.elapsed();
        assert_eq!(data["payload"]["userErrors"], json!([]));
        took
    }
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let (half, slow) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let slowest = times[times.len() - 1];
    format!(
        "p50 {} ms, p99 {} ms, slowest {} ms, of {}",
        milliseconds(half),
        milliseconds(slow),
        milliseconds(slowest),
        times.len()
    )
}
