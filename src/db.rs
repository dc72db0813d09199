//! Both engines behind one door: SQLite (embedded default) and PostgreSQL, by URL.
//!
//! Each statement is written once, beside its noun, in the subset that both engines speak, with `$1` parameters:
//!
//! ```text
//! sql("SELECT * FROM flows WHERE id = $1").bind(id).one(db).await?
//! ```
//!
//! Only this module names a driver. Where the engines differ, the text holds a fragment in braces, replaced per engine:
//! `{now}` (the database's clock in microseconds), `{position}` (where a text is in another), `{ascii}` (`lower` of A to Z
//! alone), `{for_update}`, `{for_key_share}`, `{skip_locked}`.
//!
//! Reads take `&Db`, or `&mut Reader` for several in a row; writes take `&mut Tx`. On SQLite the pool behind `&Db` refuses
//! writes, so a write outside a transaction fails its first test.

mod arg;
pub mod filter;
mod listen;
mod open;
mod wakeup;

use std::{borrow::Cow, sync::Arc};

use sqlx::{
    AssertSqlSafe, FromRow, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction,
    pool::PoolConnection, postgres::PgRow, query_as_with, query_with, sqlite::SqliteRow,
};

pub use arg::{Arg, storable};
pub use listen::Listener;
pub use open::OpenError;
pub use sqlx::Error as DbError;
pub use wakeup::Wakeup;

use arg::{postgres_arguments, sqlite_arguments};
use wakeup::Queued;

use crate::clock::Timestamp;

/// The database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pools: Pools,
    wakeup: Arc<Wakeup>,
}

/// The connections, by engine.
#[derive(Clone, Debug)]
pub enum Pools {
    /// One writer connection (SQLite has one writer anyway; queueing here is fair and never busy), many readers.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction that may write. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    transaction: Open,
    wakeup: Arc<Wakeup>,
    queued: Option<Queued>,
}

#[derive(Debug)]
enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// One connection for several reads: each read on [`Db`] takes one and gives it back, which costs PostgreSQL a round
/// trip. Who holds it must not begin a transaction: all connections could be held by those who wait for another.
#[derive(Debug)]
pub enum Reader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Db {
    fn new(pools: Pools) -> Self {
        Self { pools, wakeup: Arc::default() }
    }

    /// The connections to the database.
    #[must_use]
    pub const fn pools(&self) -> &Pools {
        &self.pools
    }

    #[must_use]
    pub const fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Wakes the workers of this process when a transaction has committed work for them.
    #[must_use]
    pub fn wakeup(&self) -> &Wakeup {
        &self.wakeup
    }

    /// A connection to read from.
    pub async fn reader(&self) -> Result<Reader, DbError> {
        Ok(match &self.pools {
            Pools::Sqlite { read, .. } => Reader::Sqlite(read.acquire().await?),
            Pools::Postgres(pool) => Reader::Postgres(pool.acquire().await?),
        })
    }

    /// Begins a writing transaction: `BEGIN IMMEDIATE` on SQLite, because a deferred one that reads and then writes
    /// fails with SQLITE_BUSY whatever the timeout.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let transaction = match &self.pools {
            Pools::Sqlite { write, .. } => Open::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres(pool) => Open::Postgres(open::begin(pool).await?),
        };
        Ok(Tx { transaction, wakeup: Arc::clone(&self.wakeup), queued: None })
    }

    /// Answers when the database does.
    pub async fn check(&self) -> Result<(), DbError> {
        sql("SELECT 1").scalar::<i64>(self).await.or_else(|error| match error {
            // PostgreSQL types the literal as INT4; an answer of another width is an answer.
            DbError::ColumnDecode { .. } => Ok(1),
            other => Err(other),
        })?;
        Ok(())
    }

    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Commits, then wakes the workers for what the transaction has queued.
    pub async fn commit(self) -> Result<(), DbError> {
        match self.transaction {
            Open::Sqlite(tx) => tx.commit().await?,
            Open::Postgres(tx) => tx.commit().await?,
        }
        if let Some(queued) = self.queued {
            self.wakeup.committed(queued);
        }
        Ok(())
    }

    /// The transaction has queued work that is due at `at`.
    pub fn queue(&mut self, at: Timestamp, now: Timestamp) {
        self.queued = Some(Queued { at, now }.earlier(self.queued));
    }
}

/// Where a statement runs.
#[derive(Debug)]
pub enum On<'c> {
    SqlitePool(&'c SqlitePool),
    Sqlite(&'c mut SqliteConnection),
    PgPool(&'c PgPool),
    Pg(&'c mut PgConnection),
}

impl<'c> From<&'c Db> for On<'c> {
    fn from(db: &'c Db) -> Self {
        match &db.pools {
            Pools::Sqlite { read, .. } => Self::SqlitePool(read),
            Pools::Postgres(pool) => Self::PgPool(pool),
        }
    }
}

impl<'c> From<&'c mut Tx> for On<'c> {
    fn from(tx: &'c mut Tx) -> Self {
        match &mut tx.transaction {
            Open::Sqlite(tx) => Self::Sqlite(tx),
            Open::Postgres(tx) => Self::Pg(tx),
        }
    }
}

impl<'c> From<&'c mut Reader> for On<'c> {
    fn from(reader: &'c mut Reader) -> Self {
        match reader {
            Reader::Sqlite(connection) => Self::Sqlite(connection),
            Reader::Postgres(connection) => Self::Pg(connection),
        }
    }
}

