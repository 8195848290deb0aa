//! How the databases answer the lists: by an index, whatever is filtered and however it is sorted.
//!
//! A list that reads a whole table is quick in every test, and slow for whoever has a million rows.

use entity::{
    EmailId, EventId, InvitationId, TokenHash, UserId, email, event, invitation, user, user_role,
};
use sea_orm::{DbBackend, EntityTrait, IntoActiveModel, Statement};
use serde_json::{Value, json};
use usher::database::Source;
use usher::database::Write;

use crate::support::{Client, TestServer, skipped};

/// More than are few: both ways of answering a filter are tried.
const ROWS: usize = 1_100;

/// How many rows are inserted with one statement.
const BATCH: usize = 100;

/// Copies of a row, each made by `copy` from its number.
async fn insert<E>(server: &TestServer, copy: impl Fn(i64) -> E::Model)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let transaction = server.server.app.db.begin().await.unwrap();
    let rows: Vec<_> = (0..ROWS as i64).map(copy).collect();
    for rows in rows.chunks(BATCH) {
        let rows = rows.iter().cloned().map(IntoActiveModel::into_active_model);
        let rows = rows.map(sea_orm::ActiveModelTrait::reset_all);
        E::insert_many(rows).write(&transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

/// Many users who are active and hold the role Editor, one who is invited; many e-mails and events.
async fn many(server: &TestServer) -> (Client, String) {
    let app = &server.server.app;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    server.all_sent(&administrator).await;
    let db = app.db.read();
    let users = app.db.all(db, user::Entity::find()).await.unwrap();
    let held = app.db.all(db, user_role::Entity::find()).await.unwrap();
    let emails = app.db.all(db, email::Entity::find()).await.unwrap();
    let events = app.db.all(db, event::Entity::find()).await.unwrap();
    let active = users.iter().find(|user| user.password_hash.is_some());
    let invited = users.iter().find(|user| user.password_hash.is_none());
    let (active, invited) = (active.unwrap(), invited.unwrap());
    let editor = held.iter().find(|held| held.user_id == invited.id).unwrap();
    let ids: Vec<UserId> = (0..ROWS).map(|_| app.new_id()).collect();
    insert::<user::Entity>(server, |number| user::Model {
        id: ids[number as usize],
        email: format!("editor{number}@kbank.com"),
        email_normal: format!("editor{number}@kbank.com"),
        name_key: format!("editor {number}"),
        search_text: format!("editor{number}@kbank.com\n\n"),
        ..active.clone()
    })
    .await;
    insert::<user_role::Entity>(server, |number| user_role::Model {
        user_id: ids[number as usize],
        role_id: editor.role_id,
    })
    .await;
    let invitations = app.db.all(db, invitation::Entity::find()).await.unwrap();
    insert::<invitation::Entity>(server, |number| invitation::Model {
        id: app.new_id::<InvitationId>(),
        user_id: ids[number as usize],
        token_hash: TokenHash(number.to_be_bytes().to_vec()),
        ..invitations[0].clone()
    })
    .await;
    insert::<email::Entity>(server, |number| email::Model {
        id: app.new_id::<EmailId>(),
        message_id: format!("<{number}@kbank.com>"),
        ..emails[0].clone()
    })
    .await;
    insert::<event::Entity>(server, |_| event::Model {
        id: app.new_id::<EventId>(),
        ..events[0].clone()
    })
    .await;
    (administrator, role)
}

/// Each filter, once such that many match and once such that few do.
fn user_filters(role: &str, viewer: &str) -> Vec<Value> {
    vec![
        json!({}),
        json!({ "search": "editor" }),
        json!({ "search": "laura@" }),
        json!({ "statuses": ["ACTIVE"] }),
        json!({ "statuses": ["DEACTIVATED", "INVITED"] }),
        json!({ "roleIds": [role] }),
        json!({ "roleIds": [role, role], "search": "laura" }),
        json!({ "invitationStatuses": ["PENDING", "REVOKED"] }),
        json!({ "createdAfter": "2020-01-01T00:00:00Z" }),
        json!({ "createdBefore": "2020-01-01T00:00:00Z" }),
        json!({ "lastSignedInAfter": "2020-01-01T00:00:00Z" }),
        json!({ "hasAllRoleIds": [role] }),
        json!({ "hasAllRoleIds": [role, viewer] }),
        json!({ "withoutRoles": true }),
        json!({ "permission": "users.view" }),
        json!({ "emails": ["laura@kbank.com"] }),
        json!({ "invitedById": viewer }),
        json!({ "updatedAfter": "2020-01-01T00:00:00Z" }),
    ]
}

fn email_filters(user: &str) -> Vec<Value> {
    vec![
        json!({}),
        json!({ "statuses": ["SENT", "FAILED"] }),
        json!({ "statuses": ["QUEUED"] }),
        json!({ "kinds": ["INVITATION"] }),
        json!({ "kinds": ["TEST"] }),
        json!({ "to": "example" }),
        json!({ "to": "nobody" }),
        json!({ "subject": "nothing" }),
        json!({ "search": "example" }),
        json!({ "search": "nobody" }),
        json!({ "userId": user }),
        json!({ "invitationId": user }),
        json!({ "transport": "inbox" }),
        json!({ "lastError": "550" }),
        json!({ "sentAfter": "2020-01-01T00:00:00Z" }),
        json!({ "createdAfter": "2020-01-01T00:00:00Z" }),
    ]
}

fn event_filters(user: &str) -> Vec<Value> {
    vec![
        json!({}),
        json!({ "actorId": user }),
        json!({ "subjectId": user }),
        json!({ "actions": ["USER_INVITED"] }),
        json!({ "actions": ["USER_INVITED", "ROLE_CREATED"] }),
        json!({ "search": "laura" }),
        json!({ "ipAddress": "127.0.0.1" }),
        json!({ "sessionId": user }),
        json!({ "createdBefore": "2020-01-01T00:00:00Z" }),
    ]
}

fn invitation_filters(user: &str) -> Vec<Value> {
    vec![
        json!({}),
        json!({ "statuses": ["ACCEPTED"] }),
        json!({ "statuses": ["PENDING"] }),
        json!({ "statuses": ["EXPIRED", "REVOKED", "PENDING"] }),
        json!({ "invitedById": user }),
        json!({ "userId": user }),
        json!({ "expiresBefore": "2020-01-01T00:00:00Z" }),
        json!({ "createdAfter": "2020-01-01T00:00:00Z" }),
        json!({ "emailStatuses": ["SENT"] }),
        json!({ "emailStatuses": ["FAILED"] }),
        json!({ "search": "editor" }),
        json!({ "search": "laura@" }),
    ]
}

/// How the database would answer, a line for each step.
async fn plan(server: &TestServer, query: &Statement) -> Vec<String> {
    let db = &server.server.app.db;
    let (explain, column) = match query.db_backend {
        DbBackend::Sqlite => ("EXPLAIN QUERY PLAN", 3),
        _ => ("EXPLAIN", 0),
    };
    let transaction = db.begin().await.unwrap();
    if query.db_backend == DbBackend::Postgres {
        // A small table is read whole even if an index could answer.
        let off = "SET LOCAL enable_seqscan = off";
        transaction.execute_batch(off).await.unwrap();
    }
    let explain = Statement::from_string(query.db_backend, format!("{explain} {query}"));
    let rows = transaction.rows(explain).await.unwrap();
    rows.iter().map(|row| row.get(column).unwrap()).collect()
}

/// Whether the steps read a whole table, other than in the order of the list until the page is full.
fn reads_a_table(query: &Statement, plan: &[String]) -> bool {
    const TABLES: [&str; 5] = ["users", "user_roles", "invitations", "emails", "events"];
    let is_sorted = query.sql.contains("ORDER BY");
    let sorts = plan.iter().any(|step| step.contains("FOR ORDER BY"));
    let reads_whole = |step: &String| match step.trim().strip_prefix("SCAN ") {
        Some(scan) => {
            let (table, how) = scan.split_once(' ').unwrap_or((scan, ""));
            let in_order = how.starts_with("USING") && is_sorted && !sorts;
            TABLES.contains(&table) && !in_order
        }
        None => step.contains("Seq Scan on"),
    };
    plan.iter().any(reads_whole)
}

#[tokio::test]
async fn every_list_is_answered_from_an_index() {
    let server = TestServer::start().await;
    let app = &server.server.app;
    if app.db.read().backend() == DbBackend::MySql {
        return skipped("MariaDB reads a small table whole, whatever index it has");
    }
    let (administrator, role) = many(&server).await;
    let transaction = app.db.begin().await.unwrap();
    transaction.execute_batch("ANALYZE").await.unwrap();
    transaction.commit().await.unwrap();
    let viewer = administrator.run("{ viewer { id } }").await;
    let viewer = viewer.data()["viewer"]["id"].as_str().unwrap().to_owned();

    let mut lists = Vec::new();
    for filter in user_filters(&role, &viewer) {
        for order in [
            "EMAIL",
            "NAME",
            "CREATED_AT",
            "LAST_SIGNED_IN_AT",
            "UPDATED_AT",
            "STATUS",
        ] {
            lists.push(("users", "User", filter.clone(), Some(order)));
        }
    }
    for filter in email_filters(&viewer) {
        for order in ["CREATED_AT", "SENT_AT", "NEXT_ATTEMPT_AT"] {
            lists.push(("emails", "Email", filter.clone(), Some(order)));
        }
    }
    for filter in invitation_filters(&viewer) {
        for order in ["CREATED_AT", "EXPIRES_AT"] {
            lists.push(("invitations", "Invitation", filter.clone(), Some(order)));
        }
    }
    for filter in event_filters(&viewer) {
        lists.push(("events", "Event", filter, None));
    }
    for (list, of, filter, order) in lists {
        let (declared, given) = match order {
            Some(_) => (format!(", $order: {of}Order"), ", orderBy: $order"),
            None => (String::new(), ""),
        };
        let query = format!(
            "query($filter: {of}Filter{declared}) {{ {list}(first: 20, filter: $filter{given}) {{ nodes {{ id }} }} }}"
        );
        let order = order.map(|field| json!({ "field": field, "direction": "DESC" }));
        app.db.take_asked();
        let variables = json!({ "filter": filter, "order": order });
        administrator.run_with(&query, variables).await.data();
        let asked = app.db.take_asked();
        assert!(!asked.is_empty());
        for query in asked {
            let plan = plan(&server, &query).await;
            assert!(
                !reads_a_table(&query, &plan),
                "{filter} {order:?}: {query}\n{plan:#?}"
            );
        }
    }
}
