//! The frozen plan of a bundle, as an object of the store. It names the bytes of the bundle for ever, for every node.
//!
//! Compact: folders, prefixes of keys and extensions are written once. The hash at the end finds a damaged plan.

use std::collections::HashMap;

use bytes::{BufMut, Bytes};
use uuid::Uuid;

use super::layout::{Entry, EntryContent};
use crate::{clock::Timestamp, hash::Blake3, id::DocumentId};

/// The entries of a bundle with its name and its date.
#[derive(Clone, Debug)]
pub struct FrozenPlan {
    /// The name of the file that a browser stores.
    pub name: String,
    /// When its last entry came to be.
    pub modified: Timestamp,
    /// The documents whose rights decide. Evidence packages have none: their flow decides.
    pub documents: Vec<DocumentId>,
    pub entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan of the bundle is damaged")]
pub struct DamagedPlan;

/// The number is the version of the format.
const MAGIC: &[u8; 8] = b"yinku b2";
const MADE: u8 = 0;
/// The key is prefix + hash + suffix.
const BY_HASH: u8 = 1;
const BY_KEY: u8 = 2;

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    known: HashMap<String, u64>,
}

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.put_u8(0x80 | u8::try_from(number & 0x7f).unwrap_or(0));
            number >>= 7;
        }
        self.out.put_u8(u8::try_from(number).unwrap_or(0));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend(bytes);
    }

    /// Writes a text the first time, and its number later.
    fn shared(&mut self, text: &str) {
        if let Some(number) = self.known.get(text).copied() {
            return self.number(number);
        }
        let next = self.known.len() as u64 + 1;
        self.known.insert(text.to_owned(), next);
        self.number(0);
        self.bytes(text.as_bytes());
    }

    fn entry(&mut self, entry: &Entry) {
        let (folder, name) = entry.name.rsplit_once('/').map_or((None, entry.name.as_str()), |(a, b)| (Some(a), b));
        // A name without a folder differs from one in a folder without a name.
        self.shared(&folder.map_or_else(String::new, |folder| format!("{folder}/")));
        self.bytes(name.as_bytes());
        self.number(entry.bytes);
        self.out.put_u32_le(entry.crc32);
        self.out.put_i64_le(entry.at.0);
        self.out.extend(hex::decode(entry.blake3.as_str()).unwrap_or_default());
        match &entry.content {
            EntryContent::Made(bytes) => {
                self.out.put_u8(MADE);
                self.bytes(bytes);
            }
            EntryContent::Stored(key) => {
                if let Some((prefix, suffix)) = key.split_once(entry.blake3.as_str()) {
                    self.out.put_u8(BY_HASH);
                    self.shared(prefix);
                    self.shared(suffix);
                } else {
                    self.out.put_u8(BY_KEY);
                    self.bytes(key.as_bytes());
                }
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    known: Vec<String>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DamagedPlan> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DamagedPlan)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DamagedPlan> {
        self.take(N)?.try_into().map_err(|_| DamagedPlan)
    }

    fn byte(&mut self) -> Result<u8, DamagedPlan> {
        Ok(self.array::<1>()?[0])
    }

    fn number(&mut self) -> Result<u64, DamagedPlan> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).ok_or(DamagedPlan)?;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    fn document(&mut self) -> Result<DocumentId, DamagedPlan> {
        Uuid::from_bytes(self.array()?).to_string().parse().map_err(|_| DamagedPlan)
    }

    fn bytes(&mut self) -> Result<&'a [u8], DamagedPlan> {
        let count = usize::try_from(self.number()?).map_err(|_| DamagedPlan)?;
        self.take(count)
    }

    fn text(&mut self) -> Result<String, DamagedPlan> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| DamagedPlan)
    }

    fn shared(&mut self) -> Result<String, DamagedPlan> {
        let number = usize::try_from(self.number()?).map_err(|_| DamagedPlan)?;
        if number > 0 {
            return self.known.get(number - 1).cloned().ok_or(DamagedPlan);
        }
        let text = self.text()?;
        self.known.push(text.clone());
        Ok(text)
    }

    fn entry(&mut self) -> Result<Entry, DamagedPlan> {
        let name = self.shared()? + &self.text()?;
        let bytes = self.number()?;
        let crc32 = u32::from_le_bytes(self.array()?);
        let at = Timestamp(i64::from_le_bytes(self.array()?));
        let blake3: Blake3 = hex::encode(self.take(32)?).parse().map_err(|_| DamagedPlan)?;
        let content = match self.byte()? {
            MADE => EntryContent::Made(Bytes::copy_from_slice(self.bytes()?)),
            BY_HASH => EntryContent::Stored(format!("{}{blake3}{}", self.shared()?, self.shared()?)),
            BY_KEY => EntryContent::Stored(self.text()?),
            _ => return Err(DamagedPlan),
        };
        Ok(Entry { name, bytes, crc32, blake3, at, content })
    }
}

