//! The photos that a person owes, by the vendor's count and by ours.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    app::App,
    db::{DbError, Tx, placeholders, sql},
    id::{FlowId, GrantId, SealUseId, ServiceId},
    library::document::DeliveryState,
    photo::kind::PhotoKind,
    provider::{INTERACTIVE, Owed},
    seal_use::{Grant, PhotoCounts, SealUse, counts, delivery::Dispatch},
    service::Service,
    user::User,
};

/// Maximum number of vendors to ask.
const SERVICES: i64 = 50;
/// Maximum number of earlier numbers of a user that a vendor is asked for.
const NUMBERS: i64 = 5;
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
                owed_at_vendor: vendors.as_ref().map(|vendors| vendors.owed.owed),
                photos_at_vendor: vendors.as_ref().map(|vendors| vendors.owed.photos),
                used: grant.used,
            });
        }
    }
    // A grant of another user is none of this user's, even if the vendor now knows the user by its number.
    let others = known_here(app, &owed_at_vendors).await?;
    owed_at_vendors.retain(|auth, owed| owed.by_present_number && !others.contains(auth));
    items.extend(owed_at_vendors.into_values().map(|owed| owed.owed).map(|owed| OwedGrant {
        business_id: owed.business_id,
        title: owed.subject,
        owed_at_vendor: Some(owed.owed),
        photos_at_vendor: Some(owed.photos),
        used: i64::from(owed.used),
        ..OwedGrant::default()
    }));
    Ok(OwedPhotos { user: user.username.clone(), items, services })
}

/// Photos that a vendor says are owed.
struct AtVendor {
    owed: Owed,
    /// The vendor lists them for the number that the user has now. False: for a number of a grant of the user.
    by_present_number: bool,
}

/// By service and the vendor's id of the authorisation.
type OwedAtVendors = HashMap<(ServiceId, String), AtVendor>;

/// What a vendor calls a person: employee number and mobile phone.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct Numbers {
    number: Option<String>,
    contact: Option<String>,
}

