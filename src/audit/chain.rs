//! The chain of audit entries. A reader can check it with a BLAKE3 tool and this page.
//!
//! The hash of an entry is BLAKE3 over its members in this order. Each member is written as its length in bytes (eight
//! bytes, big-endian), followed by the bytes. An absent member is written as the length `ff ff ff ff ff ff ff ff`
//! without bytes:
//!
//! | member | written as |
//! |---|---|
//! | version | `yinku.audit.v1` |
//! | prev | 64 hex digits: the hash of the entry before it; 64 zeros for the first |
//! | seq | decimal digits |
//! | at | decimal digits: microseconds since 1970-01-01T00:00:00Z |
//! | username, act, subject | UTF-8 |
//! | flow_id, detail, peer, via | UTF-8, or absent |

use super::AuditEntry;

/// The `prev` of the first entry.
pub const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const VERSION: &str = "yinku.audit.v1";

/// The members of an entry that its hash covers.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The hash of the entry before, as the verified chain has it. It can differ from the row.
    pub prev: &'a str,
    pub seq: i64,
    pub entry: &'a AuditEntry,
}

impl<'a> Link<'a> {
    /// Builds the link from the `prev` and `seq` in the row.
    #[must_use]
    pub fn of(entry: &'a AuditEntry) -> Self {
        Self { prev: &entry.prev, seq: entry.seq, entry }
    }

    #[must_use]
    pub fn hash(&self) -> String {
        let AuditEntry { at, username, act, subject, flow_id, detail, peer, via, .. } = self.entry;
        let (seq, at) = (self.seq.to_string(), at.0.to_string());
        let members = [
            Some(VERSION),
            Some(self.prev),
            Some(&seq),
            Some(&at),
            Some(username),
            Some(act),
            Some(subject),
            flow_id.as_ref().map(crate::id::FlowId::as_str),
            detail.as_deref(),
            peer.as_deref(),
            via.as_deref(),
        ];
        let mut hasher = blake3::Hasher::new();
        for member in members {
            hasher.update(&member.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            hasher.update(member.unwrap_or_default().as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn entry() -> AuditEntry {
        AuditEntry {
            seq: 1,
            at: Timestamp(1_795_406_400_000_000),
            username: "wang".into(),
            act: "seal_code_viewed".into(),
            subject: "0199e000-0000-7000-8000-000000000001".into(),
            flow_id: Some("0199e000-0000-7000-8000-000000000001".parse().unwrap()),
            detail: None,
            peer: None,
            via: None,
            prev: NOTHING.into(),
            hash: String::new(),
        }
    }

    #[test]
    fn the_encoding_is_the_documented_one_and_stays_it() {
        let hash = |entry: &AuditEntry| Link::of(entry).hash();
        // Computed from the documented encoding by another program (Python's blake3).
        assert_eq!(hash(&entry()), "62d304b122fa899ad2b6c17b63380dc2dd4fbfe715b8e5274629c6bb9f48d67e");
        let from =
            AuditEntry { peer: Some("10.0.0.7".into()), via: Some("session:0123456789abcdef".into()), ..entry() };
        assert_eq!(hash(&from), "3faee32c2a69a63e3dfb604ddd45851d33c7538345bb2d5b8403b644091a059d");
        let with_detail = AuditEntry { detail: Some("同意".into()), flow_id: None, seq: 12, ..entry() };
        assert_eq!(hash(&with_detail), "1225e15d2077f1aa4f5e98d0206334a355a48b544327eeb1981730ea065b53b4");
    }

    #[test]
    fn no_member_can_pass_for_another_and_absent_is_not_empty() {
        let hash = |entry: &AuditEntry| Link::of(entry).hash();
        let shifted =
            |username: &str, act: &str| hash(&AuditEntry { username: username.into(), act: act.into(), ..entry() });
        assert_ne!(shifted("ab", "c"), shifted("a", "bc"));
        assert_ne!(hash(&entry()), hash(&AuditEntry { detail: Some(String::new()), ..entry() }));
    }
}
