//! The counts of a seal use: authorised, counted by the device, received. A difference between them is always shown.
//!
//! [`count`] is the only code that knows what is missing and what is complete. Flow counts, progress, archive, live
//! detail, owed photos and ingests all call it. [`tallies`] leaves out what the vendor has not confirmed: an unconfirmed
//! photo is in no count, fills no gap, and neither completes nor delays anything.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::FromRow;

use super::{Grant, SealUse};
use crate::{
    db::{DbError, On, Reader, Tx, placeholders, sql},
    id::{GrantId, SealUseId},
    photo::kind::PhotoKind,
};

/// The counts of one grant, or the sums of a seal use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Uses applied for plus uses appended. A use without an append does not raise it.
    pub authorised: i64,
    /// Stampings that the device counted.
    pub counted: i64,
    /// Photos of stampings whose bytes are stored, decodable or not.
    pub received: i64,
    /// Photos that are missing.
    pub missing: i64,
}

/// Missing photos of one kind of one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// `None`: the vendor lists a photo without its grant.
    pub grant_id: Option<GrantId>,
    pub kind: PhotoKind,
    /// Stampings that the device counted. 0 for other kinds.
    pub counted: i64,
    pub received: i64,
    pub missing: i64,
    /// How many of them the vendor lists with a key.
    pub listed: i64,
}

/// The counts and gaps of the photos of one seal use.
#[derive(Clone, Debug, Default)]
pub struct PhotoCounts {
    pub per_grant: HashMap<GrantId, Counts>,
    pub sum: Counts,
    /// Where photos are missing. Photos without a grant may fill gaps of grants, so only `sum` is exact.
    pub gaps: Vec<Gap>,
    /// A photo that the vendor lists is not fetched yet, or is parked without its bytes.
    pub unsettled: bool,
    /// A photo of any kind is known.
    pub any: bool,
    /// A stamping was counted, or a photo is stored, confirmed or not. What was stamped is evidence.
    pub evidence: bool,
}

/// How many photos of one kind are known and how many are stored, per grant.
#[derive(Clone, Debug, FromRow)]
pub struct Tally {
    pub seal_use_id: SealUseId,
    pub grant_id: Option<GrantId>,
    #[sqlx(try_from = "String")]
    pub kind: PhotoKind,
    pub keyed: i64,
    pub stored: i64,
    /// Photos with a key that are not stored.
    pub outstanding: i64,
    /// Photos that are not fetched yet, or parked.
    pub unsettled: i64,
    /// Photos with a key that are parked without their content.
    pub parked: i64,
    /// Stored photos that users supplied.
    pub supplied: i64,
    /// False: photos that the vendor has not confirmed. They are in no count.
    pub confirmed: bool,
}

impl Tally {
    /// Parked photos for which users supplied others. Nobody waits for them any more, although the vendor lists them.
    fn replaced(&self) -> i64 {
        self.parked.min(self.supplied)
    }
}

impl PhotoCounts {
    /// Reads the counts of one seal use in a transaction.
    pub async fn of(tx: &mut Tx, seal_use: &SealUseId) -> Result<Self, DbError> {
        let grants = Grant::of_seal_use(&mut *tx, seal_use).await?;
        Ok(count(&grants, &tallies(tx, &[seal_use]).await?))
    }

    /// Reads the counts of one seal use on a read-only connection.
    pub async fn read(reader: &mut Reader, seal_use: &SealUseId) -> Result<Self, DbError> {
        let grants = Grant::of_seal_use(&mut *reader, seal_use).await?;
        Ok(count(&grants, &tallies(reader, &[seal_use]).await?))
    }

    /// Returns true if at least one stamp was made.
    #[must_use]
    pub const fn stamped(&self) -> bool {
        self.sum.counted > 0 || self.sum.received > 0
    }

