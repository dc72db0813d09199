//! The parts of the running service. The start of the process builds them once.

mod health;
mod secrets;
mod space;
mod uploads;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, broadcast};

use crate::{
    audit::{journal::Journal, refusals::Refusals},
    clock::Clock,
    config::Config,
    cpu::Cpu,
    db::{Db, OpenError},
    id::{ServiceId, UserId},
    original::unlinked::UnlinkedOriginals,
    picture::thumbnail,
    provider::{Limits, ProviderBuildError, Providers},
    secret::{KeyFileError, Secrets},
    service::ServiceError,
    store::{Store, StoreError},
    telemetry::Metrics,
    user::throttle::LoginThrottle,
    user::totp::TotpError,
    vocabulary::words,
};
pub use health::{HealthCheck, StorageHealth};
pub use space::DiskSpace;
use uploads::Uploads;
pub use uploads::{UploadPlace, UploadsFull};

/// The shared parts that every action of the service uses.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub db: Db,
    /// Seals and opens the secrets that rows keep.
    pub secrets: Secrets,
    pub store: Store,
    pub vendor: Providers,
    pub cpu: Cpu,
    pub metrics: Metrics,
    pub bounds: Bounds,
    /// Contents that have no row yet.
    pub unlinked: UnlinkedOriginals,
    pub disk_space: DiskSpace,
    health: HealthCheck,
    /// Records acts that change no other row. The entry is written before the act happens.
    pub journal: Journal,
    pub refusals: Refusals,
    /// The failed logins of this process.
    pub login_throttle: LoginThrottle,
    /// Change notices for the open pages of this process. A notice without a listener is lost.
    pub change_notices: broadcast::Sender<ChangeNotice>,
    /// The change notices of this process, for listeners at other processes; see [`crate::notify::peers`].
    pub notices_for_peers: broadcast::Sender<ChangeNotice>,
}

words! {
    /// The kind of thing that a change notice is about.
    ChangeSubject {
        Flow = "flow",
        Ingest = "ingest",
        Document = "document",
        /// A folder, its rights, or the documents in it. It has no flow.
        Folder = "folder",
    }
}

