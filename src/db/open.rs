//! Opening the database: pools, the settings that durability rests on, migrations.

use std::{path::Path, time::Duration};

use sqlx::{
    Connection,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Db, DbError, sql};
use crate::config::{DatabaseConfig, DatabaseUrl};

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the database: {0}")]
    Db(#[from] DbError),
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] MigrateError),
    #[error("the database does not keep what it acknowledges: {setting} is {found}, it must be {wanted}")]
    NotDurable { setting: &'static str, found: String, wanted: &'static str },
}

const READERS: u32 = 8;
/// A connection to PostgreSQL that was used so lately is taken to be alive; others are asked first.
const FRESH: Duration = Duration::from_secs(1);
/// How long a statement waits for a lock that another process (a backup, a command) holds.
const BUSY: Duration = Duration::from_secs(15);

impl Db {
    /// Opens the database and brings its schema up to date.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let db = Self::connect(config, true).await?;
        match &db {
            Self::Sqlite { write, .. } => sqlx::migrate!("migrations/sqlite").run(write).await?,
            Self::Postgres(pool) => sqlx::migrate!("migrations/postgres").run(pool).await?,
        }
        Ok(db)
    }

    /// Opens a database that must be there, and leaves its schema as it is: for commands that only look.
    pub async fn open_existing(config: &DatabaseConfig) -> Result<Self, OpenError> {
        Self::connect(config, false).await
    }

    async fn connect(config: &DatabaseConfig, create: bool) -> Result<Self, OpenError> {
        match &config.url {
            DatabaseUrl::Sqlite(path) => Self::connect_sqlite(path, create).await,
            DatabaseUrl::Postgres(url) => Self::connect_postgres(url.as_str(), config.max_connections).await,
        }
    }

    async fn connect_sqlite(path: &Path, create: bool) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new().filename(path);
        let options = options
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL loses acknowledged commits in a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        // A file's connections do not die: asking each whether it lives would double the walks to its thread.
        let pool = SqlitePoolOptions::new().test_before_acquire(false);
        let write = pool.clone().max_connections(1).connect_with(options.clone()).await?;
        let synchronous: i64 =
            sqlx::query_scalar("SELECT synchronous FROM pragma_synchronous").fetch_one(&write).await?;
        let journal: String =
            sqlx::query_scalar("SELECT journal_mode FROM pragma_journal_mode").fetch_one(&write).await?;
        if synchronous < 2 {
            let found = synchronous.to_string();
            return Err(OpenError::NotDurable { setting: "synchronous", found, wanted: "FULL (2)" });
        }
        if journal != "wal" {
            return Err(OpenError::NotDurable { setting: "journal_mode", found: journal, wanted: "wal" });
        }
        let read = pool
            .max_connections(READERS)
            .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
            .await?;
        Ok(Self::Sqlite { write, read })
    }

    async fn connect_postgres(url: &str, max_connections: u32) -> Result<Self, OpenError> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .test_before_acquire(false)
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    if idle.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            // sqlx 0.9.0 returns a connection to the pool in an open transaction when a future is dropped inside
            // `begin()`; whoever gets it next would write into a transaction that nobody commits.
            .after_release(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql("ROLLBACK").execute(connection).await?;
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        let db = Self::Postgres(pool.clone());
        let found: String = sql("SELECT current_setting('synchronous_commit')").scalar(&db).await?;
        if found == "off" {
            return Err(OpenError::NotDurable { setting: "synchronous_commit", found, wanted: "on" });
        }
        Ok(db)
    }
}
