//! Stories of large bundles that a download manager continues.

use std::{fs, io::Cursor, os::unix::fs::FileExt};

use serde_json::json;
use yinku::{db::sql, store::StoreKey};

use super::{
    bundles::bundle_of,
    bundles_readers::{GIB, crc_of_zeros, link_of, run_well, url},
};
use crate::support::{World, photos, seals::archived, story};

/// Where the parts of a zip begin that lie after its large entry: headers of entries, of the directory and its three ends.
fn borders(zip: &[u8]) -> Vec<usize> {
    let marks: [&[u8]; 5] = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x06\x06", b"PK\x06\x07", b"PK\x05\x06"];
    (0..zip.len() - 4).filter(|at| marks.contains(&&zip[*at..at + 4])).collect()
}

story!(curl_goes_on_after_eight_gibibytes_and_at_the_list_of_what_is_missing, async |world: World| {
    let flow = archived(&world, 3).await;
    let mut documents = photos::documents(&world, &flow).await;
    let wang = world.caller("wang").await;
    let ids: Vec<String> = documents.iter().map(|document| document.id.to_string()).collect();
    let whole = wang.get(&url(&bundle_of(&wang, &json!({ "documentIds": ids })).await)).await.bytes;
    let mut archive = zip::ZipArchive::new(Cursor::new(whole.to_vec())).unwrap();
    let first = archive.by_index(0).unwrap().name().unwrap().into_owned();
    // In the order of the zip.
    documents.sort_by_key(|document| !first.ends_with(&document.name));
    // The first photo becomes eight sparse gibibytes. The last one is lost, and a made entry says so.
    let length = 8 * GIB;
    let path = world.app.config.data_dir.join("store").join(&documents[0].store_key);
    let file = fs::File::options().write(true).truncate(true).open(path).unwrap();
    file.set_len(length).unwrap();
    let mut tx = world.app.db.begin().await.unwrap();
    sql("UPDATE originals SET bytes = $1, crc32 = $2 WHERE hash = $3")
        .bind(i64::try_from(length).unwrap())
        .bind(i64::from(crc_of_zeros(length)))
        .bind(&documents[0].blake3)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.app.store.delete(&StoreKey::Raw(documents[2].store_key.clone())).await.unwrap();
    let lost = format!("/api/documents/{}/content", documents[2].id);
    wang.get(&lost).await.expect_problem(500, "original_damaged");
    let made = bundle_of(&wang, &json!({ "documentIds": ids })).await;
    let bytes = made["bytes"].as_u64().unwrap();
    assert_eq!((&made["entries"], made["left"].as_array().unwrap().len()), (&json!(3), 1));
    // The tail of the zip, from the last bytes of the large entry on.
    let from = length - 1000;
    let tail = wang.part(&url(&made), &format!("bytes={from}-"), None).await.bytes;
    assert_eq!(tail.len() as u64, bytes - from);
    let borders = borders(&tail);
    // Two headers, three of the directory, its zip64 end, the locator, the end.
    assert_eq!(borders.len(), 8, "{borders:?}");
    let address = link_of(&world, &wang, &made).await;
    let dir = tempfile::tempdir().unwrap();
    let part = dir.path().join("part.zip");
    for at in borders.into_iter().flat_map(|at| [at, at + 1]) {
        let file = fs::File::create(&part).unwrap();
        file.set_len(from + at as u64).unwrap();
        let flags = ["-sS", "--fail", "--noproxy", "*", "-C", "-", "-o", "part.zip", &address];
        run_well(dir.path(), "curl", &flags).await;
        let file = fs::File::open(&part).unwrap();
        assert_eq!(file.metadata().unwrap().len(), bytes, "cut at {at}");
        let mut got = vec![0; tail.len() - at];
        file.read_exact_at(&mut got, from + at as u64).unwrap();
        assert!(got == tail[at..], "cut at {at}");
    }
    // The head and the tail are a zip: its list names the lost photo.
    let file = fs::File::create(&part).unwrap();
    file.set_len(bytes).unwrap();
    let head = wang.part(&url(&made), "bytes=0-999", None).await.bytes;
    file.write_all_at(&head, 0).unwrap();
    file.write_all_at(&tail, from).unwrap();
    let script = "import zipfile; z = zipfile.ZipFile('part.zip'); print(z.read('缺失清单.txt').decode())
print([e.file_size for e in z.infolist()])";
    let told = run_well(dir.path(), "python3", &["-c", script]).await;
    assert!(told.contains(&documents[2].name) && told.contains(&length.to_string()), "{told}");
});
