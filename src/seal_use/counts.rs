//! Three numbers kept apart: authorised, counted by the device, received. A difference is shown, never explained away.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::FromRow;

use super::Grant;
use crate::{
    db::{DbError, On, sql},
    id::{GrantId, SealUseId},
    photo::kind::PhotoKind,
};

/// The numbers of one grant, or summed over a seal use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Applied for, plus appended.
    pub authorised: i64,
    /// Stampings the device counted.
    pub counted: i64,
    /// Photos of stampings whose bytes are stored, decodable or not.
    pub received: i64,
    /// Photos still owed.
    pub missing: i64,
}

/// How many photos of one kind are known and stored, per grant.
#[derive(Clone, Debug, FromRow)]
pub struct Tally {
    pub grant_id: Option<GrantId>,
    #[sqlx(try_from = "String")]
    pub kind: PhotoKind,
    pub keyed: i64,
    pub stored: i64,
    /// With a key and not stored.
    pub outstanding: i64,
}

pub async fn tally(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<Tally>, DbError> {
    // A key that only a push has named, and that the vendor does not give out, is no photo that is owed.
    sql("SELECT grant_id, kind, COUNT(photokey) AS keyed, COUNT(original_hash) AS stored,
           COUNT(CASE WHEN photokey IS NOT NULL AND original_hash IS NULL THEN 1 END) AS outstanding
         FROM photos WHERE seal_use_id = $1 AND (listed OR state <> 'failed') GROUP BY grant_id, kind")
    .bind(seal_use)
    .all(on)
    .await
}

/// Per grant and summed. Photos without a grant reduce the sum; face and emergency photos never fill a stamping's gap.
#[must_use]
pub fn count(grants: &[Grant], tallies: &[Tally]) -> (HashMap<GrantId, Counts>, Counts) {
    let total = |grant: Option<&GrantId>, stampings: bool, number: fn(&Tally) -> i64| -> i64 {
        let of_grant = tallies.iter().filter(|tally| tally.grant_id.as_ref() == grant);
        of_grant.filter(|tally| (tally.kind == PhotoKind::Signatory) == stampings).map(number).sum()
    };
    let mut sum = Counts::default();
    let mut owed_stampings = 0;
    let mut per_grant = HashMap::new();
    for grant in grants {
        let id = Some(&grant.id);
        let received = total(id, true, |tally| tally.stored);
        let owed = (grant.used.max(total(id, true, |tally| tally.keyed)) - received).max(0);
        let owed_others = total(id, false, |tally| tally.outstanding);
        let authorised = grant.applied.max(grant.used + grant.left_count);
        let counts = Counts { authorised, counted: grant.used, received, missing: owed + owed_others };
        sum.authorised += counts.authorised;
        sum.counted += counts.counted;
        sum.received += counts.received;
        sum.missing += owed_others;
        owed_stampings += owed;
        per_grant.insert(grant.id.clone(), counts);
    }
    let ungranted = total(None, true, |tally| tally.stored);
    sum.received += ungranted;
    sum.missing += (owed_stampings - ungranted).max(0);
    sum.missing += total(None, true, |tally| tally.outstanding) + total(None, false, |tally| tally.outstanding);
    (per_grant, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(applied: i64, used: i64, left_count: i64) -> Grant {
        Grant {
            id: GrantId::new(),
            seal_use_id: SealUseId::new(),
            vendor_id: "1".into(),
            position: 0,
            seal: "公章".into(),
            device_no: None,
            owner: None,
            user_name: "李".into(),
            contact: None,
            number: None,
            applied,
            used,
            left_count,
            code: None,
            complete: false,
            appended: 0,
            window_start: None,
            window_end: None,
        }
    }

    fn tally(grant: Option<&Grant>, kind: PhotoKind, keyed: i64, stored: i64, outstanding: i64) -> Tally {
        Tally { grant_id: grant.map(|grant| grant.id.clone()), kind, keyed, stored, outstanding }
    }

    #[test]
    fn a_face_photo_never_fills_the_gap_of_a_stamping() {
        let grant = grant(3, 3, 0);
        let tallies =
            [tally(Some(&grant), PhotoKind::Signatory, 2, 2, 0), tally(Some(&grant), PhotoKind::Face, 1, 1, 0)];
        let (_, sum) = count(std::slice::from_ref(&grant), &tallies);
        assert_eq!(sum, Counts { authorised: 3, counted: 3, received: 2, missing: 1 });
    }

    #[test]
    fn more_keys_than_the_device_counted_are_owed_too() {
        let grant = grant(2, 1, 1);
        let tallies = [tally(Some(&grant), PhotoKind::Signatory, 3, 1, 2)];
        let (per_grant, sum) = count(std::slice::from_ref(&grant), &tallies);
        assert_eq!(sum.missing, 2);
        assert_eq!(per_grant[&grant.id].missing, 2);
    }

    #[test]
    fn a_photo_without_a_grant_reduces_only_the_sum() {
        let (one, other) = (grant(1, 1, 0), grant(1, 1, 0));
        let tallies = [tally(None, PhotoKind::Signatory, 0, 1, 0)];
        let (per_grant, sum) = count(&[one.clone(), other.clone()], &tallies);
        assert_eq!((per_grant[&one.id].missing, per_grant[&other.id].missing), (1, 1));
        assert_eq!((sum.missing, sum.received), (1, 1));
    }

    #[test]
    fn an_append_raises_what_is_authorised() {
        let (_, sum) = count(&[grant(2, 2, 3)], &[]);
        assert_eq!(sum.authorised, 5);
    }

    #[test]
    fn outstanding_face_photos_are_missing() {
        let grant = grant(1, 0, 1);
        let (_, sum) = count(std::slice::from_ref(&grant), &[tally(Some(&grant), PhotoKind::Face, 2, 1, 1)]);
        assert_eq!(sum.missing, 1);
    }
}
