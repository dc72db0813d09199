//! Opens an S3 bucket as the store.

use std::{sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, Checksum},
    path::Path,
    prefix::PrefixStore,
};

use super::{InvalidName, StoreError, failed};
use crate::{config::StoreConfig, tls};

pub(super) fn open(config: &StoreConfig, bucket: &str, prefix: &str) -> Result<Arc<dyn ObjectStore>, StoreError> {
    tls::choose_provider();
    let prefix = Path::parse(prefix).map_err(InvalidName::from)?;
    let mut builder = match (&config.access_key_id, &config.secret_access_key) {
        (Some(id), Some(secret)) => {
            AmazonS3Builder::new().with_access_key_id(id).with_secret_access_key(secret.expose())
        }
        _ => AmazonS3Builder::from_env(),
    };
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
    }
    let bucket = builder
        .with_bucket_name(bucket)
        .with_region(&config.region)
        .with_allow_http(config.allow_http)
        // With a checksum the server refuses bytes that changed in transit.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_client_options(client().with_allow_http(config.allow_http))
        .with_retry(retries())
        .build()
        .map_err(failed("open", &Path::from(bucket)))?;
    Ok(if prefix.is_root() { Arc::new(bucket) } else { Arc::new(PrefixStore::new(bucket, prefix)) })
}

/// Only silence ends a request. A large object for a slow reader may take long.
fn client() -> ClientOptions {
    ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(Duration::from_secs(5))
        .with_read_timeout(Duration::from_secs(30))
}

/// The retries are short, because a failed job runs again and a reader is waiting.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 4, retry_timeout: Duration::from_mins(1) }
}
