//! The documents of a list by day. Days are those of China. `folder_days` has them without a walk over the documents.

use serde::Serialize;

use super::{
    Listing,
    sort::{Mark, Sort, SortKey},
};
use crate::{
    clock::Timestamp,
    db::{Db, DbError, filter::Filtered},
    library::folder::shown::totals,
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
/// +08:00, and enough days that no time is negative: both engines divide towards zero. The triggers that write
/// `folder_days` have the same number.
const SHIFT: i64 = 8 * 3_600_000_000 + 1_000_000 * DAY;

/// A day by its number, as `folder_days` has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayStart(i64);

impl DayStart {
    /// Returns the condition that a document stands at the beginning of this day in the list, or behind it.
    pub(super) fn condition(self, filtered: &mut Filtered, sort: Sort) -> String {
        let column = sort.key.column();
        if sort.descending {
            format!("{column} < {}", filtered.arg((self.0 + 1) * DAY - SHIFT))
        } else {
            format!("{column} >= {}", filtered.arg(self.0 * DAY - SHIFT))
        }
    }
}

impl Listing<'_> {
    /// Returns the days in the order of the list, which is sorted by time.
    pub async fn timeline(&self, db: &Db) -> Result<Vec<TimelineDay>, DbError> {
        debug_assert!(self.sort.key.is_time());
        let mut at = 0;
        let shown = |&(day, documents): &(i64, i64)| {
            let begins = Timestamp(day * DAY - SHIFT);
            let shown = TimelineDay { day: begins.in_china().strftime("%Y-%m-%d").to_string(), documents, at };
            at += documents;
            shown
        };
        Ok(self.days(db).await?.iter().map(shown).collect())
    }

    /// Returns the numbers of the days with their documents, in the order of the list. Reads them once.
    async fn days(&self, db: &Db) -> Result<&[(i64, i64)], DbError> {
        self.days.get_or_try_init(|| self.counted_days(db)).await.map(Vec::as_slice)
    }

    async fn counted_days(&self, db: &Db) -> Result<Vec<(i64, i64)>, DbError> {
        let of_document = format!("SELECT ({} + {SHIFT}) / {DAY}, COUNT(*) FROM documents d", self.sort.key.column());
        let mut found: Vec<(i64, i64)> = if self.filters.has_condition() {
            self.matching(&of_document, true).then("GROUP BY 1").all(db).await?
        } else {
            let mut found = self.kept_days(db).await?;
            if let Some(by_flows) = self.by_flows_alone(&of_document) {
                found.extend(by_flows.then("GROUP BY 1").all::<(i64, i64)>(db).await?);
            }
            found
        };
        found.sort_unstable();
        found.dedup_by(|next, day| {
            let same = next.0 == day.0;
            day.1 += if same { next.1 } else { 0 };
            same
        });
        if self.sort.descending {
            found.reverse();
        }
        Ok(found)
    }

    async fn kept_days(&self, db: &Db) -> Result<Vec<(i64, i64)>, DbError> {
        let column = if self.sort.key == SortKey::TakenAt { "t.taken" } else { "t.received" };
        let mut filtered = Filtered::new("");
        let (documents, folders) = (totals(&mut filtered, self.sight, "documents"), self.folders(&mut filtered));
        let text = format!(
            "SELECT {column}, CAST(SUM({documents}) AS BIGINT) FROM folders f JOIN folder_days t ON t.folder_id = f.id
             WHERE {folders} GROUP BY {column} HAVING SUM({documents}) > 0"
        );
        filtered.text(text).all(db).await
    }

    /// Returns the day in which the document at this position stands, and its position in that day.
    pub(super) async fn day_at(&self, db: &Db, at: i64) -> Result<(Option<DayStart>, i64), DbError> {
        let (mut found, mut left) = (None, at);
        for &(day, documents) in self.days(db).await? {
            found = Some((DayStart(day), left));
            if left < documents {
                break;
            }
            left -= documents;
        }
        // A position behind the end is one behind the end of the last day.
        Ok(found.map_or((None, at), |(day, left)| (Some(day), left)))
    }

    /// Returns the day of a document, and the number of documents of the days before it.
    pub(super) async fn day_of(&self, db: &Db, mark: &Mark) -> Result<(Option<DayStart>, i64), DbError> {
        let own = (mark.number() + SHIFT) / DAY;
        let passed = |day: i64| if self.sort.descending { day > own } else { day < own };
        let days = self.days(db).await?;
        let passed = days.iter().filter(|(day, _)| passed(*day)).map(|(_, documents)| documents).sum();
        Ok((Some(DayStart(own)), passed))
    }
}