/// Asks every vendor concurrently. Each has its own time limit.
async fn ask_vendors(app: &App, user: &User) -> Result<(OwedAtVendors, Vec<Asked>), DbError> {
    let services = Service::list(&app.db, None, SERVICES).await?;
    let mut asking = Vec::with_capacity(services.len());
    for service in services {
        let numbers = numbers_at(app, user, &service.id).await?;
        if !numbers.is_empty() {
            asking.push((service, numbers));
        }
    }
    let present = (user.employee_no.as_deref(), user.mobile.as_deref());
    let mut owed_at_vendors: OwedAtVendors = HashMap::new();
    let mut asked = Vec::new();
    let answers = asking.into_iter().map(|(service, numbers)| ask_vendor(app, service, numbers));
    for (service, answers) in futures::future::join_all(answers).await {
        let mut failure = None;
        for (numbers, answer) in answers {
            let by_present_number = (numbers.number.as_deref(), numbers.contact.as_deref()) == present;
            match answer {
                Ok(list) => {
                    for owed in list {
                        let auth = (service.id.clone(), owed.auth_id.clone());
                        owed_at_vendors.entry(auth).or_insert(AtVendor { owed, by_present_number });
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        asked.push(Asked { service_id: service.id, name: service.name, error: failure });
    }
    Ok((owed_at_vendors, asked))
}

/// Returns the numbers by which a vendor knows the user: those of now first, then those of the user's newest grants.
async fn numbers_at(app: &App, user: &User, service: &ServiceId) -> Result<Vec<Numbers>, DbError> {
    let present = Numbers { number: user.employee_no.clone(), contact: user.mobile.clone() };
    let earlier: Vec<Numbers> = sql("SELECT g.number, g.contact FROM grants g JOIN seal_uses u ON u.id = g.seal_use_id
         WHERE g.username = $1 AND u.service_id = $2 GROUP BY g.number, g.contact ORDER BY MAX(g.id) DESC LIMIT $3")
    .bind(&user.username)
    .bind(service)
    .bind(NUMBERS)
    .all(&app.db)
    .await?;
    let mut numbers: Vec<Numbers> = Vec::new();
    for one in std::iter::once(present).chain(earlier) {
        if (one.number.is_some() || one.contact.is_some()) && !numbers.contains(&one) {
            numbers.push(one);
        }
    }
    Ok(numbers)
}

type Answers = Vec<(Numbers, Result<Vec<Owed>, String>)>;

async fn ask_vendor(app: &App, service: Service, numbers: Vec<Numbers>) -> (Service, Answers) {
    let client = match service.credentials(app.vendor.secrets()) {
        Ok(credentials) => app.vendor.client(credentials),
        Err(error) => {
            let failed = numbers.into_iter().map(|numbers| (numbers, Err(error.to_string())));
            return (service, failed.collect());
        }
    };
    let ask = |numbers: Numbers| {
        let client = &client;
        async move {
            let asked = client.owed(numbers.number.as_deref(), numbers.contact.as_deref());
            let answer = match tokio::time::timeout(INTERACTIVE, asked).await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err("the vendor did not answer in time".to_owned()),
            };
            (numbers, answer)
        }
    };
    let answers = futures::future::join_all(numbers.into_iter().map(ask)).await;
    (service, answers)
}

/// Returns those of the authorisations that are grants here.
async fn known_here(app: &App, owed: &OwedAtVendors) -> Result<HashSet<(ServiceId, String)>, DbError> {
    let named: Vec<&String> = owed.keys().map(|(_, auth)| auth).collect();
    let mut known = HashSet::new();
    for piece in named.chunks(MOST) {
        let rows: Vec<(ServiceId, String)> = sql(format!(
            "SELECT u.service_id, g.vendor_id FROM grants g JOIN seal_uses u ON u.id = g.seal_use_id
             WHERE g.vendor_id IN {}",
            placeholders(1, piece.len())
        ))
        .bind_all(piece.iter().map(|auth| (*auth).clone()))
        .all(&app.db)
        .await?;
        known.extend(rows);
    }
    Ok(known)
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

/// Returns how many photos of `kind` the grant owes beyond those that wait to be linked, by our count. `None`: of any kind.
pub async fn owed_here(tx: &mut Tx, grant: &Grant, kind: Option<PhotoKind>) -> Result<usize, DbError> {
    let counts = PhotoCounts::of(tx, &grant.seal_use_id).await?;
    let of_grant = |id: Option<&GrantId>| id == Some(&grant.id);
    let gaps = counts.gaps.iter().filter(|gap| of_grant(gap.grant_id.as_ref()));
    let unlinked = Dispatch::unlinked(tx, &grant.seal_use_id).await?;
    let supplied = || unlinked.iter().filter(|supplied| of_grant(supplied.grant_id.as_ref()));
    let mut owed = 0;
    for gap in gaps.filter(|gap| kind.is_none_or(|kind| kind == gap.kind)) {
        let arriving = supplied().filter(|supplied| supplied.photo_kind.as_deref() == Some(gap.kind.as_str())).count();
        owed += usize::try_from(gap.missing).unwrap_or(0).saturating_sub(arriving);
    }
    Ok(owed)
}

/// How many photos a grant owes the vendor.
#[derive(Clone, Copy, Debug)]
pub struct OwedAtVendor {
    owed: usize,
    /// The photos that were supplied for the grant before the vendor was asked.
    supplied: usize,
}

impl OwedAtVendor {
    /// Asks for the vendor's list. `None`: it owes no more than what waits to be sent, or no answer came in time.
    pub async fn ask(app: &App, seal_use: &SealUse, grant: &Grant) -> Result<Option<Self>, DbError> {
        if grant.number.is_none() && grant.contact.is_none() {
            return Ok(None);
        }
        let Ok(client) = Service::client(&app.db, &app.vendor, &seal_use.service_id).await else { return Ok(None) };
        let supplied = Dispatch::of_grant(&app.db, &grant.id).await?;
        let unsent = supplied.iter().filter(|supplied| supplied.state != DeliveryState::Sent).count();
        let asked = client.owed(grant.number.as_deref(), grant.contact.as_deref());
        let list = tokio::time::timeout(INTERACTIVE, asked).await.ok().and_then(Result::ok).unwrap_or_default();
        let listed = list.iter().find(|owed| owed.auth_id == grant.vendor_id).map_or(0, |owed| owed.owed);
        let owed = usize::try_from(listed).unwrap_or(usize::MAX).saturating_sub(unsent);
        Ok((owed > 0).then_some(Self { owed, supplied: supplied.len() }))
    }

    /// Returns how many photos are still owed now: others may have been supplied since the vendor was asked.
    pub async fn now(self, tx: &mut Tx, grant: &Grant) -> Result<usize, DbError> {
        let supplied = Dispatch::of_grant(tx, &grant.id).await?.len();
        Ok(self.owed.saturating_sub(supplied.saturating_sub(self.supplied)))
    }
}
