//! Inspects WebP files.

use super::{Coding, Facts, MAX_PROFILE, PROFILE_COST, index, le16, le24, le32};

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
    let profile = icc_profile(bytes).map_or(0, |profile| profile.len() as u64 * PROFILE_COST);
    // A header that lies is corrected in a copy.
    let copy = if true_flags(bytes).is_some() { bytes.len() as u64 } else { 0 };
    facts.coding = Coding::Raster { pixels, bytes_per_pixel: BYTES_PER_PIXEL, scratch: profile + copy };
    facts
}

/// Flags of the extended header, in the byte at [`FLAGS`].
const ICC: u8 = 0x20;
const ALPHA: u8 = 0x10;
const EXIF: u8 = 0x08;
const XMP: u8 = 0x04;
const ANIMATION: u8 = 0x02;
/// The position of the flags, if the first chunk is an extended header.
const FLAGS: usize = 20;

/// Returns the flags that the chunks of the file justify. `None` if the file has no extended header, or if its flags are
/// true. A program that removes a chunk may leave its flag, and browsers show such a file.
fn true_flags(bytes: &[u8]) -> Option<u8> {
    bytes.get(12..16).filter(|name| name == b"VP8X")?;
    let stated = *bytes.get(FLAGS)?;
    let has = |wanted: &[u8; 4]| chunks(bytes).any(|(name, _)| name == wanted);
    let animated = has(b"ANIM") && has(b"ANMF");
    let mut flags = stated & !(ICC | ALPHA | EXIF | XMP | ANIMATION);
    flags |= if has(b"EXIF") { stated & EXIF } else { 0 };
    flags |= if has(b"XMP ") { stated & XMP } else { 0 };
    flags |= if has(b"ICCP") { stated & ICC } else { 0 };
    // A lossless frame has its alpha inside. A lossy one has a chunk for it.
    let still_lossy = !has(b"ANMF") && has(b"VP8 ");
    flags |= if still_lossy && !has(b"ALPH") { 0 } else { stated & ALPHA };
    let pixels = has(b"VP8 ") || has(b"VP8L");
    flags |= if animated && (stated & ANIMATION != 0 || !pixels) { ANIMATION } else { 0 };
    (flags != stated).then_some(flags)
}

/// Returns the file with true flags in its header. `None` if they are true already.
pub(crate) fn with_true_flags(bytes: &[u8]) -> Option<Vec<u8>> {
    let flags = true_flags(bytes)?;
    let mut corrected = bytes.to_vec();
    corrected[FLAGS] = flags;
    Some(corrected)
}

/// Returns the colour profile. `None` also for one that is too long.
pub(crate) fn icc_profile(bytes: &[u8]) -> Option<&[u8]> {
    let profile = chunks(bytes).find(|(name, _)| *name == b"ICCP")?.1;
    (profile.len() <= MAX_PROFILE).then_some(profile)
}

/// Iterates over the chunks that the length of the container covers: name and body. Decoders read no others.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let end = le32(bytes, 4).map_or(0, index).saturating_add(8).min(bytes.len());
    let (bytes, mut at) = (&bytes[..end], 12);
    std::iter::from_fn(move || {
        let (name, body, next) = chunk(bytes, at)?;
        at = next;
        Some((name, body))
    })
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
