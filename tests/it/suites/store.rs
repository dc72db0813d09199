//! One suite for every kind of store: what a directory does, a bucket does.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::join_all};
use object_store::{Attribute, ObjectStoreExt, aws::AmazonS3Builder};
use yinku::{
    clock::Timestamp,
    config::{StoreConfig, StoreUrl},
    hash::Blake3,
    id::{CallbackId, FlowId},
    store::{Extension, Month, Store, StoreError, StoreFolder, StoreKey},
};

use crate::support::bucket::{bucket_config, endpoint, new_bucket};

/// A store of the test's own, gone with its directory.
struct Fresh {
    store: Store,
    directory: Option<tempfile::TempDir>,
}

async fn directory() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let url = StoreUrl::Local(directory.path().join("数据/store"));
    let store = Store::open(&StoreConfig { url, ..StoreConfig::default() }).await.unwrap();
    Fresh { store, directory: Some(directory) }
}

async fn bucket() -> Fresh {
    Fresh { store: Store::open(&new_bucket().await).await.unwrap(), directory: None }
}

/// `on_every_store!(a_plain_sentence, async |fresh: Fresh| { … })` makes two tests: `a_plain_sentence::in_a_directory`
/// and `a_plain_sentence::in_a_bucket`.
macro_rules! on_every_store {
    ($name:ident, $story:expr $(,)?) => {
        async fn $name(fresh: Fresh) {
            let story = $story;
            story(fresh).await;
        }
        mod $name {
            #[tokio::test]
            async fn in_a_directory() {
                super::$name(super::directory().await).await;
            }
            #[tokio::test]
            async fn in_a_bucket() {
                super::$name(super::bucket().await).await;
            }
        }
    };
}

fn original(folder: &str, bytes: &[u8]) -> StoreKey {
    StoreKey::Original {
        folder: StoreFolder::parse(folder).unwrap(),
        month: Month::of("2026-11-23T08:00:00+08:00".parse::<Timestamp>().unwrap()),
        hash: Blake3::of(bytes),
        ext: Extension::new("jpg"),
    }
}

async fn keys(store: &Store, prefix: &str) -> BTreeSet<String> {
    store.list(prefix).map_ok(|stored| stored.key).try_collect().await.unwrap()
}

on_every_store!(what_was_put_is_got_whole_and_in_ranges, async |Fresh { store, .. }: Fresh| {
    let key = original("系统知识库-电子签", b"0123456789");
    store.put(&key, Bytes::from_static(b"0123456789")).await.unwrap();
    assert_eq!(store.get(&key).await.unwrap(), "0123456789");

    let stored = store.head(&key).await.unwrap();
    assert_eq!((stored.key.as_str(), stored.bytes), (key.to_string().as_str(), 10));
    assert_eq!(store.get(&StoreKey::Raw(stored.key)).await.unwrap(), "0123456789");

    for (asked, given, text) in [(0..1, 0..1, "0"), (3..7, 3..7, "3456"), (8..99, 8..10, "89")] {
        let reading = store.get_stream(&key, Some(asked)).await.unwrap();
        assert_eq!((reading.range, reading.stored.bytes), (given, 10));
        assert_eq!(reading.stream.try_collect::<Vec<_>>().await.unwrap().concat(), text.as_bytes());
    }
    let beyond = store.get_stream(&key, Some(10..11)).await;
    assert!(matches!(beyond, Err(StoreError::Failed { .. })), "{beyond:?}");
});

on_every_store!(a_put_over_an_object_replaces_it, async |Fresh { store, .. }: Fresh| {
    let key = StoreKey::Manifest { year: 2026, flow: FlowId::new(), n: 1 };
    for bytes in ["first and longer", "second", ""] {
        store.put(&key, Bytes::from(bytes)).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap(), bytes);
    }
    assert_eq!(keys(&store, "").await.len(), 1);
});

on_every_store!(what_is_not_there_is_not_found_and_nothing_else, async |Fresh { store, .. }: Fresh| {
    let key = original("公共知识库/用印", b"never put");
    for result in [
        store.get(&key).await.map(drop),
        store.get_stream(&key, None).await.map(drop),
        store.get_stream(&key, Some(0..1)).await.map(drop),
        store.head(&key).await.map(drop),
    ] {
        assert!(matches!(&result, Err(StoreError::NotFound { key: k }) if *k == key.to_string()), "{result:?}");
    }
    assert!(!store.exists(&key).await.unwrap());
    assert_eq!(keys(&store, "originals").await.len(), 0);
    let nameless = store.get(&StoreKey::Raw("a/../b".to_owned())).await;
    assert!(matches!(nameless, Err(StoreError::Name(_))), "{nameless:?}");
});

