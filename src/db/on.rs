//! What runs a statement: a pool, one connection for reads, or a transaction.

use sqlx::{PgConnection, PgPool, SqliteConnection, SqlitePool};

use super::{Db, DbError, Open, Pools, Reader, Tx};

/// The connection or transaction that runs a statement.
#[derive(Debug)]
pub struct On<'c> {
    pub(super) target: Target<'c>,
    /// The mark of a transaction whose statement failed.
    pub(super) failed: Option<&'c mut bool>,
}

#[derive(Debug)]
pub(super) enum Target<'c> {
    SqlitePool(&'c SqlitePool),
    Sqlite(&'c mut SqliteConnection),
    PgPool(&'c PgPool),
    Pg(&'c mut PgConnection),
}

impl<'c> From<&'c Db> for On<'c> {
    fn from(db: &'c Db) -> Self {
        let target = match &db.pools {
            Pools::Sqlite { read, .. } => Target::SqlitePool(read),
            Pools::Postgres(pool) => Target::PgPool(pool),
        };
        Self { target, failed: None }
    }
}

impl<'c> From<&'c mut Tx> for On<'c> {
    fn from(tx: &'c mut Tx) -> Self {
        let target = match &mut tx.transaction {
            Open::Sqlite(tx) => Target::Sqlite(tx),
            Open::Postgres(tx) => Target::Pg(tx),
        };
        Self { target, failed: Some(&mut tx.failed) }
    }
}

impl<'c> From<&'c mut Reader> for On<'c> {
    fn from(reader: &'c mut Reader) -> Self {
        let target = match reader {
            Reader::Sqlite(connection) => Target::Sqlite(connection),
            Reader::Postgres(connection) => Target::Pg(connection),
        };
        Self { target, failed: None }
    }
}

impl On<'_> {
    /// Refuses a statement in a transaction whose earlier statement failed.
    pub(super) fn refuse_after_failure(&self) -> Result<(), DbError> {
        if self.failed.as_deref() == Some(&true) { Err(failed_before()) } else { Ok(()) }
    }
}

pub(super) fn failed_before() -> DbError {
    DbError::Protocol("an earlier statement of this transaction failed; begin a new transaction".to_owned())
}

/// Marks the transaction of a statement that failed. A row that cannot be read is no failure of the statement.
pub(super) fn mark<T>(failed: Option<&mut bool>, done: Result<T, DbError>) -> Result<T, DbError> {
    let in_reading = |error: &DbError| {
        matches!(
            error,
            DbError::RowNotFound
                | DbError::ColumnDecode { .. }
                | DbError::ColumnNotFound(_)
                | DbError::ColumnIndexOutOfBounds { .. }
                | DbError::Decode(_)
                | DbError::TypeNotFound { .. }
        )
    };
    if let (Some(failed), Err(error)) = (failed, &done) {
        *failed |= !in_reading(error);
    }
    done
}
