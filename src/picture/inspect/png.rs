//! Inspects PNG files.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::{Coding, Facts, MAX_PROFILE, PROFILE_COST, be32, index};

/// The bytes of metadata, packed, that the decoder may read. It keeps texts and the EXIF block, which a file may fill.
const MAX_METADATA: usize = 1 << 20;

/// Reads the chunks. The image is complete if IEND exists.
pub(super) fn read(bytes: &[u8]) -> Facts<'_> {
    let mut facts = Facts::default();
    let mut head = None;
    let mut transparent = false;
    let (mut profile, mut unusable) = (0, false);
    let mut metadata = 0;
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
        if is_metadata(*name) {
            metadata += body.len();
            if name == b"iCCP" {
                let unpacked = unpacked(body);
                unusable |= unpacked.is_none();
                profile += unpacked.map_or(0, |profile| profile.len() as u64);
            }
        }
        at = next;
    }
    // The decoder unpacks the profile, and so does this program.
    let bare = metadata > MAX_METADATA || unusable || !facts.complete;
    let copy = if bare { bytes.len() - metadata } else { metadata } as u64;
    facts.coding = head.map(|head| head.coding(transparent, profile * PROFILE_COST + copy)).unwrap_or_default();
    facts
}

/// Metadata in the way of decoding: texts, EXIF, and the profile.
fn is_metadata(name: [u8; 4]) -> bool {
    matches!(&name, b"iCCP" | b"tEXt" | b"zTXt" | b"iTXt" | b"eXIf")
}

/// Returns the profile of an iCCP chunk. `None` if it is broken, or longer than any profile: then no more than this is
/// unpacked.
fn unpacked(body: &[u8]) -> Option<Vec<u8>> {
    let name = body.iter().take(80).position(|byte| *byte == 0)?;
    let packed = body.get(name + 2..)?;
    let mut profile = Vec::new();
    ZlibDecoder::new(packed).take(MAX_PROFILE as u64 + 1).read_to_end(&mut profile).ok()?;
    (profile.len() <= MAX_PROFILE).then_some(profile)
}

/// Returns the colour profile. `None` also for a broken one and for one that is too long.
pub(crate) fn icc_profile(bytes: &[u8]) -> Option<Vec<u8>> {
    chunks(bytes).find(|(name, ..)| *name == b"iCCP").and_then(|(_, body, _)| unpacked(body))
}

/// Returns a copy that the decoder can read: without heavy metadata, and with an end. `None`: the file needs no copy.
pub(crate) fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let bare = without_heavy_metadata(bytes);
    let source = bare.as_deref().unwrap_or(bytes);
    let Some(end) = end_of_unended(source) else { return bare };
    Some([&source[..end], END].concat())
}

/// An IEND chunk.
const END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

/// Returns where the complete chunks end, if there are pixels and no IEND among them.
fn end_of_unended(bytes: &[u8]) -> Option<usize> {
    let (mut pixels, mut end) = (false, 8);
    for (name, _, next) in chunks(bytes) {
        if name == b"IEND" {
            return None;
        }
        pixels |= name == b"IDAT";
        end = next;
    }
    pixels.then_some(end)
}

/// Returns the PNG without its metadata, if the metadata is long or its profile cannot be unpacked within the limit. The
/// decoder unpacks a profile without such a limit.
fn without_heavy_metadata(bytes: &[u8]) -> Option<Vec<u8>> {
    let metadata = || chunks(bytes).filter(|(name, ..)| is_metadata(**name));
    let long = metadata().map(|(_, body, _)| body.len()).sum::<usize>() > MAX_METADATA;
    let unusable = || metadata().any(|(name, body, _)| name == b"iCCP" && unpacked(body).is_none());
    if !long && !unusable() {
        return None;
    }
    let mut bare = bytes.get(..8)?.to_vec();
    let mut rest = 8;
    for (name, body, next) in chunks(bytes) {
        if !is_metadata(*name) {
            bare.extend_from_slice(&bytes[next - 12 - body.len()..next]);
        }
        rest = next;
    }
    // An incomplete chunk at the end, such as the pixels of a broken connection.
    bare.extend_from_slice(&bytes[rest..]);
    Some(bare)
}

/// Iterates over the complete chunks: name, body, position of the next one.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8], usize)> {
    let mut at = 8;
    std::iter::from_fn(move || {
        let found = chunk(bytes, at)?;
        at = found.2;
        Some(found)
    })
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
    fn coding(self, transparent: bool, scratch: u64) -> Coding {
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
        Coding::Raster { pixels: u64::from(self.width) * u64::from(self.height), bytes_per_pixel, scratch }
    }
}
