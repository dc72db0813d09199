use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use super::Secret;

/// The object store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `file://<path>` or `s3://<bucket>/<prefix>`. Default: the directory `store` in `data_dir`.
    pub url: StoreUrl,
    /// Address of the S3 server. Absent: Amazon's server for `region`.
    pub endpoint: Option<Url>,
    /// S3 region.
    pub region: String,
    /// S3 access key. Absent: taken from the environment (`AWS_…`, instance role).
    pub access_key_id: Option<String>,
    /// S3 secret key. Required with `access_key_id`.
    pub secret_access_key: Option<Secret>,
    /// true: `endpoint` may be http, without TLS.
    pub allow_http: bool,
    /// The internal location of nginx that shows the directory of the store, such as `/yinku-store/`. nginx then sends
    /// originals and thumbnails to clients behind `trusted_proxies` (X-Accel-Redirect). It sends them unchecked: only the
    /// scheduled checks find damage. Absent: the service sends and checks them. See docs/nginx.conf.
    pub x_accel_redirect: Option<String>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: StoreUrl::in_dir(Path::new("./data")),
            endpoint: None,
            region: "us-east-1".to_owned(),
            access_key_id: None,
            secret_access_key: None,
            allow_http: false,
            x_accel_redirect: None,
        }
    }
}

/// A directory or a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// The path as written after `file://`, absolute or relative, nothing decoded.
    Local(PathBuf),
    /// `prefix` has no slash at either end; empty: the whole bucket.
    S3 { bucket: String, prefix: String },
}

impl StoreUrl {
    #[must_use]
    pub fn in_dir(data_dir: &Path) -> Self {
        Self::Local(data_dir.join("store"))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("write `file://<path>` or `s3://<bucket>/<prefix>`")]
pub struct NotStoreUrl;

impl FromStr for StoreUrl {
    type Err = NotStoreUrl;

    fn from_str(text: &str) -> Result<Self, NotStoreUrl> {
        if let Some(path) = text.strip_prefix("file://").filter(|path| !path.is_empty()) {
            return Ok(Self::Local(path.into()));
        }
        let rest = text.strip_prefix("s3://").ok_or(NotStoreUrl)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err(NotStoreUrl);
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "file://{}", path.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoreUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