on_every_store!(what_was_deleted_is_gone_and_may_be_deleted_again, async |Fresh { store, .. }: Fresh| {
    let key = StoreKey::Thumbnail { size: 256, hash: Blake3::of(b"x") };
    store.put(&key, Bytes::from_static(b"x")).await.unwrap();
    assert!(store.exists(&key).await.unwrap());
    store.delete(&key).await.unwrap();
    assert!(!store.exists(&key).await.unwrap());
    store.delete(&key).await.unwrap();
});

on_every_store!(chinese_folders_are_listed_as_they_are_written, async |Fresh { store, directory }: Fresh| {
    let public = original("公共知识库/用印/2026", b"a");
    let personal = original("个人知识库/li/公章", b"b");
    for key in [&public, &personal] {
        store.put(key, Bytes::from_static(b"a")).await.unwrap();
    }
    let name = format!("{}.jpg", Blake3::of(b"a"));
    let shown = format!("originals/公共知识库/用印/2026/2026-11/{name}");
    assert_eq!(keys(&store, "").await, BTreeSet::from([shown.clone(), personal.to_string()]));
    assert_eq!(keys(&store, "originals/公共知识库").await, BTreeSet::from([shown]));
    assert!(keys(&store, "originals/公共").await.is_empty());
    if let Some(directory) = directory {
        let folder = directory.path().join("数据/store/originals/公共知识库/用印/2026/2026-11");
        let names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [name.as_str()]);
    }
});

on_every_store!(odd_folder_names_come_back_from_the_listing_unchanged, async |Fresh { store, .. }: Fresh| {
    for folder in ["%2e%2e", "a b", "100%", "#1", "a?b&c=d", "a+b", "back\\slash", "ümlaut 印\u{301}", "…", "<印>"]
    {
        let key = original(&format!("公共知识库/{folder}"), folder.as_bytes());
        store.put(&key, Bytes::copy_from_slice(folder.as_bytes())).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap(), folder, "{folder}");
        assert_eq!(keys(&store, &format!("originals/公共知识库/{folder}")).await, BTreeSet::from([key.to_string()]));
    }
    assert_eq!(keys(&store, "originals/公共知识库").await.len(), 10);
});

on_every_store!(thirty_two_puts_of_one_key_at_once_all_succeed, async |Fresh { store, .. }: Fresh| {
    let bytes = Bytes::from(vec![7; 100_000]);
    let key = original("系统知识库-电子签", &bytes);
    for put in join_all((0..32).map(|_| store.put(&key, bytes.clone()))).await {
        put.unwrap();
    }
    assert_eq!(store.get(&key).await.unwrap(), bytes);
    assert_eq!(keys(&store, "").await, BTreeSet::from([key.to_string()]));
});

on_every_store!(an_object_larger_than_any_chunk_comes_back_unaltered, async |Fresh { store, .. }: Fresh| {
    let bytes: Bytes = (0..20_000_003_u32).map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let key = original("系统知识库-电子签", &bytes);
    store.put(&key, bytes.clone()).await.unwrap();

    let mut hasher = yinku::hash::Hasher::default();
    let mut stream = store.get_stream(&key, None).await.unwrap().stream;
    while let Some(chunk) = stream.next().await {
        hasher.update(&chunk.unwrap());
    }
    assert_eq!(hasher.finish().blake3, Blake3::of(&bytes));

    let middle = store.get_stream(&key, Some(524_287..10_000_001)).await.unwrap().stream;
    let middle = middle.try_collect::<Vec<_>>().await.unwrap().concat();
    assert_eq!(Blake3::of(&middle), Blake3::of(&bytes[524_287..10_000_001]));
});

on_every_store!(every_kind_of_key_has_its_place, async |Fresh { store, .. }: Fresh| {
    let (flow, callback, hash) = (FlowId::new(), CallbackId::new(), Blake3::of(b"abc"));
    for key in [
        StoreKey::Thumbnail { size: 1280, hash: hash.clone() },
        StoreKey::Manifest { year: 2026, flow: flow.clone(), n: 2 },
        StoreKey::Callback { id: callback.clone() },
    ] {
        store.put(&key, Bytes::from_static(b"{}")).await.unwrap();
    }
    let expected = [
        format!("thumbnails/1280/64/{hash}.jpg"),
        format!("manifests/2026/{flow}/2.json"),
        format!("callbacks/{callback}"),
    ];
    assert_eq!(keys(&store, "").await, BTreeSet::from(expected));
});

