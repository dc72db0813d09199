//! What the OpenAPI document says of every operation alike: its subject, and the problems that can be answered.

use http::Method;
use utoipa::openapi::{
    Content, Ref, RefOr, Response, ResponseBuilder,
    path::{Operation, Parameter, ParameterIn},
    request_body::RequestBody,
    security::SecurityRequirement,
    tag::{Tag, TagBuilder},
};

/// The subjects, in the order of the document.
const SUBJECTS: [(&str, &str); 10] = [
    ("session", "Who asks: logging in and out, tokens for programs."),
    ("users", "People and their roles."),
    ("services", "Bound private-cloud services of the vendor, and their seals."),
    ("definitions", "Flow types: fields, nodes, the integration with physical seals."),
    ("flows", "Flows, and how they go from hand to hand."),
    ("seal use", "Codes, details, more uses, the end and the time of use."),
    ("files", "Photos and files of a flow: brought, collected, supplied, downloaded."),
    ("ingests", "How photos come in: callbacks, and one ingest for each seal use."),
    ("knowledge base", "Folders, documents and their contents."),
    ("operation", "Is it well; what changes just now; who did what."),
];

pub(super) fn tags() -> Vec<Tag> {
    SUBJECTS.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build()).to_vec()
}

/// The subject of an operation, by its path.
pub(super) fn subject(path: &str) -> Option<&'static str> {
    let mut words = path.trim_start_matches('/').split('/').filter(|word| *word != "api");
    Some(match (words.next()?, words.nth(1).unwrap_or_default()) {
        ("session" | "tokens", _) => "session",
        ("users", _) => "users",
        ("services", _) => "services",
        ("definitions", _) => "definitions",
        ("flows", act) if act.starts_with("seal-") => "seal use",
        ("flows", "photos.zip" | "evidence.zip" | "collect" | "fields" | "stamped") | ("grants", _) => "files",
        ("flows", _) => "flows",
        ("seal-uses" | "owed", _) => "seal use",
        ("ingests" | "callbacks" | "papi", _) => "ingests",
        ("folders" | "documents" | "bundles", _) => "knowledge base",
        ("audit" | "events" | "jobs" | "healthz" | "readyz" | "metrics" | "openapi.json", _) => "operation",
        _ => return None,
    })
}

/// Whether nobody needs to log in for it.
fn is_open(operation: &Operation) -> bool {
    operation.security.as_ref().is_some_and(|ways| ways.contains(&SecurityRequirement::default()))
}

/// Adds the problems that follow from what the operation is, and says of each what it means.
pub(super) fn add_problems(operation: &mut Operation, method: &Method, path: &str) {
    let ours = path.starts_with("/api/");
    let writes = *method != Method::GET;
    let body = operation.request_body.as_ref().filter(|_| ours);
    let of_json =
        |body: &RefOr<RequestBody>| matches!(body, RefOr::T(body) if body.content.contains_key("application/json"));
    let json = body.is_some_and(of_json);
    let query = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query);
    let asks = ours && operation.parameters.as_ref().is_some_and(|parameters| parameters.iter().any(query));
    let possible = [
        (400, body.is_some() || asks),
        (401, ours && !is_open(operation)),
        (403, ours && writes),
        (404, path.contains('{')),
        (408, body.is_some() && !json),
        (413, body.is_some()),
        (415, json),
        (422, body.is_some()),
        (500, ours),
    ];
    let answers = &mut operation.responses.responses;
    for (status, _) in possible.iter().filter(|(_, possible)| *possible) {
        answers.entry(status.to_string()).or_insert_with(|| RefOr::T(problem()));
    }
    for (status, answer) in answers.iter_mut() {
        if let RefOr::T(answer) = answer
            && tells_problem(answer)
        {
            *answer = problem();
        }
        if let RefOr::T(answer) = answer
            && answer.description.is_empty()
        {
            meaning(status).clone_into(&mut answer.description);
        }
    }
}

fn problem() -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().content("application/problem+json", content).build()
}

fn tells_problem(answer: &Response) -> bool {
    let problem = RefOr::Ref(Ref::from_schema_name("Problem"));
    answer.content.values().any(|content| match content {
        RefOr::T(content) => content.schema.as_ref() == Some(&problem),
        RefOr::Ref(_) => false,
    })
}

fn meaning(status: &str) -> &'static str {
    match status {
        "200" => "As asked.",
        "201" => "It is made.",
        "202" => "It is begun and goes on.",
        "204" => "It is done; there is nothing to say.",
        "206" => "The range that was asked for.",
        "304" => "The bytes are those that the caller has.",
        "416" => "The range lies outside the bytes.",
        "400" => "The body is not what it says it is, or a parameter is wrong; `errors` names it.",
        "401" => "Nobody is logged in.",
        "403" => "Others may do it; or a page of another site sent a write with the cookie.",
        "404" => "There is nothing here, or nothing you may see.",
        "408" => "Nothing came for too long.",
        "409" => "Not as things stand; `code` and `detail` say what would make it possible.",
        "413" => "Larger than may be.",
        "415" => "The body is not of this kind.",
        "422" => "Members of the input are wrong; `errors` names them.",
        "500" => "The service failed; its log says why.",
        "502" => "The vendor refused, failed or did not answer.",
        "503" => "Come again after `Retry-After` seconds.",
        _ => "A problem.",
    }
}