impl FrozenPlan {
    /// Returns the object. Equal plans have equal objects.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer { out: MAGIC.to_vec(), known: HashMap::new() };
        writer.bytes(self.name.as_bytes());
        writer.out.put_i64_le(self.modified.0);
        writer.number(self.documents.len() as u64);
        for document in &self.documents {
            writer.out.extend(document.as_str().parse::<Uuid>().unwrap_or_default().as_bytes());
        }
        writer.number(self.entries.len() as u64);
        for entry in &self.entries {
            writer.entry(entry);
        }
        let hash = blake3::hash(&writer.out);
        writer.out.extend(hash.as_bytes());
        writer.out
    }

    /// Returns about how much memory the plan takes with its layout.
    #[must_use]
    pub fn memory(&self) -> u64 {
        const ENTRY: usize = 1024;
        (self.entries.len() * ENTRY + self.documents.len() * 64) as u64
    }

    pub fn decode(object: &[u8]) -> Result<Self, DamagedPlan> {
        let (body, hash) = object.split_last_chunk::<32>().ok_or(DamagedPlan)?;
        if blake3::hash(body).as_bytes() != hash {
            return Err(DamagedPlan);
        }
        let rest = body.strip_prefix(MAGIC).ok_or(DamagedPlan)?;
        let mut reader = Reader { rest, known: Vec::new() };
        let name = reader.text()?;
        let modified = Timestamp(i64::from_le_bytes(reader.array()?));
        let count = reader.number()?;
        let documents = (0..count).map(|_| reader.document()).collect::<Result<_, _>>()?;
        let count = reader.number()?;
        let entries = (0..count).map(|_| reader.entry()).collect::<Result<_, _>>()?;
        Ok(Self { name, modified, documents, entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> FrozenPlan {
        let entry = |name: &str, content: EntryContent| Entry {
            name: name.to_owned(),
            bytes: 300,
            crc32: 7,
            blake3: Blake3::of(name.as_bytes()),
            at: Timestamp(-1),
            content,
        };
        let stored = |name: &str| {
            let key = format!("originals/公共知识库/{}.jpg", Blake3::of(name.as_bytes()));
            entry(name, EntryContent::Stored(key))
        };
        let odd = entry("x", EntryContent::Stored("other/key".to_owned()));
        let made = entry("缺失清单.txt", EntryContent::Made(Bytes::from_static(b"none")));
        FrozenPlan {
            name: "用印.zip".to_owned(),
            modified: Timestamp(5),
            documents: vec![DocumentId::new(), DocumentId::new()],
            entries: vec![stored("图片/一.jpg"), stored("图片/二.jpg"), odd, made],
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let plan = plan();
        let read = FrozenPlan::decode(&plan.encode()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{plan:?}"));
    }

    #[test]
    fn one_flipped_byte_is_found_wherever_it_is() {
        let good = plan().encode();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(FrozenPlan::decode(&bad).err(), Some(DamagedPlan), "{at}");
        }
        assert!(FrozenPlan::decode(&good[..good.len() - 1]).is_err());
        assert!(FrozenPlan::decode(b"").is_err());
    }
}
