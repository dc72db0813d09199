//! Selects the bytes of an answer (RFC 9110, sections 13 and 14): one range or the whole content.

use std::ops::Range;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    clock::Timestamp,
    http::{Code, Problem},
};

/// What tells one state of an answer from another.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Validators<'a> {
    /// Strong, with its quotes.
    pub(in crate::http) etag: &'a str,
    /// When the service received the bytes.
    pub(in crate::http) modified: Timestamp,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    OtherState,
    NotModified,
    Unsatisfiable,
    Part(Range<u64>),
    Whole,
}

/// Evaluates the conditions in the order of RFC 9110, 13.2.2. A range is defined for GET only (14.2).
fn wanted(method: &Method, headers: &HeaderMap, validators: Validators<'_>, size: u64) -> Wanted {
    if !holds(headers, validators) {
        return Wanted::OtherState;
    }
    if matches(headers, validators.etag) {
        return Wanted::NotModified;
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // The content has changed since the first part, so the download starts again.
    if method != Method::GET || text(header::IF_RANGE).is_some_and(|condition| condition != validators.etag) {
        return Wanted::Whole;
    }
    text(header::RANGE).map_or(Wanted::Whole, |range| part(range, size))
}

/// Returns false if `If-Match` has no tag of this state, or if the state is younger than `If-Unmodified-Since`, which
/// counts only without `If-Match`. A weak tag matches nothing here: it does not promise equal bytes.
fn holds(headers: &HeaderMap, validators: Validators<'_>) -> bool {
    if headers.contains_key(header::IF_MATCH) {
        return expects(headers, validators.etag) || tags(headers, header::IF_MATCH).any(|tag| tag == "*");
    }
    let since = headers.get(header::IF_UNMODIFIED_SINCE).and_then(|value| value.to_str().ok());
    // A date that cannot be read is ignored (13.1.4).
    let since = since.and_then(|text| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok());
    since.is_none_or(|since| validators.modified.0.div_euclid(1_000_000) <= since.as_second())
}

/// Returns true if `If-Match` names this ETag.
pub(in crate::http) fn expects(headers: &HeaderMap, etag: &str) -> bool {
    tags(headers, header::IF_MATCH).any(|tag| tag == etag)
}

fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

/// Returns true if `If-None-Match` has this ETag.
pub(in crate::http) fn matches(headers: &HeaderMap, etag: &str) -> bool {
    tags(headers, header::IF_NONE_MATCH).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Returns the status and the byte range, or an answer without bytes.
pub(in crate::http) fn select(
    method: &Method,
    headers: &HeaderMap,
    validators: Validators<'_>,
    size: u64,
) -> Result<(StatusCode, Range<u64>), Box<Response>> {
    let etag = validators.etag;
    match wanted(method, headers, validators, size) {
        Wanted::OtherState => Err(Box::new(other_state().into_response())),
        Wanted::NotModified => Err(Box::new((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response())),
        Wanted::Unsatisfiable => {
            let whole = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            Err(Box::new((StatusCode::RANGE_NOT_SATISFIABLE, whole).into_response()))
        }
        Wanted::Part(range) => Ok((StatusCode::PARTIAL_CONTENT, range)),
        Wanted::Whole => Ok((StatusCode::OK, 0..size)),
    }
}

/// Answers a thumbnail's conditions: 412 or 304. `None` if the bytes are to be sent.
pub(in crate::http) fn without_bytes(headers: &HeaderMap, validators: Validators<'_>) -> Option<Response> {
    if !holds(headers, validators) {
        return Some(other_state().into_response());
    }
    let etag = validators.etag;
    matches(headers, etag).then(|| (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response())
}

fn other_state() -> Problem {
    let detail =
        "The content is not the one that `If-Match` or `If-Unmodified-Since` names. Download it from the start.";
    Problem::new(Code::OtherState, detail)
}

/// Sets the headers of length, range, ETag and caching.
pub(in crate::http) fn describe(
    set: &mut HeaderMap,
    status: StatusCode,
    range: &Range<u64>,
    size: u64,
    validators: Validators<'_>,
) {
    set.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        insert(set, header::CONTENT_RANGE, &format!("bytes {}-{}/{size}", range.start, range.end - 1));
    }
    insert(set, header::ETAG, validators.etag);
    if let Some(date) = http_date(validators.modified) {
        insert(set, header::LAST_MODIFIED, &date);
    }
    // A browser must not guess another type and run a script.
    set.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

fn http_date(at: Timestamp) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(at.0).ok()?;
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

pub(in crate::http) fn insert(set: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        set.insert(name, value);
    }
}

/// Ignores several ranges and unknown units, as the RFC allows. The answer is the whole content then.
fn part(range: &str, size: u64) -> Wanted {
    let Some((first, last)) =
        range.strip_prefix("bytes=").filter(|list| !list.contains(',')).and_then(|range| range.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Wanted::Whole,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn wanted_of(pairs: &[(header::HeaderName, &str)]) -> Wanted {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let validators = Validators { etag: TAG, modified: "2026-11-23T08:00:00.7Z".parse().unwrap() };
        wanted(&Method::GET, &headers, validators, 100)
    }

    #[test]
    fn one_range_is_served_and_its_end_is_cut_to_the_size() {
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=0-9")]), Wanted::Part(0..10));
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=90-")]), Wanted::Part(90..100));
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=90-1000")]), Wanted::Part(90..100));
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=-10")]), Wanted::Part(90..100));
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=-1000")]), Wanted::Part(0..100));
    }

    #[test]
    fn ranges_outside_are_refused_and_odd_ones_ignored() {
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=100-")]), Wanted::Unsatisfiable);
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=-0")]), Wanted::Unsatisfiable);
        for odd in ["bytes=0-1,5-6", "lines=1-2", "bytes=9-0", "bytes=x-", "bytes="] {
            assert_eq!(wanted_of(&[(header::RANGE, odd)]), Wanted::Whole, "{odd}");
        }
    }

    #[test]
    fn a_resumed_download_of_other_bytes_starts_over() {
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=5-"), (header::IF_RANGE, TAG)]), Wanted::Part(5..100));
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=5-"), (header::IF_RANGE, "\"other\"")]), Wanted::Whole);
        assert_eq!(wanted_of(&[(header::RANGE, "bytes=5-"), (header::IF_RANGE, "W/\"abc\"")]), Wanted::Whole);
    }

    #[test]
    fn bytes_that_the_client_has_are_not_sent() {
        for same in [TAG, "*", "W/\"abc\"", "\"x\", \"abc\""] {
            assert_eq!(wanted_of(&[(header::IF_NONE_MATCH, same)]), Wanted::NotModified, "{same}");
        }
        assert_eq!(wanted_of(&[(header::IF_NONE_MATCH, "\"x\"")]), Wanted::Whole);
    }

    #[test]
    fn a_part_of_another_state_is_refused() {
        let of = |condition: &str| wanted_of(&[(header::RANGE, "bytes=5-9"), (header::IF_MATCH, condition)]);
        for same in [TAG, "*", "\"x\", \"abc\"", " \"abc\" "] {
            assert_eq!(of(same), Wanted::Part(5..10), "{same}");
        }
        for other in ["\"x\"", "W/\"abc\"", "abc", "", "\"x\",\"y\""] {
            assert_eq!(of(other), Wanted::OtherState, "{other}");
        }
        let both = [(header::IF_MATCH, "\"x\""), (header::IF_NONE_MATCH, TAG)];
        assert_eq!(wanted_of(&both), Wanted::OtherState, "the first condition decides");
    }

    #[test]
    fn content_that_is_younger_than_the_date_is_refused() {
        let of = |date: &str| wanted_of(&[(header::RANGE, "bytes=5-9"), (header::IF_UNMODIFIED_SINCE, date)]);
        assert_eq!(of("Mon, 23 Nov 2026 08:00:00 GMT"), Wanted::Part(5..10), "the header has whole seconds");
        assert_eq!(of("Mon, 23 Nov 2026 07:59:59 GMT"), Wanted::OtherState);
        assert_eq!(of("yesterday"), Wanted::Part(5..10));
        let both = [(header::IF_MATCH, TAG), (header::IF_UNMODIFIED_SINCE, "Mon, 23 Nov 2020 07:59:59 GMT")];
        assert_eq!(wanted_of(&both), Wanted::Whole, "a date beside a tag is ignored");
    }

    #[test]
    fn a_range_is_for_get_only() {
        let headers = [(header::RANGE, "bytes=5-9".parse().unwrap())].into_iter().collect();
        let validators = Validators { etag: TAG, modified: Timestamp(0) };
        assert_eq!(wanted(&Method::HEAD, &headers, validators, 100), Wanted::Whole);
    }
}
