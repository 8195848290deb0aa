//! A database of its own for each test.

use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;
use uuid::Uuid;

/// A fresh database, which goes with the test.
pub struct TestDatabase {
    pub url: String,
    /// Holds SQLite's file.
    pub _folder: TempDir,
}

impl TestDatabase {
    /// SQLite, or a new database on the server that `TEST_DATABASE_URL` names.
    #[allow(
        clippy::disallowed_methods,
        reason = "a test database has no application yet"
    )]
    pub async fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match std::env::var("TEST_DATABASE_URL") {
            Err(_) => format!("sqlite://{}/usher.db?mode=rwc", folder.path().display()),
            Ok(server) => {
                let name = format!("test_{}", Uuid::now_v7().simple());
                let admin = Database::connect(&server).await.unwrap();
                admin
                    .execute_unprepared(&format!("CREATE DATABASE {name}"))
                    .await
                    .unwrap();
                admin.close().await.unwrap();
                let (base, _) = server.rsplit_once('/').unwrap();
                format!("{base}/{name}")
            }
        };
        Self {
            url,
            _folder: folder,
        }
    }
}
