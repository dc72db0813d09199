//! Opens the database: pools, settings for durability, migrations.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use sqlx::{
    ConnectOptions, Connection, PgPool, Postgres, SqlitePool, Transaction,
    error::DatabaseError,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::runtime::Handle;

use super::{DatabaseFile, Db, DbError, Pools, patience::is_busy, sql};
use crate::config::{DatabaseConfig, DatabaseUrl};

/// The reason why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the database: {0}. Check database.url.")]
    Db(#[from] DbError),
    #[error("cannot open the database file {path}: {reason}. Check the path and its permissions.")]
    File { path: PathBuf, reason: DbError },
    #[error("no PostgreSQL server answers at {address}: {reason}. Start the server, or correct database.url.")]
    Unreachable { address: String, reason: String },
    #[error("PostgreSQL at {address} refuses the login: {reason}. Correct the user or the password in database.url.")]
    Login { address: String, reason: String },
    #[error("PostgreSQL at {address}: {reason}. Create the database, or correct its name in database.url.")]
    NoDatabase { address: String, reason: String },
    #[error("TLS with PostgreSQL at {address} fails: {reason}. Correct sslmode or sslrootcert in database.url.")]
    Tls { address: String, reason: String },
    #[error("cannot migrate the database: {0}")]
    Migrate(MigrateError),
    #[error(
        "another version of yinku made this database: version {0} of its schema is unknown here. \
         Start that version of yinku, or set `database.url` to an empty database."
    )]
    OtherVersion(i64),
    #[error("the database is not durable: {setting} is {found}; set it to {wanted}")]
    NotDurable { setting: &'static str, found: String, wanted: &'static str },
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
                Self::OtherVersion(version)
            }
            other => Self::Migrate(other),
        }
    }
}

const READERS: u32 = 8;
/// A PostgreSQL connection that was used within this time counts as alive. Older connections are tested first.
const FRESH: Duration = Duration::from_secs(1);
/// The time that a statement waits for a lock of another process, such as a backup or a command.
const BUSY: Duration = Duration::from_secs(15);

/// The number of dead connections that `begin` skips. Nothing was done on them, so trying the next one is safe.
const DEAD: usize = 4;

type Begun = Result<Transaction<'static, Postgres>, DbError>;

/// Begins a transaction on a live connection. A write of the vendor's answer must not fail because the database server
/// restarted.
pub(super) async fn begin(pool: &PgPool) -> Begun {
    begin_with(pool, "BEGIN").await
}

