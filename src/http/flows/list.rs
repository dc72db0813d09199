//! Lists of flows, one flow, and the start of a flow.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{send_hint, visible_flow};
use crate::{
    definition::Definition,
    flow::{
        FlowState, Phase,
        form::Form,
        head::{FlowHead, usernames},
        list::{self, Filter, Totals, Which},
        narrow::{self, Narrow},
        step,
        view::FlowView,
    },
    http::{
        Edge, Problem,
        input::{Id, Input, Params, bad_query, limit, parsed},
        keyed::{IdempotencyKey, Run},
        session::CurrentUser,
    },
    id::{DefinitionId, FlowId, ListKey},
    sealing::apply::seals,
    user::people::{DisplayNames, display_names},
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list, start)).routes(routes!(counts)).routes(routes!(show))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[expect(clippy::struct_excessive_bools, reason = "parameters of a query, each given or not")]
struct FlowParams {
    #[param(value_type = Option<FlowState>, inline)]
    state: Option<String>,
    #[param(value_type = Option<DefinitionId>, inline)]
    definition_id: Option<String>,
    /// Words of the subject, the serial number, the organisation, the seals or the people, or parts of them, in any
    /// order. Each must be there.
    #[param(max_length = 1000)]
    q: Option<String>,
    /// Only flows that wait for the caller. At most one of `todo`, `done` and `mine` can be true.
    #[serde(default)]
    todo: bool,
    /// Only flows that the caller has handled.
    #[serde(default)]
    done: bool,
    /// Only flows that the caller has started.
    #[serde(default)]
    mine: bool,
    /// Only flows in this phase.
    #[param(value_type = Option<Phase>, inline)]
    phase: Option<String>,
    /// Only flows with missing photos.
    #[serde(default)]
    missing: bool,
    /// Only flows that wait for this person or role: `user:<username>` or `role:<role>`.
    #[param(pattern = "^(user|role):.+$")]
    waits_for: Option<String>,
    /// Only flows in which something is wrong: `true`, or one kind of trouble.
    #[param(
        pattern = "^(true|application_failed|application_unknown|delivery_failed|delivery_unknown|photos_parked|people_gone)$"
    )]
    trouble: Option<String>,
    /// The `next` of the previous page.
    #[param(value_type = Option<ListKey>, inline)]
    after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

impl FlowParams {
    fn filter(&self) -> Result<Filter, Problem> {
        let which = match (self.todo, self.done, self.mine) {
            (false, false, false) => Which::Visible,
            (true, false, false) => Which::Todo,
            (false, true, false) => Which::Done,
            (false, false, true) => Which::Mine,
            _ => return Err(bad_query("todo", "more than one list is requested; set only one of todo, done and mine")),
        };
        let waits_for = self.waits_for.as_deref().filter(|who| !who.is_empty());
        if waits_for.is_some_and(|who| !who.starts_with("user:") && !who.starts_with("role:")) {
            return Err(bad_query("waitsFor", "must be user:<username> or role:<role>"));
        }
        Ok(Filter {
            which,
            waits_for: waits_for.map(str::to_owned),
            trouble: parsed("trouble", self.trouble.as_deref())?,
            state: parsed("state", self.state.as_deref())?,
            definition: parsed("definitionId", self.definition_id.as_deref())?,
            q: parsed("q", self.q.as_deref())?.unwrap_or_default(),
        })
    }
}

/// A page of flows, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct FlowPage {
    items: Vec<FlowHead>,
    /// The cursor of the next page: send it as `after`. null at the end of the list.
    next: Option<String>,
    /// Display names of the usernames in the items.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    people: DisplayNames,
}

/// The flows that the caller may see, newest first. With `phase`, `missing` or `q` a page can be short although `next` is
/// set.
#[utoipa::path(get, path = "/api/flows", params(FlowParams), responses((status = 200, body = FlowPage)))]
async fn list(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Params(params): Params<FlowParams>,
) -> Result<Json<FlowPage>, Problem> {
    let limit = limit(params.limit)?;
    let after: Option<ListKey> = parsed("after", params.after.as_deref())?;
    let narrow = Narrow { phase: parsed("phase", params.phase.as_deref())?, missing: params.missing };
    let db = &edge.app.db;
    let (items, next) = narrow::page(db, &params.filter()?, &narrow, &user, after, limit).await?;
    let people = display_names(db, items.iter().flat_map(usernames)).await?;
    Ok(Json(FlowPage { items, next: next.map(|place| place.to_string()), people }))
}

/// The numbers of flows that wait for the caller, that the caller has handled, that the caller has started, and in which
/// something is wrong.
#[utoipa::path(get, path = "/api/flows/counts", responses((status = 200, body = Totals)))]
async fn counts(State(edge): State<Edge>, CurrentUser(user): CurrentUser) -> Result<Json<Totals>, Problem> {
    Ok(Json(list::totals(&edge.app.db, &user).await?))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewFlow {
    definition_id: DefinitionId,
    /// The field values by field key.
    #[schema(value_type = Object)]
    form: Form,
    /// True: creates a draft, which only the caller sees. Its form is checked whole at the submission.
    #[serde(default)]
    draft: bool,
}

/// Starts a flow and submits it, or creates a draft. With an `Idempotency-Key`, the same request again gives the first answer for 24 hours.
#[utoipa::path(post, path = "/api/flows", params(IdempotencyKey), request_body = NewFlow, responses((status = 201, body = FlowView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn start(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Run(run): Run,
    Input(new): Input<NewFlow>,
) -> Result<(StatusCode, Json<FlowView>), Problem> {
    let app = &edge.app;
    let definition = Definition::current(&app.db, &new.definition_id).await?;
    let definition = definition.ok_or_else(|| {
        Problem::field("definitionId", "the definition does not exist; choose one of GET /api/definitions")
    })?;
    let id = if new.draft {
        step::draft(edge.acting(&user), &definition, &new.form, run.id.as_ref()).await?
    } else {
        let errors = seals::check(app, &definition.body, &new.form, &user).await?;
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        step::start(edge.acting(&user), &definition, &new.form, run.id.as_ref()).await?
    };
    let flow = visible_flow(&edge, &id, &user).await?;
    send_hint(&edge, &flow);
    Ok((StatusCode::CREATED, Json(flow)))
}

/// One flow with its fields, files, seal uses and events.
#[utoipa::path(get, path = "/api/flows/{id}", params(("id" = FlowId, Path)), responses((status = 200, body = FlowView), (status = 404, body = Problem)))]
async fn show(
    State(edge): State<Edge>,
    CurrentUser(user): CurrentUser,
    Id(id): Id<FlowId>,
) -> Result<Json<FlowView>, Problem> {
    visible_flow(&edge, &id, &user).await.map(Json)
}
