//! Encrypts the secrets that rows keep: the AppSecret of a service and whatever else must be read back. A copy of the
//! database or a backup then discloses no secret, because the key is in a file beside it or in the environment.
//!
//! A stored text is `clear:<text>` or `sealed:1:<key>:<data>`. `<key>` is the fingerprint of the key, so a wrong key is
//! recognised. `<data>` is base64 of a random nonce of 12 bytes and of the ciphertext (ChaCha20-Poly1305). The place of
//! the text, such as `services.app_secret:<id>`, is authenticated too. So nobody can move a sealed text to another row.

mod key_file;

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use rand::TryRng;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

pub use key_file::{KeyFileError, open_to_others};

const CLEAR: &str = "clear:";
const SEALED: &str = "sealed:1:";
const KEY_BYTES: usize = 32;

/// Why a stored secret cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error(
        "the secret was stored under the key {0}, and this process has no key; put this key into secrets.key_file or \
         YINKU_SECRETS__KEY, or give the secret again"
    )]
    NoKey(String),
    #[error(
        "the secret was stored under the key {stored}, and this process has the key {present}; put the key {stored} \
         into secrets.key_file or YINKU_SECRETS__KEY, or give the secret again"
    )]
    OtherKey { stored: String, present: String },
    #[error("the stored secret is damaged or belongs to another row; give the secret again")]
    Damaged,
    #[error("the operating system returned no random numbers")]
    NoRandom,
}

/// Seals and opens stored secrets. Without a key it stores them in clear. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Option<Arc<SealingKey>>);

struct SealingKey {
    cipher: LessSafeKey,
    fingerprint: String,
    marking: [u8; KEY_BYTES],
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealingKey").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Secrets {
    fn with_key(key: &[u8; KEY_BYTES]) -> Result<Self, KeyFileError> {
        let cipher = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| KeyFileError::NotAKey)?;
        // Derived, so the fingerprint tells nothing about the key.
        let fingerprint = hex::encode(&blake3::derive_key("yinku secrets fingerprint v1", key)[..8]);
        let marking = blake3::derive_key("yinku secrets mark v1", key);
        Ok(Self(Some(Arc::new(SealingKey { cipher: LessSafeKey::new(cipher), fingerprint, marking }))))
    }

    /// Returns a mark of `text`: equal texts have equal marks. Without the key nobody can try texts until one has the
    /// mark. `None` without a key.
    #[must_use]
    pub fn mark(&self, text: &str) -> Option<String> {
        let key = self.0.as_ref()?;
        Some(hex::encode(&blake3::keyed_hash(&key.marking, text.as_bytes()).as_bytes()[..16]))
    }

    /// Returns the name of the key. `None` without a key.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.0.as_ref().map(|key| key.fingerprint.as_str())
    }

    /// Returns `text` as it is stored at `place`. The same place must be given to open it.
    pub fn seal(&self, text: &str, place: &str) -> Result<String, SecretError> {
        let Some(key) = &self.0 else { return Ok(format!("{CLEAR}{text}")) };
        let mut nonce = [0u8; NONCE_LEN];
        rand::rngs::SysRng.try_fill_bytes(&mut nonce).map_err(|_| SecretError::NoRandom)?;
        let mut data = text.as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        key.cipher
            .seal_in_place_append_tag(unique, Aad::from(place.as_bytes()), &mut data)
            .map_err(|_| SecretError::Damaged)?;
        let all = [nonce.as_slice(), &data].concat();
        Ok(format!("{SEALED}{}:{}", key.fingerprint, BASE64_STANDARD.encode(all)))
    }

    /// Returns the text that was stored at `place`.
    pub fn open(&self, stored: &str, place: &str) -> Result<String, SecretError> {
        let Some(rest) = stored.strip_prefix(SEALED) else {
            return stored.strip_prefix(CLEAR).map(str::to_owned).ok_or(SecretError::Damaged);
        };
        let (wanted, data) = rest.split_once(':').ok_or(SecretError::Damaged)?;
        let key = self.0.as_ref().ok_or_else(|| SecretError::NoKey(wanted.to_owned()))?;
        if key.fingerprint != wanted {
            return Err(SecretError::OtherKey { stored: wanted.to_owned(), present: key.fingerprint.clone() });
        }
        let mut all = BASE64_STANDARD.decode(data).map_err(|_| SecretError::Damaged)?;
        let (nonce, data) = all.split_at_mut_checked(NONCE_LEN).ok_or(SecretError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::Damaged)?;
        let text =
            key.cipher.open_in_place(nonce, Aad::from(place.as_bytes()), data).map_err(|_| SecretError::Damaged)?;
        String::from_utf8(text.to_vec()).map_err(|_| SecretError::Damaged)
    }
}

/// Returns the fingerprint of the key that seals the stored text. `None` for a text in clear.
#[must_use]
pub fn sealed_under(stored: &str) -> Option<&str> {
    stored.strip_prefix(SEALED)?.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Secrets {
        Secrets::with_key(&[byte; KEY_BYTES]).unwrap()
    }

    #[test]
    fn a_sealed_text_opens_only_with_its_key_and_at_its_place() {
        let (mine, other) = (key(1), key(2));
        let stored = mine.seal("印库 secret", "services.app_secret:1").unwrap();
        assert!(!stored.contains("secret") && stored.len() > 50, "{stored}");
        assert_eq!(mine.open(&stored, "services.app_secret:1").unwrap(), "印库 secret");
        assert_eq!(mine.open(&stored, "services.app_secret:2"), Err(SecretError::Damaged));
        let fingerprint = |secrets: &Secrets| secrets.fingerprint().unwrap().to_owned();
        assert_eq!(sealed_under(&stored), mine.fingerprint());
        let (wanted, present) = (fingerprint(&mine), fingerprint(&other));
        assert_ne!(wanted, present);
        let wrong = SecretError::OtherKey { stored: wanted.clone(), present };
        assert_eq!(other.open(&stored, "services.app_secret:1"), Err(wrong));
        assert_eq!(Secrets::default().open(&stored, "services.app_secret:1"), Err(SecretError::NoKey(wanted)));
        assert_ne!(mine.seal("印库 secret", "services.app_secret:1").unwrap(), stored, "a nonce is used once");
    }

    #[test]
    fn each_changed_character_is_noticed() {
        let (mine, place) = (key(1), "p");
        let stored = mine.seal("secret", place).unwrap();
        for at in 0..stored.len() {
            let mut changed = stored.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(mine.open(&changed, place).is_err(), "{changed}");
        }
        assert_eq!(mine.open(&format!("{SEALED}{}:", mine.fingerprint().unwrap()), place), Err(SecretError::Damaged));
    }

    #[test]
    fn a_text_in_clear_is_never_taken_for_a_sealed_one() {
        let tricky = "sealed:1:0000000000000000:AAAA";
        let stored = Secrets::default().seal(tricky, "p").unwrap();
        assert_eq!((stored.as_str(), sealed_under(&stored)), ("clear:sealed:1:0000000000000000:AAAA", None));
        assert_eq!(key(1).open(&stored, "p").unwrap(), tricky);
    }

    #[test]
    fn a_mark_needs_the_key() {
        let marked = |secrets: &Secrets| secrets.mark("印库 secret");
        assert_eq!(marked(&key(1)), marked(&key(1)));
        assert_ne!(marked(&key(1)), marked(&key(2)));
        assert_ne!(marked(&key(1)), key(1).mark("another"));
        assert_eq!(marked(&Secrets::default()), None);
    }
}
