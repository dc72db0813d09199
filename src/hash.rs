//! Content hashes. BLAKE3 identifies an original. SHA-256 and CRC-32 serve other tools.

use serde::{Deserialize, Serialize};
use sha2::Digest;

/// The BLAKE3 hash of an original's bytes: 64 lower-case hex digits. It is the identity of the original.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema)]
#[serde(try_from = "String")]
#[sqlx(transparent)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct Blake3(String);

impl Blake3 {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, thiserror::Error)]
#[error("must be a BLAKE3 hash of 64 lower-case hex digits")]
pub struct NotBlake3;

impl TryFrom<String> for Blake3 {
    type Error = NotBlake3;

    fn try_from(text: String) -> Result<Self, NotBlake3> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(hex) { Ok(Self(text)) } else { Err(NotBlake3) }
    }
}

impl std::str::FromStr for Blake3 {
    type Err = NotBlake3;

    fn from_str(text: &str) -> Result<Self, NotBlake3> {
        text.to_owned().try_into()
    }
}

impl std::fmt::Display for Blake3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The three hashes that are computed while bytes arrive. SM3 is slow, so archiving computes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    pub blake3: Blake3,
    /// 64 lower-case hex digits.
    pub sha256: String,
    /// CRC-32 (IEEE). Zip files need it.
    pub crc32: u32,
}

impl Hashes {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Computes all three hashes in one pass.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    blake3: blake3::Hasher,
    sha256: sha2::Sha256,
    crc32: crc32fast::Hasher,
}

impl Hasher {
    pub fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.sha256.update(bytes);
        self.crc32.update(bytes);
    }

    #[must_use]
    pub fn finish(self) -> Hashes {
        Hashes {
            blake3: Blake3(self.blake3.finalize().to_hex().to_string()),
            sha256: hex::encode(self.sha256.finalize()),
            crc32: self.crc32.finalize(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_taken_in_pieces_equal_published_values_of_abc() {
        let mut hasher = Hasher::default();
        hasher.update(b"a");
        hasher.update(b"bc");
        let taken = hasher.finish();
        // BLAKE3 of "abc" (its test vectors), SHA-256 of FIPS 180-4 B.1, CRC-32 as in zip files.
        assert_eq!(taken.blake3.as_str(), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
        assert_eq!(taken.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(taken.crc32, 0x3524_41c2);
    }
}