    /// Returns true if use has ended and every photo is stored. A superseded seal use needs no stamp.
    #[must_use]
    pub const fn complete(&self, seal_use: &SealUse) -> bool {
        seal_use.status.ended() && self.sum.missing == 0 && !self.unsettled && (self.stamped() || seal_use.superseded)
    }
}

/// Reads the tallies of several seal uses.
pub async fn tallies(on: impl Into<On<'_>>, seal_uses: &[&SealUseId]) -> Result<Vec<Tally>, DbError> {
    if seal_uses.is_empty() {
        return Ok(Vec::new());
    }
    // A photo is counted if the vendor lists it, or if its content is here and confirmed, accepted or supplied.
    let statement = format!(
        "SELECT seal_use_id, grant_id, kind, COUNT(photokey) AS keyed, COUNT(original_hash) AS stored,
           COUNT(CASE WHEN photokey IS NOT NULL AND original_hash IS NULL THEN 1 END) AS outstanding,
           COUNT(CASE WHEN state <> 'done' THEN 1 END) AS unsettled,
           COUNT(CASE WHEN photokey IS NOT NULL AND original_hash IS NULL AND state = 'failed' THEN 1 END) AS parked,
           COUNT(CASE WHEN supplied_by IS NOT NULL AND original_hash IS NOT NULL THEN 1 END) AS supplied,
           CASE WHEN confirmation = 'unconfirmed' THEN FALSE ELSE TRUE END AS confirmed
         FROM photos WHERE seal_use_id IN {} AND (listed OR original_hash IS NOT NULL)
         GROUP BY seal_use_id, grant_id, kind, CASE WHEN confirmation = 'unconfirmed' THEN FALSE ELSE TRUE END",
        placeholders(1, seal_uses.len())
    );
    sql(statement).bind_all(seal_uses.iter().copied()).all(on).await
}

/// Computes counts per grant, their sums and the gaps. Photos without a grant reduce the sum of missing photos. Face
/// and emergency photos never fill the gap of a stamping.
#[must_use]
pub fn count(grants: &[Grant], tallies: &[Tally]) -> PhotoCounts {
    let evidence = grants.iter().any(|grant| grant.used > 0) || tallies.iter().any(|tally| tally.stored > 0);
    let tallies: Vec<&Tally> = tallies.iter().filter(|tally| tally.confirmed).collect();
    let tallies = tallies.as_slice();
    let mut counts = PhotoCounts {
        unsettled: tallies.iter().any(|tally| tally.unsettled > tally.replaced()),
        any: !tallies.is_empty(),
        evidence,
        ..PhotoCounts::default()
    };
    let mut owed_stampings = 0;
    for grant in grants {
        let gaps = gaps(Some(grant), tallies);
        let missing = |stampings: bool| -> i64 {
            let of_kind = gaps.iter().filter(|gap| (gap.kind == PhotoKind::Signatory) == stampings);
            of_kind.map(|gap| gap.missing).sum()
        };
        let own = Counts {
            authorised: grant.authorised(),
            counted: grant.used,
            received: sum_tallies(tallies, Some(&grant.id), PhotoKind::Signatory).map_or(0, |tally| tally.stored),
            missing: missing(true) + missing(false),
        };
        counts.sum.authorised += own.authorised;
        counts.sum.counted += own.counted;
        counts.sum.received += own.received;
        counts.sum.missing += missing(false);
        owed_stampings += missing(true);
        counts.per_grant.insert(grant.id.clone(), own);
        counts.gaps.extend(gaps);
    }
    let ungranted = sum_tallies(tallies, None, PhotoKind::Signatory).map_or(0, |tally| tally.stored);
    let gaps = gaps(None, tallies);
    counts.sum.received += ungranted;
    counts.sum.missing += (owed_stampings - ungranted).max(0) + gaps.iter().map(|gap| gap.missing).sum::<i64>();
    counts.gaps.extend(gaps);
    counts
}

