//! The raw inbox: stores every callback as it arrived, before processing.

use std::collections::BTreeSet;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Sql, Tx, filter::Filtered, pieces, placeholders, rows, sql},
    id::{CallbackId, SealUseId},
    vocabulary::words,
};

words! {
    CallbackState {
        /// Its seal use is known. No pass of its ingest has ended since.
        Pending = "pending",
        Done = "done",
        /// Its business is unknown. It is checked again when a new business id is stored.
        Orphan = "orphan",
        /// It cannot be processed. It stays stored and can be replayed.
        Dead = "dead",
    }
}

#[derive(Clone, Debug, FromRow)]
pub struct Record {
    pub id: CallbackId,
    pub received_at: Timestamp,
    /// Decided when it arrived, and never changed: a secret that is set later authenticates nothing that came before.
    pub authenticated: bool,
    pub peer: String,
    /// The query string without the secret.
    pub query: String,
    pub content_type: Option<String>,
    pub body: Option<Vec<u8>>,
    pub body_bytes: i64,
    /// SHA-256 of the whole body, taken when it came.
    pub body_sha256: String,
    pub body_key: Option<String>,
    pub shape: String,
    pub business_id: Option<String>,
    pub named_use: Option<String>,
    /// Number of pictures in it.
    pub images: i64,
    pub digest: String,
    /// Text parameters as a JSON list of [key, values].
    pub params: String,
    /// The BLAKE3 hashes of the pictures of an unauthenticated callback as a JSON list. `None`: its body has the pictures.
    pub picture_hashes: Option<String>,
    #[sqlx(try_from = "String")]
    pub state: CallbackState,
    pub seal_use_id: Option<SealUseId>,
    pub error: Option<String>,
}

/// A callback without its body, as evidence.
#[derive(Clone, Debug, FromRow)]
pub struct Receipt {
    pub id: CallbackId,
    pub received_at: Timestamp,
    pub authenticated: bool,
    pub shape: String,
    pub business_id: Option<String>,
    pub params: String,
    pub images: i64,
    pub body_bytes: i64,
    pub body_sha256: String,
    /// The whole body is kept.
    pub body_kept: bool,
    pub seal_use_id: SealUseId,
}

impl Receipt {
    /// Returns the callbacks of these seal uses in the order of arrival.
    pub async fn of_seal_uses(on: impl Into<On<'_>>, seal_uses: &[&SealUseId]) -> Result<Vec<Self>, DbError> {
        if seal_uses.is_empty() {
            return Ok(Vec::new());
        }
        let list = placeholders(1, seal_uses.len());
        sql(format!(
            "SELECT id, received_at, authenticated, shape, business_id, params, images, body_bytes, body_sha256, seal_use_id,
               CASE WHEN body_key IS NOT NULL OR COALESCE(LENGTH(body), -1) = body_bytes THEN TRUE ELSE FALSE END AS body_kept
             FROM callbacks WHERE seal_use_id IN {list} ORDER BY received_at, id"
        ))
        .bind_all(seal_uses.iter().copied())
        .all(on)
        .await
    }
}

