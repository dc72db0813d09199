//! Checks an object while it leaves. The last chunk is held back until the whole is known to be right, so a damaged
//! object breaks off and is never complete.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};

use super::StoreError;
use crate::hash::Blake3;

/// What the bytes of a whole object must give.
#[derive(Clone, Debug)]
pub enum Expected {
    Crc32(u32),
    Blake3(Blake3),
}

enum Check {
    Crc32(crc32fast::Hasher, u32),
    Blake3(Box<blake3::Hasher>, Blake3),
}

impl Check {
    fn of(expected: Expected) -> Self {
        match expected {
            Expected::Crc32(expected) => Self::Crc32(crc32fast::Hasher::new(), expected),
            Expected::Blake3(expected) => Self::Blake3(Box::default(), expected),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(hasher, _) => hasher.update(bytes),
            Self::Blake3(hasher, _) => _ = hasher.update(bytes),
        }
    }

    fn holds(&self) -> bool {
        match self {
            Self::Crc32(hasher, expected) => hasher.clone().finalize() == *expected,
            Self::Blake3(hasher, expected) => hasher.finalize().to_hex().as_str() == expected.as_str(),
        }
    }
}

type Chunks = BoxStream<'static, Result<Bytes, StoreError>>;

struct State {
    rest: Chunks,
    check: Check,
    held: Option<Bytes>,
    key: String,
}

/// Returns the chunks of a whole object. If its bytes are not those that are expected, the stream ends with an error in
/// place of the last chunk.
#[must_use]
pub fn checked(chunks: Chunks, key: String, expected: Expected) -> Chunks {
    let state = State { rest: chunks, check: Check::of(expected), held: None, key };
    stream::try_unfold(state, async |mut state| {
        loop {
            let Some(chunk) = state.rest.try_next().await? else {
                if !state.check.holds() {
                    return Err(StoreError::Damaged { key: state.key });
                }
                return Ok(state.held.take().map(|last| (last, state)));
            };
            state.check.update(&chunk);
            if let Some(before) = state.held.replace(chunk) {
                return Ok(Some((before, state)));
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(chunks: &[&'static [u8]], expected: Expected) -> (Vec<u8>, bool) {
        let chunks: Vec<Result<Bytes, StoreError>> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
        let mut checked = checked(stream::iter(chunks).boxed(), "x".to_owned(), expected);
        let mut all = Vec::new();
        loop {
            match checked.try_next().await {
                Ok(Some(chunk)) => all.extend(chunk),
                Ok(None) => return (all, true),
                Err(error) => {
                    assert!(matches!(error, StoreError::Damaged { .. }));
                    return (all, false);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_damaged_object_breaks_off_before_its_last_chunk() {
        let chunks: [&[u8]; 3] = [b"ab", b"cd", b"ef"];
        for good in [Expected::Crc32(crc32fast::hash(b"abcdef")), Expected::Blake3(Blake3::of(b"abcdef"))] {
            assert_eq!(read(&chunks, good).await, (b"abcdef".to_vec(), true));
        }
        for bad in [Expected::Crc32(crc32fast::hash(b"abcdeg")), Expected::Blake3(Blake3::of(b"abcdeg"))] {
            assert_eq!(read(&chunks, bad).await, (b"abcd".to_vec(), false));
        }
        assert_eq!(read(&[], Expected::Crc32(0)).await, (Vec::new(), true));
    }
}
