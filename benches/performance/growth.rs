//! How the cost of lists and counts grows with what the database holds: every filter and every order.

use std::cell::Cell;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::measure::Driver;
use crate::operations::{self, Operation};
use crate::options::SharedOptions;
use crate::table::milliseconds;
use crate::world::World;

/// How wide the first column is.
const NAME: usize = 44;

/// The only query whose answer changes with the time.
const OLDEST_DUE: &str = "emailQueue: oldest due";

/// What one query costs at each size.
pub struct Growth {
    pub name: String,
    pub costs: Vec<Duration>,
}

impl Growth {
    /// How many times as much it costs at the last size as at the first.
    pub fn ratio(&self) -> f64 {
        let (first, last) = (self.costs[0], self.costs[self.costs.len() - 1]);
        last.as_secs_f64() / first.as_secs_f64()
    }
}

/// Measures all queries at all sizes, with one caller, and prints them as a table. Returns them and
/// the database's name.
pub async fn measure(
    options: &SharedOptions,
    sizes: &[u64],
    work: Duration,
) -> (Vec<Growth>, &'static str) {
    let mut growths: Vec<Growth> = Vec::new();
    let mut database = "";
    for &size in sizes {
        let world = World::make(options, size).await;
        database = world.database.name;
        eprintln!("{size} rows made in {:.1} s", world.filled_in.as_secs_f64());
        let queries = queries(&world).await;
        let wanted = queries.into_iter().filter(|(name, _)| options.wants(name));
        for (index, (name, document)) in wanted.enumerate() {
            let operation = if name == OLDEST_DUE {
                operations::timed_query(&world, &name, &document)
            } else {
                operations::query(&world, &name, &document, |_| true).await
            };
            let cost = cost(&world, &operation, work).await;
            match growths.get_mut(index) {
                Some(growth) => growth.costs.push(cost),
                None => growths.push(Growth {
                    name,
                    costs: vec![cost],
                }),
            }
        }
        world.end().await;
    }
    print(&growths, sizes, database);
    (growths, database)
}

/// On SQLite, the database's work is the server's own; elsewhere, only the answer's time shows it.
async fn cost(world: &World, operation: &Operation, work: Duration) -> Duration {
    let next = Cell::new(0);
    let mut driver = Driver::new(&world.server, operation, 1, &next).await;
    let cost = driver.measure_work(work).await;
    if world.database.is_within_the_server() {
        cost.processor
    } else {
        cost.median
    }
}

fn print(growths: &[Growth], sizes: &[u64], database: &str) {
    let heads: Vec<_> = sizes.iter().map(|&size| thousands(size)).collect();
    println!("{database}, ms:\n");
    println!("| {:NAME$} | {} | ratio |", "query", heads.join(" | "));
    println!("| --- |{} ---: |", " ---: |".repeat(sizes.len()));
    for growth in growths {
        let costs = growth
            .costs
            .iter()
            .zip(&heads)
            .map(|(&cost, head)| format!("{:>width$}", milliseconds(cost), width = head.len()));
        let costs = costs.collect::<Vec<_>>().join(" | ");
        println!(
            "| {:NAME$} | {costs} | {:5.1} |",
            growth.name,
            growth.ratio()
        );
    }
}

/// A number with commas between its thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The queries, by name. What comes before the name's colon is what is asked for.
async fn queries(world: &World) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    queries.extend(users(world));
    queries.extend(emails());
    queries.extend(events(world).await);
    queries
}

/// A time as a client writes it.
#[allow(
    clippy::disallowed_methods,
    reason = "rows are made at this machine's time"
)]
fn days_ago(days: i64) -> String {
    (Utc::now() - TimeDelta::days(days)).to_rfc3339()
}

fn named(name: String, arguments: &str, field: &str, select: &str) -> (String, String) {
    (name, format!("{{ {field}({arguments}) {{ {select} }} }}"))
}

