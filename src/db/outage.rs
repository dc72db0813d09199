//! Tells an outage of the database from a refusal of one statement.

use sqlx::postgres::PgDatabaseError;

use super::DbError;
use crate::outage::Outage;

/// Returns the outage, or `None` if the database works and refused this statement.
#[must_use]
pub fn outage(error: &DbError) -> Option<Outage> {
    match error {
        DbError::Io(error) => Some(Outage::of_io(error)),
        DbError::Tls(_) | DbError::PoolTimedOut | DbError::PoolClosed => Some(Outage::Unreachable),
        DbError::WorkerCrashed | DbError::BeginFailed | DbError::InvalidSavePointStatement => Some(Outage::Failing),
        DbError::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => of_sqlstate(error.code()),
            None => error.code().and_then(|code| of_sqlite(code.parse().ok()?)),
        },
        _ => None,
    }
}

/// Class 53: no resources. 08, 57P: no connection. 58: an error of the system around the server.
fn of_sqlstate(code: &str) -> Option<Outage> {
    match code {
        "53100" => Some(Outage::NoSpace),
        "25006" => Some(Outage::ReadOnly),
        _ if code.starts_with("08") || code.starts_with("57P") => Some(Outage::Unreachable),
        _ if code.starts_with("53") || code.starts_with("58") => Some(Outage::Failing),
        _ => None,
    }
}

/// The low byte of an extended code is the primary code.
fn of_sqlite(code: i32) -> Option<Outage> {
    const BUSY: i32 = 5;
    const NOMEM: i32 = 7;
    const READONLY: i32 = 8;
    const IOERR: i32 = 10;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    match code & 0xff {
        FULL => Some(Outage::NoSpace),
        READONLY => Some(Outage::ReadOnly),
        BUSY | NOMEM | IOERR | CANTOPEN => Some(Outage::Failing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_no_refusal() {
        assert_eq!(of_sqlite(13), Some(Outage::NoSpace));
        assert_eq!(of_sqlite(778), Some(Outage::Failing), "SQLITE_IOERR_WRITE");
        assert_eq!(of_sqlite(2067), None, "SQLITE_CONSTRAINT_UNIQUE");
        assert_eq!(of_sqlstate("53100"), Some(Outage::NoSpace));
        assert_eq!(of_sqlstate("57P03"), Some(Outage::Unreachable), "the server starts");
        assert_eq!(of_sqlstate("23505"), None, "a unique violation");
        assert_eq!(of_sqlstate("54000"), None, "the index row is too large: the statement is at fault");
        assert_eq!(outage(&DbError::RowNotFound), None);
    }
}
