//! Seal uses: codes, details, additional uses, end of use, time of use, resolution and missing photos.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Code, Edge, Problem,
    flows::{flow_for, send_hint, send_hint_of, visible_flow},
    input::{self, Id, Input, Params},
    keyed::{IdempotencyKey, Run},
    session::{Admin, CurrentUser},
};
use crate::{
    clock::Timestamp,
    db::is_blank,
    flow::{actions::Action, view::FlowView},
    id::{FlowId, SealUseId},
    seal_use::{
        SealUse, SealUseStatus,
        code::{self, CodeView},
    },
    sealing::{
        append_uses::{self, More},
        end_use,
        live_detail::{self, SealDetail},
        owed_photos::{self, OwedPhotos},
        resolve,
        time_window::{self, Selector, Wanted},
    },
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(seal_code))
        .routes(routes!(seal_detail))
        .routes(routes!(seal_append))
        .routes(routes!(seal_finish))
        .routes(routes!(seal_window))
        .routes(routes!(resolve))
        .routes(routes!(owed_photos))
}

/// The seal codes of the caller's grants. Administrators see all codes. The audit log records every view.
#[utoipa::path(get, path = "/api/flows/{id}/seal-code", params(("id" = FlowId, Path)), responses((status = 200, body = Vec<CodeView>), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn seal_code(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<Json<Vec<CodeView>>, Problem> {
    flow_for(&edge, &id, &user, Action::Code).await?;
    Ok(Json(code::view(edge.acting(&user), &id).await?))
}

/// All seal uses of the flow with counts per seal and user, missing photos and appended uses. The data is fresh if the
/// vendor answers within two seconds; see `fresh` and `asOf`.
#[utoipa::path(get, path = "/api/flows/{id}/seal-detail", params(("id" = FlowId, Path)), responses((status = 200, body = Vec<SealDetail>), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn seal_detail(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<Json<Vec<SealDetail>>, Problem> {
    flow_for(&edge, &id, &user, Action::Detail).await?;
    Ok(Json(live_detail::live_details(&edge.app, &id, &user).await?))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MoreUses {
    /// The number of uses to add for each user.
    #[schema(minimum = 1, maximum = 100_000)]
    #[serde(deserialize_with = "input::whole")]
    count: u32,
    /// Only the seal in this device. Absent: all seals.
    device_no: Option<String>,
}

/// Appends uses. Answers after the vendor has answered. After `vendor_failed`, read the detail before you append again.
#[utoipa::path(post, path = "/api/flows/{id}/seal-append", params(("id" = FlowId, Path), IdempotencyKey), request_body = MoreUses, responses((status = 200, body = FlowView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn seal_append(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Run(run): Run,
    Input(input): Input<MoreUses>,
) -> Result<Json<FlowView>, Problem> {
    flow_for(&edge, &id, &user, Action::Append).await?;
    let more = More { count: input.count, device_no: nonempty(input.device_no) };
    append_uses::append(&edge.app, &id, &user, &more, &run).await?;
    flow_after(&edge, &id, &user).await
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EndOfUse {
    /// The reason. The vendor stores it.
    #[schema(pattern = r"\S")]
    reason: String,
    /// Only the seal in this device. Absent: all seals.
    device_no: Option<String>,
}

/// Ends the use of seals. Answers after the vendor has answered. The service then fetches the photos.
#[utoipa::path(post, path = "/api/flows/{id}/seal-finish", params(("id" = FlowId, Path), IdempotencyKey), request_body = EndOfUse, responses((status = 200, body = FlowView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn seal_finish(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Run(run): Run,
    Input(input): Input<EndOfUse>,
) -> Result<Json<FlowView>, Problem> {
    flow_for(&edge, &id, &user, Action::Finish).await?;
    let reason = nonempty(Some(input.reason))
        .ok_or_else(|| Problem::field("reason", "the reason is empty; enter the reason for the end of use"))?;
    end_use::by_hand(&edge.app, &id, &user, &reason, nonempty(input.device_no).as_deref(), &run).await?;
    flow_after(&edge, &id, &user).await
}

