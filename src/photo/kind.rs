//! The kinds of photos at the vendor.

use serde::{Deserialize, Serialize};

use crate::vocabulary::UnknownWord;

/// What a photo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PhotoKind {
    /// The face check of the seal user (`FACE`).
    Face,
    /// The stamped page (`SIGNATORY`).
    Signatory,
    /// An emergency use (`EMERGENCY`).
    Emergency,
    /// Neither the vendor nor the sender said it. It may be a face, so it is shown like one. It fills no gap.
    Unknown,
}

impl PhotoKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Face => "face",
            Self::Signatory => "signatory",
            Self::Emergency => "emergency",
            Self::Unknown => "unknown",
        }
    }

    /// Returns true if only users who read everything may see the photo: it shows a face or may show one.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Face | Self::Unknown)
    }
}

impl std::str::FromStr for PhotoKind {
    type Err = UnknownWord;

    /// Reads our words and the vendor's words, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "face" => Ok(Self::Face),
            "signatory" => Ok(Self::Signatory),
            "emergency" => Ok(Self::Emergency),
            "unknown" => Ok(Self::Unknown),
            other => Err(UnknownWord { word: other.to_owned(), known: &["face", "signatory", "emergency", "unknown"] }),
        }
    }
}

impl TryFrom<String> for PhotoKind {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PhotoKind> for crate::db::Arg {
    fn from(kind: PhotoKind) -> Self {
        Self::Text(Some(kind.as_str().to_owned()))
    }
}
