//! Stories of the evidence package: what is in it, and that strangers can check it.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    path::{Path, PathBuf},
    process::Command,
};

use reqwest::{Method, header};
use serde_json::Value;
use simulator::Kind;
use yinku::{db::sql, id::FlowId};

use crate::support::{
    Engine, Plan, World,
    files::{form, pdf, stamped, world_with_stamped},
    story,
};

pub(super) fn zip_of_evidence(flow: &FlowId) -> String {
    format!("/api/flows/{flow}/evidence.zip")
}

/// The package of an archived flow with two stampings, with the seal that the flow shows.
async fn archived(world: &World, count: u32) -> (FlowId, Value) {
    let (flow, _, business) = world.seal_use(count).await;
    world.sim.stamp_many(&business, 0, count).await.unwrap();
    world.until_archived(&flow).await;
    let wang = world.caller("wang").await;
    world
        .until("the package is made", async || {
            !wang.get(&format!("/api/flows/{flow}")).await.json()["evidence"].is_null()
        })
        .await;
    let seal = wang.get(&format!("/api/flows/{flow}")).await.json()["evidence"].clone();
    (flow, seal)
}

/// The files of a zip by name, in its order.
pub(super) fn files_of(zip: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip.to_vec())).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

pub(super) fn text_of<'a>(files: &'a [(String, Vec<u8>)], end: &str) -> &'a str {
    let (_, bytes) = files.iter().find(|(name, _)| name.ends_with(end)).unwrap_or_else(|| panic!("{end} is in it"));
    std::str::from_utf8(bytes).unwrap()
}

