//! `application/x-www-form-urlencoded`, of query and body.

use percent_encoding::percent_decode;

use super::MAX_PARAMS;
use crate::provider::charset;

/// Returns the pairs in their order, at most one more than the limit. A `%` without a valid escape stays as it is.
pub(super) fn pairs(text: &[u8], declared: Option<&str>) -> Vec<(String, String)> {
    text.split(|b| *b == b'&')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
        .take(MAX_PARAMS + 1)
        .map(|pair| {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let mut half = || decode(halves.next().unwrap_or_default(), declared);
            (half(), half())
        })
        .collect()
}

fn decode(text: &[u8], declared: Option<&str>) -> String {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    charset::decode(&bytes, declared)
}
