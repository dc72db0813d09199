//! Runs the published test suite of object_store on the objects that [`Store`] opens, with prefix, syncing and
//! checksums.

use object_store::integration;

use super::Store;
use crate::{
    config::{Secret, StoreConfig, StoreUrl},
    id::FlowId,
    tls,
};

#[tokio::test]
async fn a_directory_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let url = StoreUrl::Local(directory.path().join("store"));
    conforms(&Store::open(&StoreConfig { url, ..StoreConfig::default() }).await.unwrap()).await;
}

#[tokio::test]
async fn a_bucket_conforms() {
    let endpoint = std::env::var("YINKU_TEST_S3").expect("YINKU_TEST_S3 names an S3 server: `make test` sets it");
    let bucket = format!("yinku-{}", FlowId::new());
    tls::choose_provider();
    let made = reqwest::Client::new().put(format!("{endpoint}/{bucket}")).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    let config = StoreConfig {
        url: StoreUrl::S3 { bucket, prefix: "证据/a".to_owned() },
        endpoint: Some(endpoint.parse().unwrap()),
        access_key_id: Some("test".to_owned()),
        secret_access_key: Some(Secret::from("test")),
        allow_http: true,
        ..StoreConfig::default()
    };
    let store = Store::open(&config).await.unwrap();
    conforms(&store).await;
    integration::put_get_attributes(&*store.objects).await;
}

/// The parts of the suite that this service relies on. Conditional puts are not among them. The order is that of the
/// suite, because later parts remove objects of earlier ones.
async fn conforms(store: &Store) {
    let objects = &*store.objects;
    integration::put_get_delete_list(objects).await;
    integration::list_with_offset_exclusivity(objects).await;
    integration::get_opts(objects).await;
    integration::list_uses_directories_correctly(objects).await;
    integration::list_with_delimiter(objects).await;
    integration::rename_and_copy(objects).await;
    integration::stream_get(objects).await;
}
