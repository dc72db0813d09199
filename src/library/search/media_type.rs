//! The media type that a search asks for.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A media type, such as `image/jpeg`, or the part before its `/`, such as `image`. Case does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9!#$&^_.+-]{1,127}(/[A-Za-z0-9!#$&^_.+-]{1,127})?$")]
pub struct MediaType(String);

#[derive(Debug, thiserror::Error)]
#[error("must be a media type, such as image/jpeg, or the part before its slash, such as image")]
pub struct NotMediaType;

impl MediaType {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MediaType {
    type Error = NotMediaType;

    fn try_from(text: String) -> Result<Self, NotMediaType> {
        if text.split('/').count() <= 2 && text.split('/').all(is_name) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotMediaType)
        }
    }
}

impl FromStr for MediaType {
    type Err = NotMediaType;

    fn from_str(text: &str) -> Result<Self, NotMediaType> {
        text.to_owned().try_into()
    }
}

/// RFC 6838, section 4.2.
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
    (1..=127).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn a_media_type_or_its_first_part_is_read_in_any_case() {
        for (text, read) in [("image", "image"), ("Image/JPEG", "image/jpeg"), ("image/svg+xml", "image/svg+xml")] {
            assert_eq!(text.parse::<MediaType>().unwrap().as_str(), read);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "/", "image/", "/jpeg", "image/jpeg/x", "image/*", "图片", "image jpeg", "image/jpeg;q=1"] {
            assert!(text.parse::<MediaType>().is_err(), "{text}");
        }
    }
}