fn users(world: &World) -> Vec<(String, String)> {
    let nodes = "nodes { id email roles { id name } }";
    let (member, editor) = (&world.member, &world.editor);
    let mut queries = Vec::new();
    for field in ["NAME", "EMAIL", "CREATED_AT", "LAST_SIGNED_IN_AT"] {
        let order = format!("orderBy: {{ field: {field}, direction: ASC }}");
        for (page, size) in [("first page", "first: 50"), ("last page", "last: 50")] {
            let name = format!("users: {page} by {field}");
            queries.push(named(name, &format!("{size}, {order}"), "users", nodes));
        }
    }
    let filters = [
        ("search with many hits", "search: \"grace\"".to_owned()),
        ("search with one hit", "search: \"user777@\"".to_owned()),
        ("search with no hit", "search: \"nobody\"".to_owned()),
        ("search of two letters", "search: \"zq\"".to_owned()),
        ("ACTIVE", "statuses: [ACTIVE]".to_owned()),
        ("INVITED", "statuses: [INVITED]".to_owned()),
        ("DEACTIVATED, ten", "statuses: [DEACTIVATED]".to_owned()),
        ("a role that all hold", format!("roleIds: [\"{member}\"]")),
        ("a role that 1 % hold", format!("roleIds: [\"{editor}\"]")),
        (
            "invitation ACCEPTED",
            "invitationStatuses: [ACCEPTED]".to_owned(),
        ),
        (
            "invitation PENDING",
            "invitationStatuses: [PENDING]".to_owned(),
        ),
        (
            "invitation EXPIRED",
            "invitationStatuses: [EXPIRED]".to_owned(),
        ),
        (
            "invitation REVOKED",
            "invitationStatuses: [REVOKED]".to_owned(),
        ),
        (
            "created of late",
            format!("createdAfter: \"{}\"", days_ago(3)),
        ),
        (
            "created long ago",
            format!("createdBefore: \"{}\"", days_ago(297)),
        ),
        (
            "signed in of late",
            format!("lastSignedInAfter: \"{}\"", days_ago(2)),
        ),
        (
            "not signed in of late",
            format!("lastSignedInBefore: \"{}\"", days_ago(2)),
        ),
    ];
    for (name, filter) in filters {
        let name = format!("users: {name}");
        queries.push(named(
            name,
            &format!("first: 50, filter: {{ {filter} }}"),
            "users",
            nodes,
        ));
    }
    let by_email = "orderBy: { field: EMAIL, direction: ASC }";
    for (name, filter) in [
        ("DEACTIVATED", "statuses: [DEACTIVATED]".to_owned()),
        ("a role that 1 % hold", format!("roleIds: [\"{editor}\"]")),
    ] {
        let arguments = format!("first: 50, {by_email}, filter: {{ {filter} }}");
        queries.push(named(
            format!("users: {name} by EMAIL"),
            &arguments,
            "users",
            nodes,
        ));
    }
    for (name, filter) in [
        ("all", String::new()),
        ("ACTIVE", "statuses: [ACTIVE]".to_owned()),
        ("DEACTIVATED", "statuses: [DEACTIVATED]".to_owned()),
        ("search with many hits", "search: \"grace\"".to_owned()),
        ("a role that all hold", format!("roleIds: [\"{member}\"]")),
    ] {
        let arguments = format!("filter: {{ {filter} }}");
        queries.push(named(
            format!("users, totalCount: {name}"),
            &arguments,
            "users",
            "totalCount",
        ));
    }
    let id = format!("id: \"{member}\"");
    let of_role = "users(first: 50) { nodes { id email roles { id name } } }";
    queries.push(named(
        "role: its users, all".to_owned(),
        &id,
        "role",
        of_role,
    ));
    let count = "users { totalCount }";
    queries.push(named(
        "role, totalCount: its users, all".to_owned(),
        &id,
        "role",
        count,
    ));
    queries
}

