//! What people do about seal use: codes, details, more uses, its end, its time; what stands still; photos owed.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    flows::{may, shown},
    input::{Id, Input, Params},
    session::{Admin, CurrentUser},
};
use crate::{
    clock::Timestamp,
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

/// The seal codes that the one who asks may see: their own grants', or all for an administrator. Every view is audited.
#[utoipa::path(get, path = "/api/flows/{id}/seal-code", params(("id" = FlowId, Path)), responses((status = 200, body = Vec<CodeView>), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn seal_code(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<Json<Vec<CodeView>>, Problem> {
    may(&edge, &id, &user, Action::Code).await?;
    Ok(Json(code::view(edge.acting(&user), &id).await?))
}

/// Every seal use of the flow: counts per seal and person, what is missing, what was appended. Fresh from the vendor
/// if it answers within two seconds; `fresh` and `asOf` tell.
#[utoipa::path(get, path = "/api/flows/{id}/seal-detail", params(("id" = FlowId, Path)), responses((status = 200, body = Vec<SealDetail>), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn seal_detail(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<Json<Vec<SealDetail>>, Problem> {
    may(&edge, &id, &user, Action::Detail).await?;
    Ok(Json(live_detail::live_details(&edge.app, &id).await?))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MoreUses {
    /// How many uses are added for each person.
    #[schema(minimum = 1, maximum = 100_000)]
    #[serde(deserialize_with = "whole")]
    count: u32,
    /// Only the seal in this box; absent: every seal.
    device_no: Option<String>,
}

/// Appends uses; answers after the vendor did. After `vendor_failed` look at the detail before appending again.
#[utoipa::path(post, path = "/api/flows/{id}/seal-append", params(("id" = FlowId, Path)), request_body = MoreUses, responses((status = 200, body = FlowView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn seal_append(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(asked): Input<MoreUses>,
) -> Result<Json<FlowView>, Problem> {
    may(&edge, &id, &user, Action::Append).await?;
    let more = More { count: asked.count, device_no: given(asked.device_no) };
    append_uses::append(&edge.app, &id, &user, &more).await?;
    shown(&edge, &id, &user).await.map(Json)
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EndOfUse {
    /// The vendor keeps it.
    #[schema(pattern = r"\S")]
    reason: String,
    /// Only the seal in this box; absent: all seals.
    device_no: Option<String>,
}

/// Ends use; answers after the vendor did, and looks for the photos by itself.
#[utoipa::path(post, path = "/api/flows/{id}/seal-finish", params(("id" = FlowId, Path)), request_body = EndOfUse, responses((status = 200, body = FlowView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn seal_finish(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(asked): Input<EndOfUse>,
) -> Result<Json<FlowView>, Problem> {
    may(&edge, &id, &user, Action::Finish).await?;
    let reason = given(Some(asked.reason)).ok_or_else(|| Problem::field("reason", "say why use ends"))?;
    end_use::by_hand(&edge.app, &id, &user, &reason, given(asked.device_no).as_deref()).await?;
    shown(&edge, &id, &user).await.map(Json)
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TimeOfUse {
    #[schema(value_type = Option<String>, format = DateTime)]
    start: Option<Timestamp>,
    /// Past it yinku ends the use.
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Timestamp>,
    /// Only the seal in this box.
    device_no: Option<String>,
    /// Only the seal of this name; absent like `deviceNo`: every open seal.
    seal: Option<String>,
}

/// Changes the time in which the seals may be used; answers after the vendor did. For those who may end the use here.
#[utoipa::path(put, path = "/api/flows/{id}/seal-window", params(("id" = FlowId, Path)), request_body = TimeOfUse, responses((status = 200, body = FlowView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn seal_window(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
    Input(asked): Input<TimeOfUse>,
) -> Result<Json<FlowView>, Problem> {
    may(&edge, &id, &user, Action::Finish).await?;
    let seals = given(asked.device_no).map(Selector::Device).or_else(|| given(asked.seal).map(Selector::Seal));
    time_window::set(&edge.app, &id, &user, &Wanted { start: asked.start, end: asked.end, seals }).await?;
    shown(&edge, &id, &user).await.map(Json)
}

/// What to do about a seal use that stands still: exactly one of `businessId`, `applyAgain`, `endAgain`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resolution {
    /// It is this business at the vendor: proved by its serial number.
    business_id: Option<String>,
    /// Whatever its serial number.
    #[serde(default)]
    force: bool,
    /// Ask the vendor once more. After a lost answer there may be two applications then.
    #[serde(default)]
    apply_again: bool,
    /// Try the end that was asked for at once.
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

/// Resolves a seal use whose application failed or of which nobody knows whether it arrived. For administrators.
#[utoipa::path(post, path = "/api/seal-uses/{id}/resolve", params(("id" = SealUseId, Path)), request_body = Resolution, responses((status = 200, body = Resolved), (status = 409, body = Problem), (status = 502, body = Problem)))]
async fn resolve(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<SealUseId>,
    Input(asked): Input<Resolution>,
) -> Result<Json<Resolved>, Problem> {
    let (app, by) = (&edge.app, admin.username.as_str());
    let resolved = match (given(asked.business_id), asked.apply_again, asked.end_again) {
        (Some(business_id), false, false) => resolve::adopt(app, &id, &business_id, asked.force, by).await?,
        (None, true, false) => resolve::apply_again(app, &id, by).await?,
        (None, false, true) => resolve::end_again(app, &id, by).await?,
        _ => return Err(Problem::field("businessId", "give exactly one of businessId, applyAgain and endAgain")),
    };
    Ok(Json(resolved.into()))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwedParams {
    /// Username; for those who read everything. Absent: one's own.
    user: Option<String>,
}

/// Photos that a person owes: grants whose stampings outnumber their photos, here or at the vendor.
#[utoipa::path(get, path = "/api/owed", params(OwedParams), responses((status = 200, body = OwedPhotos), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn owed_photos(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<OwedParams>,
) -> Result<Json<OwedPhotos>, Problem> {
    let person = match given(params.user) {
        Some(named) if named != user.username => {
            if !user.reads_all() {
                return Err(Problem::forbidden());
            }
            Arc::new(User::named(&edge.app.db, &named).await?.ok_or_else(Problem::not_found)?)
        }
        _ => user,
    };
    Ok(Json(owed_photos::of_user(&edge.app, &person).await?))
}

/// A whole number, however JSON writes it: 2.0 is 2.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let text = number.as_f64().unwrap_or(f64::NAN).to_string();
    text.parse().map_err(|_| D::Error::custom(format!("{number} is not a whole number that is possible here")))
}

/// Without blanks around it and NUL in it; nothing when nothing remains.
fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.replace('\0', "").trim().to_owned()).filter(|text| !text.is_empty())
}