on_every_store!(a_store_that_answers_is_ready, async |Fresh { store, .. }: Fresh| {
    store.check().await.unwrap();
});

#[tokio::test]
async fn a_directory_that_vanished_is_not_ready() {
    let Fresh { store, directory } = directory().await;
    drop(directory);
    assert!(matches!(store.check().await, Err(StoreError::Directory { .. })));
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_is_not_ready() {
    let store = Store::open(&bucket_config(&endpoint(), &format!("none-{}", FlowId::new()))).await.unwrap();
    assert!(store.check().await.is_err());
}

#[tokio::test]
async fn a_bucket_knows_type_and_caching_of_an_original() {
    let config = new_bucket().await;
    let StoreUrl::S3 { bucket, prefix } = &config.url else { panic!("{config:?}") };
    let key = original("系统知识库-电子签", b"abc");
    Store::open(&config).await.unwrap().put(&key, Bytes::from_static(b"abc")).await.unwrap();

    // Another client, so that the readable name in the bucket is what is tested.
    let client = AmazonS3Builder::new().with_endpoint(endpoint()).with_allow_http(true).with_bucket_name(bucket);
    let client = client.with_access_key_id("test").with_secret_access_key("test").build().unwrap();
    let found = client.get(&object_store::path::Path::parse(format!("{prefix}/{key}")).unwrap()).await.unwrap();
    let shown = |attribute| found.attributes.get(&attribute).map(AsRef::as_ref);
    assert_eq!(shown(Attribute::ContentType), Some("image/jpeg"));
    assert_eq!(shown(Attribute::CacheControl), Some("private, max-age=31536000, immutable"));
}

#[tokio::test]
async fn what_an_interrupted_put_left_is_swept_only_when_it_is_old() {
    let Fresh { store, directory } = directory().await;
    let key = original("公共知识库/#1", b"kept");
    store.put(&key, Bytes::from_static(b"kept")).await.unwrap();
    let path = directory.as_ref().unwrap().path().join("数据/store").join(key.to_string());
    let staging = std::path::PathBuf::from(format!("{}#1", path.display()));
    std::fs::write(&staging, b"half").unwrap();
    let written: Timestamp = store.head(&key).await.unwrap().modified;
    let hour = std::time::Duration::from_hours(1);

    assert_eq!(store.sweep_staging(written.minus(hour)).await.unwrap(), 0);
    assert!(staging.exists());
    assert_eq!(keys(&store, "").await, BTreeSet::from([key.to_string()]));
    assert_eq!(store.sweep_staging(written.plus(hour)).await.unwrap(), 1);
    assert!(!staging.exists() && path.exists());
}

on_every_store!(a_file_whose_key_is_known_at_its_end_becomes_an_object_or_leaves_nothing, async |fresh: Fresh| {
    let (store, spare) = (&fresh.store, std::env::temp_dir());
    // One that fits into a single put, one that a bucket takes in parts.
    for blocks in [1_usize, 20] {
        let all: Vec<u8> = (0..blocks << 20).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let key = original("公共知识库/用印", &all);
        let mut staging = store.stage(&spare).await.unwrap();
        for block in all.chunks(1 << 20) {
            staging.write(Bytes::copy_from_slice(block)).await.unwrap();
        }
        assert_eq!(staging.bytes(), all.len() as u64);
        assert!(!store.exists(&key).await.unwrap(), "not before it is whole");
        store.commit(staging, &key).await.unwrap();
        assert!(store.get(&key).await.unwrap() == all, "the same bytes");
    }
    let mut given_up = store.stage(&spare).await.unwrap();
    given_up.write(Bytes::from_static(b"half of it")).await.unwrap();
    given_up.discard().await;
    let mut forgotten = store.stage(&spare).await.unwrap();
    forgotten.write(Bytes::from_static(b"the process died")).await.unwrap();
    drop(forgotten);
    let listed: Vec<_> = store.list("").try_collect().await.unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    let swept = store.sweep_staging(Timestamp(i64::MAX)).await.unwrap();
    assert_eq!(swept, u64::from(fresh.directory.is_some()), "only a directory keeps what a dead process left");
});