story!(the_package_of_an_archived_flow_has_everything_and_keeps_its_bytes, async |engine: Engine| {
    let world = world_with_stamped(engine).await;
    let (flow, _, business) = world.seal_use(2).await;
    let wang = world.caller("wang").await;
    wang.bring(&stamped(&flow), form([("已盖章 50%.pdf", pdf("stamped"))])).await.expect(201);
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    world.until_archived(&flow).await;
    let told = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!((told.status.as_u16(), told.header("content-type")), (200, "application/zip"));
    let disposition = told.header("content-disposition").to_owned();
    assert!(
        disposition.contains("_evidence.zip\"") && disposition.contains("%E8%AF%81%E6%8D%AE%E5%8C%85"),
        "{disposition}"
    );
    let files = files_of(&told.bytes);
    let serial: String = sql("SELECT serial_no FROM flows").scalar(&world.app.db).await.unwrap();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.strip_prefix(&format!("{serial}/")).unwrap()).collect();
    assert_eq!(names[0], "data/用印报告.html");
    assert!(names[1].starts_with("data/图片/公章/001_") && names[1].ends_with("_signatory.jpg"), "{}", names[1]);
    let rest = [
        "data/用印后文件/已盖章 50％.pdf",
        "data/metadata/flow.json",
        "data/metadata/photos.jsonl",
        "data/metadata/approvals.json",
        "data/metadata/events.jsonl",
        "data/metadata/vendor-detail.json",
        "data/metadata/callbacks.jsonl",
        "data/metadata/custody.jsonl",
        "bagit.txt",
        "bag-info.txt",
        "manifest-sha256.txt",
        "manifest-sm3.txt",
        "manifest-blake3.txt",
        "校验说明.md",
        "verify.html",
        "verify.py",
        "tagmanifest-sha256.txt",
    ];
    assert_eq!(names[3..], rest);
    let report = text_of(&files, "用印报告.html");
    assert!(report.contains("申请 2 + 追加 0，设备计 2，收到图片 2，缺 0"), "{report}");
    assert!(report.matches("data:image/jpeg;base64,").count() == 2 && !report.contains("<script"));
    let info = text_of(&files, "bag-info.txt");
    for line in [format!("External-Identifier: {serial}"), "Yinku-State: 1".into(), "Yinku-Faces: included".into()] {
        assert!(info.lines().any(|found| found == line), "{line}: {info}");
    }
    assert!(!text_of(&files, "vendor-detail.json").contains("13800000000"));
    assert_eq!(text_of(&files, "custody.jsonl").lines().count(), 2);

    // S is the hash of the tag manifest. The flow and the audit log show it.
    let s = yinku::hash::Hashes::of(text_of(&files, "tagmanifest-sha256.txt").as_bytes()).sha256;
    let view = wang.get(&format!("/api/flows/{flow}")).await.json();
    assert_eq!((view["evidence"]["s"].as_str(), &view["evidence"]["n"]), (Some(s.as_str()), &Value::from(1)));
    let sealed: String =
        sql("SELECT detail FROM audit WHERE act = 'evidence_sealed'").scalar(&world.app.db).await.unwrap();
    assert!(sealed.ends_with(&s), "{sealed}");
    let about = wang.get(&format!("/api/flows/{flow}/evidence")).await.expect(200);
    assert_eq!((&about["state"], &about["s"], &about["archived"]), (&"ready".into(), &s.into(), &true.into()));
    assert_eq!(about["bytes"], told.bytes.len());
    let parts: Vec<&str> =
        about["parts"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(parts, ["用印报告", "图片", "用印后文件", "metadata", "校验"]);

    // The frozen bundle has the same bytes, in any range.
    let frozen = told.header("content-location").to_owned();
    assert_eq!(frozen, about["url"]);
    let (tag, length) = (told.header("etag").to_owned(), told.bytes.len());
    for address in [zip_of_evidence(&flow), frozen.clone()] {
        let part = wang.part(&address, "bytes=100-1999", Some(&tag)).await;
        assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &told.bytes[100..2000]));
    }
    let part = wang.part(&frozen, &format!("bytes={}-", length - 5), None).await;
    assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &told.bytes[length - 5..]));
    let whole = wang.part(&zip_of_evidence(&flow), "bytes=5-", None).await;
    assert_eq!((whole.status.as_u16(), whole.bytes.len()), (200, length), "the content may have changed");
    assert_eq!(wang.part(&zip_of_evidence(&flow), &format!("bytes={length}-"), None).await.status, 416);
    let before = world.count("SELECT COUNT(*) FROM audit WHERE act = 'evidence_downloaded'").await;
    let head = wang.send(wang.request(Method::HEAD, &frozen)).await;
    assert_eq!(head.header("content-length"), length.to_string());
    let same = wang.send(wang.request(Method::GET, &frozen).header(header::IF_NONE_MATCH, &tag)).await;
    assert_eq!(same.status, 304);
    let after = world.count("SELECT COUNT(*) FROM audit WHERE act = 'evidence_downloaded'").await;
    assert_eq!(before, after, "no byte, no entry");
    // A comment changes nothing of what is known at the manifest.
    assert_eq!(wang.get(&zip_of_evidence(&flow)).await.bytes, told.bytes);
    world.caller("zhao").await.get(&zip_of_evidence(&flow)).await.expect_problem(404, "not_found");
    world.caller("zhao").await.get(&frozen).await.expect_problem(403, "forbidden");
});