/// Returns the flow after the vendor did what was asked, and sends a hint to listeners. If the flow cannot be read now,
/// the answer is no request to repeat the act.
async fn flow_after(edge: &Edge, id: &FlowId, user: &User) -> Result<Json<FlowView>, Problem> {
    let read = visible_flow(edge, id, user).await.map_err(|problem| {
        if !problem.is_outage() {
            return problem;
        }
        Problem::new(Code::Internal, "The act was done, but the flow cannot be read now. Read the flow again.")
    });
    let flow = read?;
    send_hint(edge, &flow);
    Ok(Json(flow))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TimeOfUse {
    #[schema(value_type = Option<String>, format = DateTime)]
    start: Option<Timestamp>,
    /// The service ends the use after this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Timestamp>,
    /// Only the seal in this device.
    device_no: Option<String>,
    /// Only the seal with this name. Without `seal` and `deviceNo`: all open seals.
    seal: Option<String>,
}

/// Changes the time of use of the seals. Answers after the vendor has answered. Users who may end the use may do this.
#[utoipa::path(put, path = "/api/flows/{id}/seal-window", params(("id" = FlowId, Path)), request_body = TimeOfUse, responses((status = 200, body = FlowView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn seal_window(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(input): Input<TimeOfUse>,
) -> Result<Json<FlowView>, Problem> {
    flow_for(&edge, &id, &user, Action::Finish).await?;
    let seals = nonempty(input.device_no).map(Selector::Device).or_else(|| nonempty(input.seal).map(Selector::Seal));
    time_window::set(&edge.app, &id, &user, &Wanted { start: input.start, end: input.end, seals }).await?;
    flow_after(&edge, &id, &user).await
}

/// The resolution of a blocked seal use: exactly one of `businessId`, `applyAgain` and `endAgain`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resolution {
    /// The business at the vendor. The service compares its serial number.
    business_id: Option<String>,
    /// true: accept another serial number.
    #[serde(default)]
    force: bool,
    /// true: apply again. After a lost answer the vendor can then have two applications.
    #[serde(default)]
    apply_again: bool,
    /// true: retry the requested end of use now.
    #[serde(default)]
    end_again: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Resolved {
    id: SealUseId,
    flow_id: FlowId,
    serial_no: String,
    business_id: Option<String>,
    status: SealUseStatus,
    error: Option<String>,
}

impl From<SealUse> for Resolved {
    fn from(seal_use: SealUse) -> Self {
        Self {
            id: seal_use.id,
            flow_id: seal_use.flow_id,
            serial_no: seal_use.serial_no,
            business_id: seal_use.business_id,
            status: seal_use.status,
            error: seal_use.error,
        }
    }
}

/// Resolves a seal use whose application failed or has an unknown result. Only administrators may do this.
#[utoipa::path(post, path = "/api/seal-uses/{id}/resolve", params(("id" = SealUseId, Path)), request_body = Resolution, responses((status = 200, body = Resolved), (status = 409, body = Problem), (status = 502, body = Problem)))]
async fn resolve(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<SealUseId>,
    Input(input): Input<Resolution>,
) -> Result<Json<Resolved>, Problem> {
    let (app, by) = (&edge.app, admin.username.as_str());
    let resolved = match (nonempty(input.business_id), input.apply_again, input.end_again) {
        (Some(business_id), false, false) => resolve::adopt(app, &id, &business_id, input.force, by).await?,
        (None, true, false) => resolve::apply_again(app, &id, by).await?,
        (None, false, true) => resolve::end_again(app, &id, by).await?,
        _ => {
            return Err(Problem::field(
                "businessId",
                "the resolution is not clear; set exactly one of businessId, applyAgain and endAgain",
            ));
        }
    };
    send_hint_of(&edge, &resolved.flow_id, &admin).await;
    Ok(Json(resolved.into()))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwedParams {
    /// A username. Only administrators and auditors may set it. Absent: the caller.
    user: Option<String>,
}

/// Missing photos of a user: the grants with more stampings than photos, in this service or at the vendor.
#[utoipa::path(get, path = "/api/owed", params(OwedParams), responses((status = 200, body = OwedPhotos), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn owed_photos(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<OwedParams>,
) -> Result<Json<OwedPhotos>, Problem> {
    let person = match nonempty(params.user) {
        Some(username) if username != user.username => {
            if !user.reads_all() {
                return Err(Problem::forbidden());
            }
            Arc::new(User::named(&edge.app.db, &username).await?.ok_or_else(Problem::not_found)?)
        }
        _ => user,
    };
    Ok(Json(owed_photos::of_user(&edge.app, &person).await?))
}

/// Trims a text and removes NUL. `None` if nothing remains.
fn nonempty(text: Option<String>) -> Option<String> {
    text.map(|text| text.replace('\0', "").trim().to_owned()).filter(|text| !is_blank(text))
}
