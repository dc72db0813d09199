//! The documents of a list by day. Days are those of China.

use serde::Serialize;

use super::{Listing, sort::SortKey};
use crate::{
    clock::Timestamp,
    db::{Db, DbError},
};

/// A day with its documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TimelineDay {
    #[schema(format = Date)]
    pub day: String,
    pub documents: i64,
    /// The position of its first document in the list.
    pub at: i64,
}

const DAY: i64 = 86_400_000_000;
/// +08:00, and enough days that no time is negative: both engines divide towards zero.
const SHIFT: i64 = 8 * 3_600_000_000 + 1_000_000 * DAY;

impl Listing<'_> {
    /// Returns the days in the order of the list, which is sorted by time.
    pub async fn timeline(&self, db: &Db) -> Result<Vec<TimelineDay>, DbError> {
        debug_assert!(self.sort.key.is_time());
        let column = if self.sort.key == SortKey::TakenAt { "d.taken_key" } else { "d.received_at" };
        let select = format!("SELECT ({column} + {SHIFT}) / {DAY} AS day, COUNT(*) FROM documents d");
        let mut filtered = self.scoped(&select, self.path(db).await?);
        for condition in self.filters.conditions(&mut filtered) {
            filtered = filtered.when(&condition);
        }
        let way = if self.sort.descending { "DESC" } else { "ASC" };
        let days: Vec<(i64, i64)> = filtered.then(&format!("GROUP BY 1 ORDER BY 1 {way}")).all(db).await?;
        let mut at = 0;
        let shown = |(day, documents): (i64, i64)| {
            let begins = Timestamp((day - SHIFT / DAY) * DAY);
            let shown = TimelineDay { day: begins.in_china().strftime("%Y-%m-%d").to_string(), documents, at };
            at += documents;
            shown
        };
        Ok(days.into_iter().map(shown).collect())
    }
}