/// Reports that a thing has changed. A page that receives it reads the thing again.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeNotice {
    pub about: ChangeSubject,
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
    #[error("cannot start the compute threads: {0}")]
    Cpu(#[from] rayon::ThreadPoolBuildError),
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error("cannot read or seal the stored secrets: {0}")]
    Secrets(#[from] ServiceError),
    #[error("cannot read or seal the stored seeds of one-time codes: {0}")]
    Seeds(#[from] TotpError),
    #[error("cannot create the data directory: {0}. Check `data_dir` and its permissions.")]
    DataDir(#[from] std::io::Error),
}

const NOTICES: usize = 1024;

/// The limits of requests to vendors.
#[must_use]
pub fn provider_limits(config: &Config) -> Limits {
    Limits {
        connect_timeout: config.vendor.connect_timeout.get(),
        read_timeout: config.vendor.read_timeout.get(),
        total_timeout: config.vendor.total_timeout.get(),
        max_zip_bytes: config.vendor.max_zip_bytes.get(),
        ..Limits::default()
    }
}

impl App {
    pub async fn open(config: Config, clock: Clock) -> Result<Arc<Self>, StartError> {
        tokio::fs::create_dir_all(&config.data_dir).await?;
        let db = Db::open(&config.database).await?;
        let store = Store::open(&config.store).await?;
        let secrets = secrets::unlock(&db, &config).await?;
        let vendor = Providers::new(&provider_limits(&config), clock.clone())?.with_secrets(secrets.clone());
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let threads = if config.thumbnail.threads == 0 { cores } else { config.thumbnail.threads };
        let cpu = Cpu::new(threads, threads * 2, config.ingest.decode_bytes_in_flight.get())?;
        let bounds = Bounds::new(&config);
        let disk_space = DiskSpace::new(&config);
        let journal = Journal::start(db.clone(), config.audit.queue);
        let (change_notices, notices_for_peers) = (broadcast::channel(NOTICES).0, broadcast::channel(NOTICES).0);
        let metrics = Metrics::default();
        Ok(Arc::new(Self {
            config,
            clock,
            db,
            secrets,
            store,
            vendor,
            cpu,
            metrics,
            bounds,
            unlinked: UnlinkedOriginals::default(),
            disk_space,
            health: HealthCheck::default(),
            journal,
            refusals: Refusals::default(),
            login_throttle: LoginThrottle::default(),
            change_notices,
            notices_for_peers,
        }))
    }

    /// Returns whether the database accepts a write and the store works, as of the last second.
    pub async fn storage_health(&self) -> StorageHealth {
        self.health.report(&self.db, &self.store).await
    }

    /// The limits for decoding one picture.
    #[must_use]
    pub fn thumbnail_limits(&self) -> thumbnail::ThumbnailLimits {
        thumbnail::ThumbnailLimits {
            max_pixels: self.config.ingest.max_pixels,
            ..thumbnail::ThumbnailLimits::default()
        }
    }

    /// Sends a notice to all listeners. Without a listener this does nothing.
    pub fn notify_listeners(&self, notice: ChangeNotice) {
        let _ = self.notices_for_peers.send(notice.clone());
        let _ = self.change_notices.send(notice);
    }

    /// Returns true if a notice sent now would be lost.
    #[must_use]
    pub fn has_no_listeners(&self) -> bool {
        self.change_notices.receiver_count() == 0 && self.notices_for_peers.receiver_count() == 0
    }
}

/// Limits of concurrent work: photos per service, photos in total, bytes of photos in memory, uploads.
#[derive(Debug)]
pub struct Bounds {
    photos: Arc<Semaphore>,
    per_service: Mutex<HashMap<ServiceId, Arc<Semaphore>>>,
    per_service_limit: usize,
    kibibytes: Arc<Semaphore>,
    zips: Semaphore,
    pages: Semaphore,
    uploads: Uploads,
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
            pages: Semaphore::new(1),
            uploads: Uploads::new(&config.upload),
        }
    }

    /// Waits for the permit to read a vendor's zip. The size of its entries is unknown until they are unpacked, so
    /// one zip is read at a time.
    pub async fn zip(&self) -> SemaphorePermit<'_> {
        self.zips.acquire().await.expect("never closed")
    }

    /// Waits for the permit to render a page. One page is rendered at a time, so pages never take all memory for
    /// decoding.
    pub async fn page(&self) -> SemaphorePermit<'_> {
        self.pages.acquire().await.expect("never closed")
    }

    /// Waits for the permits to fetch one photo from `service`.
    pub async fn photo(&self, service: &ServiceId) -> (OwnedSemaphorePermit, OwnedSemaphorePermit) {
        let own = {
            let mut services = self.per_service.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(self.per_service_limit));
            Arc::clone(services.entry(service.clone()).or_insert_with(new))
        };
        // The permit of the service comes first: a task that waits for a slow vendor must not hold a permit that
        // another vendor could use.
        let own = own.acquire_owned().await.expect("never closed");
        let all = Arc::clone(&self.photos).acquire_owned().await.expect("never closed");
        (own, all)
    }

    /// Returns the place of an upload. Fails if the user has, or all users have, the most uploads in progress.
    pub fn upload(&self, user: &UserId) -> Result<UploadPlace, UploadsFull> {
        self.uploads.enter(user)
    }

    /// Waits for the permit to hold `bytes` of photos in memory.
    pub async fn bytes(&self, bytes: u64) -> OwnedSemaphorePermit {
        let wanted = u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX);
        Arc::clone(&self.kibibytes).acquire_many_owned(wanted).await.expect("never closed")
    }
}
