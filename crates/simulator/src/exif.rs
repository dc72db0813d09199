//! A small EXIF block (APP1), as the box's camera writes it.

/// What the camera notes: `taken` as `yyyy:MM:dd HH:mm:ss`, orientation 1 to 8.
pub(super) struct Exif<'a> {
    pub(super) taken: &'a str,
    pub(super) orientation: u16,
}

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const UNDEFINED: u16 = 7;

/// The JPEG with the block put right after its start marker.
pub(super) fn insert(jpeg: &[u8], exif: &Exif<'_>) -> Vec<u8> {
    let tiff = tiff(exif);
    let length = u16::try_from(tiff.len() + 8).expect("the block is far below 64 KiB");
    let mut out = Vec::with_capacity(jpeg.len() + tiff.len() + 10);
    out.extend_from_slice(&jpeg[..2]);
    out.extend_from_slice(&[0xff, 0xe1]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(b"Exif\0\0");
    out.extend_from_slice(&tiff);
    out.extend_from_slice(&jpeg[2..]);
    out
}

fn tiff(exif: &Exif<'_>) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    let first = [
        Entry::text(0x010f, "Qiyuesuo"),
        Entry::text(0x0110, "SmartSeal S2"),
        Entry { tag: 0x0112, kind: SHORT, count: 1, data: exif.orientation.to_le_bytes().to_vec() },
        Entry::text(0x0132, exif.taken),
        Entry { tag: 0x8769, kind: LONG, count: 1, data: vec![0; 4] },
    ];
    let pointer = directory(&mut out, &first);
    let start = u32::try_from(out.len()).expect("the block is far below 64 KiB");
    out[pointer..pointer + 4].copy_from_slice(&start.to_le_bytes());
    let second = [
        Entry { tag: 0x9000, kind: UNDEFINED, count: 4, data: b"0232".to_vec() },
        Entry::text(0x9003, exif.taken),
        Entry::text(0x9011, "+08:00"),
    ];
    directory(&mut out, &second);
    out
}

struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    data: Vec<u8>,
}

impl Entry {
    fn text(tag: u16, text: &str) -> Self {
        let mut data = text.as_bytes().to_vec();
        data.push(0);
        Self { tag, kind: ASCII, count: u32::try_from(data.len()).unwrap_or(u32::MAX), data }
    }
}

/// Appends a directory and returns where the value of its last entry lies.
fn directory(out: &mut Vec<u8>, entries: &[Entry]) -> usize {
    let start = out.len();
    let mut overflow = start + 2 + entries.len() * 12 + 4;
    let mut tail = Vec::new();
    out.extend_from_slice(&u16::try_from(entries.len()).unwrap_or(u16::MAX).to_le_bytes());
    let mut last = 0;
    for entry in entries {
        out.extend_from_slice(&entry.tag.to_le_bytes());
        out.extend_from_slice(&entry.kind.to_le_bytes());
        out.extend_from_slice(&entry.count.to_le_bytes());
        last = out.len();
        if entry.data.len() <= 4 {
            let mut inline = entry.data.clone();
            inline.resize(4, 0);
            out.extend_from_slice(&inline);
        } else {
            out.extend_from_slice(&u32::try_from(overflow).unwrap_or(u32::MAX).to_le_bytes());
            tail.extend_from_slice(&entry.data);
            // Values begin at even offsets.
            if !entry.data.len().is_multiple_of(2) {
                tail.push(0);
            }
            overflow = start + 2 + entries.len() * 12 + 4 + tail.len();
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&tail);
    last
}
