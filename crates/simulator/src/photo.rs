//! The box's photos, drawn from a seed: the same [`Drawing`] always gives the same bytes, so state keeps no pictures.

mod paint;
mod seal;

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    exif::{self, Exif},
    knobs::{ExifMode, PhotoKnobs},
    random::Random,
};

/// What a photo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    Face,
    Signatory,
    Emergency,
}

impl Kind {
    /// The vendor's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Face => "FACE",
            Self::Signatory => "SIGNATORY",
            Self::Emergency => "EMERGENCY",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Face => "人脸",
            Self::Signatory => "用印",
            Self::Emergency => "应急",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Face, Self::Signatory, Self::Emergency].into_iter().find(|k| k.as_str() == text)
    }
}

/// All that a picture is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drawing {
    pub seed: u64,
    pub kind: Kind,
    pub megapixels: f64,
    pub quality: i32,
    pub orientation: u16,
    /// EXIF time, `yyyy:MM:dd HH:mm:ss`; no EXIF at all when absent.
    pub exif: Option<String>,
    /// Number printed on the page, which lets people tell photos apart.
    pub label: u32,
}

impl Drawing {
    pub(super) fn plan(seed: u64, kind: Kind, label: u32, taken: Timestamp, knobs: &PhotoKnobs) -> Self {
        let mut random = Random::new(seed);
        let spread = (knobs.megapixels_max - knobs.megapixels_min).max(0.0);
        let megapixels = knobs.megapixels_min + spread * random.unit();
        let orientation = if knobs.upright { 1 } else { [1, 1, 1, 1, 6, 6, 3, 8][random.below(8)] };
        let exif = match knobs.exif {
            ExifMode::Right => Some(taken.in_china().strftime("%Y:%m:%d %H:%M:%S").to_string()),
            ExifMode::ClockReset => Some(format!("2017:01:01 00:{:02}:{:02}", random.below(60), random.below(60))),
            ExifMode::None => None,
        };
        Self { seed, kind, megapixels, quality: knobs.quality.clamp(1, 100), orientation, exif, label }
    }

    /// The JPEG; takes tens of milliseconds for a camera's size: call it off the async threads.
    pub fn jpeg(&self) -> Result<Vec<u8>, turbojpeg::Error> {
        let picture = paint::paint(self).turned(self.orientation);
        let image = turbojpeg::YuvPlanesImage {
            y_plane: picture.luma.as_slice(),
            u_plane: picture.blue.as_slice(),
            v_plane: picture.red.as_slice(),
            width: picture.width,
            height: picture.height,
            y_stride: picture.width,
            u_stride: picture.width / 2,
            v_stride: picture.width / 2,
            subsamp: turbojpeg::Subsamp::Sub2x2,
        };
        let mut compressor = turbojpeg::Compressor::new()?;
        compressor.set_quality(self.quality)?;
        let jpeg = compressor.compress_yuv_planes_to_vec(&image)?;
        Ok(match &self.exif {
            Some(taken) => exif::insert(&jpeg, &Exif { taken, orientation: self.orientation }),
            None => jpeg,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Drawing, Kind};

    fn drawing(seed: u64, orientation: u16) -> Drawing {
        let exif = Some("2026:11:23 10:00:00".to_owned());
        Drawing { seed, kind: Kind::Signatory, megapixels: 0.1, quality: 85, orientation, exif, label: 7 }
    }

    #[test]
    fn the_same_drawing_gives_the_same_bytes_and_another_seed_others() {
        assert_eq!(drawing(1, 1).jpeg().unwrap(), drawing(1, 1).jpeg().unwrap());
        assert_ne!(drawing(1, 1).jpeg().unwrap(), drawing(2, 1).jpeg().unwrap());
    }

    #[test]
    fn a_turned_photo_says_so_in_its_exif_and_lies_on_its_side() {
        let jpeg = drawing(1, 6).jpeg().unwrap();
        let header = turbojpeg::read_header(&jpeg).unwrap();
        assert!(header.width > header.height);
        let exif = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(jpeg)).unwrap();
        let field = |tag| exif.get_field(tag, exif::In::PRIMARY).unwrap().display_value().to_string();
        assert_eq!(exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY).unwrap().value.get_uint(0), Some(6));
        assert_eq!(field(exif::Tag::DateTimeOriginal), "2026-11-23 10:00:00");
        assert!(field(exif::Tag::OffsetTimeOriginal).contains("+08:00"));
        assert!(field(exif::Tag::Make).contains("Qiyuesuo"));
    }

    #[test]
    fn every_kind_can_be_drawn_in_every_size_and_turn() {
        for kind in [Kind::Face, Kind::Signatory, Kind::Emergency] {
            for (seed, megapixels) in [0.0, 0.003, 0.01, 0.05, 0.3].into_iter().enumerate() {
                for orientation in [1, 3, 6, 8] {
                    let jpeg = Drawing { kind, megapixels, ..drawing(seed as u64, orientation) }.jpeg().unwrap();
                    let header = turbojpeg::read_header(&jpeg).unwrap();
                    assert!(header.width <= header.height || orientation % 2 == 0, "{megapixels} {orientation}");
                }
            }
        }
    }

    #[test]
    fn the_seal_is_red() {
        let jpeg = drawing(3, 1).jpeg().unwrap();
        let image = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::RGB).unwrap();
        let red = image.pixels.chunks(3).filter(|p| i32::from(p[0]) > i32::from(p[1]) + 60).count();
        assert!(red > 300, "{red} red pixels");
    }
}