fn emails() -> Vec<(String, String)> {
    let nodes = "nodes { id subject status to }";
    let mut queries = Vec::new();
    for field in ["CREATED_AT", "NEXT_ATTEMPT_AT", "SENT_AT"] {
        for direction in ["ASC", "DESC"] {
            let arguments =
                format!("first: 50, orderBy: {{ field: {field}, direction: {direction} }}");
            let name = format!("emails: by {field}, {direction}");
            queries.push(named(name, &arguments, "emails", nodes));
        }
    }
    let filters = [
        ("SENT", "statuses: [SENT]".to_owned()),
        ("QUEUED", "statuses: [QUEUED]".to_owned()),
        ("FAILED", "statuses: [FAILED]".to_owned()),
        ("SENDING, none", "statuses: [SENDING]".to_owned()),
        ("a common kind", "kinds: [INVITATION]".to_owned()),
        ("a rare kind, ten", "kinds: [EMAIL_CHANGED]".to_owned()),
        ("subject with many hits", "subject: \"invited\"".to_owned()),
        (
            "subject with one hit",
            "subject: \"number 1777\"".to_owned(),
        ),
        ("subject with no hit", "subject: \"nothing\"".to_owned()),
        ("to with one hit", "to: \"user777@\"".to_owned()),
        ("to with no hit", "to: \"nobody\"".to_owned()),
        (
            "created of late",
            format!("createdAfter: \"{}\"", days_ago(1)),
        ),
        (
            "created long ago",
            format!("createdBefore: \"{}\"", days_ago(24)),
        ),
    ];
    for (name, filter) in filters {
        let arguments = format!("first: 50, filter: {{ {filter} }}");
        queries.push(named(
            format!("emails: {name}"),
            &arguments,
            "emails",
            nodes,
        ));
    }
    for (name, filter) in [
        ("all", ""),
        ("FAILED", "statuses: [FAILED]"),
        ("a common kind", "kinds: [INVITATION]"),
    ] {
        let arguments = format!("filter: {{ {filter} }}");
        queries.push(named(
            format!("emails, totalCount: {name}"),
            &arguments,
            "emails",
            "totalCount",
        ));
    }
    let queue = "{ emailQueue { counts { status count } } }".to_owned();
    queries.push(("emailQueue: counts".to_owned(), queue));
    let oldest = "{ emailQueue { oldestDueAgeSeconds } }".to_owned();
    queries.push((OLDEST_DUE.to_owned(), oldest));
    queries
}

async fn events(world: &World) -> Vec<(String, String)> {
    let mut caller = world.connect().await;
    let document = "query($search: String) { viewer { id } users(filter: { search: $search }) { nodes { id } } }";
    let variables = json!({ "search": "user777@" });
    let data: Value = caller.run(&world.token, document, &variables).await;
    let (administrator, user) = (&data["viewer"]["id"], &data["users"]["nodes"][0]["id"]);

    let nodes = "nodes { id actionCode createdAt actorLabel subjectLabel }";
    let mut queries = vec![
        named(
            "events: first page".to_owned(),
            "first: 50",
            "events",
            nodes,
        ),
        named("events: last page".to_owned(), "last: 50", "events", nodes),
    ];
    let filters = [
        ("a common action", "actions: [SIGNED_IN]".to_owned()),
        ("a rare action, ten", "actions: [ROLE_CREATED]".to_owned()),
        (
            "a common and a rare action",
            "actions: [SIGNED_IN, ROLE_CREATED]".to_owned(),
        ),
        ("an actor with many", format!("actorId: {administrator}")),
        ("an actor with one", format!("actorId: {user}")),
        ("a subject", format!("subjectId: {user}")),
        ("of late", format!("createdAfter: \"{}\"", days_ago(3))),
        ("long ago", format!("createdBefore: \"{}\"", days_ago(297))),
    ];
    for (name, filter) in filters {
        let arguments = format!("first: 50, filter: {{ {filter} }}");
        queries.push(named(
            format!("events: {name}"),
            &arguments,
            "events",
            nodes,
        ));
    }
    for (name, filter) in [
        ("all", String::new()),
        ("a common action", "actions: [SIGNED_IN]".to_owned()),
        ("an actor with many", format!("actorId: {administrator}")),
    ] {
        let arguments = format!("filter: {{ {filter} }}");
        queries.push(named(
            format!("events, totalCount: {name}"),
            &arguments,
            "events",
            "totalCount",
        ));
    }
    queries
}
