//! Stories of what other programs make of a bundle: readers of zips, and download managers.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Instant,
};

use reqwest::Method;
use serde_json::{Value, json};
use yinku::{
    db::{Tx, sql},
    id::{DocumentId, FolderId},
};

use super::bundles::{borders, bundle_of};
use crate::support::{
    Caller, Engine, World, figures,
    files::{form, stamped, world_with_stamped},
    process::House,
    seals::archived_documents,
    story,
};

/// Runs a program to its end. Names in a zip are UTF-8, also where the test has another locale.
async fn run(dir: &Path, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.current_dir(dir).args(arguments).env("LC_ALL", "C.UTF-8");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub(super) async fn run_well(dir: &Path, program: &str, arguments: &[&str]) -> String {
    let ran = run(dir, program, arguments).await;
    let told = [&ran.stdout[..], &ran.stderr[..]].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(ran.status.success(), "{program} {arguments:?}: {told}");
    told
}

/// The files below a directory with their bytes.
fn files_below(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut todo) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// How to unpack `all.zip`.
const READERS: [(&str, &[&str]); 4] = [
    ("unzip", &["-q", "-o", "../all.zip"]),
    ("7z", &["x", "-y", "../all.zip"]),
    ("bsdtar", &["-x", "-f", "../all.zip"]),
    ("python3", &["-m", "zipfile", "-e", "../all.zip", "."]),
];

pub(super) fn url(bundle: &Value) -> String {
    bundle["url"].as_str().unwrap().to_owned()
}

story!(every_reader_opens_a_bundle_with_odd_names, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    let long: &'static str = format!("{}.pd", "合".repeat(84)).leak();
    let names = [
        "同名.pdf",
        "同名.pdf",
        "Case.pdf",
        "case.PDF",
        "é.pdf",
        "e\u{301}.pdf",
        "CON",
        "con.txt",
        "..",
        "...",
        "尾点. .",
        "a\u{202e}gpj.exe",
        "x:y|z?.pdf",
        "folder",
        long,
        long,
    ];
    let content = |at: usize| format!("%PDF-1.7\ncontent {at}\n%%EOF\n").into_bytes();
    for (at, name) in names.iter().enumerate() {
        wang.bring(&stamped(&flow), form([(*name, content(at))])).await.expect(201);
    }
    // A file and a folder of one name: the last document lies in a folder `folder` beside the document `folder`.
    let home: String = sql("SELECT DISTINCT folder_id FROM documents").scalar(&world.app.db).await.unwrap();
    let inner = FolderId::new();
    let mut tx = world.app.db.begin().await.unwrap();
    sql("INSERT INTO folders (id, parent, space, owner, name, lineage, shelf, created_at)
         SELECT $1, id, space, owner, 'folder', lineage || $1 || '/', shelf, created_at FROM folders WHERE id = $2")
    .bind(&inner)
    .bind(&*home)
    .execute(&mut tx)
    .await
    .unwrap();
    sql("UPDATE documents SET folder_id = $1 WHERE id = (SELECT MAX(id) FROM documents)")
        .bind(&inner)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let made = bundle_of(&wang, &json!({ "folderId": home, "deep": true })).await;
    assert_eq!(made["entries"], names.len());
    let dir = tempfile::tempdir().unwrap();
    let zip = wang.get(&url(&made)).await.bytes;
    fs::write(dir.path().join("all.zip"), &zip).unwrap();
    let mut all = None;
    for (reader, arguments) in READERS {
        let target = dir.path().join(reader);
        fs::create_dir(&target).unwrap();
        run_well(&target, reader, arguments).await;
        let files = files_below(&target);
        let mut contents: Vec<&Vec<u8>> = files.values().collect();
        contents.sort();
        let mut expected: Vec<Vec<u8>> = (0..names.len()).map(content).collect();
        expected.sort();
        assert_eq!(contents, expected.iter().collect::<Vec<_>>(), "{reader}: {:?}", files.keys());
        for name in files.keys() {
            let parts: Vec<&str> = name.split('/').collect();
            assert!(parts.iter().all(|part| part.len() <= 255 && !part.ends_with(['.', ' '])), "{name}");
            assert!(!["CON", "..", "con.txt"].contains(parts.last().unwrap()) && !name.contains('\u{202e}'), "{name}");
        }
        assert!(files.contains_key("同名.pdf") && files.contains_key("同名 (2).pdf"), "{:?}", files.keys());
        // Every reader sees the same names.
        assert_eq!(all.get_or_insert_with(|| files.clone()), &files, "{reader}");
    }
    read_by_java(dir.path(), all.as_ref().unwrap()).await;
    fs::create_dir(dir.path().join("test")).unwrap();
    for (reader, arguments) in
        [("unzip", ["-tq", "../all.zip"]), ("7z", ["t", "../all.zip"]), ("bsdtar", ["-tf", "../all.zip"])]
    {
        run_well(&dir.path().join("test"), reader, &arguments).await;
    }
});

/// Java reads a zip in two ways: by its directory, and as a stream. A machine without a JDK says so.
async fn read_by_java(dir: &Path, expected: &BTreeMap<String, Vec<u8>>) {
    let has_compiler = Command::new("java")
        .arg("--list-modules")
        .output()
        .is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).contains("jdk.compiler"));
    if !has_compiler {
        figures::note("Java as a reader of zips", "not asked: no JDK is installed");
        return;
    }
    fs::write(dir.join("Unzip.java"), JAVA).unwrap();
    for way in ["directory", "stream"] {
        let target = dir.join(format!("java-{way}"));
        fs::create_dir(&target).unwrap();
        let options = ["-Dfile.encoding=UTF-8", "-Dsun.jnu.encoding=UTF-8", "../Unzip.java", "../all.zip", way];
        run_well(&target, "java", &options).await;
        assert_eq!(&files_below(&target), expected, "{way}");
    }
}

