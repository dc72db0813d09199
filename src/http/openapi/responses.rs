//! The tags of the operations, and the responses that follow from method and path.

use http::Method;
use utoipa::openapi::{
    Content, Ref, RefOr, Response, ResponseBuilder,
    path::Operation,
    request_body::RequestBody,
    security::SecurityRequirement,
    tag::{Tag, TagBuilder},
};

/// The tags in the order of the document.
const TAGS: [(&str, &str); 10] = [
    ("session", "Login, logout, the user's own password, one-time codes, sessions and tokens for programs."),
    ("users", "Users and their roles."),
    ("services", "Bound private-cloud services of the vendor and their seals."),
    ("definitions", "Flow types: fields, nodes and the integration with physical seals."),
    ("flows", "Flows and their steps."),
    ("seal use", "Seal codes, details, additional uses, the end and the time of use."),
    ("files", "Photos and files of a flow: upload, collect, supply and download."),
    ("ingests", "Callbacks, one ingest for each seal use, and its photos."),
    ("knowledge base", "Folders, documents and their content."),
    ("operation", "Health, metrics, live events, the audit log and checks of originals."),
];

pub(super) fn tags() -> Vec<Tag> {
    TAGS.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build()).to_vec()
}

/// Returns the tag of an operation by its path.
pub(super) fn tag_of(path: &str) -> Option<&'static str> {
    let mut words = path.trim_start_matches('/').split('/').filter(|word| *word != "api");
    Some(match (words.next()?, words.nth(1).unwrap_or_default()) {
        ("session" | "sessions" | "tokens", _) => "session",
        ("users" | "people", _) => "users",
        ("services", _) => "services",
        ("definitions", _) => "definitions",
        ("flows", act) if act.starts_with("seal-") => "seal use",
        ("flows", "photos.zip" | "evidence.zip" | "evidence" | "collect" | "fields" | "stamped") | ("grants", _) => {
            "files"
        }
        ("flows", _) => "flows",
        ("seal-uses" | "owed", _) => "seal use",
        ("ingests" | "photos" | "callbacks" | "papi", _) => "ingests",
        ("folders" | "documents" | "trash" | "bundles" | "evidence", _) => "knowledge base",
        ("audit" | "fixity" | "events" | "jobs" | "healthz" | "readyz" | "metrics" | "openapi.json", _) => "operation",
        _ => return None,
    })
}

/// Returns true if the operation needs no login.
fn is_open(operation: &Operation) -> bool {
    operation.security.as_ref().is_some_and(|ways| ways.contains(&SecurityRequirement::default()))
}

/// Adds the problems that the operation can answer, and a description to each response.
pub(super) fn add_problems(operation: &mut Operation, method: &Method, path: &str) {
    let ours = path.starts_with("/api/");
    let writes = *method != Method::GET;
    let body = operation.request_body.as_ref().filter(|_| ours);
    let of_json =
        |body: &RefOr<RequestBody>| matches!(body, RefOr::T(body) if body.content.contains_key("application/json"));
    let json = body.is_some_and(of_json);
    let possible = [
        // Every route refuses a query parameter that it does not have.
        (400, ours),
        (401, ours && !is_open(operation)),
        // A write of another site, or a login that must first change its password.
        (403, ours && (writes || !is_open(operation))),
        (404, path.contains('{')),
        (408, body.is_some()),
        (413, body.is_some()),
        (415, json),
        (422, body.is_some()),
        (500, ours),
        (503, ours),
    ];
    let responses = &mut operation.responses.responses;
    for (status, _) in possible.iter().filter(|(_, possible)| *possible) {
        responses.entry(status.to_string()).or_insert_with(|| RefOr::T(problem()));
    }
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response
            && is_problem(response)
        {
            *response = problem();
        }
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            description_of(status).clone_into(&mut response.description);
        }
    }
}

fn problem() -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().content("application/problem+json", content).build()
}

fn is_problem(response: &Response) -> bool {
    let problem = RefOr::Ref(Ref::from_schema_name("Problem"));
    response.content.values().any(|content| match content {
        RefOr::T(content) => content.schema.as_ref() == Some(&problem),
        RefOr::Ref(_) => false,
    })
}

fn description_of(status: &str) -> &'static str {
    match status {
        "200" => "The request succeeded.",
        "201" => "The object was created.",
        "202" => "The service accepted the request and continues the work.",
        "204" => "The request succeeded. The answer has no body.",
        "206" => "The requested range.",
        "304" => "The caller already has these bytes.",
        "416" => "The range is outside the content. Request a range within it.",
        "400" => "The body cannot be read, or a parameter is not valid. Correct what `errors` names.",
        "401" => "The request has no valid login. Log in or send a token.",
        "403" => "The caller may not do this, or another site sent the cookie. See `code`.",
        "404" => "The object does not exist or is not visible to the caller. Check the id and the rights.",
        "408" => "The body arrived too slowly. Send the request again.",
        "410" => "The bytes have ended. Make a new bundle.",
        "412" => "The content is another one. Download it from the start.",
        "409" => "The current state does not allow this. Do what `detail` says.",
        "413" => "The body is larger than the limit. Send less.",
        "415" => "The content type is not supported. Send the documented content type.",
        "422" => "Members of the input are not valid. Correct the members that `errors` names.",
        "500" => "The service failed. See the service log for the cause.",
        "502" => "The vendor refused, failed or did not answer. See `detail`.",
        "503" => "The service cannot answer now. Retry after `Retry-After` seconds.",
        _ => "A problem.",
    }
}
