//! Extractors that return valid types or a problem.

mod objects;

use axum::{
    body::HttpBody,
    extract::{FromRequest, FromRequestParts, Json, Path, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::form_urlencoded;

use self::objects::Objects;
use super::{Code, Problem, texts};
use crate::definition::FieldError;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Input<T>(pub(super) T);

/// Bodies above this size leave the async threads while they are read: a large one takes milliseconds.
const LARGE: usize = 32 * 1024;

impl<S: Send + Sync, T: DeserializeOwned + Send + 'static> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Expected request with `Content-Type: application/json`";
            return Err(Problem::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadJson, detail));
        }
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| Problem::with_status(error.status(), Code::BadJson, error.body_text()))?;
        if body.len() <= LARGE {
            return parse(&body).map(Self);
        }
        let parsed = tokio::task::spawn_blocking(move || parse(&body)).await;
        parsed.unwrap_or_else(|error| Err(Problem::internal(&error))).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let parsed = Json::<Value>::from_bytes(body);
    let Json(value) = parsed.map_err(|error| Problem::with_status(error.status(), Code::BadJson, error.body_text()))?;
    match texts::first_bad(&value) {
        Some(bad) => Err(Problem::field(&bad.path, bad.message)),
        None => read(value),
    }
}

/// Deserializes an object. The problem names the member that is not valid.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    if value.is_array() {
        return Err(Problem::new(Code::Invalid, "The input is an array. Send a JSON object."));
    }
    serde_path_to_error::deserialize(Objects(value)).map_err(|error| {
        let (member, message) = failed_member(&error);
        Problem::field(&member, message)
    })
}

/// Returns the path of the member, such as `nodes[0].kind`, and the message. Serde names a missing member only in its
/// message.
fn failed_member<E: std::fmt::Display>(error: &serde_path_to_error::Error<E>) -> (String, String) {
    let (path, message) = (error.path().to_string(), error.inner().to_string());
    let path = if path == "." { String::new() } else { path };
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match missing {
        Some(name) if path.is_empty() => (name.to_owned(), "is missing; add it".to_owned()),
        Some(name) => (format!("{path}.{name}"), "is missing; add it".to_owned()),
        None => (path, message),
    }
}

/// A JSON body that the caller may omit. `T::default()` replaces it then.
#[derive(Debug)]
pub(super) struct MaybeInput<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default + Send + 'static> FromRequest<S> for MaybeInput<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        Input::from_request(request, state).await.map(|Input(value)| Self(value))
    }
}

/// Parameters of the query string.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        for (name, value) in query {
            if let Some(message) = texts::fault(&value, texts::OF_PARAMETERS).or_else(|| texts::fault(&name, 200)) {
                return Err(bad_query(&name.chars().take(20).collect::<String>(), &message));
            }
        }
        let query = serde_urlencoded::Deserializer::new(query);
        serde_path_to_error::deserialize(query).map(Self).map_err(|error| {
            let (name, message) = failed_member(&error);
            bad_query(&name, &message)
        })
    }
}

/// An id in the path. Answers 404 for a text that is not an id.
#[derive(Debug)]
pub(super) struct Id<T>(pub(super) T);

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// Several segments of the path. Answers 404 if one of them is not valid.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(segments) = Path::<T>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        Ok(Self(segments))
    }
}

/// Returns the problem for the query parameter `name`.
pub(super) fn bad_query(name: &str, message: &str) -> Problem {
    let problem = Problem::new(Code::BadQuery, format!("{name}: {message}"));
    Problem { errors: vec![FieldError::new(name, message)], ..problem }
}

/// Returns the `limit` of a page: 1 to 200, 50 by default.
pub(super) fn limit(requested: Option<i64>) -> Result<i64, Problem> {
    match requested.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(bad_query("limit", "must be 1 to 200")),
    }
}

/// Parses an optional query parameter. An empty text counts as absent.
pub(super) fn parsed<T: std::str::FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>, Problem>
where
    T::Err: std::fmt::Display,
{
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|error: T::Err| bad_query(name, &error.to_string()))).transpose()
}

/// A page of a list, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// The cursor of the next page: send it as `after`. null at the end of the list.
    pub(super) next: Option<String>,
    /// The number of all items. Only some routes return it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<i64>,
}

impl<T> Page<T> {
    /// Makes a page of the first `limit` rows. The caller reads `limit + 1` rows, so the page knows if more follow.
    pub(super) fn from_rows(mut rows: Vec<T>, limit: i64, id: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Self { next: rows.last().filter(|_| more).map(id), items: rows, total: None }
    }

    pub(super) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next, total: self.total }
    }
}

/// Reads a whole number. JSON clients can write 2 as 2.0.
pub(super) fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    to_whole(&serde_json::Number::deserialize(deserializer)?)
}

/// As [`whole`], for a member that may be absent or null.
pub(super) fn whole_or_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Option::<serde_json::Number>::deserialize(deserializer)?.as_ref().map(to_whole).transpose()
}

fn to_whole<E: serde::de::Error>(number: &serde_json::Number) -> Result<u32, E> {
    let text = number.as_f64().unwrap_or(f64::NAN).to_string();
    text.parse().map_err(|_| E::custom(format!("{number} is not a whole number in range")))
}

#[cfg(test)]
mod tests {
    use std::thread::{self, ThreadId};

    use axum::body::Body;
    use serde::{Deserializer, de::IgnoredAny};
    use serde_json::json;

    use super::*;

    /// The thread that read the body.
    struct ReadBy(ThreadId);

    impl<'de> Deserialize<'de> for ReadBy {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            IgnoredAny::deserialize(deserializer).map(|_| Self(thread::current().id()))
        }
    }

    async fn reader_of(kilobytes: usize) -> ThreadId {
        let body = json!({ "a": vec!["x".repeat(1_000); kilobytes] }).to_string();
        let request = Request::builder().header("content-type", "application/json").body(Body::from(body)).unwrap();
        let read = Input::<ReadBy>::from_request(request, &()).await;
        read.map_err(|problem| problem.detail).unwrap().0.0
    }

    #[tokio::test]
    async fn a_large_body_is_read_outside_the_async_threads() {
        let here = thread::current().id();
        assert_eq!(reader_of(10).await, here);
        assert_ne!(reader_of(100).await, here);
    }
}