/// Begins a transaction whose reads see one moment.
pub(super) async fn snapshot(pool: &PgPool) -> Begun {
    begin_with(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
}

async fn begin_with(pool: &PgPool, statement: &'static str) -> Begun {
    let pool = pool.clone();
    Whole::of(async move {
        for _ in 0..DEAD {
            match pool.begin_with(statement).await {
                Err(error) if ended(&error) => tracing::info!(%error, "skipped a dead connection to the database"),
                other => return other,
            }
        }
        pool.begin_with(statement).await
    })
    .await
}

/// Runs a `begin` to its end, also if its caller is dropped. When a future is dropped inside `begin()`, sqlx 0.9.0
/// returns a connection with an open transaction to the pool. The next caller would write into a transaction without a
/// commit.
struct Whole(Option<BoxFuture<'static, Begun>>);

impl Whole {
    fn of(begin: impl Future<Output = Begun> + Send + 'static) -> Self {
        Self(Some(Box::pin(begin)))
    }
}

impl Future for Whole {
    type Output = Begun;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Begun> {
        let whole = self.0.as_mut().expect("a finished future is not polled");
        let begun = ready!(whole.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(begun)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        // Without a runtime the pool is not used any more.
        if let (Some(begin), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            // Dropping the transaction rolls it back.
            runtime.spawn(begin);
        }
    }
}

/// Returns true if the error means that the connection has ended: lost, or closed by the server (class 57P, operator
/// intervention).
fn ended(error: &DbError) -> bool {
    match error {
        DbError::Io(_) => true,
        DbError::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// The longest wait for the first connection.
const REACH: Duration = Duration::from_secs(10);

/// Connects once. A pool repeats a failed connection and then reports only that it timed out.
async fn reach(options: &PgConnectOptions) -> Result<(), OpenError> {
    let address = format!("{}:{}", options.get_host(), options.get_port());
    let error = match tokio::time::timeout(REACH, options.connect()).await {
        Ok(Ok(connection)) => return Ok(connection.close().await?),
        Ok(Err(error)) => error,
        Err(_) => {
            let reason = format!("no answer within {} s", REACH.as_secs());
            return Err(OpenError::Unreachable { address, reason });
        }
    };
    let reason = match &error {
        DbError::Database(error) => error.message().to_owned(),
        DbError::Io(error) => error.to_string(),
        DbError::Tls(error) => error.to_string(),
        _ => return Err(error.into()),
    };
    let code = error.as_database_error().and_then(DatabaseError::code).unwrap_or_default();
    Err(match (&error, &*code) {
        (DbError::Tls(_), _) => OpenError::Tls { address, reason },
        (_, "28P01" | "28000") => OpenError::Login { address, reason },
        (_, "3D000") => OpenError::NoDatabase { address, reason },
        (DbError::Io(_), _) | (_, "57P03") => OpenError::Unreachable { address, reason },
        _ => error.into(),
    })
}

/// The pause between two tries of the first connection to a file.
const AGAIN: Duration = Duration::from_millis(20);

/// Opens the first connection to a file. Processes that start at once refuse each other while one of them turns a new
/// file into WAL mode. SQLite does not wait for that, whatever `busy_timeout` says.
async fn first_connection(pool: &SqlitePoolOptions, options: &SqliteConnectOptions) -> Result<SqlitePool, DbError> {
    let end = Instant::now() + BUSY;
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < end => tokio::time::sleep(AGAIN).await,
            other => return other,
        }
    }
}

/// Returns false if the connection comes back inside a transaction. The pool then closes it and opens another one.
///
/// SQLite ends a transaction itself when the disk is full or fails (FULL, IOERR, NOMEM, INTERRUPT). The rollback of sqlx
/// then fails, and sqlx counts the connection as inside a transaction for ever.
async fn outside_a_transaction<C: Connection>(connection: &mut C) -> Result<bool, DbError> {
    if connection.is_in_transaction() {
        // The rollback of a dropped transaction may be on its way. This waits for it.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

impl Db {
    /// Opens the database and migrates its schema.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let db = Self::connect(config, true).await?;
        match &db.pools {
            Pools::Sqlite { write, .. } => {
                // sqlx locks migrations on PostgreSQL only. On SQLite the write lock keeps other processes out.
                let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
                sqlx::migrate!("migrations/sqlite").run_direct(None, &mut *tx, false).await?;
                tx.commit().await?;
            }
            Pools::Postgres(pool) => sqlx::migrate!("migrations/postgres").run(pool).await?,
        }
        Ok(db)
    }

    /// Opens an existing database without migration, for commands that only read.
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
            // NORMAL loses acknowledged commits in a power failure.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        // Connections to a file do not die of age or idleness. A test before each use would double the switches to the
        // SQLite thread. One reader is always open: the last connection to close removes the files of the WAL, and a full
        // disk has no room to make them again.
        let pool = SqlitePoolOptions::new()
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .min_connections(1)
            .after_release(|connection, _| Box::pin(outside_a_transaction(connection)));
        let file = |reason| OpenError::File { path: path.to_owned(), reason };
        let write = first_connection(&pool.clone().max_connections(1), &options).await.map_err(file)?;
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
        let file = DatabaseFile::of(path).map_err(|error| file(error.into()))?;
        Ok(Self::new(Pools::Sqlite { write, read, file: file.into() }))
    }

    async fn connect_postgres(url: &str, max_connections: u32) -> Result<Self, OpenError> {
        let options: PgConnectOptions = url.parse()?;
        reach(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .test_before_acquire(false)
            // To compile a statement takes longer than all that it asks for here.
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::query("SET jit = off").execute(connection).await?;
                    Ok(())
                })
            })
            .after_release(|connection, _| Box::pin(outside_a_transaction(connection)))
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    if idle.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        let db = Self::new(Pools::Postgres(pool.clone()));
        let found: String = sql("SELECT current_setting('synchronous_commit')").scalar(&db).await?;
        if found == "off" {
            return Err(OpenError::NotDurable { setting: "synchronous_commit", found, wanted: "on" });
        }
        Ok(db)
    }
}
