//! What linking writes to a photo: the content it has, its number, the key that a keyless one is given.

use super::{Photo, PhotoState, confirmation::Confirmation, kind::PhotoKind};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    hash::Blake3,
    id::PhotoId,
};

/// What is known of a photo once its content is here.
#[derive(Clone, Debug)]
pub struct Linked<'a> {
    pub original: &'a Blake3,
    pub no: i64,
    pub vendor_at: Option<Timestamp>,
    pub exif_at: Option<Timestamp>,
    pub received_at: Timestamp,
    pub clock_doubt: bool,
    /// The picture ends too early: when it is fetched once more.
    pub refetch_at: Option<Timestamp>,
}

impl Photo {
    /// The photo has its content.
    pub async fn link(tx: &mut Tx, id: &PhotoId, linked: Linked<'_>) -> Result<(), DbError> {
        let next = linked.refetch_at;
        sql("UPDATE photos SET original_hash = $1, no = $2, vendor_at = $3, exif_at = $4, received_at = COALESCE(received_at, $5), clock_doubt = $6,
               state = $7, next_attempt_at = $8, passes = CASE WHEN $8 IS NULL THEN passes ELSE passes + 1 END,
               error_code = CASE WHEN $8 IS NULL THEN NULL ELSE 'cut_original' END,
               error_detail = CASE WHEN $8 IS NULL THEN NULL ELSE 'the picture ends too early; it is kept and fetched once more' END
             WHERE id = $9")
            .bind(linked.original)
            .bind(linked.no)
            .bind(linked.vendor_at)
            .bind(linked.exif_at)
            .bind(linked.received_at)
            .bind(linked.clock_doubt)
            .bind(if next.is_some() { PhotoState::Waiting } else { PhotoState::Done })
            .bind(next)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Gives this keyless photo the key of `keyed`, a photo without content, whose row goes: the two are one. The vendor
    /// has it, so it is confirmed. A supplied photo stays marked as supplied.
    pub async fn take_key_of(&mut self, tx: &mut Tx, keyed: &Self) -> Result<(), DbError> {
        sql("DELETE FROM photos WHERE id = $1 AND original_hash IS NULL").bind(&keyed.id).execute(&mut *tx).await?;
        if self.confirmation != Confirmation::Supplied {
            self.confirmation = Confirmation::Confirmed;
        }
        if keyed.kind != PhotoKind::Unknown {
            self.kind = keyed.kind;
        }
        sql("UPDATE photos SET photokey = $1, kind = $2, grant_id = COALESCE($3, grant_id), position = $4, no = COALESCE($5, no),
               listed = $6, confirmation = $7, listed_at = $8 WHERE id = $9")
            .bind(keyed.photokey.clone())
            .bind(self.kind)
            .bind(keyed.grant_id.as_ref())
            .bind(keyed.position)
            .bind(keyed.no)
            .bind(keyed.listed)
            .bind(self.confirmation)
            .bind(keyed.listed_at)
            .bind(&self.id)
            .execute(tx)
            .await?;
        self.photokey.clone_from(&keyed.photokey);
        self.grant_id = keyed.grant_id.clone().or(self.grant_id.take());
        self.position = keyed.position;
        self.no = keyed.no.or(self.no);
        self.listed = keyed.listed;
        self.listed_at = keyed.listed_at;
        Ok(())
    }

    /// Gives the photo another running number.
    pub async fn renumber(tx: &mut Tx, id: &PhotoId, no: i64) -> Result<(), DbError> {
        sql("UPDATE photos SET no = $1 WHERE id = $2").bind(no).bind(id).execute(tx).await?;
        Ok(())
    }
}
