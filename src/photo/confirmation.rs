//! Whether the vendor has confirmed a photo, and the acceptance by an administrator.

use serde::{Deserialize, Serialize};

use super::{Photo, kind::PhotoKind};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    id::{FlowId, PhotoId},
    vocabulary::words,
};

words! {
    /// Why a photo counts, or that it does not.
    Confirmation {
        /// The vendor's detail lists it, or the vendor's zip has it.
        Confirmed = "confirmed",
        /// Only a callback brought it. It is in no count and fills no gap.
        Unconfirmed = "unconfirmed",
        /// An administrator accepted it with a reason.
        Accepted = "accepted",
        /// A user supplied it.
        Supplied = "supplied",
    }
}

/// Which administrator accepted a photo, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acceptance {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
}

/// Which user supplied a photo, and when.
#[derive(Clone, Debug)]
pub struct SuppliedBy {
    pub by: String,
    pub at: Timestamp,
}

impl Photo {
    /// Marks the photo as supplied by a user.
    pub fn mark_supplied(&mut self, supplied: &SuppliedBy) {
        self.supplied_by = Some(supplied.by.clone());
        self.supplied_at = Some(supplied.at);
    }

    /// Returns true if the photo is in the counts.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.confirmation != Confirmation::Unconfirmed
    }

    /// Returns true if nothing about the photo is open: it counts, and its kind is known.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.counts() && (self.kind != PhotoKind::Unknown || self.original_hash.is_none())
    }

    /// The vendor's zip has the content of this photo. `told` is the kind that the zip tells. Only a callback told the
    /// kind of an unconfirmed photo, so that kind does not stay if the zip tells none.
    pub async fn confirm(&mut self, tx: &mut Tx, told: PhotoKind) -> Result<(), DbError> {
        if told != PhotoKind::Unknown || self.confirmation == Confirmation::Unconfirmed {
            self.kind = told;
        }
        if self.confirmation == Confirmation::Unconfirmed {
            self.confirmation = Confirmation::Confirmed;
        }
        sql("UPDATE photos SET confirmation = $1, kind = $2 WHERE id = $3")
            .bind(self.confirmation)
            .bind(self.kind)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// A user accepts that the listed photos of the flow without content are lost.
    pub async fn accept_losses(tx: &mut Tx, flow: &FlowId) -> Result<(), DbError> {
        sql("UPDATE photos SET loss_accepted = TRUE WHERE listed AND original_hash IS NULL
               AND seal_use_id IN (SELECT id FROM seal_uses WHERE flow_id = $1)")
        .bind(flow)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// A user supplied the content of this unconfirmed photo: the photo is the supplied one from now on.
    pub async fn become_supplied(&mut self, tx: &mut Tx, supplied: &Self) -> Result<(), DbError> {
        self.confirmation = supplied.confirmation;
        self.source = supplied.source;
        self.kind = supplied.kind;
        self.grant_id.clone_from(&supplied.grant_id);
        self.supplied_by.clone_from(&supplied.supplied_by);
        self.supplied_at = supplied.supplied_at;
        sql("UPDATE photos SET confirmation = $1, source = $2, kind = $3, grant_id = $4, supplied_by = $5, supplied_at = $6
             WHERE id = $7")
            .bind(self.confirmation)
            .bind(self.source)
            .bind(self.kind)
            .bind(self.grant_id.as_ref())
            .bind(self.supplied_by.clone())
            .bind(self.supplied_at)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// An administrator accepts an unconfirmed photo, or a photo of an unknown kind. Returns false if the photo is
    /// neither any more.
    pub async fn accept(tx: &mut Tx, id: &PhotoId, kind: PhotoKind, acceptance: &Acceptance) -> Result<bool, DbError> {
        let text = serde_json::to_string(acceptance).map_err(|error| DbError::Encode(error.into()))?;
        let accepted = sql("UPDATE photos SET confirmation = 'accepted', kind = $1, acceptance = $2
             WHERE id = $3 AND (confirmation = 'unconfirmed' OR kind = 'unknown')")
        .bind(kind)
        .bind(text)
        .bind(id)
        .execute(tx)
        .await?;
        Ok(accepted == 1)
    }
}
