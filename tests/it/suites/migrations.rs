//! Opening a database: the schema is made once, and the schema of another version is refused.

use yinku::{
    config::DatabaseConfig,
    db::{Db, OpenError, sql},
};

use crate::support::{Engine, database::database, story::on_both_engines};

on_both_engines!(
    opening_again_changes_nothing,
    a_database_of_a_newer_version_is_refused,
    a_database_with_another_schema_under_the_same_number_is_refused,
    processes_that_start_at_once_make_the_schema_once,
);

/// The connections stay open, as those of another process would.
async fn open_again(db: &Db, config: &DatabaseConfig) -> Result<Db, OpenError> {
    db.check().await.unwrap();
    Db::open(config).await
}

async fn made(engine: Engine) -> (Db, DatabaseConfig, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = DatabaseConfig { url: database(engine, dir.path()).await, max_connections: 4 };
    (Db::open(&config).await.unwrap(), config, dir)
}

async fn opening_again_changes_nothing(engine: Engine) {
    let (db, config, _dir) = made(engine).await;
    let before: Vec<(i64, i64)> = migrations(&db).await;
    let mut tx = db.begin().await.unwrap();
    sql("INSERT INTO serial_numbers (day, last) VALUES ('20261127', 7)").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let again = open_again(&db, &config).await.unwrap();
    let last: i64 = sql("SELECT last FROM serial_numbers").scalar(&again).await.unwrap();
    assert_eq!((migrations(&again).await, last), (before, 7));
}

/// Version and time of each migration.
async fn migrations(db: &Db) -> Vec<(i64, i64)> {
    sql("SELECT version, execution_time FROM _sqlx_migrations ORDER BY version").all(db).await.unwrap()
}

async fn a_database_of_a_newer_version_is_refused(engine: Engine) {
    let (db, config, _dir) = made(engine).await;
    change(
        &db,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT 9999, 'newer', TRUE, checksum, 1 FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    let refused = open_again(&db, &config).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "another version of yinku made this database: version 9999 of its schema is unknown here. \
         Start that version of yinku, or set `database.url` to an empty database."
    );
}

async fn change(db: &Db, statement: &'static str) {
    let mut tx = db.begin().await.unwrap();
    assert_eq!(sql(statement).execute(&mut tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn a_database_with_another_schema_under_the_same_number_is_refused(engine: Engine) {
    let (db, config, _dir) = made(engine).await;
    change(
        &db,
        match engine {
            Engine::Sqlite => "UPDATE _sqlx_migrations SET checksum = zeroblob(48) WHERE version = 1",
            Engine::Postgres => "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1",
        },
    )
    .await;
    let refused = open_again(&db, &config).await.unwrap_err();
    assert!(matches!(refused, OpenError::OtherVersion(1)), "{refused}");
}

async fn processes_that_start_at_once_make_the_schema_once(engine: Engine) {
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let config = DatabaseConfig { url: database(engine, dir.path()).await, max_connections: 2 };
        let mut starts = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let config = config.clone();
            starts.spawn(async move { Db::open(&config).await });
        }
        for started in starts.join_all().await {
            assert_eq!(migrations(&started.unwrap()).await.len(), 1);
        }
    }
}
