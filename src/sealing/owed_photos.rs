//! The photos that a person owes, by the vendor's count and by ours.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    app::App,
    db::{DbError, Tx, placeholders, sql},
    id::{FlowId, GrantId, SealUseId, ServiceId},
    provider::{INTERACTIVE, Owed},
    seal_use::{Grant, PhotoCounts, SealUse, counts, delivery::Dispatch},
    service::Service,
    user::User,
};

/// Maximum number of vendors to ask.
const SERVICES: i64 = 50;
/// Maximum number of grants in the answer.
const MOST: usize = 1000;

/// The photos that a person owes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwedPhotos {
    /// Username.
    pub user: String,
    pub items: Vec<OwedGrant>,
    /// The answer of each vendor. Without an answer, only our own numbers are known.
    pub services: Vec<Asked>,
}

/// A grant with owed photos.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwedGrant {
    /// Null if the seal use was not created by yinku.
    pub flow_id: Option<FlowId>,
    pub serial_no: Option<String>,
    pub title: Option<String>,
    pub seal_use_id: Option<SealUseId>,
    pub grant_id: Option<GrantId>,
    pub business_id: Option<String>,
    pub seal: Option<String>,
    /// Number of photos missing in yinku. Null if the seal use was not created by yinku.
    pub missing: Option<i64>,
    /// Number of received photos of stampings.
    pub received: Option<i64>,
    /// Number of photos missing at the vendor. Null if the vendor did not name this grant.
    pub owed_at_vendor: Option<u32>,
    pub photos_at_vendor: Option<u32>,
    /// Number of counted stampings.
    pub used: i64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    pub service_id: ServiceId,
    pub name: String,
    /// Why the vendor did not answer. Null if it answered.
    pub error: Option<String>,
}

#[derive(FromRow)]
struct Mine {
    seal_use_id: SealUseId,
    grant_id: GrantId,
    flow_id: FlowId,
    flow_serial_no: String,
    title: String,
}

/// Returns the photos that `user` owes.
pub async fn of_user(app: &App, user: &User) -> Result<OwedPhotos, DbError> {
    let (mut owed_at_vendors, services) = ask_vendors(app, user).await?;
    let mut items = Vec::new();
    for (seal_use, mine) in own_grants(app, user, &owed_at_vendors).await? {
        let grants = Grant::of_seal_use(&app.db, &seal_use.id).await?;
        let per_grant = counts::count(&grants, &counts::tallies(&app.db, &[&seal_use.id]).await?).per_grant;
        for grant in grants.into_iter().filter(|grant| mine.iter().any(|mine| mine.grant_id == grant.id)) {
            let counts = per_grant.get(&grant.id).copied().unwrap_or_default();
            let vendors = owed_at_vendors.remove(&(seal_use.service_id.clone(), grant.vendor_id.clone()));
            let Some(flow) = mine.first().filter(|_| counts.missing > 0 || vendors.is_some()) else { continue };
            items.push(OwedGrant {
                flow_id: Some(flow.flow_id.clone()),
                serial_no: Some(flow.flow_serial_no.clone()),
                title: Some(flow.title.clone()),
                seal_use_id: Some(seal_use.id.clone()),
                grant_id: Some(grant.id),
                business_id: seal_use.business_id.clone(),
                seal: Some(grant.seal),
                missing: Some(counts.missing),
                received: Some(counts.received),
                owed_at_vendor: vendors.as_ref().map(|owed| owed.owed),
                photos_at_vendor: vendors.as_ref().map(|owed| owed.photos),
                used: grant.used,
            });
        }
    }
    items.extend(owed_at_vendors.into_values().map(|owed| OwedGrant {
        business_id: owed.business_id,
        title: owed.subject,
        owed_at_vendor: Some(owed.owed),
        photos_at_vendor: Some(owed.photos),
        used: i64::from(owed.used),
        ..OwedGrant::default()
    }));
    Ok(OwedPhotos { user: user.username.clone(), items, services })
}

type OwedAtVendors = HashMap<(ServiceId, String), Owed>;