/// A row type that both engines can fill: `#[derive(sqlx::FromRow)]` gives it.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A single column's type that both engines can read.
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

/// A statement; parameters are `$1`, `$2` …, bound in order.
#[must_use]
pub fn sql(text: impl Into<Cow<'static, str>>) -> Sql {
    Sql { text: text.into(), args: Vec::new() }
}

/// `($1, $2, …)` for `count` parameters that start at `$first`.
#[must_use]
pub fn placeholders(first: usize, count: usize) -> String {
    let list: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    format!("({})", list.join(", "))
}

/// `($1, $2), ($3, $4) …`: `count` rows of `columns` parameters each.
#[must_use]
pub fn rows(columns: usize, count: usize) -> String {
    (0..count).map(|row| placeholders(1 + row * columns, columns)).collect::<Vec<_>>().join(", ")
}

/// Cuts a list into pieces of few different lengths, for statements of many rows: each length is a statement of its own
/// that both engines prepare and keep.
pub fn pieces<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = [64, 32, 16, 8, 4, 2, 1].into_iter().find(|length| *length <= items.len())?;
        let (piece, rest) = items.split_at(length);
        items = rest;
        Some(piece)
    })
}

/// A list for `IN`, filled up with its last item to one of few lengths, for the same reason.
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
        match $on.into() {
            On::SqlitePool(c) => $call(safe(text, &SQLITE), sqlite_arguments(args)?, c).await,
            On::Sqlite(c) => $call(safe(text, &SQLITE), sqlite_arguments(args)?, c).await,
            On::PgPool(c) => $call(safe(text, &POSTGRES), postgres_arguments(args)?, c).await,
            On::Pg(c) => $call(safe(text, &POSTGRES), postgres_arguments(args)?, c).await,
        }
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

    /// Runs the statement; the number of rows it changed.
    pub async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<u64, DbError> {
        let Self { text, args } = self;
        Ok(match on.into() {
            On::SqlitePool(c) => {
                query_with(safe(text, &SQLITE), sqlite_arguments(args)?).execute(c).await?.rows_affected()
            }
            On::Sqlite(c) => query_with(safe(text, &SQLITE), sqlite_arguments(args)?).execute(c).await?.rows_affected(),
            On::PgPool(c) => {
                query_with(safe(text, &POSTGRES), postgres_arguments(args)?).execute(c).await?.rows_affected()
            }
            On::Pg(c) => query_with(safe(text, &POSTGRES), postgres_arguments(args)?).execute(c).await?.rows_affected(),
        })
    }

    pub async fn all<'c, T: Row>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, DbError> {
        run!(self, on, |text, args, c| async move { query_as_with(text, args).fetch_all(c).await })
    }

    pub async fn optional<'c, T: Row>(self, on: impl Into<On<'c>>) -> Result<Option<T>, DbError> {
        run!(self, on, |text, args, c| async move { query_as_with(text, args).fetch_optional(c).await })
    }

    /// The one row; [`DbError::RowNotFound`] when there is none.
    pub async fn one<'c, T: Row>(self, on: impl Into<On<'c>>) -> Result<T, DbError> {
        self.optional(on).await?.ok_or(DbError::RowNotFound)
    }

    /// The first column of the one row.
    pub async fn scalar<'c, T: Scalar>(self, on: impl Into<On<'c>>) -> Result<T, DbError> {
        self.one::<(T,)>(on).await.map(|row| row.0)
    }

    /// The first column of every row.
    pub async fn scalars<'c, T: Scalar>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, DbError> {
        self.all::<(T,)>(on).await.map(|rows| rows.into_iter().map(|row| row.0).collect())
    }
}

/// What each engine calls the fragments in braces.
const SQLITE: [(&str, &str); 6] = [
    ("{now}", "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"),
    ("{position}", "instr"),
    ("{ascii}", ""),
    ("{for_update}", ""),
    ("{for_key_share}", ""),
    ("{skip_locked}", ""),
];
const POSTGRES: [(&str, &str); 6] = [
    ("{now}", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"),
    ("{position}", "strpos"),
    ("{ascii}", "COLLATE \"C\""),
    // Rows that refer to the locked one may still be written.
    ("{for_update}", "FOR NO KEY UPDATE"),
    // The locked row may be written, but for its keys, and not by who locks it with {skip_locked}.
    ("{for_key_share}", "FOR KEY SHARE"),
    ("{skip_locked}", "FOR UPDATE SKIP LOCKED"),
];

/// The statement in one engine's words. Safe: texts are constants of this crate, values travel as parameters.
fn safe(text: Cow<'static, str>, fragments: &[(&str, &str)]) -> AssertSqlSafe<String> {
    let mut text = text.into_owned();
    if text.contains('{') {
        for (fragment, meaning) in fragments {
            text = text.replace(fragment, meaning);
        }
    }
    AssertSqlSafe(text)
}