story!(a_package_before_archiving_is_marked_and_ends, async |engine: Engine| {
    let clock = yinku::clock::Clock::manual("2026-11-27T08:00:00Z".parse().unwrap());
    let world = World::new(engine, Plan { clock: clock.clone(), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(3).await;
    let wang = world.caller("wang").await;
    world.sim.stamp_many(&business, 0, 2).await.unwrap();
    wang.post(&format!("/api/flows/{flow}/collect"), &serde_json::json!({})).await.expect(202);
    world.until("both photos are here", async || world.count("SELECT COUNT(*) FROM documents").await == 2).await;
    world.until_quiet().await;
    let told = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!(told.status, 200, "{}", String::from_utf8_lossy(&told.bytes));
    let files = files_of(&told.bytes);
    let info = text_of(&files, "bag-info.txt");
    assert!(info.contains("Yinku-State: 0\nYinku-Archived: 未归档\n"), "{info}");
    assert!(text_of(&files, "manifest-sm3.txt").lines().all(|line| line.len() > 66 && !line.starts_with("  ")));
    let again = wang.get(&zip_of_evidence(&flow)).await;
    assert_eq!(again.bytes, told.bytes, "equal facts, one package");
    assert!(wang.get(&format!("/api/flows/{flow}")).await.json()["evidence"].is_null());

    // Another fact, another package. The first one stays what it is.
    wang.post(&format!("/api/flows/{flow}/comment"), &serde_json::json!({ "comment": "看过" })).await.expect(200);
    let other = wang.get(&zip_of_evidence(&flow)).await;
    assert_ne!(other.header("etag"), told.header("etag"));
    assert_eq!(wang.get(told.header("content-location")).await.bytes, told.bytes);

    // After a week both are gone, and nothing of them is left in the store.
    clock.advance(std::time::Duration::from_hours(8 * 24));
    wang.get(told.header("content-location")).await.expect_problem(410, "bundle_gone");
    yinku::bundle::expire(&world.app).await.unwrap();
    let left = world.app.config.data_dir.join("store/evidence");
    assert_eq!(files_below(&left), Vec::<PathBuf>::new());
    wang.get(told.header("content-location")).await.expect_problem(410, "bundle_gone");
});

fn files_below(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut todo) = (Vec::new(), vec![root.to_owned()]);
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { todo.push(path) } else { found.push(path) }
        }
    }
    found
}

story!(face_photos_are_for_those_who_may_see_them, async |engine: Engine| {
    let world = World::new(engine, Plan::default()).await;
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let (wang, admin) = (world.caller("wang").await, world.caller("admin").await);
    let told = wang.get(&zip_of_evidence(&flow)).await;
    let files = files_of(&told.bytes);
    assert!(files.iter().all(|(name, _)| !name.contains("_face.")));
    assert!(text_of(&files, "bag-info.txt").contains("Yinku-Faces: withheld (1)"));
    assert!(text_of(&files, "缺失清单.txt").contains("人脸及类型不明的图片 1 张"));
    let keys: Vec<String> = sql("SELECT photokey FROM photos WHERE kind = 'face' AND photokey IS NOT NULL")
        .scalars(&world.app.db)
        .await
        .unwrap();
    let hashes: Vec<String> =
        sql("SELECT original_hash FROM photos WHERE kind = 'face'").scalars(&world.app.db).await.unwrap();
    assert_eq!(hashes.len(), 1);
    for secret in keys.iter().chain(&hashes) {
        let shows = files.iter().find(|(_, bytes)| String::from_utf8_lossy(bytes).contains(secret.as_str()));
        assert!(shows.is_none(), "{} shows {secret}", shows.unwrap().0);
    }
    wang.get(&format!("{}?faces=true", zip_of_evidence(&flow))).await.expect_problem(403, "forbidden");
    let whole = admin.get(&format!("{}?faces=true", zip_of_evidence(&flow))).await;
    assert!(files_of(&whole.bytes).iter().any(|(name, _)| name.contains("_face.")));
    assert_ne!(whole.header("etag"), told.header("etag"));
    wang.get(whole.header("content-location")).await.expect_problem(403, "forbidden");
});

/// The shell lines of 校验说明.md, as they stand there.
fn shell_lines(text: &str) -> Vec<&str> {
    let block = text.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    block.lines().collect()
}

/// Runs the lines in a directory that has only the zip. Returns what was printed.
fn run_lines(zip: &[u8], lines: &[&str]) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("证据包.zip"), zip).unwrap();
    let script = format!("set -e\n{}\n", lines.join("\n"));
    let ran = Command::new("bash")
        .args(["-c", &script])
        .current_dir(dir.path())
        .env("LC_ALL", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let told = [ran.stdout, ran.stderr].concat();
    (ran.status.success(), String::from_utf8_lossy(&told).into_owned())
}

