//! Whether an operation has become dearer, in comparison with another one of the same run: what a
//! machine makes slower, it makes slower for both.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::measure::Driver;
use crate::operations::{self, Operation, REFERENCE};
use crate::options::{CheckOptions, SharedOptions};
use crate::world::World;

/// Each operation is measured this often, in turn with the one that it is compared with. The median
/// counts.
const ROUNDS: usize = 3;

/// How long the server works at it each time.
const WORK: Duration = Duration::from_millis(250);

/// Fails above this many times the recorded ratio.
const BOUND: f64 = 2.0;

/// Recorded ratios by operation, by how the code was compiled.
type Recorded = BTreeMap<String, BTreeMap<String, f64>>;

/// Compares with what is recorded, or records.
pub async fn run(shared: &SharedOptions, options: &CheckOptions) -> ExitCode {
    let world = World::make(shared, shared.users).await;
    let wants = |name: &str| name == REFERENCE || shared.wants(name);
    let operations = operations::all(&world, wants).await;
    let ratios = ratios(&world, &operations).await;
    world.end().await;
    let mut recorded = read();
    if options.record {
        recorded.entry(profile()).or_default().extend(ratios);
        let text = serde_json::to_string_pretty(&recorded).unwrap();
        std::fs::write(file(), text + "\n").unwrap();
        return ExitCode::SUCCESS;
    }
    let recorded = recorded.remove(&profile()).unwrap_or_default();
    let mut outcome = ExitCode::SUCCESS;
    println!("processor time as a multiple of that of `{REFERENCE}`:");
    for (name, ratio) in &ratios {
        let Some(&expected) = recorded.get(name) else {
            println!("{name}: {ratio:.2}, not recorded yet: run this with --record");
            outcome = ExitCode::FAILURE;
            continue;
        };
        let times = ratio / expected;
        let verdict = if times > BOUND {
            outcome = ExitCode::FAILURE;
            ": TOO MUCH. If that has to be, record it with --record"
        } else {
            ""
        };
        println!("{name}: {ratio:.2}, {times:.2} times the recorded {expected:.2}{verdict}");
    }
    outcome
}

/// What each operation costs, as a multiple of what [`REFERENCE`] costs right before it.
async fn ratios(world: &World, operations: &[Operation]) -> BTreeMap<String, f64> {
    let next = Cell::new(0);
    let cost = async |operation| {
        let mut driver = Driver::new(&world.server, operation, 1, &next).await;
        let cost = driver.measure_work(WORK).await;
        cost.processor.as_secs_f64()
    };
    let is_reference = |operation: &&Operation| operation.name == REFERENCE;
    let reference = operations.iter().find(is_reference).unwrap();
    let mut medians = BTreeMap::new();
    // One after the other: once a change has been measured, lists have other answers.
    for operation in operations
        .iter()
        .filter(|operation| !is_reference(operation))
    {
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let reference = cost(reference).await;
            ratios.push(cost(operation).await / reference);
        }
        ratios.sort_unstable_by(f64::total_cmp);
        // More than two digits could not be relied on.
        let median = (ratios[ROUNDS / 2] * 100.0).round() / 100.0;
        medians.insert(operation.name.clone(), median);
    }
    medians
}

fn profile() -> String {
    let is_debug = cfg!(debug_assertions);
    if is_debug { "dev" } else { "release" }.to_owned()
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/performance/ratios.json")
}

fn read() -> Recorded {
    let text = std::fs::read_to_string(file()).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).unwrap()
}
