//! Buckets of the S3 server of the tests.

use yinku::{
    config::{Config, Secret, StoreConfig},
    id::FlowId,
    tls,
};

pub(crate) fn endpoint() -> String {
    std::env::var("YINKU_TEST_S3").expect("YINKU_TEST_S3 names an S3 server: `make test` sets it")
}

pub(crate) async fn new_bucket() -> StoreConfig {
    let (endpoint, bucket) = (endpoint(), format!("yinku-{}", FlowId::new()));
    tls::choose_provider();
    let made = reqwest::Client::new().put(format!("{endpoint}/{bucket}")).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    bucket_config(&endpoint, &bucket)
}

pub(crate) fn bucket_config(endpoint: &str, bucket: &str) -> StoreConfig {
    StoreConfig {
        url: format!("s3://{bucket}/印库/evidence").parse().unwrap(),
        endpoint: Some(endpoint.parse().unwrap()),
        access_key_id: Some("test".to_owned()),
        secret_access_key: Some(Secret::from("test")),
        allow_http: true,
        ..StoreConfig::default()
    }
}

/// The store of a world is a bucket of its own.
pub(crate) fn in_a_bucket(config: &mut Config) {
    let made = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(new_bucket())
    });
    config.store = made.join().unwrap();
}
