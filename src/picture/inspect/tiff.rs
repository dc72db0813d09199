//! The palette of a TIFF file.

use super::exif::Tiff;

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
