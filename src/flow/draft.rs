//! The end of a draft: submitted, withdrawn, or left untouched.

use std::time::Duration;

use super::{
    Flow, FlowState, LockedFlow,
    case::Case,
    event::{self, EventKind, NewEvent, YINKU},
    next_serial_no, search,
};
use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{self, Db, DbError, Tx, sql},
    definition::{Definition, FieldType},
    id::{FlowId, ListKey},
    library::{
        FolderPath, Space,
        document::{self, Document, shelf},
        folder::place,
        search_terms,
    },
    user::{Acting, User},
};

/// A draft that was not changed for this time is dropped.
const KEPT: Duration = Duration::from_hours(24 * 90);
/// Drafts in one query.
const SOME: i64 = 100;
/// The starter's own folder that gets the files of a draft, in the trash.
const FOLDER: &str = "草稿";

impl LockedFlow {
    /// Gives the draft the version of its definition that is current now.
    pub async fn take_version(&mut self, tx: &mut Tx, version: i64) -> Result<(), DbError> {
        self.0.version = version;
        sql("UPDATE flows SET version = $1 WHERE id = $2 AND state = 'draft'")
            .bind(version)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Records that the starter changed the draft.
    pub async fn touch(&self, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE flows SET updated_at = $1 WHERE id = $2").bind(now).bind(&self.id).execute(tx).await?;
        Ok(())
    }

    /// Gives a draft its serial number, and the place of a new flow in all lists: it may be months old.
    async fn number(&mut self, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
        let place = ListKey::new();
        (self.0.serial_no, self.0.created_at) = (next_serial_no(&mut *tx, now).await?, now);
        sql("UPDATE flows SET serial_no = $1, list_key = $2, created_at = $3 WHERE id = $4")
            .bind(&self.serial_no)
            .bind(&place)
            .bind(now)
            .bind(&self.id)
            .execute(&mut *tx)
            .await?;
        sql("UPDATE flow_people SET list_key = $1 WHERE flow_id = $2")
            .bind(&place)
            .bind(&self.id)
            .execute(&mut *tx)
            .await?;
        // Searches list flows in the same order.
        search::write_anew(tx, &self.0).await
    }

    /// Deletes a draft with all its rows. Nothing else refers to them.
    async fn delete_draft(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("DELETE FROM flow_events WHERE flow_id = $1").bind(&self.id).execute(&mut *tx).await?;
        sql("DELETE FROM flow_people WHERE flow_id = $1").bind(&self.id).execute(&mut *tx).await?;
        search_terms::forget(tx, &self.id).await?;
        sql("DELETE FROM flows WHERE id = $1 AND state = 'draft'").bind(&self.id).execute(tx).await?;
        Ok(())
    }
}

impl Case {
    /// Gives a draft the current version of its definition.
    pub async fn take_current_version(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        let current = Definition::current(&mut *tx, &self.flow.definition_id).await?.ok_or(DbError::RowNotFound)?;
        if current.version != self.flow.version {
            self.flow.take_version(tx, current.version).await?;
            self.body = current.body;
        }
        Ok(())
    }
}

/// Makes a draft a flow with a serial number. Its files become visible to the participants.
pub(super) async fn leave(tx: &mut Tx, case: &mut Case, user: &User, now: Timestamp) -> Result<(), DbError> {
    forget_changes(tx, &case.flow.id).await?;
    drop_lost_files(tx, case, user, now).await?;
    case.flow.number(tx, now).await?;
    shelf::submit(tx, &case.flow.id).await
}

/// Other users do not see what the starter tried in the draft.
async fn forget_changes(tx: &mut Tx, flow: &FlowId) -> Result<(), DbError> {
    sql(
        "DELETE FROM flow_events WHERE flow_id = $1 AND act IN ('edited', 'uploaded', 'file_removed', 'file_restored')",
    )
    .bind(flow)
    .execute(tx)
    .await?;
    Ok(())
}

/// Moves files to the trash whose field the current version of the definition does not have, or which
/// it fills after the submission.
async fn drop_lost_files(tx: &mut Tx, case: &Case, user: &User, now: Timestamp) -> Result<(), DbError> {
    let integration = case.body.integration.as_ref();
    let later = integration.map(|one| [one.stamped_file_field.as_deref(), one.download_field.as_deref()]);
    let later: Vec<&str> = later.into_iter().flatten().flatten().collect();
    for document in Document::of_flow(&mut *tx, &case.flow.id).await? {
        let key = document.field_key.as_deref().unwrap_or_default();
        let is_files = case.body.field(key).is_some_and(|field| field.field_type == FieldType::Files);
        if is_files && !later.contains(&key) {
            continue;
        }
        document::trash(tx, &document.id, &user.username, now).await?;
        let detail = format!("{key}: {}", document.name);
        let happened = NewEvent { actor: YINKU, act: EventKind::FileRemoved, node: None, detail: Some(&detail) };
        event::record(tx, &case.flow.id, happened, now).await?;
    }
    Ok(())
}

/// Withdraws a draft: it does not exist any more. Its files are in the starter's trash.
pub(super) async fn withdraw(
    mut tx: Tx,
    acting: Acting<'_>,
    flow: LockedFlow,
    comment: Option<&str>,
) -> Result<(), DbError> {
    discard(&mut tx, &flow, acting.user, acting.now).await?;
    acting.commit_to_flow(tx, Act::FlowWithdrawn, &flow.id, comment).await
}

async fn discard(tx: &mut Tx, flow: &LockedFlow, starter: &User, now: Timestamp) -> Result<(), DbError> {
    if shelf::any_of_draft(tx, &flow.id).await? {
        let own = FolderPath { space: Space::Personal, path: FOLDER.to_owned() };
        let place = place::ensure(tx, Some(&own), starter, now).await?;
        shelf::part_from_draft(tx, &flow.id, &place.folder, &starter.username, now).await?;
    }
    flow.delete_draft(tx).await
}

/// Drops the drafts that were not changed for 90 days. Returns their number.
pub async fn drop_old(db: &Db, now: Timestamp) -> Result<usize, DbError> {
    let before = now.minus(KEPT);
    let mut dropped = 0;
    loop {
        let old: Vec<FlowId> =
            sql("SELECT id FROM flows WHERE state = 'draft' AND updated_at < $1 ORDER BY updated_at LIMIT $2")
                .bind(before)
                .bind(SOME)
                .scalars(db)
                .await?;
        if old.is_empty() {
            return Ok(dropped);
        }
        let earlier = dropped;
        for id in old {
            // One draft that cannot be dropped must not keep the others.
            match drop_one(db, &id, before, now).await {
                Ok(gone) => dropped += usize::from(gone),
                Err(error) if db::outage(&error).is_some() => return Err(error),
                Err(error) => tracing::error!(%error, flow = %id, "cannot drop an old draft"),
            }
        }
        if dropped == earlier {
            return Ok(dropped);
        }
    }
}

async fn drop_one(db: &Db, id: &FlowId, before: Timestamp, now: Timestamp) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let flow = Flow::lock(&mut tx, id).await?;
    let Some(flow) = flow.filter(|flow| flow.state == FlowState::Draft && flow.updated_at < before) else {
        return Ok(false);
    };
    let starter = User::named(&mut tx, &flow.starter).await?.ok_or(DbError::RowNotFound)?;
    discard(&mut tx, &flow, &starter, now).await?;
    audit::commit(tx, NewEntry::to_flow(YINKU, Act::DraftDropped, id), now).await?;
    Ok(true)
}
