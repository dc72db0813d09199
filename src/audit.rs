//! The audit log: which user did what to which thing, and when.
//!
//! The log is append-only. Every entry carries the hash of the entry before it ([`chain`]), so that a change can be
//! detected ([`verify`]). The events of a flow are its changes only. Views and downloads are recorded here.
//!
//! The end of the chain is one row, and every writer locks it. So entries are numbered without gaps and writers are
//! serialised. An act must be recorded *last* in its transaction, because the holder of this lock must not wait for
//! another lock.

pub mod chain;
pub mod journal;
pub mod origin;
pub mod refusals;
pub mod verify;

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, Sql, Tx, filter::Filtered, padded, pieces, rows, sql, storable},
    id::FlowId,
    vocabulary::words,
};
use chain::Link;

words! {
    /// An act of a user, as the audit log names it.
    Act {
        FlowDrafted = "flow_drafted",
        DraftDropped = "draft_dropped",
        FlowSubmitted = "flow_submitted",
        FlowApproved = "flow_approved",
        FlowRejected = "flow_rejected",
        FlowWithdrawn = "flow_withdrawn",
        FlowTransferred = "flow_transferred",
        FlowEdited = "flow_edited",
        FlowCommented = "flow_commented",
        ArchiveAsked = "archive_asked",
        MissingAccepted = "missing_accepted",
        SealCodeViewed = "seal_code_viewed",
        SealDetailViewed = "seal_detail_viewed",
        UsesAppended = "uses_appended",
        UsesAppendUnclear = "uses_append_unclear",
        UseFinished = "use_finished",
        WindowChanged = "window_changed",
        WindowUnclear = "window_unclear",
        SealUseResolved = "seal_use_resolved",
        PhotosCollected = "photos_collected",
        PhotosDownloaded = "photos_downloaded",
        /// A selection was frozen as a bundle. The subject of the acts on a bundle is its id.
        BundleMade = "bundle_made",
        /// A link that needs no login was made.
        BundleLinked = "bundle_linked",
        BundleDownloaded = "bundle_downloaded",
        /// The detail is S, the identity of the package.
        EvidenceSealed = "evidence_sealed",
        EvidenceDownloaded = "evidence_downloaded",
        /// A check of originals ended.
        FixityChecked = "fixity_checked",
        /// An original is missing, changed or unreadable, or an object has no row. The subject is the hash of the original, or the
        /// key of the object.
        DamageFound = "damage_found",
        /// What was found is right again.
        DamageHealed = "damage_healed",
        PhotoSupplied = "photo_supplied",
        PhotosPushed = "photos_pushed",
        PhotoAccepted = "photo_accepted",
        IngestRetried = "ingest_retried",
        CallbackReplayed = "callback_replayed",
        DispatchRetried = "dispatch_retried",
        DocumentUploaded = "document_uploaded",
        DocumentDownloaded = "document_downloaded",
        FaceViewed = "face_viewed",
        /// Renamed or moved.
        DocumentChanged = "document_changed",
        DocumentCopied = "document_copied",
        /// Moved to the trash.
        DocumentDeleted = "document_deleted",
        DocumentRestored = "document_restored",
        /// The subject of an act on many documents is its batch.
        DocumentsMoved = "documents_moved",
        DocumentsCopied = "documents_copied",
        DocumentsDeleted = "documents_deleted",
        DocumentsRestored = "documents_restored",
        /// Removed from the trash for good.
        TrashRemoved = "trash_removed",
        FolderMade = "folder_made",
        FolderChanged = "folder_changed",
        FolderDeleted = "folder_deleted",
        FolderRestored = "folder_restored",
        RightsChanged = "rights_changed",
        DefinitionSaved = "definition_saved",
        ServiceMade = "service_made",
        ServiceChanged = "service_changed",
        ServiceChecked = "service_checked",
        UsersListed = "users_listed",
        UserMade = "user_made",
        UserChanged = "user_changed",
        TokenMade = "token_made",
        TokenRevoked = "token_revoked",
        PasswordChanged = "password_changed",
        PasswordReset = "password_reset",
        TotpSetUp = "totp_set_up",
        TotpRemoved = "totp_removed",
        SessionEnded = "session_ended",
        LoggedIn = "logged_in",
        LoggedOut = "logged_out",
        LoginFailed = "login_failed",
        /// The subject is the code of the problem. Without a login, the user is `address <ip>`.
        AccessRefused = "access_refused",
    }
}

