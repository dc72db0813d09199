//! Inspects JPEG files by their markers (ITU-T T.81, annex B).

use memchr::memchr;

use super::{Facts, MAX_PROFILE, PROFILE_COST, be16};

/// The cost of decoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JpegCoding {
    /// Bits per sample. The service decodes only 8.
    pub(crate) precision: u8,
    pub(crate) components: u8,
    /// The number of scans. A hostile file of a few KiB can have thousands.
    pub(crate) scans: u32,
    /// Bytes of the coefficients that a decoder keeps for an image with several scans, else 0.
    pub(crate) coefficients: u64,
    /// Lossless files cannot be decoded at a smaller scale.
    pub(crate) lossless: bool,
    /// Bytes for metadata: the profile, or a copy of the file without its metadata.
    pub(crate) scratch: u64,
    /// The decoder collects all APP2 segments. If they are longer than any profile, it gets the file without them.
    pub(crate) bare: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    /// The bytes after the length field. Empty for markers without a length.
    pub(crate) body: &'a [u8],
    /// The position of the 0xFF of the marker.
    pub(crate) start: usize,
    /// The start of the next segment, or of the entropy-coded data after SOS.
    pub(crate) end: usize,
}

/// Iterates over the segments of a file. Like decoders it skips entropy-coded data and garbage between them. Ends at
/// the end of the bytes or at an incomplete segment.
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

pub(crate) const SOI: u8 = 0xD8;
pub(crate) const EOI: u8 = 0xD9;
pub(crate) const SOS: u8 = 0xDA;
const TEM: u8 = 0x01;
pub(crate) const APP1: u8 = 0xE1;
pub(crate) const APP2: u8 = 0xE2;
pub(crate) const APP14: u8 = 0xEE;

impl<'a> Segments<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Moves to the byte after the next 0xFF that starts a marker and returns the marker. Stuffed zeros and restart
    /// markers belong to the data. More 0xFF bytes are padding.
    fn marker(&mut self) -> Option<u8> {
        loop {
            // This loop reads every byte of every photo, so it must be fast.
            self.at += memchr(0xFF, self.bytes.get(self.at..)?)? + 1;
            let next = *self.bytes.get(self.at)?;
            match next {
                0xFF => {}
                0x00 | 0xD0..=0xD7 | TEM => self.at += 1,
                marker => {
                    self.at += 1;
                    return Some(marker);
                }
            }
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        let marker = self.marker()?;
        let start = self.at - 2;
        if matches!(marker, SOI | EOI) {
            return Some(Segment { marker, body: &[], start, end: self.at });
        }
        let length = usize::from(be16(self.bytes, self.at)?).max(2);
        let body = self.bytes.get(self.at + 2..self.at + length)?;
        self.at += length;
        Some(Segment { marker, body, start, end: self.at })
    }
}

/// Reads all markers. The image is complete if its own end-of-image marker exists. Bytes after it do not matter (zeros,
/// more images, the film of a motion photo). The end of the preview in the EXIF segment does not count.
pub(super) fn read(bytes: &[u8]) -> Facts<'_> {
    let mut facts = Facts::default();
    let mut frame: Option<Frame> = None;
    let mut scans = 0_u32;
    let mut one_pass = false;
    let mut app2 = 0;
    for segment in Segments::of(bytes) {
        match segment.marker {
            marker if is_frame(marker) && frame.is_none() => {
                let Some(read) = Frame::read(segment) else { break };
                frame = Some(read);
            }
            SOS => {
                scans = scans.saturating_add(1);
                one_pass = scans == 1 && frame.is_some_and(|frame| frame.all_components_in(segment.body));
            }
            APP1 if facts.exif.is_none() => facts.exif = segment.body.strip_prefix(b"Exif\0").and_then(|b| b.get(1..)),
            APP2 => app2 += segment.body.len(),
            EOI => {
                facts.complete = frame.is_some() && scans > 0;
                break;
            }
            _ => {}
        }
    }
    let Some(frame) = frame else { return facts };
    facts.width = Some(frame.width).filter(|width| *width > 0);
    facts.height = Some(frame.height).filter(|height| *height > 0);
    let bare = app2 > MAX_PROFILE;
    facts.coding = super::Coding::Jpeg(JpegCoding {
        precision: frame.precision,
        components: frame.components,
        scans,
        coefficients: if one_pass { 0 } else { frame.coefficients },
        lossless: frame.lossless,
        scratch: if bare { bytes.len() as u64 } else { app2 as u64 * PROFILE_COST },
        bare,
    });
    facts
}

