//! The photos that a stamping leaves behind, or that come late.

use std::time::Duration;

use super::{CannotHappen, Scene};
use crate::{
    photo::{Drawing, Kind},
    state::{Content, Photo, Status},
};

impl Scene<'_> {
    /// Makes photos without any stamping; gives their photokeys. `same_as` is the photokey whose bytes they repeat.
    pub(crate) fn photos(
        &mut self,
        id: &str,
        auth_id: &str,
        kind: Kind,
        count: u32,
        same_as: Option<&str>,
    ) -> Result<Vec<String>, CannotHappen> {
        let reorder = self.knobs.callback.reorder && self.business(id)?.status == Status::Using;
        let delay = Duration::from_millis(self.knobs.photo.photo_delay_ms);
        let repeated = same_as.map(|key| self.content_of(key)).transpose()?;
        let mut keys = Vec::new();
        for _ in 0..count {
            let photokey = self.world.next_photokey(self.now);
            let seed = self.world.chance().next();
            let label = u32::try_from(self.business(id)?.photos.len() + 1).unwrap_or(u32::MAX);
            let content = repeated
                .clone()
                .unwrap_or_else(|| Content::Drawn(Drawing::plan(seed, kind, label, self.now, &self.knobs.photo)));
            let photo = Photo {
                photokey: photokey.clone(),
                auth_id: auth_id.to_owned(),
                kind,
                taken_at: self.now,
                visible_at: (!reorder).then(|| self.now.plus(delay)),
                in_detail: kind != Kind::Emergency,
                in_zip: kind != Kind::Emergency || !self.knobs.zip.zip_without_emergency,
                content,
            };
            self.business(id)?.photos.push(photo);
            keys.push(photokey);
        }
        Ok(keys)
    }

    fn content_of(&self, photokey: &str) -> Result<Content, CannotHappen> {
        let found = self.world.photo(photokey).map(|photo| photo.content.clone());
        found.ok_or_else(|| CannotHappen::NoPhoto(photokey.to_owned()))
    }
}
