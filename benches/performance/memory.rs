//! How fast the server starts, and what it holds in memory: idle, after many have signed in, and after
//! many requests.

use std::cell::Cell;
use std::time::Duration;

use crate::measure::{Driver, Until};
use crate::operations::{self, Operation};
use crate::options::{MemoryOptions, SharedOptions};
use crate::table::milliseconds;
use crate::world::World;

const CALLERS: usize = 32;

/// Rather than a single start, which may have been disturbed.
const STARTS: usize = 11;

/// In how many parts the requests are sent, after each of which the memory is looked at.
const PARTS: u64 = 10;

/// Measures all of it, and prints it.
pub async fn measure(shared: &SharedOptions, options: &MemoryOptions) {
    let mut world = World::make(shared, shared.users).await;
    println!("{}, {} users\n", world.database.name, world.users);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        world.restart().await;
        starts.push(world.server.first_answer_after);
    }
    starts.sort_unstable();
    let (fastest, middle, slowest) = (starts[0], starts[STARTS / 2], starts[STARTS - 1]);
    println!(
        "start to first answer: {} ms ({}–{} ms in {STARTS} starts)",
        milliseconds(middle),
        milliseconds(fastest),
        milliseconds(slowest)
    );
    // It has done by then what it does once after its start.
    tokio::time::sleep(Duration::from_secs(2)).await;
    resident(&world, "idle");

    let next = Cell::new(0);
    let operations = operations::all(&world, |_| true).await;
    let is_reading =
        |operation: &&Operation| !["inviteUser", "signIn"].contains(&operation.name.as_str());
    let reads: Vec<_> = operations.iter().filter(is_reading).collect();
    let each = options.requests / PARTS / reads.len() as u64;
    for part in 1..=PARTS {
        for operation in &reads {
            drive(&world, operation, each, &next).await;
        }
        resident(
            &world,
            &format!("after {} requests", part * each * reads.len() as u64),
        );
    }
    let sign_in = operations
        .iter()
        .find(|operation| operation.name == "signIn")
        .unwrap();
    drive(&world, sign_in, options.sign_ins, &next).await;
    resident(&world, &format!("after {} sign-ins", options.sign_ins));
    world.end().await;
}

async fn drive(world: &World, operation: &Operation, requests: u64, next: &Cell<u64>) {
    let mut driver = Driver::new(&world.server, operation, CALLERS, next).await;
    driver.drive(Until::Requests(requests)).await;
}

fn resident(world: &World, when: &str) {
    println!("{when}: {:.1} MiB", world.server.resident_mebibytes());
}
