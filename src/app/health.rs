//! Whether the database and the store work. Readiness shows it, and the workers wait for it after a failure.

use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::{
    db::{self, Db},
    outage::Outage,
    store::Store,
};

/// The age up to which a report is used again. Each test of the database is a durable write.
const FRESH: Duration = Duration::from_secs(1);
/// How long a test may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What does not work. `None`: it works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StorageHealth {
    pub database: Option<Outage>,
    pub store: Option<Outage>,
}

impl StorageHealth {
    #[must_use]
    pub fn is_well(self) -> bool {
        self == Self::default()
    }
}

/// Tests the database and the store, at most once a second.
#[derive(Debug, Default)]
pub struct HealthCheck {
    last: Mutex<Option<(Instant, StorageHealth)>>,
}

impl HealthCheck {
    /// Returns what works now. Concurrent callers wait for one test.
    pub async fn report(&self, db: &Db, store: &Store) -> StorageHealth {
        let mut last = self.last.lock().await;
        if let Some((at, report)) = *last
            && at.elapsed() < FRESH
        {
            return report;
        }
        let (database, store) = tokio::join!(database(db), of_store(store));
        let report =
            StorageHealth { database: database.as_ref().map(|one| one.0), store: store.as_ref().map(|one| one.0) };
        let before = last.map_or_else(StorageHealth::default, |(_, before)| before);
        if report != before {
            announce(report, text(&database), text(&store));
        }
        *last = Some((Instant::now(), report));
        report
    }
}

/// Logs a change, and not each test: the log may be on the disk that is full.
fn announce(report: StorageHealth, database: Option<&str>, store: Option<&str>) {
    if report.is_well() {
        tracing::info!("database and store work again");
    } else {
        tracing::error!(?database, ?store, "database or store does not work; jobs wait and callbacks may be refused");
    }
}

type Trouble = Option<(Outage, String)>;

fn text(trouble: &Trouble) -> Option<&str> {
    trouble.as_ref().map(|(_, text)| text.as_str())
}

const SILENT: &str = "no answer within 5 s";

async fn database(db: &Db) -> Trouble {
    match timeout(PATIENCE, db.check_write()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some((db::outage(&error).unwrap_or(Outage::Failing), error.to_string())),
        Err(_) => Some((Outage::Unreachable, SILENT.to_owned())),
    }
}

async fn of_store(store: &Store) -> Trouble {
    match timeout(PATIENCE, store.check_write()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some((error.outage().unwrap_or(Outage::Failing), error.to_string())),
        Err(_) => Some((Outage::Unreachable, SILENT.to_owned())),
    }
}
