//! The rows of bundles. The plan in the store names the bytes.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Tx, pieces, placeholders, rows, sql},
    id::{BundleId, FlowId, UserId},
    user::User,
    vocabulary::words,
};

words! {
    /// What a bundle was made of.
    BundleKind {
        /// The photos of a flow, for local download.
        Photos = "photos",
        /// The evidence package of a flow.
        Evidence = "evidence",
        /// Documents that a user selected.
        Selection = "selection",
    }
}

/// A bundle: its id names its bytes for ever.
#[derive(Clone, Debug, FromRow)]
pub struct Bundle {
    pub id: BundleId,
    #[sqlx(try_from = "String")]
    pub kind: BundleKind,
    pub flow_id: Option<FlowId>,
    /// It has an evidence package with photos of faces, or of an unknown kind.
    pub faces: bool,
    /// The name of the zip.
    pub name: String,
    /// `None`: the bundle has ended, or its zip is not made yet.
    pub plan_key: Option<String>,
    pub bytes: i64,
    pub entries: i64,
    /// Strong, with its quotes. Empty until the zip is made.
    pub etag: String,
    /// Written with the row. Read it with [`Self::needs_of`].
    pub needs: Option<String>,
    /// What could not be given, as a JSON list.
    pub left_out: String,
    pub made_by: String,
    pub made_at: Timestamp,
    /// `None`: it does not end.
    pub expires_at: Option<Timestamp>,
}

/// All but the needs, which can be long. A bundle that has ended has no plan.
const LIVE: &str = "SELECT id, kind, flow_id, faces, name, CASE WHEN ended THEN NULL ELSE plan_key END AS plan_key, bytes, entries,
  etag, CAST(NULL AS TEXT) AS needs, left_out, made_by, made_at, CASE WHEN ended THEN 0 ELSE expires_at END AS expires_at FROM bundles";

impl Bundle {
    pub async fn find(on: impl Into<On<'_>>, id: &BundleId) -> Result<Option<Self>, DbError> {
        sql(format!("{LIVE} WHERE id = $1")).bind(id).optional(on).await
    }

    /// Returns the bundle of this state of a flow, if it has not ended.
    pub async fn of_state(
        on: impl Into<On<'_>>,
        flow: &FlowId,
        kind: BundleKind,
        etag: &str,
    ) -> Result<Option<Self>, DbError> {
        sql(format!("{LIVE} WHERE flow_id = $1 AND kind = $2 AND etag = $3 AND NOT ended"))
            .bind(flow)
            .bind(kind)
            .bind(etag)
            .optional(on)
            .await
    }

    /// Writes the row. Returns false if this state of the flow has a bundle.
    pub async fn insert(&self, tx: &mut Tx) -> Result<bool, DbError> {
        let written = sql("INSERT INTO bundles (id, kind, flow_id, faces, name, plan_key, bytes, entries, etag, left_out, made_by, made_at, expires_at, needs)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING")
            .bind(&self.id)
            .bind(self.kind)
            .bind(self.flow_id.as_ref())
            .bind(self.faces)
            .bind(&self.name)
            .bind(self.plan_key.clone())
            .bind(self.bytes)
            .bind(self.entries)
            .bind(&self.etag)
            .bind(&self.left_out)
            .bind(&self.made_by)
            .bind(self.made_at)
            .bind(self.expires_at)
            .bind(self.needs.clone())
            .execute(&mut *tx)
            .await?;
        if written == 1
            && let Some(flow) = &self.flow_id
        {
            stand_at(tx, &self.id, &[flow.to_string()]).await?;
        }
        Ok(written == 1)
    }

