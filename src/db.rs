//! The database: SQLite (embedded, default) or PostgreSQL. The URL selects the engine.
//!
//! Each statement is written once, beside its noun, in the SQL subset of both engines. Parameters are `$1`, `$2` and so
//! on:
//!
//! ```text
//! sql("SELECT * FROM flows WHERE id = $1").bind(id).one(db).await?
//! ```
//!
//! Only this module names a driver. Where the engines differ, the text has a fragment in braces, which this module
//! replaces: `{now}` (the clock of the database in microseconds), `{position}` (the position of a text in another),
//! `{ascii}` (`lower` for A to Z only), `{for_update}`, `{for_share}`, `{for_key_share}`,
//! `{for_share_of_f}`, `{skip_locked}`.
//!
//! Reads take `&Db`, or `&mut Reader` for several reads. Writes take `&mut Tx`. On SQLite the pool of `&Db` refuses
//! writes, so a test finds a write outside a transaction.

mod arg;
mod file;
pub mod filter;
mod folded;
mod listen;
mod on;
mod open;
mod outage;
mod patience;
mod wakeup;

use std::{borrow::Cow, sync::Arc};

use sqlx::{
    AssertSqlSafe, FromRow, PgPool, Postgres, Sqlite, SqlitePool, Transaction, pool::PoolConnection, postgres::PgRow,
    query_as_with, query_with, sqlite::SqliteRow,
};

pub use arg::{Arg, storable};
pub use file::DatabaseFile;
pub use folded::{folded, is_blank};
pub use listen::Listener;
pub use on::On;
pub use open::OpenError;
pub use outage::outage;
pub use patience::{answered, is_unavailable, limited, with_same_patience};
pub use sqlx::Error as DbError;
pub use wakeup::Wakeup;

use arg::{postgres_arguments, sqlite_arguments};
use on::{Target, failed_before, mark};
use wakeup::Queued;

use crate::clock::Timestamp;

/// What a write test needs of free pages.
const FILLER: usize = 16 << 10;

/// The database. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Db {
    pools: Pools,
    wakeup: Arc<Wakeup>,
}

/// The connection pools of one engine.
#[derive(Clone, Debug)]
pub enum Pools {
    /// One writer connection and many readers. SQLite allows one writer. The pool queues writers fairly and never
    /// returns SQLITE_BUSY.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
        file: Arc<DatabaseFile>,
    },
    Postgres(PgPool),
}

/// A transaction that may write. It rolls back if it is dropped without [`Tx::commit`].
#[derive(Debug)]
pub struct Tx {
    transaction: Open,
    /// A statement failed, so the transaction may have ended: PostgreSQL refuses all that follows, and SQLite may have
    /// rolled back and would commit each later statement alone.
    failed: bool,
    wakeup: Arc<Wakeup>,
    queued: Option<Queued>,
}

#[derive(Debug)]
enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// One connection for several reads. Each read on [`Db`] takes and returns a connection, which costs a round trip on
/// PostgreSQL. Do not begin a transaction while you hold a `Reader`: if all callers do so, they wait for each other.
#[derive(Debug)]
pub enum Reader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Db {
    fn new(pools: Pools) -> Self {
        Self { pools, wakeup: Arc::default() }
    }

    /// The connection pools.
    #[must_use]
    pub const fn pools(&self) -> &Pools {
        &self.pools
    }

    #[must_use]
    pub const fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Wakes the workers of this process after a commit that queued work.
    #[must_use]
    pub fn wakeup(&self) -> &Wakeup {
        &self.wakeup
    }

    /// Takes one connection for several reads.
    pub async fn reader(&self) -> Result<Reader, DbError> {
        Ok(match &self.pools {
            Pools::Sqlite { read, .. } => Reader::Sqlite(answered(read.acquire()).await?),
            Pools::Postgres(pool) => Reader::Postgres(answered(pool.acquire()).await?),
        })
    }

