//! Undoes the `Content-Encoding` of a callback. The vendor packs nothing, but a gateway in front of it can.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::{CallbackError, Room};

/// Bytes that are unpacked before the memory for more is reserved.
const STEP: usize = 64 << 10;
/// Each coding is a pass over the body.
const MAX_CODINGS: usize = 3;

/// Returns true if the body must be unpacked: by its header, or by its first bytes, which no parameter and no picture
/// has.
#[must_use]
pub fn is_packed(encoding: &str, body: &[u8]) -> bool {
    codings(encoding).next().is_some() || is_gzip(body)
}

/// Unpacks a body of at most `max` bytes. The result is not larger either. `encoding` is the value of the header.
pub fn unpack(encoding: &str, body: Vec<u8>, max: u64, room: &mut Room) -> Result<Vec<u8>, CallbackError> {
    // The coding that was applied last stands last.
    let mut codings: Vec<String> = codings(encoding).collect();
    if codings.len() > MAX_CODINGS {
        return Err(CallbackError::Coding(encoding.to_owned()));
    }
    if codings.is_empty() && is_gzip(&body) {
        codings.push("gzip".to_owned());
    }
    let mut body = body;
    while let Some(coding) = codings.pop() {
        body = match coding.as_str() {
            "gzip" | "x-gzip" if is_gzip(&body) => all(MultiGzDecoder::new(&body[..]), &body, max, room)?,
            // RFC 9110 means zlib. Some senders leave its header out.
            "deflate" if is_zlib(&body) => all(ZlibDecoder::new(&body[..]), &body, max, room)?,
            "deflate" => match all(DeflateDecoder::new(&body[..]), &body, max, room) {
                Err(CallbackError::Packed(_)) => body,
                other => other?,
            },
            // Another gateway has unpacked it and left the header.
            "gzip" | "x-gzip" => body,
            _ => return Err(CallbackError::Coding(coding)),
        };
    }
    Ok(body)
}

/// The codings of the header. Some servers write a charset, `none` or nothing into it, although nothing is packed.
fn codings(encoding: &str) -> impl Iterator<Item = String> {
    let names = encoding.split(',').map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| {
        let is_label = encoding_rs::Encoding::for_label(name.as_bytes()).is_some();
        !is_label && !matches!(name.as_str(), "" | "identity" | "none" | "binary" | "7bit" | "8bit")
    })
}

fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(b"\x1F\x8B\x08")
}

/// RFC 1950, 2.2: method 8, and the first two bytes are a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0F == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31))
}

fn all(mut from: impl Read, packed: &[u8], max: u64, room: &mut Room) -> Result<Vec<u8>, CallbackError> {
    let mut bytes = Vec::new();
    loop {
        // Never more than the largest body needs: with the smallest `bytes_in_flight` it must be accepted, too.
        room.grow(((packed.len() + bytes.len() + STEP) as u64).min(max))?;
        let read = from.by_ref().take(STEP as u64).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
        if bytes.len() as u64 > max {
            return Err(CallbackError::TooLarge { limit: max });
        }
        if read == 0 {
            return Ok(bytes);
        }
    }
}

fn damaged(error: &io::Error) -> CallbackError {
    CallbackError::Packed(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::{super::room::Rooms, *};
    use crate::config::{ByteSize, CallbackConfig};

    fn rooms(mib: u64) -> Rooms {
        Rooms::new(&CallbackConfig { bytes_in_flight: ByteSize::mib(mib), ..CallbackConfig::default() })
    }

    const BODY: &[u8] = b"businessId=2490828768980361630&status=COMPLETE";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(encoding: &str, body: &[u8]) -> Result<Vec<u8>, CallbackError> {
        unpack(encoding, body.to_vec(), 1 << 20, &mut rooms(4).enter(None))
    }

    #[test]
    fn every_coding_of_a_gateway_is_undone() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(BODY).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(BODY).unwrap();
        for (encoding, body) in [
            ("gzip", gzip(BODY)),
            ("X-GZIP", gzip(BODY)),
            ("identity, gzip", gzip(BODY)),
            ("gzip, gzip", gzip(&gzip(BODY))),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
            ("gzip", BODY.to_vec()),
            ("deflate", BODY.to_vec()),
            ("", gzip(BODY)),
            ("gzip", [gzip(&BODY[..10]), gzip(&BODY[10..])].concat()),
        ] {
            assert!(is_packed(encoding, &body));
            assert_eq!(unpacked(encoding, &body).unwrap(), BODY, "{encoding}");
        }
    }

    #[test]
    fn what_is_no_coding_is_ignored_and_an_unknown_one_is_refused() {
        for label in ["", "identity", "UTF-8", "none", "gbk", "binary", " , "] {
            assert!(!is_packed(label, BODY), "{label}");
        }
        for unknown in ["br", "zstd", "gzip, br", "gzip,gzip,gzip,gzip"] {
            assert!(matches!(unpacked(unknown, BODY), Err(CallbackError::Coding(_))), "{unknown}");
        }
    }

    #[test]
    fn a_bomb_a_cut_body_and_a_full_room_are_errors() {
        let bomb = gzip(&vec![0; 8 << 20]);
        assert!(matches!(unpacked("gzip", &bomb), Err(CallbackError::TooLarge { limit: 1_048_576 })));
        let cut = gzip(BODY);
        assert!(matches!(unpacked("gzip", &cut[..cut.len() - 9]), Err(CallbackError::Packed(_))));
        let rooms = rooms(1);
        let mut other = rooms.enter(None);
        other.grow(1 << 20).unwrap();
        assert!(matches!(unpack("gzip", gzip(BODY), 1 << 20, &mut rooms.enter(None)), Err(CallbackError::Full)));
        drop(other);
        assert!(unpack("gzip", gzip(BODY), 1 << 20, &mut rooms.enter(None)).is_ok());
    }
}
