use super::*;

fn error(bytes: &[u8]) -> ZipError {
    read_all(bytes).unwrap_err()
}

#[test]
fn what_is_no_zip_is_called_so() {
    for bytes in
        [b"".as_slice(), b"PK", b"<html>HTTP ERROR</html>", b"{\"code\":1000000}", &[0; 100], b"\xff\xd8\xff\xe0JFIF"]
    {
        assert!(matches!(error(bytes), ZipError::NotAZip), "{bytes:?}");
    }
    let mut behind = b"prefix".to_vec();
    behind.extend(zip_of(&[part("a", b"a")]));
    assert!(matches!(error(&behind), ZipError::NotAZip));
}

#[test]
fn a_zip_cut_anywhere_is_an_error_and_mostly_called_truncated() {
    let zip = zip_of(&[part("a.jpg", &[7; 200]), part("b.jpg", &[9; 200]).deflated()]);
    for length in 4..zip.len() {
        let found = error(&zip[..length]);
        // From the end record's signature on, it is there, though damaged.
        let expected = if length < zip.len() - 18 { matches!(found, ZipError::CutOff) } else { true };
        assert!(expected, "{length} of {}: {found:?}", zip.len());
    }
    assert!(error(&zip[..zip.len() - 22]).to_string().contains("truncated"));
}

#[test]
fn a_zip_that_lost_its_beginning_or_middle_is_an_error_or_names_what_it_lost() {
    let zip = zip_of(&[part("a.jpg", &[7; 200]), part("b.jpg", &[9; 200])]);
    assert!(matches!(error(&zip[50..]), ZipError::NotAZip));
    let without = [&zip[..100], &zip[150..]].concat();
    match read_all(&without) {
        Err(_) => {}
        Ok((entries, skipped)) => assert_eq!((entries.len() + skipped.len(), skipped.is_empty()), (2, false)),
    }
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let same = zip_of(&[part("a", b"data"), part("b", b"data").at_place_of(0)]);
    assert!(matches!(error(&same), ZipError::Overlapping));
    // An entry whose data are another entry, header and all.
    let inner = zip_of(&[part("b", b"inner")]);
    let header_and_data = &inner[..30 + 1 + 5];
    let mut quoted = zip_of(&[part("a", header_and_data), part("b", b"inner").at_place_of(0)]);
    let listed = quoted.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    quoted[listed + 42] = 31;
    assert!(matches!(error(&quoted), ZipError::Overlapping));
    let into_directory = zip_of(&[part("a", b"data").with_data(|data| data.extend([0; 40]))]);
    let mut into_directory: Vec<u8> = into_directory;
    let at = into_directory.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    into_directory.drain(at - 40..at);
    let end = into_directory.len() - 6;
    into_directory[end..end + 4].copy_from_slice(&u32::try_from(at - 40).unwrap().to_le_bytes());
    assert!(matches!(error(&into_directory), ZipError::Overlapping));
}

#[test]
fn an_end_that_counts_too_few_or_no_entries_is_an_error() {
    let zip = zip_of(&[part("a", b"1"), part("b", b"2")]);
    for count in [0, 1] {
        let mut fewer = zip.clone();
        let end = fewer.len() - 22;
        fewer[end + 8] = count;
        fewer[end + 10] = count;
        assert!(matches!(error(&fewer), ZipError::Damaged(_)), "{count}");
    }
}

#[test]
fn the_number_of_entries_is_bounded() {
    let zip = zip_of(&vec![part("a", b"a"); 11]);
    let limits = ZipLimits { max_entries: 10, ..LIMITS };
    assert!(matches!(read_with(&zip, limits), Err(ZipError::TooManyEntries { entries: 11, limit: 10 })));
}

#[test]
fn a_bomb_is_skipped_by_the_bytes_it_really_unpacks_to() {
    let bomb = part("bomb.jpg", &vec![0; 4 << 20]).deflated();
    for bomb in [bomb.clone(), bomb.clone().streamed()] {
        let (entries, skipped) = read_all(&zip_of(&[bomb, part("a.jpg", b"a")])).unwrap();
        assert_eq!(names(&entries), ["a.jpg"]);
        assert_eq!(reasons(&skipped), [("bomb.jpg", "larger than 1048576 bytes")]);
    }
    let (_, skipped) = read_all(&zip_of(&[bomb.with_size(10)])).unwrap();
    assert!(skipped[0].reason.starts_with("damaged: "), "a size that is not true: {skipped:?}");
}

#[test]
fn no_more_is_unpacked_of_a_bomb_than_it_takes_to_know_it() {
    let bomb = part("bomb.jpg", &vec![0; 4 << 20]).deflated();
    // Seven times the limit of one entry fit into the limit of all; seven whole bombs would not.
    let (_, skipped) = read_all(&zip_of(&vec![bomb; 7])).unwrap();
    assert_eq!(skipped.len(), 7);
}

#[test]
fn many_bombs_together_end_the_reading() {
    let bomb = part("bomb.jpg", &vec![0; 4 << 20]).deflated();
    let zip = zip_of(&vec![bomb; 100]);
    assert!(zip.len() < 1 << 20);
    assert!(matches!(error(&zip), ZipError::TooLarge { limit } if limit == LIMITS.max_total_bytes));
}

#[test]
fn an_entry_at_the_limits_is_read_and_one_byte_more_is_not() {
    let zip = zip_of(&[part("a", &[1; 100]), part("b", &[1; 101])]);
    let (entries, skipped) = read_with(&zip, ZipLimits { max_entry_bytes: 100, ..LIMITS }).unwrap();
    assert_eq!((names(&entries), reasons(&skipped)), (vec!["a"], vec![("b", "larger than 100 bytes")]));
    assert!(read_with(&zip, ZipLimits { max_total_bytes: 201, ..LIMITS }).is_ok());
    assert!(matches!(read_with(&zip, ZipLimits { max_total_bytes: 200, ..LIMITS }), Err(ZipError::TooLarge { .. })));
}

#[test]
fn what_unpacks_to_many_times_its_size_is_skipped_if_so_configured() {
    let zip = zip_of(&[part("flat.bmp", &vec![0; 100_000]).deflated(), part("a.jpg", &[1; 100])]);
    let (entries, skipped) = read_with(&zip, ZipLimits { max_ratio: Some(100), ..LIMITS }).unwrap();
    assert_eq!(names(&entries), ["a.jpg"]);
    assert_eq!(reasons(&skipped), [("flat.bmp", "unpacks to more than 100 times its size")]);
}

#[test]
fn no_mutation_of_a_zip_panics_or_gives_more_than_the_limits() {
    let zip = zip_of(&[
        part("用印/a.jpg", &[7; 300]),
        part("b.jpg", &[9; 3_000]).deflated(),
        part("c.jpg", b"streamed").streamed(),
        part("d/", b""),
    ]);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut chance = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut read = 0;
    for _ in 0..3_000 {
        let mut mutant = zip.clone();
        for _ in 0..=chance(4) {
            let at = chance(mutant.len());
            match chance(4) {
                0 => mutant[at] = u8::try_from(chance(256)).unwrap(),
                1 => mutant[at] ^= 1 << chance(8),
                2 => mutant[at] = 0xff,
                _ => drop(mutant.drain(at..(at + chance(8)).min(mutant.len() - 4).max(at))),
            }
        }
        if let Ok((entries, _)) = read_all(&mutant) {
            assert!(entries.iter().all(|entry| !entry.bytes.is_empty() && entry.bytes.len() < 1 << 20));
            read += entries.len();
        }
    }
    assert!(read > 500, "mutations that destroy everything would test nothing: {read}");
}
