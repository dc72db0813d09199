//! A digest that is equal for equal content, independent of its encoding.

use sha2::{Digest, Sha256};

use super::{PushedImage, fields::Fields};

/// All callbacks share one address.
const ROUTE: &str = "/papi/signcenter/qiyuesuo/categoryCallback";

/// SHA-256 in hex over the route, the sorted parameters (without the secret) and the sorted hashes of the pictures.
pub(super) fn of(fields: &Fields, images: &[PushedImage]) -> String {
    let mut sum = Sum::default();
    sum.add(ROUTE.as_bytes());
    for (key, value) in fields.sorted() {
        sum.add(key.as_bytes());
        sum.add(value.as_bytes());
    }
    let mut hashes: Vec<_> = images.iter().map(hash).collect();
    hashes.sort_unstable();
    sum.add(b"images");
    for hash in hashes {
        sum.add(&hash);
    }
    hex::encode(sum.0.finalize())
}

fn hash(image: &PushedImage) -> [u8; 32] {
    let (word, bytes): (&str, &[u8]) = match image {
        PushedImage::Bytes { bytes, .. } => ("bytes", bytes),
        PushedImage::Photokey(key) => ("photokey", key.as_bytes()),
        PushedImage::Url(url) => ("url", url.as_bytes()),
        PushedImage::Unreadable(reason) => ("unreadable", reason.as_bytes()),
    };
    let mut sum = Sum::default();
    sum.add(word.as_bytes());
    sum.add(bytes);
    sum.0.finalize().into()
}

/// Each piece is hashed with its length, so two different lists of pieces never give the same input.
#[derive(Default)]
struct Sum(Sha256);

impl Sum {
    fn add(&mut self, piece: &[u8]) {
        self.0.update((piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }
}