    /// Begins a transaction that may write. SQLite uses `BEGIN IMMEDIATE`: a deferred transaction that reads and then
    /// writes fails with SQLITE_BUSY, regardless of the timeout.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let transaction = match &self.pools {
            Pools::Sqlite { write, file, .. } => {
                file.check()?;
                Open::Sqlite(answered(write.begin_with("BEGIN IMMEDIATE")).await?)
            }
            Pools::Postgres(pool) => Open::Postgres(answered(open::begin(pool)).await?),
        };
        Ok(Tx { transaction, failed: false, wakeup: Arc::clone(&self.wakeup), queued: None })
    }

    /// Begins a transaction that only reads. All of its reads see the database at one moment. Do not write in it, and do
    /// not begin another transaction while you hold it.
    pub async fn snapshot(&self) -> Result<Tx, DbError> {
        let transaction = match &self.pools {
            Pools::Sqlite { read, .. } => Open::Sqlite(answered(read.begin_with("BEGIN DEFERRED")).await?),
            Pools::Postgres(pool) => Open::Postgres(answered(open::snapshot(pool)).await?),
        };
        Ok(Tx { transaction, failed: false, wakeup: Arc::clone(&self.wakeup), queued: None })
    }

    /// Returns `Ok` if the database accepts a write.
    pub async fn check_write(&self) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        if !self.is_postgres() {
            // A row that is changed in place needs no page. A callback does.
            sql("INSERT INTO write_test (id, at, filler) VALUES (2, {now}, $1)")
                .bind(vec![0_u8; FILLER])
                .execute(&mut tx)
                .await?;
            sql("DELETE FROM write_test WHERE id = 2").execute(&mut tx).await?;
        }
        sql("INSERT INTO write_test (id, at) VALUES (1, {now}) ON CONFLICT (id) DO UPDATE SET at = excluded.at")
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }

    /// Returns `Ok` if the database answers.
    pub async fn check(&self) -> Result<(), DbError> {
        sql("SELECT 1").scalar::<i64>(self).await.or_else(|error| match error {
            // PostgreSQL returns INT4 for the literal, so reading it as another width can fail. The database has
            // answered.
            DbError::ColumnDecode { .. } => Ok(1),
            other => Err(other),
        })?;
        Ok(())
    }

    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Commits, then wakes the workers for queued work.
    pub async fn commit(self) -> Result<(), DbError> {
        if self.failed {
            return Err(failed_before());
        }
        match self.transaction {
            Open::Sqlite(tx) => answered(tx.commit()).await?,
            Open::Postgres(tx) => answered(tx.commit()).await?,
        }
        if let Some(queued) = self.queued {
            self.wakeup.committed(queued);
        }
        Ok(())
    }

    /// Records that the transaction queued work that is due at `at`.
    pub fn queue(&mut self, at: Timestamp, now: Timestamp) {
        self.queued = Some(Queued { at, now }.earlier(self.queued));
    }
}

/// A row type for both engines. `#[derive(sqlx::FromRow)]` implements it.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A column type that both engines can read.
pub trait Scalar:
    for<'r> sqlx::Decode<'r, Sqlite>
    + for<'r> sqlx::Decode<'r, Postgres>
    + sqlx::Type<Sqlite>
    + sqlx::Type<Postgres>
    + Send
    + Unpin
{
}

impl<T> Scalar for T where
    T: for<'r> sqlx::Decode<'r, Sqlite>
        + for<'r> sqlx::Decode<'r, Postgres>
        + sqlx::Type<Sqlite>
        + sqlx::Type<Postgres>
        + Send
        + Unpin
{
}

/// One statement with its parameters.
#[derive(Debug)]
pub struct Sql {
    text: Cow<'static, str>,
    args: Vec<Arg>,
}

/// Creates a statement. Its parameters `$1`, `$2` … are bound in order.
#[must_use]
pub fn sql(text: impl Into<Cow<'static, str>>) -> Sql {
    Sql { text: text.into(), args: Vec::new() }
}

/// Returns `($1, $2, …)` for `count` parameters that start at `$first`.
#[must_use]
pub fn placeholders(first: usize, count: usize) -> String {
    let list: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    format!("({})", list.join(", "))
}

/// Returns `($1, $2), ($3, $4) …`: `count` rows of `columns` parameters.
#[must_use]
pub fn rows(columns: usize, count: usize) -> String {
    (0..count).map(|row| placeholders(1 + row * columns, columns)).collect::<Vec<_>>().join(", ")
}

/// Splits a list into pieces of few different lengths, for statements with many rows. Each length is a separate
/// statement, and both engines cache prepared statements.
pub fn pieces<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = [64, 32, 16, 8, 4, 2, 1].into_iter().find(|length| *length <= items.len())?;
        let (piece, rest) = items.split_at(length);
        items = rest;
        Some(piece)
    })
}

/// Pads a list for `IN` with its last item to one of few lengths, for the same reason.
#[must_use]
pub fn padded<T: Clone>(items: &[T]) -> Vec<T> {
    let mut list = items.to_vec();
    let length = [4, 16, 64, 256, 1024].into_iter().find(|length| *length >= items.len()).unwrap_or(items.len());
    if let Some(last) = items.last() {
        list.resize(length, last.clone());
    }
    list
}

