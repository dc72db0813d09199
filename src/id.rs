//! Identifiers: UUIDv7 as text. Each noun has its own type, so the compiler finds a wrong kind of id.

use serde::{Deserialize, Serialize};

use crate::vocabulary::Symbol;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        #[schema(value_type = String, format = "uuid", pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
        pub struct $name(String);

        impl $name {
            /// Returns a new identifier. Later identifiers sort after earlier ones.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "an id is made on purpose, never by default")]
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7().to_string())
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Symbol for &$name {
            fn text(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse::<uuid::fmt::Hyphenated>().map(|id| Self(id.to_string()))
            }
        }
    )+};
}

ids! {
    /// A bound vendor server (契约锁服务).
    ServiceId,
    UserId,
    /// A flow type (流程类型).
    DefinitionId,
    FlowId,
    /// The place of a flow in lists. It sorts as ids do.
    ListKey,
    EventId,
    /// One application at the vendor (用印申请).
    SealUseId,
    /// One seal × one user in a seal use (用印授权).
    GrantId,
    PhotoId,
    FolderId,
    /// One act on several documents or folders.
    BatchId,
    DocumentId,
    IngestId,
    CallbackId,
    /// A frozen selection that is given out as one zip (打包下载).
    BundleId,
    /// What a check of the store found.
    FindingId,
    FixityRunId,
    /// A stamped file or a photo that is sent to the vendor.
    DispatchId,
    JobId,
    TokenId,
    /// A login at a browser, until its end.
    SessionId,
    /// One run of a request with an `Idempotency-Key`.
    RunId,
}
