//! What a directory asks of the kernel, in which order: seen from outside, by strace.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;
use yinku::{
    config::{StoreConfig, StoreUrl},
    store::{Store, StoreKey},
};

const KEY: &str = "originals/folder/2026-11/photo.jpg";

/// Runs by itself too, but is there to be run under strace by the tests below.
#[tokio::test]
async fn a_put_is_there_for_whoever_opens_the_directory_next() {
    let own = tempfile::tempdir().unwrap();
    let root = std::env::var("YINKU_TEST_STORE").map_or_else(|_| own.path().join("store"), PathBuf::from);
    let config = StoreConfig { url: StoreUrl::Local(root), ..StoreConfig::default() };
    let key = StoreKey::Raw(KEY.to_owned());
    Store::open(&config).await.unwrap().put(&key, Bytes::from_static(b"photo")).await.unwrap();
    assert_eq!(Store::open(&config).await.unwrap().get(&key).await.unwrap(), "photo");
}

/// The calls on `root`, one a line, and whether the traced put succeeded.
fn traced(root: &Path, options: &[&str]) -> (Vec<String>, bool) {
    let log = root.with_extension("strace");
    let put = concat!(module_path!(), "::a_put_is_there_for_whoever_opens_the_directory_next");
    let (_, put) = put.split_once("::").unwrap();
    let done = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=mkdir,mkdirat,fsync,fdatasync,rename,renameat,renameat2", "-o"])
        .arg(&log)
        .args(options)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", put])
        .env("YINKU_TEST_STORE", root)
        .output()
        .expect("strace runs: `make test` installs it");
    let calls = std::fs::read_to_string(log).unwrap();
    (calls.lines().map(str::to_owned).collect(), done.status.success())
}

#[test]
fn directories_and_bytes_are_on_disk_before_a_put_returns() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path().canonicalize().unwrap().join("store");
    let (calls, succeeded) = traced(&root, &[]);
    assert!(succeeded, "{calls:#?}");
    let all = |call: &str, path: &Path, end: &str| -> Vec<usize> {
        let path = format!("{}{end}", path.display());
        let hit = |(at, line): (usize, &String)| (line.contains(call) && line.contains(&path)).then_some(at);
        calls.iter().enumerate().filter_map(hit).collect()
    };
    let photo = root.join(KEY);
    let [renamed] = all("rename", &photo, "\"")[..] else { panic!("renamed once: {calls:#?}") };
    let mut directory = root.clone();
    for name in ["", "originals", "folder", "2026-11"] {
        directory = if name.is_empty() { directory } else { directory.join(name) };
        let [made] = all("mkdir", &directory, "\"")[..] else { panic!("{name} made once: {calls:#?}") };
        let synced = all("fsync(", directory.parent().unwrap(), ">");
        assert!(synced.iter().any(|at| (made..renamed).contains(at)), "{name} synced in its parent: {calls:#?}");
    }
    let [bytes] = all("fsync(", &photo, "#1>")[..] else { panic!("bytes synced once: {calls:#?}") };
    assert!(bytes < renamed, "{calls:#?}");
    assert!(all("fsync(", photo.parent().unwrap(), ">").iter().any(|at| *at > renamed), "{calls:#?}");
}

#[test]
fn bytes_that_cannot_be_synced_fail_the_put_and_are_not_synced_again() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path().canonicalize().unwrap().join("store");
    let staging = format!("{}#1", root.join(KEY).display());
    let (calls, succeeded) = traced(&root, &["-P", &staging, "-e", "inject=fsync:error=EIO"]);
    assert!(!succeeded, "{calls:#?}");
    assert_eq!(calls.iter().filter(|line| line.contains("fsync(")).count(), 1, "{calls:#?}");
    assert!(!calls.iter().any(|line| line.contains("rename")), "{calls:#?}");
    assert!(!root.join(KEY).exists() && !Path::new(&staging).exists());
}
