//! A photo (用印图片): an occurrence, one picture of one seal use. Its content is an original. Several photos may have the
//! same original.
//!
//! A photo with a key is identified by (seal use, photokey). Without a key (push, zip), a seal use has as many photos
//! of one content as the largest number in any single source. A key that arrives later is given to a keyless photo with
//! the same content.
//!
//! A photo that only a callback brought is *unconfirmed* until the vendor's detail or zip shows the same content
//! ([`confirmation`]).

pub mod confirmation;
pub mod given_name;
pub mod key;
pub mod kind;
pub mod linked;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Sql, Tx, pieces, placeholders, rows, sql},
    hash::Blake3,
    id::{GrantId, PhotoId, SealUseId},
    vocabulary::words,
};
use confirmation::Confirmation;
use kind::PhotoKind;

words! {
    PhotoState {
        Queued = "queued",
        Fetching = "fetching",
        /// A try failed. The next try is scheduled.
        Waiting = "waiting",
        /// The bytes are stored and linked.
        Done = "done",
        /// Parked. Only a user can start another try.
        Failed = "failed",
        /// Only shown: the bytes are stored, and the vendor has not confirmed the photo.
        Unconfirmed = "unconfirmed",
    }
}

words! {
    /// The source of the photo.
    Source {
        Key = "key",
        Push = "push",
        Zip = "zip",
        /// A user.
        Supply = "supply",
    }
}

#[derive(Clone, Debug, FromRow)]
pub struct Photo {
    pub id: PhotoId,
    pub seal_use_id: SealUseId,
    pub photokey: Option<String>,
    #[sqlx(try_from = "String")]
    pub kind: PhotoKind,
    pub grant_id: Option<GrantId>,
    #[sqlx(try_from = "String")]
    pub source: Source,
    pub position: i64,
    #[sqlx(try_from = "String")]
    pub state: PhotoState,
    /// Failed passes. A pass has up to four tries.
    pub passes: i64,
    pub next_attempt_at: Option<Timestamp>,
    pub error_detail: Option<String>,
    pub original_hash: Option<Blake3>,
    /// Running number in the flow, in the vendor's order. So a missing photo is a missing number.
    pub no: Option<i64>,
    /// Start of the day of upload at the vendor, read from the photokey.
    pub vendor_at: Option<Timestamp>,
    pub exif_at: Option<Timestamp>,
    pub received_at: Option<Timestamp>,
    pub clock_doubt: bool,
    pub created_at: Timestamp,
    /// The vendor's detail has listed this key.
    pub listed: bool,
    /// When a detail listed it first.
    pub listed_at: Option<Timestamp>,
    #[sqlx(try_from = "String")]
    pub confirmation: Confirmation,
    /// [`Acceptance`](confirmation::Acceptance) as JSON.
    pub acceptance: Option<String>,
    /// The user that supplied the photo. It stays if the vendor lists the photo later.
    pub supplied_by: Option<String>,
    pub supplied_at: Option<Timestamp>,
}

impl Photo {
    /// Creates a photo that is known but not stored. Its source decides whether it counts.
    #[must_use]
    pub fn new(seal_use: &SealUseId, kind: PhotoKind, source: Source, now: Timestamp) -> Self {
        Self {
            id: PhotoId::new(),
            seal_use_id: seal_use.clone(),
            photokey: None,
            kind,
            grant_id: None,
            source,
            position: 0,
            state: PhotoState::Queued,
            passes: 0,
            next_attempt_at: None,
            error_detail: None,
            original_hash: None,
            no: None,
            vendor_at: None,
            exif_at: None,
            received_at: None,
            clock_doubt: false,
            created_at: now,
            listed: false,
            listed_at: None,
            confirmation: match source {
                Source::Key | Source::Zip => Confirmation::Confirmed,
                Source::Push => Confirmation::Unconfirmed,
                Source::Supply => Confirmation::Supplied,
            },
            acceptance: None,
            supplied_by: None,
            supplied_at: None,
        }
    }

    /// Writes the row. If the key is known, the vendor's detail (`listed`) decides kind and position, and the first
    /// source decides the grant.
    pub async fn insert(&self, tx: &mut Tx) -> Result<(), DbError> {
        Self::insert_all(tx, std::slice::from_ref(self)).await
    }

