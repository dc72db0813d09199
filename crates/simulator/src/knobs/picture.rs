//! What photos are like, one by one and in the zip.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExifMode {
    Right,
    /// The box lost power and counts from 2017-01-01.
    ClockReset,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ZipNames {
    /// Chinese names with the UTF-8 flag.
    Utf8,
    /// Chinese names in GBK, without a flag.
    Gbk,
    /// `../../` before every name.
    Traversal,
    /// Every photo has the same name.
    Duplicate,
    Backslash,
    /// A directory entry for each kind, photos below.
    Directories,
}

/// What the photos are like.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PhotoKnobs {
    /// Smallest photo in megapixels.
    #[arg(long, default_value_t = PhotoKnobs::default().megapixels_min)]
    pub megapixels_min: f64,
    /// Largest photo in megapixels.
    #[arg(long, default_value_t = PhotoKnobs::default().megapixels_max)]
    pub megapixels_max: f64,
    /// JPEG quality, 1 to 100.
    #[arg(long, default_value_t = PhotoKnobs::default().quality)]
    pub quality: i32,
    #[arg(long, value_enum, default_value = "right")]
    pub exif: ExifMode,
    /// All photos upright; otherwise some carry orientation 3, 6 or 8.
    #[arg(long)]
    pub upright: bool,
    /// Milliseconds from the stamping until the vendor has the photo.
    #[arg(long, default_value_t = 0)]
    pub photo_delay_ms: u64,
}

impl Default for PhotoKnobs {
    fn default() -> Self {
        Self {
            megapixels_min: 2.0,
            megapixels_max: 12.0,
            quality: 88,
            exif: ExifMode::Right,
            upright: false,
            photo_delay_ms: 0,
        }
    }
}

/// What the zip is like.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent habit of the vendor")]
pub struct ZipKnobs {
    #[arg(long, value_enum, default_value = "utf8")]
    pub zip_names: ZipNames,
    /// Sizes and checksums after the data, as a streaming writer leaves them.
    #[arg(long)]
    pub zip_streamed: bool,
    /// Always an empty zip.
    #[arg(long)]
    pub zip_empty: bool,
    /// Without emergency photos.
    #[arg(long)]
    pub zip_without_emergency: bool,
    /// The same zip whatever kind of photos is asked for.
    #[arg(long)]
    pub zip_ignores_kind: bool,
    /// An error instead of an empty zip when there are no photos.
    #[arg(long)]
    pub no_photos_is_error: bool,
}

impl Default for ZipKnobs {
    fn default() -> Self {
        Self {
            zip_names: ZipNames::Utf8,
            zip_streamed: false,
            zip_empty: false,
            zip_without_emergency: false,
            zip_ignores_kind: false,
            no_photos_is_error: false,
        }
    }
}
