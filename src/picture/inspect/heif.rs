//! Inspects HEIC, HEIF and AVIF: nested boxes (ISO/IEC 14496-12 and 23008-12). Reads size, time and completeness and
//! decodes nothing.

use super::{Facts, array, be16, be32, index};

#[derive(Clone, Copy)]
struct Part<'a> {
    name: [u8; 4],
    body: &'a [u8],
    /// True if the box is longer than the bytes.
    cut: bool,
}

/// Iterates over the boxes in `bytes`.
fn parts(bytes: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let name = array(rest, 4)?;
        let (header, length) = match be32(rest, 0)? {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(array(rest, 8)?)).unwrap_or(usize::MAX)),
            length => (8, index(length)),
        };
        let end = length.min(rest.len());
        let body = rest.get(header..end)?;
        let cut = length > rest.len();
        rest = &rest[end..];
        Some(Part { name, body, cut })
    })
}

fn find(bytes: &[u8], name: [u8; 4]) -> Option<&[u8]> {
    parts(bytes).find(|part| part.name == name).map(|part| part.body)
}

pub(super) fn read(bytes: &[u8]) -> Facts<'_> {
    let meta = find(bytes, *b"meta").and_then(|meta| meta.get(4..));
    let size = meta.and_then(largest_size);
    Facts {
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        complete: meta.is_some() && !parts(bytes).any(|part| part.cut),
        exif: meta.and_then(|meta| exif(bytes, meta)),
        ..Facts::default()
    }
}

/// Returns the largest size. A large photo is a grid of tiles, and each tile and the preview have smaller sizes.
fn largest_size(meta: &[u8]) -> Option<(u32, u32)> {
    parts(find(find(meta, *b"iprp")?, *b"ipco")?)
        .filter(|part| part.name == *b"ispe")
        .filter_map(|part| be32(part.body, 4).zip(be32(part.body, 8)))
        .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))
}

fn exif<'a>(bytes: &'a [u8], meta: &[u8]) -> Option<&'a [u8]> {
    let item = exif_item(find(meta, *b"iinf")?)?;
    let (at, length) = location(find(meta, *b"iloc")?, item)?;
    tiff(bytes.get(at..at.checked_add(length)?)?)
}

/// How far from the start of the item the TIFF structure is searched.
const PREAMBLE: usize = 64;

/// Returns the TIFF structure of an Exif item. The first four bytes are the number of bytes before it (ISO/IEC 23008-12,
/// annex A.2.1). Some programs omit this number, or put `Exif\0\0` or a JPEG marker there without counting it.
fn tiff(item: &[u8]) -> Option<&[u8]> {
    let begins =
        |at: &usize| item.get(*at..).is_some_and(|tiff| tiff.starts_with(b"II\x2A\0") || tiff.starts_with(b"MM\0\x2A"));
    let stated = be32(item, 0).and_then(|before| index(before).checked_add(4)).filter(begins);
    item.get(stated.or_else(|| (0..PREAMBLE).find(begins))?..)
}

/// Returns the number of the item with EXIF fields.
fn exif_item(iinf: &[u8]) -> Option<u32> {
    let entries = if *iinf.first()? == 0 { 4 + 2 } else { 4 + 4 };
    parts(iinf.get(entries..)?).filter(|part| part.name == *b"infe").find_map(|part| {
        let (number, kind_at) = match part.body.first()? {
            2 => (u32::from(be16(part.body, 4)?), 8),
            3 => (be32(part.body, 4)?, 10),
            _ => return None,
        };
        (part.body.get(kind_at..kind_at + 4)? == b"Exif").then_some(number)
    })
}

/// Returns offset and length of an item in the file. It supports only items in one piece outside of `idat`. All known
/// cameras write EXIF so.
fn location(iloc: &[u8], wanted: u32) -> Option<(usize, usize)> {
    let version = *iloc.first()?;
    let [sizes, base_and_index] = array(iloc, 4)?;
    let width = |nibble: u8| usize::from(nibble);
    let (offset_size, length_size, base_size) = (width(sizes >> 4), width(sizes & 15), width(base_and_index >> 4));
    let index_size = if version == 0 { 0 } else { width(base_and_index & 15) };
    let mut fields = Fields { bytes: iloc, at: 6 };
    let items = fields.number(if version < 2 { 2 } else { 4 })?;
    for _ in 0..items {
        let number = fields.number(if version < 2 { 2 } else { 4 })?;
        let method = if version == 0 { 0 } else { fields.number(2)? & 15 };
        fields.number(2)?;
        let base = fields.number(base_size)?;
        let extents = fields.number(2)?;
        if number == u64::from(wanted) {
            fields.number(index_size)?;
            let (offset, length) = (fields.number(offset_size)?, fields.number(length_size)?);
            let at = usize::try_from(base.checked_add(offset)?).ok()?;
            return (method == 0 && extents == 1).then_some((at, usize::try_from(length).ok()?));
        }
        let extent = index_size + offset_size + length_size;
        fields.at = fields.at.checked_add(usize::try_from(extents).ok()?.checked_mul(extent)?)?;
    }
    None
}

struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    /// Reads the next big-endian number of this many bytes. Zero bytes give 0.
    fn number(&mut self, size: usize) -> Option<u64> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(size)?).filter(|bytes| bytes.len() <= 8)?;
        self.at += size;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}
