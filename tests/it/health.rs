//! `GET /healthz` and `GET /readyz`, as a supervisor or a load balancer reads them.

use sea_orm::{ConnectionTrait, Database};

use crate::support::TestServer;

/// Status and body.
async fn get(server: &TestServer, path: &str) -> (u16, String) {
    let url = format!("{}{path}", server.url);
    let response = server.anonymous().http.get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_server_whose_schema_lacks_a_migration_is_not_ready() {
    let server = TestServer::start().await;
    assert_eq!(get(&server, "/readyz").await, (200, "ok\n".to_owned()));

    // As after a backup of an older version was restored under the running server.
    let database = Database::connect(&server.database.url).await.unwrap();
    let newest =
        "(SELECT version FROM (SELECT MAX(version) AS version FROM seaql_migrations) AS m)";
    let forget = format!("DELETE FROM seaql_migrations WHERE version = {newest}");
    let forgotten = database.execute_unprepared(&forget).await.unwrap();
    assert_eq!(forgotten.rows_affected(), 1);
    database.close().await.unwrap();

    let (status, body) = get(&server, "/readyz").await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(body, "the database has pending migrations\n");
    // To start it anew would not help.
    assert_eq!(get(&server, "/healthz").await.0, 200);
}

#[tokio::test]
async fn a_server_without_its_database_is_not_ready() {
    let server = TestServer::start().await;
    server.server.app.db.clone().close().await.unwrap();
    let (status, body) = get(&server, "/readyz").await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(
        body,
        "the database does not respond: the connection broke off\n"
    );
    assert_eq!(get(&server, "/healthz").await.0, 200);
}

#[tokio::test]
async fn health_is_told() {
    let server = TestServer::start().await;
    for path in ["/healthz", "/readyz", "/playground", "/"] {
        let answer = server
            .anonymous()
            .http
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}