/// Asks every vendor concurrently. Each has its own time limit.
async fn ask_vendors(app: &App, user: &User) -> Result<(OwedAtVendors, Vec<Asked>), DbError> {
    let (number, contact) = (user.employee_no.as_deref(), user.mobile.as_deref());
    if number.is_none() && contact.is_none() {
        return Ok((HashMap::new(), Vec::new()));
    }
    let services = Service::list(&app.db, None, SERVICES).await?;
    let ask = |service: Service| async move {
        let answer = match service.credentials(app.vendor.secrets()) {
            Ok(credentials) => {
                let client = app.vendor.client(credentials);
                match tokio::time::timeout(INTERACTIVE, client.owed(number, contact)).await {
                    Ok(answer) => answer.map_err(|error| error.to_string()),
                    Err(_) => Err("the vendor did not answer in time".to_owned()),
                }
            }
            Err(error) => Err(error.to_string()),
        };
        (service, answer)
    };
    let mut owed_at_vendors = HashMap::new();
    let mut asked = Vec::new();
    for (service, answer) in futures::future::join_all(services.into_iter().map(ask)).await {
        let error = match answer {
            Ok(list) => {
                owed_at_vendors.extend(list.into_iter().map(|owed| ((service.id.clone(), owed.auth_id.clone()), owed)));
                None
            }
            Err(error) => Some(error),
        };
        asked.push(Asked { service_id: service.id, name: service.name, error });
    }
    Ok((owed_at_vendors, asked))
}

/// Returns the seal uses in which the person has grants with photos missing here or at the vendor, newest first.
async fn own_grants(
    app: &App,
    user: &User,
    owed_at_vendors: &OwedAtVendors,
) -> Result<Vec<(SealUse, Vec<Mine>)>, DbError> {
    let named: Vec<&String> = owed_at_vendors.keys().map(|(_, auth)| auth).take(MOST).collect();
    let at_vendor =
        if named.is_empty() { String::new() } else { format!("OR g.vendor_id IN {}", placeholders(3, named.len())) };
    let rows: Vec<Mine> = sql(format!(
        "SELECT g.id AS grant_id, u.id AS seal_use_id, f.id AS flow_id, f.serial_no AS flow_serial_no, f.title
         FROM grants g JOIN seal_uses u ON u.id = g.seal_use_id JOIN flows f ON f.id = u.flow_id
         WHERE g.username = $1
           AND (EXISTS (SELECT 1 FROM photos p WHERE p.grant_id = g.id AND p.original_hash IS NULL)
                OR g.used > (SELECT COUNT(*) FROM photos p
                             WHERE p.grant_id = g.id AND p.kind = 'signatory' AND p.original_hash IS NOT NULL
                               AND p.confirmation <> 'unconfirmed')
                {at_vendor})
         ORDER BY u.id DESC, g.position LIMIT $2"
    ))
    .bind(&user.username)
    .bind(i64::try_from(MOST).unwrap_or(i64::MAX))
    .bind_all(named.into_iter().cloned())
    .all(&app.db)
    .await?;
    let mut found: Vec<(SealUse, Vec<Mine>)> = Vec::new();
    for row in rows {
        match found.last_mut() {
            Some((seal_use, mine)) if seal_use.id == row.seal_use_id => mine.push(row),
            _ => {
                if let Some(seal_use) = SealUse::find(&app.db, &row.seal_use_id).await? {
                    found.push((seal_use, vec![row]));
                }
            }
        }
    }
    Ok(found)
}

/// Returns true if the grant owes more photos than wait to be linked, by our count.
pub async fn owes_here(tx: &mut Tx, grant: &Grant) -> Result<bool, DbError> {
    let counts = PhotoCounts::of(tx, &grant.seal_use_id).await?;
    let missing = counts.per_grant.get(&grant.id).map_or(0, |counts| counts.missing);
    let unlinked = Dispatch::unlinked(tx, &grant.seal_use_id).await?;
    let arriving = unlinked.iter().filter(|supplied| supplied.grant_id.as_ref() == Some(&grant.id)).count();
    Ok(usize::try_from(missing).is_ok_and(|missing| missing > arriving))
}

/// Returns true if the vendor's list of owed photos names the grant. False without an answer in time.
pub async fn owes_at_vendor(app: &App, seal_use: &SealUse, grant: &Grant) -> Result<bool, DbError> {
    if grant.number.is_none() && grant.contact.is_none() {
        return Ok(false);
    }
    let Ok(client) = Service::client(&app.db, &app.vendor, &seal_use.service_id).await else { return Ok(false) };
    let asked = client.owed(grant.number.as_deref(), grant.contact.as_deref());
    let list = tokio::time::timeout(INTERACTIVE, asked).await.ok().and_then(Result::ok).unwrap_or_default();
    Ok(list.iter().any(|owed| owed.auth_id == grant.vendor_id && owed.owed > 0))
}