/// Unpacks a zip into the working directory.
const JAVA: &str = r#"import java.io.*; import java.nio.file.*; import java.util.*; import java.util.zip.*;
class Unzip {
  public static void main(String[] of) throws Exception {
    if (of[1].equals("directory")) {
      try (ZipFile zip = new ZipFile(of[0])) {
        for (ZipEntry e : Collections.list(zip.entries())) put(e.getName(), zip.getInputStream(e));
      }
    } else {
      ZipInputStream zip = new ZipInputStream(new FileInputStream(of[0]));
      for (ZipEntry e; (e = zip.getNextEntry()) != null;) put(e.getName(), zip);
    }
  }
  static void put(String name, InputStream in) throws IOException {
    Path to = Paths.get(name);
    if (to.getParent() != null) Files.createDirectories(to.getParent());
    Files.write(to, in.readAllBytes());
  }
}"#;

/// The address of a bundle for programs that have no session.
pub(super) async fn link_of(world: &World, caller: &Caller, bundle: &Value) -> String {
    let link = caller.post(&format!("{}/link", url(bundle)), &json!({})).await.expect(201);
    world.app.config.public_url.join(link["url"].as_str().unwrap()).unwrap().to_string()
}

story!(curl_goes_on_at_every_border_of_a_header, async |world: World| {
    let documents = archived_documents(&world).await;
    let wang = world.caller("wang").await;
    let ids: Vec<String> = documents.iter().map(|document| document.id.to_string()).collect();
    let made = bundle_of(&wang, &json!({ "documentIds": ids })).await;
    let whole = wang.get(&url(&made)).await.bytes;
    let address = link_of(&world, &wang, &made).await;
    let dir = tempfile::tempdir().unwrap();
    let borders = borders(&whole);
    assert_eq!(borders.len(), 5);
    for at in borders.into_iter().flat_map(|at| [at, at + 1]) {
        fs::write(dir.path().join("part.zip"), &whole[..at]).unwrap();
        let flags = ["-sS", "--fail", "--noproxy", "*", "-C", "-", "-o", "part.zip", &address];
        run_well(dir.path(), "curl", &flags).await;
        assert_eq!(fs::read(dir.path().join("part.zip")).unwrap(), whole, "cut at {at}");
    }
});

