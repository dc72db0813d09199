//! The parameters of query and body together.

use std::collections::{BTreeMap, HashSet};

use super::{MAX_PARAMS, PushedImage, picture};
use crate::clock::Timestamp;

/// Maximum length of a parameter name, in bytes. A longer name means that the body is not a form.
const MAX_NAME: usize = 256;
/// Maximum length of a text in the place of a picture, in bytes, for display.
const MAX_SHOWN: usize = 200;
/// The end of the year 9999 in milliseconds.
const END_OF_TIME: i64 = 253_402_300_800_000;

/// Body before query, each in its order.
#[derive(Debug)]
pub(super) struct Fields {
    pairs: Vec<(String, String)>,
    /// The short texts in the place of pictures, for display.
    shown: Vec<(String, String)>,
    /// True if a parameter `images` is present, with or without pictures.
    pub(super) images_named: bool,
}

/// Returns the first value of this name (in any case) that is not blank, trimmed.
pub(super) fn first(pairs: &[(String, String)], name: &str) -> Option<String> {
    let named = pairs.iter().filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim()).find(|value| !value.is_empty()).map(str::to_owned)
}

impl Fields {
    /// Collects the parameters of the body, the parameters of the query that the body does not name, and the pictures
    /// among their values.
    pub(super) fn merge(
        body: Vec<(String, String)>,
        query: Vec<(String, String)>,
        problems: &mut Vec<String>,
    ) -> (Self, Vec<PushedImage>) {
        let named: HashSet<String> = body.iter().map(|(key, _)| key.to_lowercase()).collect();
        let query = query.into_iter().filter(|(key, _)| !named.contains(&key.to_lowercase()));
        let mut pairs: Vec<_> = body.into_iter().chain(query).take(MAX_PARAMS + 1).collect();
        if pairs.len() > MAX_PARAMS {
            pairs.truncate(MAX_PARAMS);
            problems.push(format!("more than {MAX_PARAMS} parameters"));
        }
        let before = pairs.len();
        pairs.retain(|(key, _)| key.len() <= MAX_NAME);
        if pairs.len() < before {
            problems.push("a parameter name is too long".to_owned());
        }
        // The secret of the callback.
        pairs.retain(|(key, _)| !key.trim().eq_ignore_ascii_case("key"));
        Self { pairs: Vec::with_capacity(pairs.len()), shown: Vec::new(), images_named: false }.take_pictures(pairs)
    }

    fn take_pictures(mut self, pairs: Vec<(String, String)>) -> (Self, Vec<PushedImage>) {
        let mut images = Vec::new();
        for (key, value) in pairs {
            let is_images = picture::is_images(&key);
            self.images_named |= is_images;
            let mut found = if is_images || picture::is_file(&key) { picture::read(&value) } else { Vec::new() };
            if !is_images {
                found.retain(|image| !matches!(image, PushedImage::Unreadable(_)));
            }
            if found.is_empty() && !is_images {
                self.pairs.push((key, value));
            } else if value.len() <= MAX_SHOWN {
                self.shown.push((key, value));
            }
            images.extend(found);
        }
        (self, images)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        first(&self.pairs, name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// Returns the first value with the format of a business id.
    pub(super) fn business_id(&self, problems: &mut Vec<String>) -> Option<String> {
        let named = self.pairs.iter().filter(|(key, _)| key.trim().eq_ignore_ascii_case("businessId"));
        let values: Vec<&str> = named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty()).collect();
        let is_id = |value: &&str| (1..=20).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
        let id = values.iter().copied().find(is_id);
        if !values.iter().all(is_id) {
            problems.push("businessId is not 1 to 20 digits".to_owned());
        }
        if values.iter().copied().filter(is_id).any(|value| Some(value) != id) {
            problems.push("several businessIds; only the first is used".to_owned());
        }
        id.map(str::to_owned)
    }

    /// Milliseconds, seconds, or local time in China.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let Ok(number) = text.parse::<i64>() else { return text.parse().ok().and_then(Timestamp::from_china) };
        match number {
            1_000_000_000_000..END_OF_TIME => Some(Timestamp(number * 1_000)),
            1_000_000_000..1_000_000_000_000 => Some(Timestamp(number * 1_000_000)),
            _ => None,
        }
        .filter(|at| at.0 < END_OF_TIME * 1_000)
    }

    /// Sorted by name and value, without the texts in the place of pictures.
    pub(super) fn sorted(&self) -> Vec<&(String, String)> {
        let mut sorted: Vec<_> = self.pairs.iter().collect();
        sorted.sort_unstable();
        sorted
    }

    pub(super) fn params(self) -> Vec<(String, Vec<String>)> {
        let mut params: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in self.pairs.into_iter().chain(self.shown) {
            params.entry(key).or_default().push(value);
        }
        params.into_iter().collect()
    }
}
