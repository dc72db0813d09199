//! The details of a flow's seal uses for display: the vendor's current detail if it answers quickly, else the last
//! stored one with its time. This module writes nothing. New facts wake the ingest.

mod named;

use std::{collections::HashSet, sync::Arc};

use serde::Serialize;

use named::Named;

use crate::{
    app::App,
    audit::{Act, NewEntry, journal::JournalError},
    clock::Timestamp,
    db::{DbError, with_same_patience},
    id::{FlowId, GrantId, SealUseId},
    photo::{Photo, kind::PhotoKind},
    provider::{self, AppendLog, Detail, INTERACTIVE},
    seal_use::{
        Application, Counts, Grant, PhotoCounts, SealUse, SealUseStatus, counts,
        ending::Ending,
        ingest::{Trigger, wake},
    },
    sealing::detail::grants::status_of,
    service::Service,
    user::User,
};

/// One seal use in detail.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealDetail {
    pub id: SealUseId,
    pub business_id: Option<String>,
    pub serial_no: String,
    pub status: SealUseStatus,
    /// The status as the vendor names it. Null if the vendor never answered.
    pub status_at_vendor: Option<String>,
    #[serde(flatten)]
    pub counts: Counts,
    /// Time of the vendor's answer. Null if the vendor never answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// False: the vendor did not answer now, and the values are those of `asOf`.
    pub fresh: bool,
    /// Why the vendor did not answer now.
    pub unanswered: Option<String>,
    /// Why the current operation on this seal use fails.
    pub error: Option<String>,
    /// The user that asked for the end of use. Null if no user did. The end may be still in progress.
    pub ending: Option<EndingView>,
    pub applicant: String,
    pub category: Option<String>,
    pub grants: Vec<GrantDetail>,
    /// Missing photos without a known grant.
    pub missing_photos: Vec<MissingPhotos>,
    pub append_logs: Vec<AppendView>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndingView {
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    pub reason: String,
    pub by: String,
}

/// One seal × one person.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantDetail {
    pub id: GrantId,
    pub seal: String,
    pub device_no: Option<String>,
    pub owner: Option<String>,
    pub user: String,
    /// The user for whom the grant was asked. null if the vendor names a person who is no user.
    pub username: Option<String>,
    pub employee_no: Option<String>,
    /// Masked. Get the code from its own address, where every view is audited.
    pub code: Option<&'static str>,
    #[serde(flatten)]
    pub counts: Counts,
    pub left: i64,
    pub complete: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_start: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_end: Option<Timestamp>,
    pub missing_photos: Vec<MissingPhotos>,
}