/// Start-of-frame markers: 0xC0 to 0xCF without the table markers.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

#[derive(Clone, Copy)]
struct Frame {
    width: u32,
    height: u32,
    precision: u8,
    components: u8,
    progressive: bool,
    lossless: bool,
    coefficients: u64,
}

impl Frame {
    fn read(segment: Segment<'_>) -> Option<Self> {
        let body = segment.body;
        let [precision, _, _, _, _, components, ..] = *body else { return None };
        let (height, width) = (u32::from(be16(body, 1)?), u32::from(be16(body, 3)?));
        let samplings = body[6..]
            .chunks_exact(3)
            .take(usize::from(components))
            .map(|component| (u64::from(component[1] >> 4).clamp(1, 4), u64::from(component[1] & 0x0F).clamp(1, 4)));
        let (across, down) = samplings.clone().fold((1, 1), |(h, v), (ch, cv)| (h.max(ch), v.max(cv)));
        let units = u64::from(width).div_ceil(8 * across) * u64::from(height).div_ceil(8 * down);
        // A block has 64 coefficients of two bytes.
        let coefficients = samplings.map(|(h, v)| units * h * v * 128).sum();
        Some(Self {
            width,
            height,
            precision,
            components,
            progressive: matches!(segment.marker, 0xC2 | 0xC6 | 0xCA | 0xCE),
            lossless: matches!(segment.marker, 0xC3 | 0xC7 | 0xCB | 0xCF),
            coefficients,
        })
    }

    /// Returns true if a scan with this header has the whole image, so a decoder keeps no coefficients.
    fn all_components_in(self, scan: &[u8]) -> bool {
        !self.progressive && scan.first() == Some(&self.components)
    }
}

/// Joins the colour profile from its numbered APP2 segments (ICC.1:2022, annex B.4). `None` if a segment is missing.
pub(crate) fn icc_profile(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<(u8, u8, &[u8])> = header_segments(bytes)
        .filter(|segment| segment.marker == APP2)
        .filter_map(|segment| match segment.body.strip_prefix(b"ICC_PROFILE\0")? {
            [number, count, part @ ..] => Some((*number, *count, part)),
            _ => None,
        })
        .collect();
    parts.sort_by_key(|(number, _, _)| *number);
    let count = parts.first()?.1;
    let whole = parts.len() == usize::from(count)
        && parts.iter().zip(1_u8..=u8::MAX).all(|((number, of, _), expected)| *number == expected && *of == count);
    whole.then(|| parts.iter().flat_map(|(_, _, part)| part.iter().copied()).collect())
}

/// Returns true if the file has an Adobe segment. All known writers of this segment store the inks of CMYK inverted.
pub(crate) fn has_adobe_segment(bytes: &[u8]) -> bool {
    header_segments(bytes).any(|segment| segment.marker == APP14 && segment.body.starts_with(b"Adobe"))
}

/// Returns the JPEG with only the segments that decoding needs, for a decoder that fails on odd metadata.
pub(crate) fn without_metadata(bytes: &[u8]) -> Vec<u8> {
    let mut bare = Vec::with_capacity(bytes.len());
    let mut end_of_header = bytes.len();
    for segment in Segments::of(bytes) {
        if segment.marker == SOS {
            end_of_header = segment.start;
            break;
        }
        let known_adobe = segment.marker == APP14 && segment.body.get(11).is_some_and(|transform| *transform <= 2);
        if !matches!(segment.marker, 0xE0..=0xEF | 0xFE) || known_adobe {
            bare.extend_from_slice(&bytes[segment.start..segment.end]);
        }
    }
    bare.extend_from_slice(&bytes[end_of_header..]);
    bare
}

fn header_segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    Segments::of(bytes).take_while(|segment| !matches!(segment.marker, SOS | EOI))
}
