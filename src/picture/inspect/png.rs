//! Inspects PNG files.

use super::{Coding, Facts, be32, index};

/// Reads the chunks. The image is complete if IEND exists.
pub(super) fn read(bytes: &[u8]) -> Facts<'_> {
    let mut facts = Facts::default();
    let mut head = None;
    let mut transparent = false;
    let mut at = 8;
    while let Some((name, body, next)) = chunk(bytes, at) {
        match name {
            b"IHDR" if head.is_none() => head = header(body, &mut facts),
            b"tRNS" => transparent = true,
            b"eXIf" if facts.exif.is_none() => facts.exif = Some(body),
            b"IEND" => {
                facts.complete = true;
                break;
            }
            _ => {}
        }
        at = next;
    }
    facts.coding = head.map(|head| head.coding(transparent)).unwrap_or_default();
    facts
}

/// Returns name, body and the position of the next chunk. `None` if the chunk or its checksum is incomplete.
fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8; 4], &[u8], usize)> {
    let length = index(be32(bytes, at)?);
    let name = bytes.get(at + 4..at + 8)?.try_into().ok()?;
    let end = at.checked_add(8)?.checked_add(length)?;
    let body = bytes.get(at + 8..end)?;
    let next = end.checked_add(4)?;
    (next <= bytes.len()).then_some((name, body, next))
}

fn header(body: &[u8], facts: &mut Facts<'_>) -> Option<Header> {
    let header = Header { width: be32(body, 0)?, height: be32(body, 4)?, depth: *body.get(8)?, colour: *body.get(9)? };
    facts.width = Some(header.width);
    facts.height = Some(header.height);
    Some(header)
}

#[derive(Clone, Copy)]
struct Header {
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
}

impl Header {
    fn coding(self, transparent: bool) -> Coding {
        let samples = match self.colour {
            0 => 1,
            2 | 3 => 3,
            4 => 2,
            _ => 4,
        } + u64::from(transparent);
        // The decoder expands gray with alpha to four samples. It reduces 16 bits to 8 bits after decoding.
        let narrow = if samples == 2 { 4 } else { samples };
        let bytes_per_pixel = match (self.depth, samples) {
            (16, _) => 2 * samples + narrow,
            (_, 2) => samples + narrow,
            _ => samples,
        };
        Coding::Raster { pixels: u64::from(self.width) * u64::from(self.height), bytes_per_pixel }
    }
}
