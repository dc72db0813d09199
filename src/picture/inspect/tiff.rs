//! The palette of a TIFF file, and the order of its bits.

use super::{exif::Tiff, index};

const COMPRESSION: u16 = 0x0103;
const FILL_ORDER: u16 = 0x010A;
/// Where the data is, and how long its parts are: in strips or in tiles.
const OFFSETS: [u16; 2] = [0x0111, 0x0144];
const LENGTHS: [u16; 2] = [0x0117, 0x0145];
const LOWEST_BIT_FIRST: u16 = 2;
/// JPEG data has an order of its own.
const JPEG: [u16; 2] = [6, 7];
const PHOTOMETRIC_INTERPRETATION: u16 = 0x0106;
const COLOR_MAP: u16 = 0x0140;
/// Values of the photometric interpretation.
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;

/// The colours of the first image, and where the file says that its samples are indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TiffPalette {
    colours: Vec<[u8; 3]>,
    interpretation_at: usize,
    gray: [u8; 2],
}

impl TiffPalette {
    /// `None` if the first image has no palette.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let tiff = Tiff::open(bytes)?;
        let interpretation = tiff.root_field(PHOTOMETRIC_INTERPRETATION)?;
        if tiff.u16(interpretation.value_at)? != PALETTE {
            return None;
        }
        // All reds, then all greens, then all blues.
        let map = tiff.shorts(tiff.root_field(COLOR_MAP)?)?;
        let count = map.len() / 3;
        // Some programs write numbers of eight bits.
        let shift = if map.iter().all(|value| *value < 256) { 0 } else { 8 };
        let part = |n: usize| u8::try_from(map.get(n)? >> shift).ok();
        let colours = (0..count).filter_map(|n| Some([part(n)?, part(count + n)?, part(2 * count + n)?])).collect();
        let gray = if tiff.little_endian { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
        Some(Self { colours, interpretation_at: interpretation.value_at, gray })
    }

    /// Declares the indices as gray.
    pub(crate) fn show_as_gray(&self, bytes: &mut [u8]) {
        if let Some(field) = bytes.get_mut(self.interpretation_at..self.interpretation_at + 2) {
            field.copy_from_slice(&self.gray);
        }
    }

    /// Returns the colours of samples that were read as gray with eight bits.
    pub(crate) fn colours_of(&self, samples: &[u8], bits: u8) -> Vec<u8> {
        let step = u8::MAX / ((1_u16 << bits.clamp(1, 8)) - 1).to_le_bytes()[0];
        let colour = |sample: &u8| self.colours.get(usize::from(sample / step)).copied().unwrap_or_default();
        samples.iter().flat_map(colour).collect()
    }
}

/// Turns the bits of the data around if the file has the lowest bit of a byte first. The decoder knows only the other order.
pub(crate) fn put_bits_in_order(bytes: &mut [u8]) {
    for (at, length) in parts_with_lowest_bit_first(bytes).unwrap_or_default() {
        let end = at.saturating_add(length).min(bytes.len());
        for byte in bytes.get_mut(at..end).into_iter().flatten() {
            *byte = byte.reverse_bits();
        }
    }
}

/// Returns position and length of each part of the data. `None` if the highest bit is first. Parts that are together
/// longer than the file are a trap.
fn parts_with_lowest_bit_first(bytes: &[u8]) -> Option<Vec<(usize, usize)>> {
    let tiff = Tiff::open(bytes)?;
    let value = |tag| tiff.root_field(tag).and_then(|field| tiff.u16(field.value_at));
    if value(FILL_ORDER)? != LOWEST_BIT_FIRST || value(COMPRESSION).is_some_and(|coding| JPEG.contains(&coding)) {
        return None;
    }
    let list = |tag| tiff.root_field(tag).and_then(|field| tiff.numbers(field));
    let (offsets, lengths) = (OFFSETS.into_iter().find_map(list)?, LENGTHS.into_iter().find_map(list)?);
    let parts: Vec<(usize, usize)> = offsets.into_iter().map(index).zip(lengths.into_iter().map(index)).collect();
    let whole = parts.iter().fold(0_usize, |sum, (_, length)| sum.saturating_add(*length));
    (whole <= bytes.len()).then_some(parts)
}
