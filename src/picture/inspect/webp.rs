//! Inspects WebP files.

use super::{Coding, Facts, index, le16, le24, le32};

/// Bytes per pixel: planes, the decoded frame, its alpha or its transforms, and the canvas of an animation.
const BYTES_PER_PIXEL: u64 = 12;

/// Reads the chunks of the RIFF container and the sizes of the frames inside. A decoder allocates by the size of a
/// frame before it compares it with the canvas.
pub(super) fn read(bytes: &[u8]) -> Facts<'_> {
    let mut facts =
        Facts { complete: le32(bytes, 4).is_some_and(|length| index(length) <= bytes.len() - 8), ..Facts::default() };
    let mut canvas = None;
    let mut frame = None;
    let mut pixels = 0;
    let mut note = |size: Option<(u32, u32)>, place: &mut Option<(u32, u32)>| {
        if let Some((width, height)) = size {
            pixels = pixels.max(u64::from(width) * u64::from(height));
            place.get_or_insert((width, height));
        }
    };
    let mut at = 12;
    while let Some((name, body, next)) = chunk(bytes, at) {
        match name {
            b"VP8X" => note(canvas_size(body), &mut canvas),
            b"VP8 " => note(lossy_size(body), &mut frame),
            b"VP8L" => note(lossless_size(body), &mut frame),
            // A frame of an animation has a header of 16 bytes and then chunks, so read its content too.
            b"ANMF" => {
                at += 8 + 16;
                continue;
            }
            b"EXIF" if facts.exif.is_none() => facts.exif = Some(body.strip_prefix(b"Exif\0\0").unwrap_or(body)),
            _ => {}
        }
        at = next;
    }
    let size = canvas.or(frame);
    facts.width = size.map(|(width, _)| width);
    facts.height = size.map(|(_, height)| height);
    facts.coding = Coding::Raster { pixels, bytes_per_pixel: BYTES_PER_PIXEL };
    facts
}

/// Returns name, body (possibly incomplete) and the position of the next chunk.
fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8; 4], &[u8], usize)> {
    let name = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    let length = index(le32(bytes, at + 4)?);
    let end = (at + 8).checked_add(length)?;
    let body = bytes.get(at + 8..end.min(bytes.len()))?;
    Some((name, body, end.checked_add(length & 1)?))
}

fn canvas_size(body: &[u8]) -> Option<(u32, u32)> {
    Some((le24(body, 4)? + 1, le24(body, 7)? + 1))
}

fn lossy_size(body: &[u8]) -> Option<(u32, u32)> {
    (body.get(3..6)? == [0x9D, 0x01, 0x2A]).then_some(())?;
    Some((u32::from(le16(body, 6)? & 0x3FFF), u32::from(le16(body, 8)? & 0x3FFF)))
}

fn lossless_size(body: &[u8]) -> Option<(u32, u32)> {
    (*body.first()? == 0x2F).then_some(())?;
    let packed = le32(body, 1)?;
    Some(((packed & 0x3FFF) + 1, ((packed >> 14) & 0x3FFF) + 1))
}