macro_rules! run {
    ($statement:expr, $on:expr, $call:expr) => {{
        let Sql { text, args } = $statement;
        let on: On<'_> = $on.into();
        on.refuse_after_failure()?;
        let done = match on.target {
            Target::SqlitePool(c) => answered($call(safe(text, &SQLITE), sqlite_arguments(args)?, c)).await,
            Target::Sqlite(c) => answered($call(safe(text, &SQLITE), sqlite_arguments(args)?, c)).await,
            Target::PgPool(c) => answered($call(safe(text, &POSTGRES), postgres_arguments(args)?, c)).await,
            Target::Pg(c) => answered($call(safe(text, &POSTGRES), postgres_arguments(args)?, c)).await,
        };
        mark(on.failed, done)
    }};
}

impl Sql {
    #[must_use]
    pub fn bind(mut self, arg: impl Into<Arg>) -> Self {
        self.args.push(arg.into());
        self
    }

    #[must_use]
    pub fn bind_all<A: Into<Arg>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Runs the statement and returns the number of changed rows.
    pub async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<u64, DbError> {
        let Self { text, args } = self;
        let on: On<'_> = on.into();
        on.refuse_after_failure()?;
        let done = match on.target {
            Target::SqlitePool(c) => answered(query_with(safe(text, &SQLITE), sqlite_arguments(args)?).execute(c))
                .await
                .map(|done| done.rows_affected()),
            Target::Sqlite(c) => answered(query_with(safe(text, &SQLITE), sqlite_arguments(args)?).execute(c))
                .await
                .map(|done| done.rows_affected()),
            Target::PgPool(c) => answered(query_with(safe(text, &POSTGRES), postgres_arguments(args)?).execute(c))
                .await
                .map(|done| done.rows_affected()),
            Target::Pg(c) => answered(query_with(safe(text, &POSTGRES), postgres_arguments(args)?).execute(c))
                .await
                .map(|done| done.rows_affected()),
        };
        mark(on.failed, done)
    }

    pub async fn all<'c, T: Row>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, DbError> {
        run!(self, on, |text, args, c| async move { query_as_with(text, args).fetch_all(c).await })
    }

    pub async fn optional<'c, T: Row>(self, on: impl Into<On<'c>>) -> Result<Option<T>, DbError> {
        run!(self, on, |text, args, c| async move { query_as_with(text, args).fetch_optional(c).await })
    }

    /// Returns the row, or [`DbError::RowNotFound`] if no row matches.
    pub async fn one<'c, T: Row>(self, on: impl Into<On<'c>>) -> Result<T, DbError> {
        self.optional(on).await?.ok_or(DbError::RowNotFound)
    }

    /// Returns the first column of the row.
    pub async fn scalar<'c, T: Scalar>(self, on: impl Into<On<'c>>) -> Result<T, DbError> {
        self.one::<(T,)>(on).await.map(|row| row.0)
    }

    /// Returns the first column of every row.
    pub async fn scalars<'c, T: Scalar>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, DbError> {
        self.all::<(T,)>(on).await.map(|rows| rows.into_iter().map(|row| row.0).collect())
    }
}

/// The fragments in braces and their text for each engine.
const SQLITE: [(&str, &str); 8] = [
    ("{now}", "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"),
    ("{position}", "instr"),
    ("{ascii}", ""),
    ("{for_update}", ""),
    ("{for_share}", ""),
    ("{for_key_share}", ""),
    ("{for_share_of_f}", ""),
    ("{skip_locked}", ""),
];
const POSTGRES: [(&str, &str); 8] = [
    ("{now}", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"),
    ("{position}", "strpos"),
    ("{ascii}", "COLLATE \"C\""),
    // This lock allows writes of rows that refer to the locked row.
    ("{for_update}", "FOR NO KEY UPDATE"),
    // This lock allows writes of the row except its keys. It conflicts with {skip_locked}.
    ("{for_share}", "FOR SHARE"),
    ("{for_key_share}", "FOR KEY SHARE"),
    // As {for_share}, for the table `f` of a join.
    ("{for_share_of_f}", "FOR SHARE OF f"),
    ("{skip_locked}", "FOR UPDATE SKIP LOCKED"),
];

/// Replaces the fragments for one engine. This is safe, because texts are constants and values are parameters.
fn safe(text: Cow<'static, str>, fragments: &[(&str, &str)]) -> AssertSqlSafe<String> {
    let mut text = text.into_owned();
    if text.contains('{') {
        for (fragment, meaning) in fragments {
            text = text.replace(fragment, meaning);
        }
    }
    AssertSqlSafe(text)
}