/// The order of the gaps of a grant.
const KINDS: [PhotoKind; 3] = [PhotoKind::Signatory, PhotoKind::Face, PhotoKind::Emergency];

/// Computes the gaps of one grant, or of the photos without a grant.
fn gaps(grant: Option<&Grant>, tallies: &[&Tally]) -> Vec<Gap> {
    let id = grant.map(|grant| &grant.id);
    let gap = |kind: PhotoKind| {
        let tally = sum_tallies(tallies, id, kind);
        let (received, keyed, listed) =
            tally.as_ref().map_or((0, 0, 0), |t| (t.stored, t.keyed - t.replaced(), t.outstanding - t.replaced()));
        let counted = grant.filter(|_| kind == PhotoKind::Signatory).map_or(0, |grant| grant.used);
        let missing = match kind {
            PhotoKind::Signatory if grant.is_some() => (counted.max(keyed) - received).max(0),
            _ => listed,
        };
        Gap { grant_id: id.cloned(), kind, counted, received, missing, listed }
    };
    KINDS.iter().map(|kind| gap(*kind)).filter(|gap| gap.missing > 0).collect()
}

/// Sums the tallies of one grant and kind.
fn sum_tallies(tallies: &[&Tally], grant: Option<&GrantId>, kind: PhotoKind) -> Option<Tally> {
    let of_grant = tallies.iter().filter(|tally| tally.grant_id.as_ref() == grant && tally.kind == kind);
    let mut found = of_grant.map(|tally| Tally::clone(tally));
    let first = found.next()?;
    Some(found.fold(first, |sum, tally| Tally {
        keyed: sum.keyed + tally.keyed,
        stored: sum.stored + tally.stored,
        outstanding: sum.outstanding + tally.outstanding,
        unsettled: sum.unsettled + tally.unsettled,
        parked: sum.parked + tally.parked,
        supplied: sum.supplied + tally.supplied,
        ..sum
    }))
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
            username: None,
            employee_no: None,
            applied,
            used,
            left_count,
            code: None,
            complete: false,
            appended: 0,
            appended_elsewhere: 0,
            append_logs: 0,
            window_start: None,
            window_end: None,
        }
    }

    fn tally(grant: Option<&Grant>, kind: PhotoKind, keyed: i64, stored: i64, outstanding: i64) -> Tally {
        Tally {
            seal_use_id: SealUseId::new(),
            grant_id: grant.map(|grant| grant.id.clone()),
            kind,
            keyed,
            stored,
            outstanding,
            unsettled: outstanding,
            parked: 0,
            supplied: 0,
            confirmed: true,
        }
    }

    #[test]
    fn a_supplied_photo_stands_for_a_parked_one_under_its_own_key_too() {
        let grant = grant(2, 2, 0);
        // k1 is stored, k2 is parked, and the vendor lists the supplied photo under k3.
        let replaced = Tally { parked: 1, supplied: 1, ..tally(Some(&grant), PhotoKind::Signatory, 3, 2, 1) };
        let counts = count(std::slice::from_ref(&grant), std::slice::from_ref(&replaced));
        assert_eq!((counts.sum.missing, counts.unsettled, counts.gaps.len()), (0, false, 0));
        // Of two parked photos one is replaced.
        let half = Tally { parked: 2, supplied: 1, ..tally(Some(&grant), PhotoKind::Signatory, 4, 2, 2) };
        let counts = count(std::slice::from_ref(&grant), &[half]);
        assert_eq!((counts.sum.missing, counts.unsettled), (1, true));
        // Of three stampings one is neither here nor replaced.
        let three = Grant { used: 3, ..grant };
        assert_eq!(count(&[three], &[replaced]).sum.missing, 1);
    }

    #[test]
    fn a_face_photo_never_fills_the_gap_of_a_stamping() {
        let grant = grant(3, 3, 0);
        let tallies =
            [tally(Some(&grant), PhotoKind::Signatory, 2, 2, 0), tally(Some(&grant), PhotoKind::Face, 1, 1, 0)];
        let sum = count(std::slice::from_ref(&grant), &tallies).sum;
        assert_eq!(sum, Counts { authorised: 3, counted: 3, received: 2, missing: 1 });
    }

    #[test]
    fn more_keys_than_the_device_counted_are_owed_too() {
        let grant = grant(2, 1, 1);
        let tallies = [tally(Some(&grant), PhotoKind::Signatory, 3, 1, 2)];
        let PhotoCounts { per_grant, sum, .. } = count(std::slice::from_ref(&grant), &tallies);
        assert_eq!(sum.missing, 2);
        assert_eq!(per_grant[&grant.id].missing, 2);
    }

    #[test]
    fn a_photo_without_a_grant_reduces_only_the_sum() {
        let (one, other) = (grant(1, 1, 0), grant(1, 1, 0));
        let tallies = [tally(None, PhotoKind::Signatory, 0, 1, 0)];
        let PhotoCounts { per_grant, sum, .. } = count(&[one.clone(), other.clone()], &tallies);
        assert_eq!((per_grant[&one.id].missing, per_grant[&other.id].missing), (1, 1));
        assert_eq!((sum.missing, sum.received), (1, 1));
    }

    #[test]
    fn only_an_append_raises_what_is_authorised() {
        // Applied, used, left, appended here, appended here at other boxes, appends that the vendor lists.
        for (applied, used, left, here, elsewhere, listed, authorised) in [
            (2, 2, 3, 0, 0, 3, 5),
            (2, 5, 0, 0, 0, 0, 2),
            (2, 5, 0, 1, 0, 1, 3),
            (2, 0, 2, 0, 0, 3, 2),
            (2, 0, 2, 3, 0, 0, 5),
            (2, 5, 0, 0, 3, 3, 2),
            (2, 6, 0, 0, 3, 4, 3),
            (2, 1, 0, 0, 0, 3, 2),
        ] {
            let grant = Grant {
                appended: here,
                appended_elsewhere: elsewhere,
                append_logs: listed,
                ..grant(applied, used, left)
            };
            let sum = count(std::slice::from_ref(&grant), &[]).sum;
            assert_eq!((sum.authorised, sum.counted), (authorised, used), "{grant:?}");
        }
    }

    #[test]
    fn an_unconfirmed_photo_is_evidence_and_is_in_no_count() {
        let grant = grant(1, 0, 1);
        let pushed = Tally { confirmed: false, ..tally(Some(&grant), PhotoKind::Signatory, 0, 1, 0) };
        let counts = count(std::slice::from_ref(&grant), &[pushed]);
        assert!(counts.evidence && !counts.any && !counts.stamped(), "{counts:?}");
        assert_eq!(counts.sum, Counts { authorised: 1, ..Counts::default() });
    }

    #[test]
    fn outstanding_face_photos_are_missing() {
        let grant = grant(1, 0, 1);
        let sum = count(std::slice::from_ref(&grant), &[tally(Some(&grant), PhotoKind::Face, 2, 1, 1)]).sum;
        assert_eq!(sum.missing, 1);
    }

    #[test]
    fn each_gap_names_its_grant_and_kind_and_how_many_the_vendor_lists() {
        let grant = grant(4, 3, 1);
        let tallies = [tally(Some(&grant), PhotoKind::Signatory, 2, 1, 1), tally(None, PhotoKind::Face, 1, 0, 1)];
        let PhotoCounts { gaps, unsettled, .. } = count(std::slice::from_ref(&grant), &tallies);
        let found: Vec<_> =
            gaps.iter().map(|gap| (gap.grant_id.is_some(), gap.kind, gap.missing, gap.listed)).collect();
        assert_eq!(found, [(true, PhotoKind::Signatory, 2, 1), (false, PhotoKind::Face, 1, 1)]);
        assert!(unsettled);
    }
}
