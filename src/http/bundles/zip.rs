//! The bytes of a bundle, or a range of them, for a user who may have them.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{gone, making};
use crate::{
    archive::evidence::many::{self, Progress},
    bundle::{
        self,
        plans::OpenPlan,
        record::{Bundle, BundleKind},
        rights,
    },
    http::{
        Code, Edge, Problem,
        content::range::{self, Validators},
    },
    id::BundleId,
    preservation::findings,
    user::User,
};

/// Returns the bundle if the user may download every document in it now. The answer is remembered for a second.
pub(super) async fn allowed(edge: &Edge, id: &BundleId, user: &User) -> Result<Arc<Bundle>, Problem> {
    let lookup = async {
        let bundle = Bundle::find(&edge.app.db, id).await?.ok_or_else(Problem::not_found)?;
        // The rights to documents that are gone cannot be asked.
        if bundle.expires_at.is_some_and(|end| end <= edge.app.clock.now()) {
            return Err(gone());
        }
        if !rights::may_have(&edge.app, &bundle, user).await? {
            return Err(Problem::forbidden());
        }
        Ok(Some(bundle))
    };
    let bundle = edge.permission_cache.bundle(id.clone(), user, lookup).await?.ok_or_else(Problem::not_found)?;
    if bundle.expires_at.is_some_and(|end| end <= edge.app.clock.now()) {
        return Err(gone());
    }
    Ok(bundle)
}

/// Returns the plan of a bundle, if the store can give all of its bytes.
pub(super) async fn open(edge: &Edge, bundle: &Bundle, address: Address) -> Result<Arc<OpenPlan>, Problem> {
    let plan = edge.plans.open(&edge.app.store, &edge.app.cpu, bundle).await?;
    let damaged = findings::open_damage(&edge.app.db).await?;
    if !damaged.iter().any(|original| plan.has(original)) {
        return Ok(plan);
    }
    // The present package of a flow has no other bundle.
    Err(match address {
        Address::Frozen => gone(),
        Address::Changing => Problem::new(Code::OriginalDamaged, Code::OriginalDamaged.meaning()),
    })
}

/// Whether the bytes behind an address can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Address {
    Frozen,
    Changing,
}

/// Answers with the bytes of a bundle, or a range of them.
pub(in crate::http) async fn serve(
    edge: &Edge,
    user: &User,
    method: &Method,
    headers: &HeaderMap,
    id: &BundleId,
    address: Address,
) -> Result<Response, Problem> {
    let (app, mut bundle) = (&edge.app, allowed(edge, id, user).await?);
    if bundle.plan_key.is_none() {
        let Progress::Ready(made) = many::proceed(app, Bundle::clone(&bundle)).await? else { return Err(making()) };
        bundle = Arc::new(made);
    }
    let plan = open(edge, &bundle, address).await?;
    let (layout, size) = (&plan.layout, plan.layout.bytes());
    let validators = Validators { etag: layout.etag(), modified: plan.modified };
    let (mut status, mut range) = match range::select(method, headers, validators, size) {
        Ok(selection) => selection,
        Err(without_bytes) => return Ok(*without_bytes),
    };
    // Without a condition, a range could continue another zip.
    let condition = headers.contains_key(header::IF_RANGE) || range::expects(headers, layout.etag());
    if address == Address::Changing && !condition {
        (status, range) = (StatusCode::OK, 0..size);
    }
    // HEAD sends no bytes, so it writes no audit entry.
    let body = if *method == Method::GET {
        Body::from_stream(bundle::give_out(app, &user.username, &bundle, layout, range.clone()).await?)
    } else {
        Body::empty()
    };
    let mut response = (status, body).into_response();
    let set = response.headers_mut();
    range::describe(set, status, &range, size, validators);
    if address == Address::Changing {
        range::insert(set, header::CONTENT_LOCATION, &format!("/api/bundles/{}", bundle.id));
    }
    range::insert(set, header::CONTENT_TYPE, "application/zip");
    range::insert(set, header::CONTENT_DISPOSITION, &disposition(&bundle));
    Ok(response)
}

/// Returns both forms of the name: old clients read only the first one.
fn disposition(bundle: &Bundle) -> String {
    let kind = match bundle.kind {
        BundleKind::Photos => "photos",
        BundleKind::Evidence => "evidence",
        BundleKind::Selection => "bundle",
    };
    let serial = bundle.name.split('_').next().filter(|part| bundle.flow_id.is_some() && part.is_ascii());
    let plain = serial.map_or_else(|| kind.to_owned(), |serial| format!("{serial}_{kind}"));
    let name = utf8_percent_encode(&bundle.name, NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}.zip\"; filename*=UTF-8''{name}")
}