    /// Writes what was not known before the zip was made. Returns false if another request has made it.
    pub async fn complete(&self, tx: &mut Tx) -> Result<bool, DbError> {
        let written = sql("UPDATE bundles SET plan_key = $1, bytes = $2, entries = $3, etag = $4, left_out = $5, faces = $6, needs = $7
             WHERE id = $8 AND plan_key IS NULL AND NOT ended")
            .bind(self.plan_key.clone())
            .bind(self.bytes)
            .bind(self.entries)
            .bind(&self.etag)
            .bind(&self.left_out)
            .bind(self.faces)
            .bind(self.needs.clone())
            .bind(&self.id)
            .execute(&mut *tx)
            .await?;
        sql("DELETE FROM bundle_wishes WHERE bundle_id = $1").bind(&self.id).execute(tx).await?;
        Ok(written == 1)
    }

    /// Lets the bundles live until `until`, because another bundle has their parts. Returns false if one has ended.
    pub async fn hold(tx: &mut Tx, ids: &[BundleId], now: Timestamp, until: Timestamp) -> Result<bool, DbError> {
        let mut sorted: Vec<&BundleId> = ids.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut held = 0;
        for id in &sorted {
            held += sql("UPDATE bundles SET expires_at = CASE WHEN expires_at < $1 THEN $1 ELSE expires_at END
                 WHERE id = $2 AND NOT ended AND (expires_at IS NULL OR expires_at > $3)")
            .bind(until)
            .bind(*id)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        }
        Ok(held == sorted.len() as u64)
    }

    /// Moves the end of a bundle that has one to a later time.
    pub async fn prolong(tx: &mut Tx, id: &BundleId, until: Option<Timestamp>) -> Result<(), DbError> {
        sql("UPDATE bundles SET expires_at = $1 WHERE id = $2 AND expires_at < $1 AND NOT ended")
            .bind(until)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Returns the bundles that are over at `at` and whose rows or objects are still there, after the one that `after`
    /// names.
    pub async fn over(
        on: impl Into<On<'_>>,
        at: Timestamp,
        after: Option<&Self>,
        limit: i64,
    ) -> Result<Vec<Self>, DbError> {
        let (ended, id) = after.map_or((None, ""), |after| (after.expires_at, after.id.as_str()));
        sql("SELECT * FROM bundles WHERE expires_at IS NOT NULL AND (plan_key IS NOT NULL OR NOT ended) AND expires_at <= $1
               AND (expires_at, id) > ($2, $3) ORDER BY expires_at, id LIMIT $4")
        .bind(at)
        .bind(ended.unwrap_or(Timestamp(i64::MIN)))
        .bind(id)
        .bind(limit)
        .all(on)
        .await
    }

    /// Returns the bundles of a flow that are over at `at` and do not say so.
    pub async fn over_of_flow(on: impl Into<On<'_>>, flow: &FlowId, at: Timestamp) -> Result<Vec<BundleId>, DbError> {
        sql("SELECT id FROM bundles WHERE flow_id = $1 AND NOT ended AND expires_at <= $2 ORDER BY id")
            .bind(flow)
            .bind(at)
            .scalars(on)
            .await
    }

    /// Marks the bundle as ended. Its id is gone for ever. Its objects stay for downloads that run.
    pub async fn end(tx: &mut Tx, id: &BundleId, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE bundles SET ended = TRUE, expires_at = CASE WHEN expires_at < $1 THEN expires_at ELSE $1 END WHERE id = $2")
            .bind(now)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        for statement in [
            "DELETE FROM bundle_changes WHERE bundle_id = $1",
            "DELETE FROM bundle_wishes WHERE bundle_id = $1",
            "DELETE FROM bundle_links WHERE bundle_id = $1",
        ] {
            sql(statement).bind(id).execute(&mut *tx).await?;
        }
        Ok(())
    }

    /// Notes that the objects of an ended bundle are deleted.
    pub async fn forget_objects(tx: &mut Tx, id: &BundleId) -> Result<(), DbError> {
        sql("UPDATE bundles SET plan_key = NULL WHERE id = $1 AND ended").bind(id).execute(tx).await?;
        Ok(())
    }

    /// Returns those of the ids whose objects belong to a row.
    pub async fn with_objects(on: impl Into<On<'_>>, ids: &[BundleId]) -> Result<Vec<BundleId>, DbError> {
        let text =
            format!("SELECT id FROM bundles WHERE plan_key IS NOT NULL AND id IN {}", placeholders(1, ids.len()));
        sql(text).bind_all(ids).scalars(on).await
    }

    /// Returns the rights that the bundle needs, as JSON, and whether it has a package with faces.
    pub async fn needs_of(on: impl Into<On<'_>>, id: &BundleId) -> Result<(Option<String>, bool), DbError> {
        sql("SELECT needs, faces FROM bundles WHERE id = $1").bind(id).one(on).await
    }

    /// Returns the changes at the places of the bundle that are not looked at.
    pub async fn changes(on: impl Into<On<'_>>, id: &BundleId) -> Result<Vec<String>, DbError> {
        sql("SELECT id FROM bundle_changes WHERE bundle_id = $1").bind(id).scalars(on).await
    }

    /// Writes what the changes mean. Returns false if another request has looked at one of them: it wrote what is newer.
    pub async fn settle(
        tx: &mut Tx,
        id: &BundleId,
        needs: &str,
        faces: bool,
        changes: &[String],
    ) -> Result<bool, DbError> {
        sql("UPDATE bundles SET needs = $1, faces = $2 WHERE id = $3")
            .bind(needs)
            .bind(faces)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        let mut looked_at = 0;
        for piece in pieces(changes) {
            let text = format!("DELETE FROM bundle_changes WHERE id IN {}", placeholders(1, piece.len()));
            looked_at += sql(text).bind_all(piece.iter().map(String::as_str)).execute(&mut *tx).await?;
        }
        Ok(looked_at == changes.len() as u64)
    }
}

/// Notes the places of a bundle: its flows, and the folders of its documents without a flow. Returns true if one is new.
pub async fn stand_at(tx: &mut Tx, id: &BundleId, places: &[String]) -> Result<bool, DbError> {
    let mut new = 0;
    for piece in pieces(places) {
        let text = format!(
            "INSERT INTO bundle_places (place, bundle_id) VALUES {} ON CONFLICT DO NOTHING",
            rows(2, piece.len())
        );
        let statement = piece.iter().fold(sql(text), |statement, place| statement.bind(place.as_str()).bind(id));
        new += statement.execute(&mut *tx).await?;
    }
    Ok(new > 0)
}

/// Notes that documents of the bundle may have changed before it stood at their places.
pub async fn look_again(tx: &mut Tx, id: &BundleId) -> Result<(), DbError> {
    sql("INSERT INTO bundle_changes (id, bundle_id) VALUES ($1, $1)").bind(id).execute(tx).await?;
    Ok(())
}

/// Keeps what a bundle is to be made of, and for which user.
pub async fn wish(tx: &mut Tx, id: &BundleId, user: &User, wish: &str) -> Result<(), DbError> {
    sql("INSERT INTO bundle_wishes (bundle_id, user_id, wish) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(&user.id)
        .bind(wish)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns what a bundle is to be made of, and for which user.
pub async fn wish_of(on: impl Into<On<'_>>, id: &BundleId) -> Result<Option<(UserId, String)>, DbError> {
    sql("SELECT user_id, wish FROM bundle_wishes WHERE bundle_id = $1").bind(id).optional(on).await
}

/// Keeps a link. `key` is the hash of its key.
pub async fn keep_link(
    tx: &mut Tx,
    key: &str,
    bundle: &BundleId,
    user: &User,
    until: Timestamp,
) -> Result<(), DbError> {
    sql("INSERT INTO bundle_links (key_hash, bundle_id, user_id, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(key)
        .bind(bundle)
        .bind(&user.id)
        .bind(until)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns the maker of the link with the hash `key`, if the link has not ended.
pub async fn maker_of_link(db: &Db, key: &str, bundle: &BundleId, now: Timestamp) -> Result<Option<UserId>, DbError> {
    let found: Option<(UserId,)> =
        sql("SELECT user_id FROM bundle_links WHERE key_hash = $1 AND bundle_id = $2 AND expires_at > $3")
            .bind(key)
            .bind(bundle)
            .bind(now)
            .optional(db)
            .await?;
    Ok(found.map(|found| found.0))
}

/// Deletes the links that have ended.
pub async fn forget_links(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    sql("DELETE FROM bundle_links WHERE expires_at <= $1").bind(now).execute(tx).await?;
    Ok(())
}