story!(aria2c_goes_on_with_eight_connections, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, ..) = world.seal_use(1).await;
    let wang = world.caller("wang").await;
    for (at, name) in ["一.pdf", "二.pdf"].into_iter().enumerate() {
        let mut bytes = b"%PDF-1.7\n".to_vec();
        let mut noise = blake3::Hasher::new().update(&[u8::try_from(at).unwrap()]).finalize_xof();
        let mut more = vec![0; 8 << 20];
        noise.fill(&mut more);
        bytes.extend(more);
        wang.bring(&stamped(&flow), form([(name, bytes)])).await.expect(201);
    }
    let made = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await;
    let whole = wang.get(&url(&made)).await.bytes;
    let address = link_of(&world, &wang, &made).await;
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--no-conf", "-q", "-x", "8", "-s", "8", "-k", "1M", "--file-allocation=none", "-o", "all.zip"];
    let all_proxy = ["--all-proxy=", "--no-proxy=*"];
    // It cannot be ready in two seconds.
    let slow = ["--max-overall-download-limit=4M", "--stop=2", &address];
    run(dir.path(), "aria2c", &[&flags[..], &all_proxy, &slow].concat()).await;
    assert!(dir.path().join("all.zip.aria2").exists(), "it stopped in between");
    run_well(dir.path(), "aria2c", &[&flags[..], &all_proxy, &["-c", &address]].concat()).await;
    assert!(fs::read(dir.path().join("all.zip")).unwrap() == whole, "the same bytes");
    let parts = world.count("SELECT COUNT(*) FROM audit WHERE act = 'bundle_downloaded' AND via LIKE 'link:%'").await;
    assert!(parts > 8, "{parts} requests");
});

story!(another_node_goes_on_when_one_is_killed, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let mut first = house.serve(None);
    let (flow, seal_use) = house.applied_flow(2).await;
    house.sim.stamp_many(&seal_use.business_id.unwrap(), 0, 2).await.unwrap();
    house.until_archived(&flow).await;
    house.until_idle().await;
    let wang = house.caller("wang").await;
    let made = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await;
    let whole = wang.get(&url(&made)).await.bytes;
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut second = house.command().env("YINKU_LISTEN", listen.to_string()).spawn().unwrap();
    let mut answer = wang.request(Method::GET, &url(&made)).send().await.unwrap();
    let part = answer.chunk().await.unwrap().unwrap();
    first.kill().await.unwrap();
    let got = part.len().min(whole.len() / 2);
    house.until("the other node listens", async || tokio::net::TcpStream::connect(listen).await.is_ok()).await;
    let other = Caller::of(&house.app, format!("http://{listen}/").parse().unwrap(), "wang").await;
    let rest = other.part(&url(&made), &format!("bytes={got}-"), Some(made["etag"].as_str().unwrap())).await;
    assert_eq!(rest.status, 206);
    assert!([&part[..got], &rest.bytes[..]].concat() == whole, "the same bytes");
    second.kill().await.unwrap();
});

/// Gives the documents of a flow more rows, each a name for the original of the first one.
async fn multiply(tx: &mut Tx, flow: &str, count: usize) {
    let ids: Vec<DocumentId> = (0..count).map(|_| DocumentId::new()).collect();
    for (piece, ids) in ids.chunks(256).enumerate() {
        let rows: Vec<String> = (0..ids.len()).map(|at| format!("(${}, {})", at + 2, piece * 256 + at)).collect();
        let text = format!(
            "INSERT INTO documents (id, folder_id, shelf, name, name_key, taken_key, bytes, original_hash, source, flow_id, received_at, created_by, created_at)
             SELECT n.id, d.folder_id, d.shelf, '名 ' || n.at || '.jpg', d.name_key, d.taken_key, d.bytes, d.original_hash, d.source, d.flow_id, d.received_at, d.created_by, d.created_at
             FROM documents d CROSS JOIN (WITH n (id, at) AS (VALUES {}) SELECT * FROM n) AS n
             WHERE d.id = (SELECT MIN(id) FROM documents WHERE flow_id = $1 AND photo_id IS NOT NULL)",
            rows.join(", ")
        );
        sql(text).bind(flow).bind_all(ids).execute(&mut *tx).await.unwrap();
    }
}

pub(super) const GIB: u64 = 1 << 30;

