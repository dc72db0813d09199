//! The thumbnails of many pictures of all formats, compared with the pictures as Pillow decodes them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::support::{
    Engine,
    definitions::with_stamped,
    figures,
    files::{form, stamped},
    pictures::peak_memory,
    process::House,
    story::run,
};

/// The most bytes of a picture that is compared, so that the test stays short.
const LARGEST: u64 = 256 << 10;
/// Of PNG there are many more than of the others.
const OF_PNG: usize = 6;
/// Files of one request.
const AT_ONCE: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thumbnails_look_like_their_pictures_and_every_original_is_kept() {
    run(Engine::Sqlite, async |engine: Engine| {
        let begun = Instant::now();
        let house = House::build(engine, Some(with_stamped)).await;
        let process = house.serve(None);
        let (flow, _) = house.applied_flow(1).await;
        let wang = house.caller("wang").await;
        let pictures = pictures();
        assert!(pictures.len() > 200, "{} pictures", pictures.len());
        let made = tempfile::tempdir().unwrap();
        for (n, batch) in pictures.chunks(AT_ONCE).enumerate() {
            let files: Vec<Vec<u8>> = batch.iter().map(|path| std::fs::read(path).unwrap()).collect();
            let named = files.iter().map(|bytes| ("picture", bytes.clone()));
            let documents = wang.bring(&stamped(&flow), form(named)).await.expect(201);
            for (m, (path, bytes)) in batch.iter().zip(&files).enumerate() {
                let document = format!("/api/documents/{}", documents[m]["id"].as_str().unwrap());
                assert!(wang.get(&format!("{document}/content")).await.bytes == bytes[..], "{}", path.display());
                let thumbnail = wang.get(&format!("{document}/thumbnail/256")).await;
                let (suffix, told) = match thumbnail.status.as_u16() {
                    200 => ("jpg", thumbnail.bytes.to_vec()),
                    404 => ("txt", thumbnail.json()["detail"].as_str().unwrap().as_bytes().to_vec()),
                    status => panic!("{} is answered with {status}", path.display()),
                };
                let place = made.path().join((n * AT_ONCE + m).to_string());
                std::fs::write(place.with_extension(suffix), told).unwrap();
                let name = path.strip_prefix(corpus()).unwrap().to_str().unwrap();
                std::fs::write(place.with_extension("name"), name).unwrap();
            }
        }
        let peak = peak_memory(process.id().unwrap());
        let figure = format!("{} MiB for {} files in {:?}", peak >> 20, pictures.len(), begun.elapsed());
        figures::note("peak memory of the service, corpus of pictures", &figure);
        assert!(peak < 300 << 20, "the service took {peak} bytes of memory");
        house.retire(process).await;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures/compare.py");
        let python = std::env::var("YINKU_TEST_PYTHON").expect("run it with scripts/with-services");
        let compared = Command::new(python).arg(script).args([&corpus(), made.path()]).output().unwrap();
        let told = String::from_utf8_lossy(&compared.stdout);
        assert!(compared.status.success(), "{told}{}", String::from_utf8_lossy(&compared.stderr));
    })
    .await;
}

fn corpus() -> PathBuf {
    std::env::var("YINKU_TEST_PICTURES").expect("run it with scripts/with-services").into()
}

/// The pictures that are compared, in the order of their names.
fn pictures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&corpus(), &mut found);
    found.sort();
    let is = |path: &Path, suffix: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(suffix));
    let mut pngs = 0..;
    found.retain(|path| {
        if is(path, "png") {
            pngs.next().is_some_and(|n: usize| n.is_multiple_of(OF_PNG))
        } else {
            ["bmp", "gif", "jpg", "jpeg", "tif", "tiff", "webp"].iter().any(|suffix| is(path, suffix))
        }
    });
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let about = entry.metadata().unwrap();
        if about.is_dir() {
            collect(&entry.path(), found);
        } else if (1..=LARGEST).contains(&about.len()) {
            found.push(entry.path());
        }
    }
}