story!(the_lines_of_the_instructions_check_the_package_as_they_stand, async |world: World| {
    let (flow, seal) = archived(&world, 2).await;
    let zip = world.caller("wang").await.get(&zip_of_evidence(&flow)).await.bytes;
    let files = files_of(&zip);
    let lines = shell_lines(text_of(&files, "校验说明.md"));
    assert!((5..=6).contains(&lines.len()), "{lines:?}");
    // bagit-python is not a part of a plain system.
    let (plain, bagit) = lines.split_at(5);
    assert_eq!(bagit, ["bagit.py --validate ."]);
    let (good, told) = run_lines(&zip, plain);
    assert!(good, "{told}");
    assert!(told.contains(&format!("S = {}", seal["s"].as_str().unwrap())), "{told}");
    assert!(told.lines().last().unwrap().starts_with("OK  ") && !told.contains("not checked"), "{told}");
    // Without `--all`, what takes long is left out, and the last line says so.
    let (good, told) = run_lines(&zip, &[plain[0], "python3 verify.py"]);
    let last = told.lines().last().unwrap();
    assert!(good && last.starts_with("OK  ") && last.contains("not checked: blake3"), "{told}");
    let (good, told) = run_lines(&zip, &[&[plain[0], &with_bagit()][..], bagit].concat());
    assert!(good && told.contains("is valid"), "{told}");
    // It finds a changed file, too.
    let flip = "printf x >> data/metadata/flow.json";
    let (good, told) = run_lines(&zip, &[&[plain[0], &with_bagit(), flip][..], bagit].concat());
    assert!(!good, "{told}");
});

/// Puts bagit-python of the environment of the tests on the path.
fn with_bagit() -> String {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/.venv/bin");
    assert!(tools.join("bagit.py").exists(), "run the tests by scripts/with-services, which installs bagit");
    format!("PATH={}:$PATH", tools.display())
}

/// Packs files as another tool does: the check must not need our zip.
fn packed(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in files {
        writer.start_file(name.as_str(), options).unwrap();
        std::io::Write::write_all(&mut writer, bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

story!(one_flipped_byte_in_any_file_is_found, async |world: World| {
    let (flow, _) = archived(&world, 1).await;
    let zip = world.caller("wang").await.get(&zip_of_evidence(&flow)).await.bytes;
    let files: BTreeMap<String, Vec<u8>> = files_of(&zip).into_iter().collect();
    let lines = ["unzip -q ./*.zip && cd ./*/", "cp ../../verify.py .. 2>/dev/null || true", "python3 verify.py"];
    let (good, told) = run_lines(&packed(&files), &[lines[0], lines[2]]);
    assert!(good, "{told}");
    let s = told.lines().find(|line| line.starts_with("S = ")).unwrap().to_owned();
    for name in files.keys() {
        let mut changed = files.clone();
        let bytes = changed.get_mut(name).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        // A changed verify.py is found by sha256sum.
        let check = "sha256sum --quiet -c manifest-sha256.txt && sha256sum --quiet -c tagmanifest-sha256.txt && python3 verify.py";
        let (good, told) = run_lines(&packed(&changed), &[lines[0], check]);
        let same = told.lines().any(|line| line == s);
        assert!(!good || !same, "a changed {name} was not found: {told}");
    }
    // Proofs and time stamps come later, and change nothing of S.
    let root = files.keys().next().unwrap().split('/').next().unwrap();
    let mut later = files.clone();
    for name in ["proof/log.json", "timestamps/s.tsr", "PROOF.json"] {
        later.insert(format!("{root}/{name}"), b"{}".to_vec());
    }
    let (good, told) = run_lines(&packed(&later), &[lines[0], lines[2]]);
    assert!(good && told.contains(&s), "{told}");
    for (what, change) in [
        (
            "a file less",
            Box::new(|files: &mut BTreeMap<String, Vec<u8>>| files.retain(|name, _| !name.ends_with("events.jsonl")))
                as Box<dyn Fn(&mut BTreeMap<String, Vec<u8>>)>,
        ),
        (
            "a file more",
            Box::new(|files| {
                let root = files.keys().next().unwrap().split('/').next().unwrap().to_owned();
                files.insert(format!("{root}/data/图片/extra.jpg"), b"x".to_vec());
            }),
        ),
    ] {
        let mut changed = files.clone();
        change(&mut changed);
        let (good, told) = run_lines(&packed(&changed), &[lines[0], lines[2]]);
        assert!(!good, "{what}: {told}");
    }
});