/// The CRC-32 of `length` zeros, which is a power of two.
pub(super) fn crc_of_zeros(length: u64) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[0]);
    let mut known = 1;
    while known < length {
        let same = crc.clone();
        crc.combine(&same);
        known *= 2;
    }
    crc.finalize()
}

story!(seventy_thousand_entries_and_eight_gibibytes_leave_through_http, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let documents = archived_documents(&world).await;
    let (flow, store) = (documents[0].flow_id.clone().unwrap(), world.app.config.data_dir.join("store"));
    // The second photo becomes eight sparse gibibytes.
    let length = 8 * GIB;
    fs::File::options().write(true).open(store.join(&documents[1].store_key)).unwrap().set_len(0).unwrap();
    fs::File::options().write(true).open(store.join(&documents[1].store_key)).unwrap().set_len(length).unwrap();
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE originals SET bytes = $1, crc32 = $2 WHERE hash = $3")
        .bind(i64::try_from(length).unwrap())
        .bind(i64::from(crc_of_zeros(length)))
        .bind(&documents[1].blake3)
        .execute(&mut tx)
        .await
        .unwrap();
    multiply(&mut tx, flow.as_str(), 70_000).await;
    tx.commit().await.unwrap();
    let wang = world.caller("wang").await;
    let begun = Instant::now();
    let made = bundle_of(&wang, &json!({ "flowIds": [flow.to_string()] })).await;
    let making = begun.elapsed();
    let begun = Instant::now();
    let mut answer = wang.request(Method::GET, &url(&made)).send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);
    // No promise of a debug build: the benchmark measures it.
    figures::note("a bundle of 70,002 entries", &format!("made in {making:?}, first byte after {:?}", begun.elapsed()));
    let (bytes, entries) = (made["bytes"].as_u64().unwrap(), made["entries"].as_u64().unwrap());
    assert!(bytes > length + 70_000 * u64::try_from(documents[0].bytes).unwrap(), "{bytes}");
    let head = wang.send(wang.request(Method::HEAD, &url(&made))).await;
    assert_eq!((head.header("content-length"), entries), (&*bytes.to_string(), 70_002));
    // A sparse copy of the zip: its directory and the header and first bytes of some entries.
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("all.zip");
    let file = fs::File::create(&path).unwrap();
    file.set_len(bytes).unwrap();
    let first = wang.part(&url(&made), "bytes=0-65535", None).await;
    file.write_all_at(&first.bytes, 0).unwrap();
    let from = bytes - 12 * (1 << 20);
    let tail = wang.part(&url(&made), &format!("bytes={from}-"), None).await;
    assert_eq!(tail.status, 206);
    file.write_all_at(&tail.bytes, from).unwrap();
    let listed = run_well(dir.path(), "python3", &["-c", LIST]).await;
    let lines: Vec<(u64, u64, &str)> = listed
        .lines()
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut number = || words.next().unwrap().parse().unwrap();
            (number(), number(), words.next().unwrap())
        })
        .collect();
    assert_eq!(lines.len(), 70_002);
    assert_eq!(lines.iter().filter(|(_, size, _)| *size == length).count(), 1);
    assert!(lines.iter().any(|(at, ..)| *at > u64::from(u32::MAX)), "an entry begins above 4 GiB");
    let good = fs::read(store.join(&documents[0].store_key)).unwrap();
    for (at, size, name) in [lines[0], lines[35_000], lines[70_001]] {
        let size = size.min(good.len() as u64);
        let range = format!("bytes={at}-{}", at + 30 + name.len() as u64 + 29 + size);
        let part = wang.part(&url(&made), &range, None).await.bytes;
        assert!(part.starts_with(b"PK\x03\x04"), "{name}");
        let large = lines.iter().any(|(place, size, _)| *place == at && *size == length);
        assert!(large || part.windows(good.len()).any(|window| window == good), "{name}");
    }
    assert!(run_well(dir.path(), "7z", &["l", "all.zip"]).await.contains("70002 files"));
});

/// Writes the place, the size and the name of each entry.
const LIST: &str = "import zipfile
for e in zipfile.ZipFile('all.zip').infolist(): print(e.header_offset, e.file_size, e.filename)";
