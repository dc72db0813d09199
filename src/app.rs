//! The parts of the running service, put together once at start.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, broadcast};

use crate::{
    audit::journal::Journal,
    clock::Clock,
    config::Config,
    cpu::Cpu,
    db::{Db, OpenError},
    id::ServiceId,
    picture::thumbnail,
    provider::{Limits, ProviderBuildError, Providers},
    store::{Store, StoreError},
    telemetry::Metrics,
    vocabulary::words,
};

/// What everything that acts is given.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub db: Db,
    pub store: Store,
    pub vendor: Providers,
    pub cpu: Cpu,
    pub metrics: Metrics,
    pub bounds: Bounds,
    /// Where acts that change nothing else are written down before they happen.
    pub journal: Journal,
    /// Hints to whoever looks at a page just now; lost when nobody listens.
    pub events: broadcast::Sender<Hint>,
    /// The hints that this process gives, for those who listen at another one; see [`crate::notify::peers`].
    pub hints_for_others: broadcast::Sender<Hint>,
}

words! {
    /// What a hint is about.
    About {
        Flow = "flow",
        Ingest = "ingest",
        Document = "document",
    }
}

/// Something changed: read it again.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hint {
    pub about: About,
    pub id: String,
    pub flow_id: String,
    pub state: String,
    pub received: i64,
    pub expected: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Db(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vendor(#[from] ProviderBuildError),
    #[error("cannot start the threads that compute: {0}")]
    Cpu(#[from] rayon::ThreadPoolBuildError),
    #[error("cannot make the data directory: {0}")]
    DataDir(#[from] std::io::Error),
}

const HINTS: usize = 1024;

impl App {
    pub async fn open(config: Config, clock: Clock) -> Result<Arc<Self>, StartError> {
        tokio::fs::create_dir_all(&config.data_dir).await?;
        let db = Db::open(&config.database).await?;
        let store = Store::open(&config.store).await?;
        let limits = Limits {
            connect_timeout: config.vendor.connect_timeout.get(),
            read_timeout: config.vendor.read_timeout.get(),
            total_timeout: config.vendor.total_timeout.get(),
            max_zip_bytes: config.vendor.max_zip_bytes.get(),
            ..Limits::default()
        };
        let vendor = Providers::new(&limits, clock.clone())?;
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let threads = if config.thumbnail.threads == 0 { cores } else { config.thumbnail.threads };
        let cpu = Cpu::new(threads, threads * 2, config.ingest.decode_bytes_in_flight.get())?;
        let bounds = Bounds::new(&config);
        let journal = Journal::start(db.clone(), config.audit.queue);
        let (events, hints_for_others) = (broadcast::channel(HINTS).0, broadcast::channel(HINTS).0);
        let metrics = Metrics::default();
        Ok(Arc::new(Self { config, clock, db, store, vendor, cpu, metrics, bounds, journal, events, hints_for_others }))
    }

    /// What a picture may cost.
    #[must_use]
    pub fn thumbnail_limits(&self) -> thumbnail::ThumbnailLimits {
        thumbnail::ThumbnailLimits {
            max_pixels: self.config.ingest.max_pixels,
            ..thumbnail::ThumbnailLimits::default()
        }
    }

    /// Tells listeners; nobody listening is fine.
    pub fn hint(&self, hint: Hint) {
        let _ = self.hints_for_others.send(hint.clone());
        let _ = self.events.send(hint);
    }

    /// A hint would be lost.
    #[must_use]
    pub fn nobody_listens(&self) -> bool {
        self.events.receiver_count() == 0 && self.hints_for_others.receiver_count() == 0
    }
}

/// What may be in flight at once: photos per service and in all, bytes of photos in memory, uploads.
#[derive(Debug)]
pub struct Bounds {
    photos: Arc<Semaphore>,
    per_service: Mutex<HashMap<ServiceId, Arc<Semaphore>>>,
    per_service_limit: usize,
    kibibytes: Arc<Semaphore>,
    zips: Semaphore,
    uploads: Arc<Semaphore>,
}

impl Bounds {
    fn new(config: &Config) -> Self {
        let kibibytes = usize::try_from(config.ingest.bytes_in_flight.get() / 1024).unwrap_or(usize::MAX);
        Self {
            photos: Arc::new(Semaphore::new(config.ingest.photos_in_flight)),
            per_service: Mutex::default(),
            per_service_limit: config.ingest.per_service,
            kibibytes: Arc::new(Semaphore::new(kibibytes.min(Semaphore::MAX_PERMITS))),
            zips: Semaphore::new(1),
            uploads: Arc::new(Semaphore::new(config.upload.in_flight)),
        }
    }

    /// Waits for the turn to read a vendor's zip: its entries are unpacked before anybody knows how large they are.
    pub async fn zip(&self) -> SemaphorePermit<'_> {
        self.zips.acquire().await.expect("never closed")
    }

    /// Waits for the right to fetch one photo from `service`.
    pub async fn photo(&self, service: &ServiceId) -> (OwnedSemaphorePermit, OwnedSemaphorePermit) {
        let own = {
            let mut services = self.per_service.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(self.per_service_limit));
            Arc::clone(services.entry(service.clone()).or_insert_with(new))
        };
        // The service's first: waiting for a slow vendor must not hold a place that another vendor could use.
        let own = own.acquire_owned().await.expect("never closed");
        let all = Arc::clone(&self.photos).acquire_owned().await.expect("never closed");
        (own, all)
    }

    /// The right to take an upload in; `None` while as many as may be are coming in.
    pub fn upload(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.uploads).try_acquire_owned().ok()
    }

    /// Waits for the right to hold `bytes` of photos in memory.
    pub async fn bytes(&self, bytes: u64) -> OwnedSemaphorePermit {
        let wanted = u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX);
        Arc::clone(&self.kibibytes).acquire_many_owned(wanted).await.expect("never closed")
    }
}
