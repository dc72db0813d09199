//! Databases of a story's own, without a world around them.

use yinku::{
    clock::Timestamp,
    config::{DatabaseConfig, DatabaseUrl},
    db::{Db, Pools, sql},
};

use crate::support::world::Engine;

/// 2026-11-23 12:00 in China.
pub(crate) const NOW: Timestamp = Timestamp(1_795_406_400_000_000);

/// A database of the story's own.
pub(crate) async fn database(engine: Engine, dir: &std::path::Path) -> DatabaseUrl {
    match engine {
        Engine::Sqlite => DatabaseUrl::in_dir(dir),
        Engine::Postgres => {
            let server = std::env::var("YINKU_TEST_PG")
                .expect("YINKU_TEST_PG names a PostgreSQL server for tests; `make test` starts one");
            let name = format!("t{}", uuid::Uuid::now_v7().simple());
            let admin = sqlx::PgPool::connect(&server).await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
            admin.close().await;
            let mut url = url::Url::parse(&server).unwrap();
            url.set_path(&name);
            DatabaseUrl::Postgres(url)
        }
    }
}

/// The same, open, with its schema.
pub(crate) async fn open(engine: Engine) -> (Db, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let url = database(engine, dir.path()).await;
    let db = Db::open(&DatabaseConfig { url, max_connections: 8 }).await.unwrap();
    (db, dir)
}

/// Runs the statements in one transaction.
pub(crate) async fn execute<S: Into<std::borrow::Cow<'static, str>>>(db: &Db, statements: impl IntoIterator<Item = S>) {
    let mut tx = db.begin().await.unwrap();
    for statement in statements {
        sql(statement).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// From now on the database refuses a write such as `INSERT ON flow_events` when `NEW` meets the condition. PostgreSQL
/// answers with `sqlstate`; SQLite says that a constraint failed.
pub(crate) async fn refuse(db: &Db, write: &str, when: &str, sqlstate: &str) {
    let statements = match db.pools() {
        Pools::Sqlite { .. } => {
            vec![format!("CREATE TRIGGER refuse BEFORE {write} WHEN {when} BEGIN SELECT RAISE(ABORT, 'no'); END")]
        }
        Pools::Postgres(_) => vec![
            format!(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''{sqlstate}''; END'"
            ),
            format!("CREATE TRIGGER refuse BEFORE {write} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()"),
        ],
    };
    execute(db, statements).await;
}

/// Takes the refusal back.
pub(crate) async fn relent(db: &Db) {
    let statement = match db.pools() {
        Pools::Sqlite { .. } => "DROP TRIGGER refuse",
        Pools::Postgres(_) => "DROP FUNCTION refuse() CASCADE",
    };
    execute(db, [statement]).await;
}