    /// As [`insert`](Self::insert), for many photos. No two may have the same key.
    pub async fn insert_all(tx: &mut Tx, photos: &[Self]) -> Result<(), DbError> {
        for piece in pieces(photos) {
            let text = format!(
                "INSERT INTO photos (id, seal_use_id, photokey, kind, grant_id, source, position, state, no, created_at, listed, listed_at,
                   confirmation, supplied_by, supplied_at)
                 VALUES {}
                 ON CONFLICT (seal_use_id, photokey) DO UPDATE SET grant_id = COALESCE(photos.grant_id, excluded.grant_id),
                   kind = CASE WHEN excluded.listed THEN excluded.kind ELSE photos.kind END,
                   position = CASE WHEN excluded.listed THEN excluded.position ELSE photos.position END,
                   listed = photos.listed OR excluded.listed,
                   listed_at = COALESCE(photos.listed_at, excluded.listed_at)",
                rows(15, piece.len())
            );
            piece.iter().fold(sql(text), |statement, photo| photo.bound(statement)).execute(&mut *tx).await?;
        }
        Ok(())
    }

    fn bound(&self, statement: Sql) -> Sql {
        statement
            .bind(&self.id)
            .bind(&self.seal_use_id)
            .bind(self.photokey.clone())
            .bind(self.kind)
            .bind(self.grant_id.as_ref())
            .bind(self.source)
            .bind(self.position)
            .bind(self.state)
            .bind(self.no)
            .bind(self.created_at)
            .bind(self.listed)
            .bind(self.listed_at)
            .bind(self.confirmation)
            .bind(self.supplied_by.clone())
            .bind(self.supplied_at)
    }

    /// Returns all photos of a seal use, in the vendor's order, then in order of arrival.
    pub async fn of_seal_use(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM photos WHERE seal_use_id = $1 ORDER BY position, id").bind(seal_use).all(on).await
    }

    /// Returns photos after `after` that may be fetched by key now, in the vendor's order: only those that the vendor's
    /// detail lists. A photo in state `fetching` is left from a run that died.
    pub async fn due(
        db: &Db,
        seal_use: &SealUseId,
        now: Timestamp,
        after: Option<&Self>,
        limit: i64,
    ) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM photos WHERE seal_use_id = $1 AND photokey IS NOT NULL AND listed
               AND (state IN ('queued', 'fetching') OR (state = 'waiting' AND next_attempt_at <= $2))
               AND (position, id) > ($3, $4)
             ORDER BY position, id LIMIT $5")
        .bind(seal_use)
        .bind(now)
        .bind(after.map_or(i64::MIN, |photo| photo.position))
        .bind(after.map_or("", |photo| photo.id.as_str()))
        .bind(limit)
        .all(db)
        .await
    }

    /// Returns the known keys. The value is true if the vendor's detail has given kind and grant of the key.
    pub async fn known_keys(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<(String, bool)>, DbError> {
        sql("SELECT photokey, listed AND grant_id IS NOT NULL FROM photos WHERE seal_use_id = $1 AND photokey IS NOT NULL")
            .bind(seal_use)
            .all(on)
            .await
    }

    /// Returns true if photos without a key are stored.
    pub async fn any_keyless(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<bool, DbError> {
        let keyless: i64 = sql("SELECT COUNT(*) FROM photos WHERE seal_use_id = $1 AND photokey IS NULL")
            .bind(seal_use)
            .scalar(on)
            .await?;
        Ok(keyless > 0)
    }

    pub async fn find(on: impl Into<On<'_>>, id: &PhotoId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM photos WHERE id = $1").bind(id).optional(on).await
    }

    /// Returns the photos of this content, the counted ones first.
    pub async fn of_content(on: impl Into<On<'_>>, seal_use: &SealUseId, hash: &Blake3) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM photos WHERE seal_use_id = $1 AND original_hash = $2
             ORDER BY CASE WHEN confirmation = 'unconfirmed' THEN 1 ELSE 0 END, id")
        .bind(seal_use)
        .bind(hash)
        .all(on)
        .await
    }

    pub async fn with_key(on: impl Into<On<'_>>, seal_use: &SealUseId, key: &str) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM photos WHERE seal_use_id = $1 AND photokey = $2").bind(seal_use).bind(key).optional(on).await
    }

    pub async fn mark_fetching(tx: &mut Tx, ids: &[&PhotoId]) -> Result<(), DbError> {
        sql(format!("UPDATE photos SET state = 'fetching' WHERE id IN {}", placeholders(1, ids.len())))
            .bind_all(ids.iter().copied())
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Records one failed try at once, so that the user sees it while the pass continues.
    pub async fn record_failed_try(tx: &mut Tx, id: &PhotoId, code: &str, detail: &str) -> Result<(), DbError> {
        sql("UPDATE photos SET attempts = attempts + 1, error_code = $1, error_detail = $2 WHERE id = $3")
            .bind(code)
            .bind(detail)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Records a failed pass. The next pass is at `next`. `None`: the photo is parked. An incomplete picture that was
    /// fetched again is then kept as it is.
    pub async fn end_pass(tx: &mut Tx, id: &PhotoId, next: Option<Timestamp>) -> Result<(), DbError> {
        sql("UPDATE photos SET passes = passes + 1, next_attempt_at = $1, 
               state = CASE WHEN $1 IS NOT NULL THEN 'waiting' WHEN original_hash IS NULL THEN 'failed' ELSE 'done' END
             WHERE id = $2")
        .bind(next)
        .bind(id)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Queues parked and waiting photos again by a user's request. The count of passes starts at 0.
    pub async fn unpark(tx: &mut Tx, seal_use: &SealUseId) -> Result<u64, DbError> {
        sql("UPDATE photos SET state = 'queued', passes = 0, next_attempt_at = NULL
             WHERE seal_use_id = $1 AND state IN ('failed', 'waiting')")
        .bind(seal_use)
        .execute(tx)
        .await
    }
}
