use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::*;

const AT: Timestamp = Timestamp(1_700_000_001_000_000);

fn made(name: &str, bytes: &[u8]) -> Entry {
    Entry {
        name: name.to_owned(),
        bytes: bytes.len() as u64,
        crc32: crc32fast::hash(bytes),
        blake3: Blake3::of(bytes),
        at: AT,
        content: EntryContent::Made(Bytes::copy_from_slice(bytes)),
    }
}

fn whole(layout: Layout) -> Vec<u8> {
    let bytes = layout.bytes();
    part(&Arc::new(layout), 0..bytes)
}

fn part(layout: &Arc<Layout>, range: Range<u64>) -> Vec<u8> {
    Layout::pieces(Arc::clone(layout), range)
        .flat_map(|piece| match piece {
            Piece::Made(bytes) => bytes.to_vec(),
            // An object of zeros, for tests of what is larger than memory.
            Piece::Stored { range, .. } => vec![0; usize::try_from(range.end - range.start).unwrap()],
        })
        .collect()
}

#[test]
fn another_reader_finds_names_bytes_and_times() {
    let layout = Layout::of(&[made("公章_001.jpg", b"one"), made("图片/二.png", b""), made("a", &[7; 5000])]);
    let length = layout.bytes();
    let bytes = whole(layout);
    assert_eq!(bytes.len() as u64, length);
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["公章_001.jpg", "图片/二.png", "a"]);
    let mut first = archive.by_index(0).unwrap();
    let mut content = Vec::new();
    // The reader checks the CRC at the end.
    first.read_to_end(&mut content).unwrap();
    assert_eq!(content, b"one");
    let time = first.last_modified().unwrap();
    assert_eq!((time.year(), time.month(), time.day()), (2023, 11, 15));
    assert_eq!((time.hour(), time.minute(), time.second()), (6, 13, 20));
    assert_eq!(first.unix_mode(), Some(0o100_644));
}

#[test]
fn every_range_equals_the_same_bytes_of_the_whole() {
    let layout = Arc::new(Layout::of(&[made("一", b"hello"), made("二", b""), made("三", b"world!")]));
    let all = part(&layout, 0..layout.bytes());
    for from in 0..=all.len() {
        for to in from..=all.len() {
            assert_eq!(part(&layout, from as u64..to as u64), all[from..to], "{from}..{to}");
        }
    }
    assert_eq!(part(&layout, 0..u64::MAX), all);
}

#[test]
fn names_are_flagged_as_utf_8_so_that_no_code_page_garbles_them() {
    let bytes = whole(Layout::of(&[made("用印图片.jpg", b"x")]));
    assert_eq!(u16::from_le_bytes([bytes[6], bytes[7]]) & UTF8, UTF8);
    let central = bytes.windows(4).position(|window| window == CENTRAL.to_le_bytes()).unwrap();
    assert_eq!(u16::from_le_bytes([bytes[central + 8], bytes[central + 9]]) & UTF8, UTF8);
}

#[test]
fn of_two_entries_with_one_name_none_is_lost() {
    let bytes = whole(Layout::of(&[made("a.jpg", b"1"), made("A.jpg", b"2"), made("a.jpg", b"3")]));
    let archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["a.jpg", "A (2).jpg", "a (3).jpg"]);
}

#[test]
fn equal_entries_give_equal_bytes_and_tags_and_others_do_not() {
    let plan = |name: &str, bytes: &[u8]| Layout::of(&[made(name, bytes)]);
    assert_eq!(plan("a", b"1").etag(), plan("a", b"1").etag());
    assert_ne!(plan("a", b"1").etag(), plan("a", b"2").etag());
    assert_ne!(plan("a", b"1").etag(), plan("b", b"1").etag());
    assert_eq!(whole(plan("a", b"1")), whole(plan("a", b"1")));
    let tag = plan("a", b"1").etag().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 66, "{tag}");
}

#[test]
fn more_entries_than_sixteen_bits_count_are_all_there() {
    let entries: Vec<Entry> = (0..65_600).map(|n| made(&format!("{n}"), b"")).collect();
    let archive = ZipArchive::new(Cursor::new(whole(Layout::of(&entries)))).unwrap();
    assert_eq!(archive.len(), 65_600);
}

/// A file of zeros of which only the zip's headers are in memory.
struct Sparse {
    layout: Arc<Layout>,
    at: u64,
}

impl Read for Sparse {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = (self.at + into.len() as u64).min(self.layout.bytes());
        let bytes = part(&self.layout, self.at..end);
        into[..bytes.len()].copy_from_slice(&bytes);
        self.at = end;
        Ok(bytes.len())
    }
}

impl std::io::Seek for Sparse {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.at = match to {
            std::io::SeekFrom::Start(at) => at,
            std::io::SeekFrom::End(by) => self.layout.bytes().saturating_add_signed(by),
            std::io::SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

#[test]
fn an_entry_over_four_gibibytes_and_those_behind_it_are_found() {
    let large =
        Entry { bytes: (5 << 30) + 1, content: EntryContent::Stored("originals/x".to_owned()), ..made("大.bin", b"") };
    let layout = Arc::new(Layout::of(&[made("前", b"before"), large, made("后", b"after")]));
    assert!(layout.bytes() > 5 << 30);
    let mut archive = ZipArchive::new(Sparse { layout, at: 0 }).unwrap();
    assert_eq!(archive.by_index(1).unwrap().size(), (5 << 30) + 1);
    let mut content = String::new();
    archive.by_index(2).unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "after");
}

#[test]
fn a_range_of_a_stored_entry_names_the_object_and_its_bytes() {
    let stored = Entry { bytes: 100, content: EntryContent::Stored("originals/x".to_owned()), ..made("x", b"") };
    let layout = Arc::new(Layout::of(&[stored]));
    let header = 30 + 1 + 9;
    let pieces: Vec<Piece> = Layout::pieces(layout, header + 10..header + 20).collect();
    assert_eq!(pieces, [Piece::Stored { key: "originals/x".to_owned(), bytes: 100, range: 10..20, whole: None }]);
}
