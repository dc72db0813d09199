mod hostile;
mod names;
mod writer;

use std::io::{Seek, Write};

use super::*;
use writer::{part, zip_of};

const LIMITS: ZipLimits =
    ZipLimits { max_entries: 1_000, max_entry_bytes: 1 << 20, max_total_bytes: 8 << 20, max_ratio: None };

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn read_with(bytes: &[u8], limits: ZipLimits) -> Result<(Vec<ZipEntry>, Vec<Skipped>), ZipError> {
    let mut entries = Vec::new();
    let summary = read(&file_of(bytes), limits, |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    })?;
    assert_eq!((summary.entries, summary.stopped), (entries.len(), false));
    Ok((entries, summary.skipped))
}

fn read_all(bytes: &[u8]) -> Result<(Vec<ZipEntry>, Vec<Skipped>), ZipError> {
    read_with(bytes, LIMITS)
}

fn names(entries: &[ZipEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn reasons(skipped: &[Skipped]) -> Vec<(&str, &str)> {
    skipped.iter().map(|skipped| (skipped.name.as_str(), skipped.reason.as_str())).collect()
}

#[test]
fn entries_come_in_order_with_their_bytes_stored_or_deflated() {
    let zip =
        zip_of(&[part("a.jpg", b"first"), part("b.jpg", b"second").deflated(), part("c.jpg", b"third").streamed()]);
    let (entries, skipped) = read_all(&zip).unwrap();
    let read: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.bytes.as_slice())).collect();
    assert_eq!(read, [("a.jpg", b"first".as_slice()), ("b.jpg", b"second"), ("c.jpg", b"third")]);
    assert_eq!(skipped, []);
}

#[test]
fn a_zip_by_another_writer_is_read_too() {
    let mut zip = ::zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default();
    zip.add_directory("用印图片", options).unwrap();
    for (name, large) in [("用印图片/章.jpg", false), ("zip64.jpg", true)] {
        zip.start_file(name, options.large_file(large)).unwrap();
        zip.write_all(&b"photo ".repeat(1_000)).unwrap();
    }
    let (entries, skipped) = read_all(&zip.finish().unwrap().into_inner()).unwrap();
    assert_eq!((names(&entries), entries[0].bytes.len()), (vec!["章.jpg", "zip64.jpg"], 6_000));
    assert_eq!(skipped, []);
}

#[test]
fn entries_of_one_name_are_all_kept() {
    let zip = zip_of(&[part("a.jpg", b"1"), part("a.jpg", b"2"), part("a.jpg", b"1")]);
    let (entries, _) = read_all(&zip).unwrap();
    let bytes: Vec<_> = entries.iter().map(|entry| entry.bytes.as_slice()).collect();
    assert_eq!((names(&entries), bytes), (vec!["a.jpg"; 3], vec![b"1".as_slice(), b"2", b"1"]));
}

#[test]
fn an_empty_zip_is_no_error_and_has_no_entries() {
    let zip = zip_of(&[]);
    assert_eq!(zip.len(), 22);
    assert_eq!(read_all(&zip).unwrap(), (vec![], vec![]));
}

#[test]
fn directories_are_passed_over_and_empty_encrypted_and_nested_entries_named() {
    let nested = zip_of(&[part("x", b"y")]);
    let zip = zip_of(&[
        part("dir/", b""),
        part(r"back\", b""),
        part("dir/empty.jpg", b""),
        part("secret.jpg", b"123456789012345").with_flags(1),
        part("more.zip", &nested),
        part("lzma.jpg", b"x").with_method(14),
        part("link.jpg", b"/etc/passwd").with_mode(0o120_777),
        part("good.jpg", b"good"),
    ]);
    let (entries, skipped) = read_all(&zip).unwrap();
    assert_eq!(names(&entries), ["good.jpg"]);
    let reasons = reasons(&skipped);
    assert_eq!(
        reasons[..3],
        [("empty.jpg", "empty"), ("secret.jpg", "encrypted"), ("more.zip", "a zip within the zip")]
    );
    assert!(reasons[3].0 == "lzma.jpg" && reasons[3].1.starts_with("unknown compression method"), "{reasons:?}");
    assert_eq!(reasons[4..], [("link.jpg", "a symbolic link")]);
}

#[test]
fn a_damaged_entry_is_skipped_and_the_others_are_read() {
    let mut zip = zip_of(&[part("a.jpg", b"aaaa"), part("b.jpg", b"bbbb"), part("c.jpg", b"cccc").deflated()]);
    let at = zip.windows(4).position(|window| window == b"bbbb").unwrap();
    zip[at] = b'x';
    let (entries, skipped) = read_all(&zip).unwrap();
    assert_eq!(names(&entries), ["a.jpg", "c.jpg"]);
    assert!(skipped[0].name == "b.jpg" && skipped[0].reason.starts_with("damaged: "), "{skipped:?}");
}

#[test]
fn a_corrupt_stream_is_a_damaged_entry_too() {
    let good = part("b.jpg", &b"photo".repeat(50)).deflated();
    for broken in [good.clone().with_data(|data| data[0] = 0xff), good.with_data(|data| data.truncate(5))] {
        let (entries, skipped) = read_all(&zip_of(&[broken, part("a.jpg", b"a")])).unwrap();
        assert_eq!(names(&entries), ["a.jpg"]);
        assert!(skipped[0].reason.starts_with("damaged: "), "{skipped:?}");
    }
}

#[test]
fn the_receiver_may_stop() {
    let zip = zip_of(&[part("a.jpg", b"a"), part("b.jpg", b"b")]);
    let summary = read(&file_of(&zip), LIMITS, |_| ControlFlow::Break(())).unwrap();
    assert_eq!(summary, Summary { entries: 1, skipped: vec![], stopped: true });
}
