//! Writes zips that no library would write.

use std::io::{Cursor, Write};

use zip::{ZipWriter, write::SimpleFileOptions};

/// One entry, with whatever is wrong about it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    name: Vec<u8>,
    data: Vec<u8>,
    size: u32,
    crc: u32,
    method: u16,
    flags: u16,
    mode: u32,
    streamed: bool,
    /// Of which earlier part the directory shows the place.
    pub(super) place_of: Option<usize>,
}

pub(super) fn part(name: impl AsRef<[u8]>, content: &[u8]) -> Part {
    Part {
        name: name.as_ref().to_vec(),
        data: content.to_vec(),
        size: u32::try_from(content.len()).unwrap(),
        crc: crc32fast::hash(content),
        method: 0,
        flags: 0,
        mode: 0,
        streamed: false,
        place_of: None,
    }
}

impl Part {
    pub(super) fn deflated(self) -> Self {
        Self { data: deflate(&self.data), method: 8, ..self }
    }

    /// Sizes follow the data, as when the writer did not know them.
    pub(super) fn streamed(self) -> Self {
        Self { streamed: true, flags: self.flags | 8, ..self }
    }

    pub(super) fn with_flags(self, flags: u16) -> Self {
        Self { flags, ..self }
    }

    pub(super) fn with_method(self, method: u16) -> Self {
        Self { method, ..self }
    }

    pub(super) fn with_mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    pub(super) fn with_size(self, size: u32) -> Self {
        Self { size, ..self }
    }

    pub(super) fn with_data(mut self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        change(&mut self.data);
        self
    }

    pub(super) fn at_place_of(self, earlier: usize) -> Self {
        Self { place_of: Some(earlier), ..self }
    }

    fn packed(&self) -> u32 {
        u32::try_from(self.data.len()).unwrap()
    }

    /// Version, flags, method, time and date.
    fn common(&self) -> Vec<u8> {
        [20, self.flags, self.method, 0, 33].into_iter().flat_map(u16::to_le_bytes).collect()
    }

    fn sums(&self) -> Vec<u8> {
        [self.crc, self.packed(), self.size].into_iter().flat_map(u32::to_le_bytes).collect()
    }

    fn name_length(&self) -> [u8; 2] {
        u16::try_from(self.name.len()).unwrap().to_le_bytes()
    }

    fn write(&self, zip: &mut Vec<u8>) {
        zip.extend(b"PK\x03\x04");
        zip.extend(self.common());
        zip.extend(if self.streamed { vec![0; 12] } else { self.sums() });
        zip.extend(self.name_length());
        zip.extend([0, 0]);
        zip.extend(&self.name);
        zip.extend(&self.data);
        if self.streamed {
            zip.extend(b"PK\x07\x08");
            zip.extend(self.sums());
        }
    }

    fn list(&self, zip: &mut Vec<u8>, place: usize) {
        zip.extend(b"PK\x01\x02");
        zip.extend([20, 3]);
        zip.extend(self.common());
        zip.extend(self.sums());
        zip.extend(self.name_length());
        zip.extend([0; 8]);
        zip.extend((self.mode << 16).to_le_bytes());
        zip.extend(u32::try_from(place).unwrap().to_le_bytes());
        zip.extend(&self.name);
    }
}

/// The stream that the zip crate makes, cut out of a zip of its own.
fn deflate(content: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("x", SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated)).unwrap();
    zip.write_all(content).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let number = |at: usize, length: usize| zip[at..at + length].iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
    let (packed, data) = (number(18, 4), 30 + number(26, 2) + number(28, 2));
    zip[data..data + packed].to_vec()
}

pub(super) fn zip_of(parts: &[Part]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut places = Vec::new();
    for part in parts {
        let place = part.place_of.map_or(zip.len(), |earlier| places[earlier]);
        places.push(place);
        if part.place_of.is_none() {
            part.write(&mut zip);
        }
    }
    let start = zip.len();
    for (part, place) in parts.iter().zip(places) {
        part.list(&mut zip, place);
    }
    let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
    let length = u32::try_from(zip.len() - start).unwrap().to_le_bytes();
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(count.iter().chain(&count).chain(&length).chain(&u32::try_from(start).unwrap().to_le_bytes()));
    zip.extend([0, 0]);
    zip
}
