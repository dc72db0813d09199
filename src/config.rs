//! Settings: one struct per section. `YINKU_` variables override `yinku.toml`. Unknown names are refused, and all settings
//! are checked against each other before the service starts.

mod admin;
mod audit;
mod auth;
mod bundle;
mod byte_size;
mod callback;
mod check;
mod clients;
mod database;
mod disk;
mod fixity;
mod ingest;
mod jobs;
mod load;
mod log;
mod metrics;
mod secret;
mod secrets;
mod span;
mod store;
mod thumbnail;
mod trash;
mod upload;
mod vendor;

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::{
    admin::AdminConfig,
    audit::AuditConfig,
    auth::AuthConfig,
    bundle::BundleConfig,
    byte_size::ByteSize,
    callback::CallbackConfig,
    check::{BadSetting, MOST_TOKEN_DAYS, ROLES},
    clients::ClientsConfig,
    database::{DatabaseConfig, DatabaseUrl},
    disk::DiskConfig,
    fixity::FixityConfig,
    ingest::IngestConfig,
    jobs::JobsConfig,
    load::ConfigError,
    log::{LogConfig, LogFormat},
    metrics::MetricsConfig,
    secret::Secret,
    secrets::SecretsConfig,
    span::Span,
    store::{StoreConfig, StoreUrl},
    thumbnail::ThumbnailConfig,
    trash::TrashConfig,
    upload::UploadConfig,
    vendor::VendorConfig,
};

/// All settings. Their serialised form shows no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The address that browsers and the vendor use. Default: `http://` and `listen`. With another value, only pages of
    /// this origin may write.
    pub public_url: Url,
    /// Directory of the embedded database and the local store. `database.url` and `store.url` override it.
    pub data_dir: PathBuf,
    /// Proxies (CIDR) before this service. The addresses in their headers `X-Forwarded-For` and `Forwarded` are believed.
    pub trusted_proxies: Vec<IpNet>,
    pub database: DatabaseConfig,
    pub store: StoreConfig,
    pub disk: DiskConfig,
    pub admin: AdminConfig,
    pub secrets: SecretsConfig,
    pub auth: AuthConfig,
    pub clients: ClientsConfig,
    pub callback: CallbackConfig,
    pub audit: AuditConfig,
    pub ingest: IngestConfig,
    pub upload: UploadConfig,
    pub thumbnail: ThumbnailConfig,
    pub bundle: BundleConfig,
    pub trash: TrashConfig,
    pub fixity: FixityConfig,
    pub jobs: JobsConfig,
    pub vendor: VendorConfig,
    pub metrics: MetricsConfig,
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self::in_dir(Path::new("./data"))
    }
}

impl Config {
    /// The defaults, with database and store in `data_dir`.
    #[must_use]
    pub fn in_dir(data_dir: &Path) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        Self {
            listen,
            public_url: public_url_of(listen),
            data_dir: data_dir.to_owned(),
            trusted_proxies: Vec::new(),
            database: DatabaseConfig { url: DatabaseUrl::in_dir(data_dir), ..DatabaseConfig::default() },
            store: StoreConfig { url: StoreUrl::in_dir(data_dir), ..StoreConfig::default() },
            disk: DiskConfig::default(),
            admin: AdminConfig::default(),
            secrets: SecretsConfig::in_dir(data_dir),
            auth: AuthConfig::default(),
            clients: ClientsConfig::default(),
            callback: CallbackConfig::default(),
            audit: AuditConfig::default(),
            ingest: IngestConfig::default(),
            upload: UploadConfig::default(),
            thumbnail: ThumbnailConfig::default(),
            bundle: BundleConfig::default(),
            trash: TrashConfig::default(),
            fixity: FixityConfig::default(),
            jobs: JobsConfig::default(),
            vendor: VendorConfig::default(),
            metrics: MetricsConfig::default(),
            log: LogConfig::default(),
        }
    }

    /// `./yinku.toml`; `None` if it does not exist.
    #[must_use]
    pub fn file_here() -> Option<PathBuf> {
        Some(PathBuf::from("yinku.toml")).filter(|path| path.exists())
    }

    /// Returns true if `public_url` is another address than the default.
    #[must_use]
    pub fn has_own_public_url(&self) -> bool {
        self.public_url.origin() != public_url_of(self.listen).origin()
    }

    /// All settings as TOML, with secrets hidden. `check-config` prints it.
    #[must_use]
    pub fn to_shown_toml(&self) -> String {
        toml::to_string(self).expect("every setting has a TOML form")
    }
}

/// The URL of `listen` on this machine. A client cannot connect to an unspecified address, so it becomes loopback.
fn public_url_of(listen: SocketAddr) -> Url {
    let mut reachable = listen;
    if listen.ip().is_unspecified() {
        reachable.set_ip(if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    Url::parse(&format!("http://{reachable}")).expect("a socket address is a host and a port")
}

#[cfg(test)]
mod tests;
