//! Selects the bytes of an answer (RFC 9110, sections 13 and 14): one range or the whole content.

use std::ops::Range;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    NotModified,
    Unsatisfiable,
    Part(Range<u64>),
    Whole,
}

fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    if matches(headers, etag) {
        return Wanted::NotModified;
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // The content has changed since the first part, so the download starts again.
    if text(header::IF_RANGE).is_some_and(|condition| condition != etag) {
        return Wanted::Whole;
    }
    text(header::RANGE).map_or(Wanted::Whole, |range| part(range, size))
}

/// Returns true if `If-None-Match` has this ETag.
pub(in crate::http) fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

/// Returns the status and the byte range, or an answer without bytes.
pub(in crate::http) fn select(
    headers: &HeaderMap,
    etag: &str,
    size: u64,
) -> Result<(StatusCode, Range<u64>), Box<Response>> {
    match wanted(headers, etag, size) {
        Wanted::NotModified => Err(Box::new((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response())),
        Wanted::Unsatisfiable => {
            let whole = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            Err(Box::new((StatusCode::RANGE_NOT_SATISFIABLE, whole).into_response()))
        }
        Wanted::Part(range) => Ok((StatusCode::PARTIAL_CONTENT, range)),
        Wanted::Whole => Ok((StatusCode::OK, 0..size)),
    }
}

/// Sets the headers of length, range, ETag and caching.
pub(in crate::http) fn describe(set: &mut HeaderMap, status: StatusCode, range: &Range<u64>, size: u64, etag: &str) {
    set.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        insert(set, header::CONTENT_RANGE, &format!("bytes {}-{}/{size}", range.start, range.end - 1));
    }
    insert(set, header::ETAG, etag);
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
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
        wanted(&headers, TAG, 100)
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
}
