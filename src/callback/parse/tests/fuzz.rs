use super::*;

/// Xorshift64*: the same mutations in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below.max(1)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const WORDS: [&[u8]; 12] =
            [b"--", b"\r\n", b"\r\n\r\n", b"\"", b"\\", b"[", b"{", b"%", b"=", b"&", b"\0", b"\xff\xd8\xff"];
        let at = self.next(bytes.len() + 1);
        let until = at + self.next(bytes.len() - at + 1);
        match self.next(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..until)),
            2 => drop(bytes.splice(at..at, WORDS[self.next(WORDS.len())].iter().copied())),
            3 => bytes.extend_from_within(at..until),
            4 => drop(bytes.splice(at..at, std::iter::repeat_n(b'[', 300))),
            _ if at < bytes.len() => bytes[at] = u8::try_from(self.next(256)).unwrap(),
            _ => {}
        }
    }
}

fn check(callback: &Callback) {
    let id = callback.business_id.as_deref();
    assert!(id.is_none_or(|id| (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())));
    assert!(callback.images.len() <= MAX_IMAGES && callback.params.len() <= MAX_PARAMS);
    assert!(callback.params.is_sorted_by(|a, b| a.0 < b.0));
    let texts = callback.params.iter().flat_map(|(key, values)| values.iter().chain([key]));
    assert!(texts.into_iter().all(|text| !text.contains('\0')));
    for image in &callback.images {
        if let PushedImage::Bytes { bytes, file_name } = image {
            assert!(!bytes.is_empty());
            assert!(file_name.as_deref().is_none_or(|name| !name.contains(['/', '\\', '\0']) && name != ".."));
        }
    }
}

#[test]
fn no_mutation_of_any_fixture_makes_it_panic_or_break_its_word() {
    let fixtures = [P1, P2_PARTS, P2_JSON, P3, W, W_GBK, ELECTRONIC, N, F, NESTED];
    let kinds = [None, Some(FORM), Some(JSON), Some(PARTS), Some("multipart/form-data; boundary=\"")];
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut ids = 0;
    for round in 0..4_000 {
        let mut body = fixtures[round % fixtures.len()].to_vec();
        for _ in 0..=chance.next(5) {
            chance.mutate(&mut body);
        }
        let mut query = b"ecologyOperate=download&sealUse=0199&key=k".to_vec();
        chance.mutate(&mut query);
        let query = String::from_utf8_lossy(&query).into_owned();
        let callback = parse(RawRequest { query: &query, content_type: kinds[chance.next(kinds.len())], body: &body });
        check(&callback);
        ids += usize::from(callback.business_id.is_some());
    }
    assert!(ids > 500, "mutations that destroy everything would test nothing: {ids}");
}

/// What is quadratic takes many minutes at this size; what is linear, some two seconds for all without optimisation.
#[test]
fn hostile_megabytes_are_read_in_linear_time() {
    let many = |piece: &str| piece.repeat(500_000 / piece.len()).into_bytes();
    let boundary = "-".repeat(70);
    let kind: &'static str = Box::leak(format!("multipart/form-data; boundary={boundary}").into_boxed_str());
    let bodies = [
        many("\n"),
        many("-"),
        many(&format!("\r\n--{boundary}")),
        many(&format!("--{boundary}\r\n")),
        many(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"\\\"\\\"\r\n")),
        many("["),
        many("{\"a\":"),
        [b"[".to_vec(), many("[],"), b"0]".to_vec()].concat(),
        [b"{\"a\":[".to_vec(), many("{},"), b"0]}".to_vec()].concat(),
        [b"{\"images\":\"".to_vec(), many("[,"), b"\"}".to_vec()].concat(),
        many("images=%5B%5B%2C&"),
        [b"images=".to_vec(), many("a b+c ")].concat(),
        many("&="),
        many("%"),
        many("a=\u{7ae0}&"),
        many("\u{0}"),
    ];
    let start = std::time::Instant::now();
    for body in bodies {
        for kind in [None, Some(kind), Some(JSON), Some(FORM)] {
            check(&post("", kind, &body));
        }
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