/// An audit entry that is not written yet.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    username: &'a str,
    act: Act,
    subject: &'a str,
    flow: Option<&'a FlowId>,
    detail: Option<&'a str>,
}

impl<'a> NewEntry<'a> {
    /// An act of `username` on the thing with the id `subject`. After a failed login, `username` is the name that was
    /// tried.
    #[must_use]
    pub const fn new(username: &'a str, act: Act, subject: &'a str) -> Self {
        Self { username, act, subject, flow: None, detail: None }
    }

    /// An act of `username` on the flow itself.
    #[must_use]
    pub fn to_flow(username: &'a str, act: Act, flow: &'a FlowId) -> Self {
        Self::new(username, act, flow.as_str()).of_flow(flow)
    }

    /// Adds the flow to which the thing belongs.
    #[must_use]
    pub const fn of_flow(self, flow: &'a FlowId) -> Self {
        Self { flow: Some(flow), ..self }
    }

    #[must_use]
    pub const fn of_flow_if(self, flow: Option<&'a FlowId>) -> Self {
        Self { flow, ..self }
    }

    #[must_use]
    pub const fn detail(self, detail: &'a str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    #[must_use]
    pub const fn detail_if(self, detail: Option<&'a str>) -> Self {
        Self { detail, ..self }
    }
}

/// The actor at the command line, where no user is logged in. A username cannot contain a space.
pub const COMMAND_LINE: &str = "command line";

/// The actor of what a callback brought. Whoever sent it claims to be the vendor.
pub const VENDOR: &str = "vendor callback";

/// Longest name and longest detail in bytes. Longer text from a client is cut.
const LONGEST_NAME: usize = 256;
const LONGEST_DETAIL: usize = 4096;

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Number of the entry: 1, 2, 3 … without gaps.
    #[schema(minimum = 1)]
    pub seq: i64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub username: String,
    #[schema(value_type = Act)]
    pub act: String,
    /// Id of the thing that was acted on.
    pub subject: String,
    pub flow_id: Option<FlowId>,
    pub detail: Option<String>,
    /// Address of the client. Absent for the command line.
    pub peer: Option<String>,
    /// The login of the request: `session:<id>` or `token:<id>`.
    pub via: Option<String>,
    /// Hash of the entry before. 64 zeros for the first entry.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub prev: String,
    /// BLAKE3 of `prev` and all members above.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}

/// Appends an entry, which exists if and only if `tx` commits. Call it last before the commit.
pub async fn record(tx: &mut Tx, entry: NewEntry<'_>, now: Timestamp) -> Result<(), DbError> {
    append(tx, vec![Unchained::of(entry, now)]).await
}

/// As [`record`], for many entries.
pub async fn record_all(tx: &mut Tx, entries: &[NewEntry<'_>], now: Timestamp) -> Result<(), DbError> {
    if entries.is_empty() {
        return Ok(());
    }
    append(tx, entries.iter().map(|entry| Unchained::of(*entry, now)).collect()).await
}

/// Records the act and commits its transaction.
pub async fn commit(mut tx: Tx, entry: NewEntry<'_>, now: Timestamp) -> Result<(), DbError> {
    record(&mut tx, entry, now).await?;
    tx.commit().await
}

/// The members of an entry without its place in the chain.
#[derive(Clone, Debug)]
struct Unchained {
    at: Timestamp,
    username: String,
    act: String,
    subject: String,
    flow_id: Option<FlowId>,
    detail: Option<String>,
    peer: Option<String>,
    via: Option<String>,
}

impl Unchained {
    fn of(entry: NewEntry<'_>, now: Timestamp) -> Self {
        let (peer, via) = origin::current();
        Self {
            at: now,
            username: bounded(entry.username, LONGEST_NAME),
            act: entry.act.as_str().to_owned(),
            subject: bounded(entry.subject, LONGEST_NAME),
            flow_id: entry.flow.cloned(),
            detail: entry.detail.map(|detail| bounded(detail, LONGEST_DETAIL)),
            peer,
            via,
        }
    }

    fn chained(self, seq: i64, prev: &str) -> AuditEntry {
        let Self { at, username, act, subject, flow_id, detail, peer, via } = self;
        let (prev, hash) = (prev.to_owned(), String::new());
        let mut entry = AuditEntry { seq, at, username, act, subject, flow_id, detail, peer, via, prev, hash };
        entry.hash = Link::of(&entry).hash();
        entry
    }
}

/// Returns at most `longest` bytes of `text` as the database stores it. Cut text ends in `…`.
fn bounded(text: &str, longest: usize) -> String {
    let text = storable(text);
    if text.len() <= longest {
        return text.into_owned();
    }
    let end = (0..=longest - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

async fn append(tx: &mut Tx, entries: Vec<Unchained>) -> Result<(), DbError> {
    let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    // Locks the end until the transaction ends. The hash is still the hash of the last entry.
    let (last, mut prev): (i64, String) =
        sql("UPDATE audit_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash").bind(count).one(&mut *tx).await?;
    let mut chained = Vec::with_capacity(entries.len());
    for (seq, entry) in (last - count + 1..).zip(entries) {
        let entry = entry.chained(seq, &prev);
        prev.clone_from(&entry.hash);
        chained.push(entry);
    }
    AuditEntry::insert_all(tx, &chained).await?;
    sql("UPDATE audit_head SET hash = $1 WHERE id = 1").bind(prev).execute(tx).await?;
    Ok(())
}

/// Conditions of a search. An absent member sets no condition.
#[derive(Clone, Debug, Default)]
pub struct AuditSearch {
    pub username: Option<String>,
    pub act: Option<String>,
    pub subject: Option<String>,
    pub flow: Option<FlowId>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
}

impl AuditEntry {
    async fn insert_all(tx: &mut Tx, all: &[Self]) -> Result<(), DbError> {
        for piece in pieces(all) {
            let statement = format!(
                "INSERT INTO audit (seq, at, username, act, subject, flow_id, detail, peer, via, prev, hash) VALUES {}",
                rows(11, piece.len())
            );
            piece.iter().fold(sql(statement), |statement, entry| entry.bind(statement)).execute(&mut *tx).await?;
        }
        Ok(())
    }

    fn bind(&self, statement: Sql) -> Sql {
        statement
            .bind(self.seq)
            .bind(self.at)
            .bind(&self.username)
            .bind(&self.act)
            .bind(&self.subject)
            .bind(self.flow_id.as_ref())
            .bind(self.detail.clone())
            .bind(self.peer.clone())
            .bind(self.via.clone())
            .bind(&self.prev)
            .bind(&self.hash)
    }

    /// Returns entries before `after`, newest first.
    pub async fn list(db: &Db, search: &AuditSearch, after: Option<i64>, limit: i64) -> Result<Vec<Self>, DbError> {
        let mut filtered = Filtered::new("SELECT * FROM audit");
        if let Some(flow) = &search.flow {
            // A bundle of documents of many flows is in the log once, with its own id.
            let bundles: Vec<String> =
                sql("SELECT bundle_id FROM bundle_places WHERE place = $1 ORDER BY bundle_id DESC LIMIT 1024")
                    .bind(flow)
                    .scalars(db)
                    .await?;
            let of_flow = format!("flow_id = {}", filtered.arg(flow));
            let subjects: Vec<String> = padded(&bundles).into_iter().map(|bundle| filtered.arg(bundle)).collect();
            filtered = filtered.when(&if subjects.is_empty() {
                of_flow
            } else {
                format!("({of_flow} OR subject IN ({}))", subjects.join(", "))
            });
        }
        filtered
            .and("username =", search.username.clone())
            .and("act =", search.act.clone())
            .and("subject =", search.subject.clone())
            .and("at >=", search.from)
            .and("at <", search.to)
            .and("seq <", after)
            .newest_first("seq", limit)
            .all(db)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_a_letter_and_show_it() {
        assert_eq!(bounded("印库", 6), "印库");
        assert_eq!(bounded("印库印库", 9), "印库…");
        assert_eq!(bounded("印库印库", 10), "印库…");
        assert_eq!(bounded("a\0b", 9), "a\u{fffd}b");
        assert!(bounded(&"\0".repeat(300), LONGEST_NAME).len() <= LONGEST_NAME);
    }
}