impl Record {
    pub async fn insert_all(tx: &mut Tx, records: &[Self]) -> Result<(), DbError> {
        for piece in pieces(records) {
            let statement = format!(
                "INSERT INTO callbacks (id, received_at, authenticated, peer, query, content_type, body, body_bytes, body_sha256, body_key, shape, business_id, named_use,
                   images, digest, params, picture_hashes, state, seal_use_id, error) VALUES {}",
                rows(20, piece.len())
            );
            piece.iter().fold(sql(statement), |statement, record| record.bind(statement)).execute(&mut *tx).await?;
        }
        Ok(())
    }

    fn bind(&self, statement: Sql) -> Sql {
        statement
            .bind(&self.id)
            .bind(self.received_at)
            .bind(self.authenticated)
            .bind(&self.peer)
            .bind(&self.query)
            .bind(self.content_type.clone())
            .bind(self.body.clone())
            .bind(self.body_bytes)
            .bind(&self.body_sha256)
            .bind(self.body_key.clone())
            .bind(&self.shape)
            .bind(self.business_id.clone())
            .bind(self.named_use.clone())
            .bind(self.images)
            .bind(&self.digest)
            .bind(&self.params)
            .bind(self.picture_hashes.clone())
            .bind(self.state)
            .bind(self.seal_use_id.as_ref())
            .bind(self.error.clone())
    }

    pub async fn find(on: impl Into<On<'_>>, id: &CallbackId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM callbacks WHERE id = $1").bind(id).optional(on).await
    }

    /// Returns the callbacks before `after`, newest first, without the bodies.
    pub async fn list(
        db: &Db,
        state: Option<CallbackState>,
        after: Option<&CallbackId>,
        limit: i64,
    ) -> Result<Vec<Self>, DbError> {
        Filtered::new(
            "SELECT id, received_at, authenticated, peer, query, content_type, NULL AS body, body_bytes, body_sha256, body_key, shape, business_id, named_use, images,
               digest, params, picture_hashes, state, seal_use_id, error FROM callbacks",
        )
        .and("state =", state.map(CallbackState::as_str))
        .and("id <", after)
        .newest_first("id", limit)
        .all(db)
        .await
    }

    /// Returns the pending callbacks of the seal use, in the order of arrival.
    pub async fn pending(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<PendingCallback>, DbError> {
        sql("SELECT id, images, authenticated FROM callbacks WHERE seal_use_id = $1 AND state = 'pending' ORDER BY id")
            .bind(seal_use)
            .all(on)
            .await
    }

    /// Returns the businesses that the callbacks of the seal use name, in any state.
    pub async fn businesses(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<String>, DbError> {
        sql("SELECT DISTINCT business_id FROM callbacks WHERE seal_use_id = $1 AND business_id IS NOT NULL")
            .bind(seal_use)
            .scalars(on)
            .await
    }

    pub async fn settle(
        tx: &mut Tx,
        id: &CallbackId,
        state: CallbackState,
        error: Option<&str>,
    ) -> Result<(), DbError> {
        sql("UPDATE callbacks SET state = $1, error = COALESCE($2, error) WHERE id = $3")
            .bind(state)
            .bind(error)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Writes the state of the callback and its seal use.
    pub async fn write_place(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("UPDATE callbacks SET state = $1, seal_use_id = $2 WHERE id = $3")
            .bind(self.state)
            .bind(self.seal_use_id.as_ref())
            .bind(&self.id)
            .execute(&mut *tx)
            .await?;
        if self.seal_use_id.is_some() && self.images > 0 && !self.authenticated {
            Self::drop_strange_pictures(tx).await?;
        }
        Ok(())
    }

    /// Deletes the pictures of callbacks that are not authenticated and whose seal use is known. Their hashes stay.
    async fn drop_strange_pictures(tx: &mut Tx) -> Result<(), DbError> {
        sql("UPDATE callbacks SET body = NULL
             WHERE state = 'pending' AND NOT authenticated AND images > 0 AND body IS NOT NULL")
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Marks the callbacks that a pass has processed.
    pub async fn mark_done(tx: &mut Tx, ids: &[&CallbackId]) -> Result<(), DbError> {
        for piece in pieces(ids) {
            let list = placeholders(1, piece.len());
            let statement = format!("UPDATE callbacks SET state = 'done' WHERE id IN {list}");
            sql(statement).bind_all(piece.iter().copied()).execute(&mut *tx).await?;
        }
        Ok(())
    }

    /// Assigns orphans to the seal uses that are known now. Returns those seal uses.
    pub async fn adopt_orphans(tx: &mut Tx) -> Result<Vec<SealUseId>, DbError> {
        let adopted = sql("UPDATE callbacks SET state = 'pending',
               seal_use_id = (SELECT MIN(s.id) FROM seal_uses s WHERE s.business_id = callbacks.business_id)
             WHERE state = 'orphan' AND EXISTS (SELECT 1 FROM seal_uses s WHERE s.business_id = callbacks.business_id)
             RETURNING seal_use_id")
        .scalars(&mut *tx)
        .await?;
        Self::drop_strange_pictures(tx).await?;
        Ok(adopted)
    }
}

/// A callback that no pass has processed.
#[derive(Clone, Debug, FromRow)]
pub struct PendingCallback {
    pub id: CallbackId,
    /// Number of pictures in it.
    pub images: i64,
    pub authenticated: bool,
}

/// The stored body of a callback that leads to nothing.
#[derive(Clone, Debug, FromRow)]
pub struct OldBody {
    pub id: CallbackId,
    pub body_key: Option<String>,
}

impl OldBody {
    /// Returns bodies of dead and orphaned callbacks that arrived before `before`, oldest first.
    pub async fn list(db: &Db, before: Timestamp, limit: i64) -> Result<Vec<Self>, DbError> {
        sql("SELECT id, body_key FROM callbacks WHERE (state = 'dead' OR state = 'orphan')
               AND (body IS NOT NULL OR body_key IS NOT NULL) AND received_at < $1 ORDER BY received_at LIMIT $2")
        .bind(before)
        .bind(limit)
        .all(db)
        .await
    }

    /// Removes the bodies from their rows. Hashes, digest and parameters stay.
    pub async fn clear(tx: &mut Tx, bodies: &[Self]) -> Result<(), DbError> {
        for piece in pieces(bodies) {
            let list = placeholders(1, piece.len());
            sql(format!("UPDATE callbacks SET body = NULL, body_key = NULL WHERE id IN {list}"))
                .bind_all(piece.iter().map(|old| &old.id))
                .execute(&mut *tx)
                .await?;
        }
        Ok(())
    }
}

/// The seal uses that a group of callbacks names.
#[derive(Debug)]
pub struct SealUses(Vec<(SealUseId, Option<String>)>);

impl SealUses {
    pub async fn of(tx: &mut Tx, records: &[Record]) -> Result<Self, DbError> {
        let mut found = Vec::new();
        for (column, names) in [
            ("business_id", names(records, |record| record.business_id.as_deref())),
            ("id", names(records, |record| record.named_use.as_deref())),
        ] {
            for piece in pieces(&names) {
                let list = placeholders(1, piece.len());
                let statement = format!("SELECT id, business_id FROM seal_uses WHERE {column} IN {list} ORDER BY id");
                found.extend(sql(statement).bind_all(piece.iter().copied()).all(&mut *tx).await?);
            }
        }
        Ok(Self(found))
    }

    /// Returns the seal use of a callback: the one in its address, unless that one has another business; else the one
    /// with its business.
    #[must_use]
    pub fn find(&self, record: &Record) -> Option<SealUseId> {
        let business = record.business_id.as_ref();
        let named = self.0.iter().find(|(id, theirs)| {
            record.named_use.as_deref() == Some(id.as_str())
                && (theirs.is_none() || business.is_none() || theirs.as_ref() == business)
        });
        let found =
            named.or_else(|| self.0.iter().find(|(_, theirs)| business.is_some() && theirs.as_ref() == business));
        found.map(|(id, _)| id.clone())
    }
}

fn names<'r>(records: &'r [Record], name: impl Fn(&'r Record) -> Option<&'r str>) -> Vec<&'r str> {
    records.iter().filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
}
