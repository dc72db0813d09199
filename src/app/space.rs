//! The space that is left for the data: a metric, and a log line when it is little.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    config::StoreUrl,
    telemetry::{DirectoryLabels, Metrics},
};

/// The interval between two measurements for the log.
const EVERY: Duration = Duration::from_mins(1);

/// The directories whose file systems are watched.
#[derive(Debug)]
pub struct DiskSpace {
    directories: Vec<Watched>,
    warn_below: u64,
}

#[derive(Debug)]
struct Watched {
    name: &'static str,
    path: PathBuf,
    /// The last measurement was below the limit.
    low: AtomicBool,
}

impl DiskSpace {
    /// The data directory, and the directory of the store if it is one.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let watched = |name, path: &Path| Watched { name, path: path.to_owned(), low: AtomicBool::new(false) };
        let mut directories = vec![watched("data", &config.data_dir)];
        if let StoreUrl::Local(path) = &config.store.url {
            directories.push(watched("store", path));
        }
        Self { directories, warn_below: config.disk.warn_below.get() }
    }

    /// Measures the free space and sets the metric. Logs when it falls below the limit and when it is above it again.
    pub async fn measure(&self, metrics: &Metrics) {
        for watched in &self.directories {
            let path = watched.path.clone();
            // A network file system may not answer.
            let Ok(Some(free)) = tokio::task::spawn_blocking(move || free_bytes(&path)).await else { continue };
            let labels = DirectoryLabels { directory: watched.name };
            metrics.disk_free_bytes.get_or_create(&labels).set(i64::try_from(free).unwrap_or(i64::MAX));
            let low = free < self.warn_below;
            if watched.low.swap(low, Ordering::Relaxed) == low {
                continue;
            }
            let (directory, path) = (watched.name, watched.path.display());
            if low {
                tracing::warn!(directory, %path, free, warn_below = self.warn_below, "little space is left; make room");
            } else {
                tracing::info!(directory, %path, free, "there is enough space again");
            }
        }
    }

    /// Measures until `stop`.
    pub async fn watch(&self, metrics: &Metrics, stop: CancellationToken) {
        loop {
            self.measure(metrics).await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// The bytes that this user may still write to the file system of the directory.
#[cfg(target_os = "linux")]
fn free_bytes(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(target_os = "linux"))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}