/// Missing photos of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissingPhotos {
    pub kind: PhotoKind,
    pub count: i64,
    /// The time since which the photos are known to be missing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// True: the vendor lists the photo, but it was not fetched yet. False: the device counted a stamping, but the
    /// vendor has no photo of it.
    pub named: bool,
    /// The photokeys at the vendor, at most 100. Empty for photos that may show a face, and if the vendor has none.
    pub keys: Vec<String>,
    /// Why the last try to fetch it failed.
    pub error: Option<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppendView {
    pub user: Option<String>,
    pub count: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

impl From<AppendLog> for AppendView {
    fn from(log: AppendLog) -> Self {
        Self { user: log.user_name.or(log.number), count: log.count, at: log.create_time }
    }
}

/// Returns every seal use of the flow, in order. The view is audited.
pub async fn live_details(app: &Arc<App>, flow: &FlowId, user: &User) -> Result<Vec<SealDetail>, JournalError> {
    let viewed = NewEntry::to_flow(&user.username, Act::SealDetailViewed, flow);
    app.journal.write(viewed, app.clock.now()).await?;
    let mut details = Vec::new();
    for seal_use in SealUse::of_flow(&app.db, flow).await? {
        details.push(live_detail_of(app, seal_use).await?);
    }
    Ok(details)
}

async fn live_detail_of(app: &Arc<App>, seal_use: SealUse) -> Result<SealDetail, DbError> {
    let answer = ask_vendor(app, &seal_use).await?;
    let stored = stored_detail(&seal_use);
    let (fresh, unanswered, detail, as_of) = match answer {
        Ok(detail) => (true, None, Some(detail), Some(app.clock.now())),
        Err(why) => (false, why, stored, seal_use.detail_at),
    };
    let mut grants = Grant::of_seal_use(&app.db, &seal_use.id).await?;
    let mut status = seal_use.status;
    let mut tallies = counts::tallies(&app.db, &[&seal_use.id]).await?;
    let mut outstanding = named::outstanding(app, &seal_use.id).await?;
    if let Some(detail) = detail.as_ref().filter(|_| fresh) {
        let known: HashSet<String> =
            Photo::known_keys(&app.db, &seal_use.id).await?.into_iter().map(|(key, _)| key).collect();
        let new = named::new_photos(detail, &known, &grants);
        // A photo without a key may be one of these, so they are not counted as new.
        if !Photo::any_keyless(&app.db, &seal_use.id).await? {
            named::add(&seal_use.id, &new, app.clock.now(), &mut tallies, &mut outstanding);
        }
        let news = overlay(&mut grants, detail);
        status = status_of(&detail.status);
        if news || !new.is_empty() || status != seal_use.status {
            wake_ingest(app, &seal_use.id).await?;
        }
    }
    let photos = counts::count(&grants, &tallies);
    let gap_since = seal_use.ended_at.or(as_of);
    let grants = grants.into_iter().map(|grant| to_view(grant, &photos, &outstanding, gap_since)).collect();
    let ending = Ending::of(&app.db, &seal_use.id).await?;
    let application: Application = serde_json::from_str(&seal_use.application).unwrap_or_default();
    Ok(SealDetail {
        id: seal_use.id,
        business_id: seal_use.business_id,
        serial_no: seal_use.serial_no,
        status,
        status_at_vendor: detail.as_ref().map(|detail| detail.status.to_string()),
        counts: photos.sum,
        as_of,
        fresh,
        unanswered,
        error: seal_use.error,
        ending: ending.map(|ending| EndingView { asked_at: ending.asked_at, reason: ending.reason, by: ending.by }),
        applicant: application.applicant.name,
        category: application.category,
        grants,
        missing_photos: named::of_grant(&outstanding, None),
        append_logs: detail.map(|detail| detail.append_logs).unwrap_or_default().into_iter().map(Into::into).collect(),
    })
}

/// Wakes the ingest to store the new facts. In a separate task: a disconnected caller must not cancel it.
async fn wake_ingest(app: &Arc<App>, seal_use: &SealUseId) -> Result<(), DbError> {
    let (app, seal_use) = (Arc::clone(app), seal_use.clone());
    let woken = tokio::spawn(with_same_patience(async move {
        let now = app.clock.now();
        let mut tx = app.db.begin().await?;
        wake(&mut tx, &seal_use, Trigger::Poll, now, now).await?;
        tx.commit().await?;
        Ok(())
    }));
    // The panic hook has logged the panic. The slow poll finds the news later.
    woken.await.unwrap_or(Ok(()))
}

/// Returns the vendor's current detail, else the reason. `None` if there is nothing to ask for.
async fn ask_vendor(app: &App, seal_use: &SealUse) -> Result<Result<Detail, Option<String>>, DbError> {
    let Some(business_id) = &seal_use.business_id else {
        return Ok(Err(None));
    };
    let client = match Service::client(&app.db, &app.vendor, &seal_use.service_id).await {
        Ok(client) => client,
        Err(error) => return Ok(Err(Some(error.to_string()))),
    };
    Ok(match tokio::time::timeout(INTERACTIVE, client.detail(business_id)).await {
        Ok(answer) => answer.map_err(|error| Some(error.to_string())),
        Err(_) => Err(Some("the vendor did not answer in time".to_owned())),
    })
}

fn stored_detail(seal_use: &SealUse) -> Option<Detail> {
    provider::read_detail(seal_use.detail.as_deref()?, seal_use.business_id.as_deref()?).ok()
}

/// Copies the vendor's current numbers into the stored grants. Returns true if a number is new.
fn overlay(grants: &mut [Grant], detail: &Detail) -> bool {
    let mut news = detail.auths.len() != grants.len();
    for grant in grants {
        let Some(auth) = detail.auths.iter().find(|auth| auth.id == grant.vendor_id) else { continue };
        let left = auth.left_count.map_or(grant.left_count, i64::from);
        let now = (i64::from(auth.used_count), left, auth.complete);
        news |= now != (grant.used, grant.left_count, grant.complete);
        (grant.used, grant.left_count, grant.complete) = now;
        news |= grant.append_logs != detail.appended();
        grant.append_logs = detail.appended();
    }
    news
}

fn to_view(grant: Grant, photos: &PhotoCounts, outstanding: &[Named], gap_since: Option<Timestamp>) -> GrantDetail {
    let counts = photos.per_grant.get(&grant.id).copied().unwrap_or_default();
    let mut missing_photos = named::of_grant(outstanding, Some(&grant.id));
    for gap in photos.gaps.iter().filter(|gap| gap.grant_id.as_ref() == Some(&grant.id) && gap.missing > gap.listed) {
        let (kind, count, since) = (gap.kind, gap.missing - gap.listed, gap_since);
        missing_photos.push(MissingPhotos { kind, count, since, named: false, keys: Vec::new(), error: None });
    }
    GrantDetail {
        id: grant.id,
        seal: grant.seal,
        device_no: grant.device_no,
        owner: grant.owner,
        user: grant.user_name,
        username: grant.username,
        employee_no: grant.employee_no,
        code: grant.code.map(|_| "******"),
        counts,
        left: grant.left_count,
        complete: grant.complete,
        window_start: grant.window_start,
        window_end: grant.window_end,
        missing_photos,
    }
}
