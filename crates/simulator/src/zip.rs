//! A zip writer for the zips that a proper library refuses to write: GBK names without a flag, doubled names, `../`,
//! sizes after the data. Below 4 GiB and 65,535 entries only.

/// One entry; `name` as raw bytes.
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    /// Whether the name is declared to be UTF-8 (flag 0x0800).
    pub(super) utf8: bool,
    pub(super) data: Vec<u8>,
}

/// Hands out a zip piece by piece, so that only one photo is in memory at a time.
pub(super) struct Writer {
    streamed: bool,
    offset: u32,
    central: Vec<u8>,
    entries: u16,
}

impl Writer {
    /// `streamed` puts checksum and sizes after the data and packs it as deflate, as `java.util.zip` does.
    pub(super) fn new(streamed: bool) -> Self {
        Self { streamed, offset: 0, central: Vec::new(), entries: 0 }
    }

    /// The bytes of one entry.
    pub(super) fn entry(&mut self, entry: &Entry) -> Vec<u8> {
        let crc = crc32fast::hash(&entry.data);
        let size = length(entry.data.len());
        let stream = self.streamed && !entry.name.ends_with(b"/");
        let packed = if stream { stored_deflate(&entry.data) } else { entry.data.clone() };
        let packed_size = length(packed.len());
        let flags = if entry.utf8 { 0x0800_u16 } else { 0 } | if stream { 0x0008 } else { 0 };
        let method: u16 = if stream { 8 } else { 0 };

        let header = |crc: u32, packed: u32, size: u32| {
            let mut h = Vec::with_capacity(26);
            for half in [20_u16, flags, method, 0x6000, 0x5b77] {
                h.extend_from_slice(&half.to_le_bytes());
            }
            for word in [crc, packed, size] {
                h.extend_from_slice(&word.to_le_bytes());
            }
            h.extend_from_slice(&u16::try_from(entry.name.len()).unwrap_or(u16::MAX).to_le_bytes());
            h.extend_from_slice(&[0; 2]);
            h
        };
        let mut out = b"PK\x03\x04".to_vec();
        out.extend(if stream { header(0, 0, 0) } else { header(crc, packed_size, size) });
        out.extend_from_slice(&entry.name);
        out.extend_from_slice(&packed);
        if stream {
            out.extend_from_slice(b"PK\x07\x08");
            for word in [crc, packed_size, size] {
                out.extend_from_slice(&word.to_le_bytes());
            }
        }

        self.central.extend_from_slice(b"PK\x01\x02\x14\x00");
        self.central.extend(header(crc, packed_size, size));
        self.central.extend_from_slice(&[0; 10]);
        self.central.extend_from_slice(&self.offset.to_le_bytes());
        self.central.extend_from_slice(&entry.name);
        self.offset = self.offset.saturating_add(length(out.len()));
        self.entries = self.entries.saturating_add(1);
        out
    }

    /// The directory at the end.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut out = self.central;
        let size = length(out.len());
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Deflate made of stored blocks only: right for every reader, and photos do not get smaller anyway.
fn stored_deflate(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + data.len() / 65_535 * 5 + 5);
    let mut chunks = data.chunks(65_535).peekable();
    if chunks.peek().is_none() {
        return vec![1, 0, 0, 0xff, 0xff];
    }
    while let Some(chunk) = chunks.next() {
        let size = u16::try_from(chunk.len()).unwrap_or(u16::MAX);
        out.push(u8::from(chunks.peek().is_none()));
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&(!size).to_le_bytes());
        out.extend_from_slice(chunk);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::{Entry, Writer};

    fn written(streamed: bool, names: &[&str]) -> Vec<u8> {
        let mut writer = Writer::new(streamed);
        let mut out = Vec::new();
        for name in names {
            let data = name.as_bytes().repeat(20_000);
            out.extend(writer.entry(&Entry { name: name.as_bytes().to_vec(), utf8: true, data }));
        }
        out.extend(writer.finish());
        out
    }

    #[test]
    fn another_library_reads_both_kinds_of_zip_whole() {
        for streamed in [false, true] {
            let names = ["用印图片/1.jpg", "用印图片/2.jpg"];
            let mut archive = zip::ZipArchive::new(Cursor::new(written(streamed, &names))).unwrap();
            for name in names {
                let mut bytes = Vec::new();
                archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes, name.as_bytes().repeat(20_000));
            }
        }
    }

    #[test]
    fn an_empty_zip_is_22_bytes() {
        let empty = Writer::new(false).finish();
        assert_eq!(empty.len(), 22);
        assert!(zip::ZipArchive::new(Cursor::new(empty)).unwrap().is_empty());
    }
}
