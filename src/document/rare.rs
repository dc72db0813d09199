//! A search for photos that are few: these are looked at, not every document from the newest on.

use super::Search;
use crate::{
    db::{Db, DbError, filter::Filtered, sql},
    photo::kind::PhotoKind,
};

/// Where photos are no more than this, they are rare.
const FEW: i64 = 2_000;

impl Search {
    /// Asks for photos by seal, person or kind.
    fn asks_for_photos(&self) -> bool {
        self.seal.is_some() || self.user.is_some() || self.kind.is_some()
    }

    /// The ids of these photos; `arg` binds a value and gives its name.
    fn photos(&self, mut arg: impl FnMut(&str) -> String) -> String {
        let asked = [
            ("g.seal", self.seal.as_deref()),
            ("g.user_name", self.user.as_deref()),
            ("p.kind", self.kind.map(PhotoKind::as_str)),
        ];
        let conditions: Vec<String> =
            asked.iter().filter_map(|(column, value)| Some(format!("{column} = {}", arg((*value)?)))).collect();
        let by_grant = self.seal.is_some() || self.user.is_some();
        let tables = if by_grant { "grants g JOIN photos p ON p.grant_id = g.id" } else { "photos p" };
        format!("SELECT p.id FROM {tables} WHERE {}", conditions.join(" AND "))
    }
}

/// Whether the photos that the search asks for are few.
pub(super) async fn are_few(db: &Db, search: &Search) -> Result<bool, DbError> {
    if !search.asks_for_photos() {
        return Ok(false);
    }
    let mut values = Vec::new();
    let photos = search.photos(|value| {
        values.push(value.to_owned());
        format!("${}", values.len())
    });
    let limit = values.len() + 1;
    let found: i64 = sql(format!("SELECT COUNT(*) FROM ({photos} LIMIT ${limit}) AS counted"))
        .bind_all(values)
        .bind(FEW + 1)
        .scalar(db)
        .await?;
    Ok(found <= FEW)
}

/// Only documents of these photos.
pub(super) fn only(mut filtered: Filtered, search: &Search) -> Filtered {
    let photos = search.photos(|value| filtered.arg(value));
    filtered.when(&format!("d.photo_id IN ({photos})"))
}
