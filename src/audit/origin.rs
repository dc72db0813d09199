//! Where a request comes from: the address of the peer, and the session or token. Every entry that is written while the
//! request is handled has them, so no act can forget them.

use std::sync::{Arc, OnceLock};

tokio::task_local! {
    static ORIGIN: Arc<Origin>;
}

/// The origin of one request.
#[derive(Debug)]
pub struct Origin {
    peer: Option<String>,
    known: OnceLock<Known>,
}

/// What the login of the request tells.
#[derive(Debug)]
struct Known {
    username: String,
    via: String,
}

impl Origin {
    /// `peer` is the address of the client.
    #[must_use]
    pub fn new(peer: Option<String>) -> Arc<Self> {
        Arc::new(Self { peer, known: OnceLock::new() })
    }

    /// Records the user of the request, and its session or token: `session:<id>` or `token:<id>`.
    pub fn identify(&self, username: &str, via: String) {
        // A request has one login. A second extractor finds the same one.
        let _ = self.known.set(Known { username: username.to_owned(), via });
    }

    /// Runs the work of a request whose entries come from this origin.
    pub async fn scope<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        ORIGIN.scope(self, work).await
    }

    /// Returns the address of the peer.
    #[must_use]
    pub fn peer(&self) -> Option<&str> {
        self.peer.as_deref()
    }

    /// Returns the user, if the request has a valid login.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.known.get().map(|known| known.username.as_str())
    }

    fn via(&self) -> Option<&str> {
        self.known.get().map(|known| known.via.as_str())
    }
}

/// Records the session that the current request opens or closes. Does nothing outside of a request.
pub fn identify(username: &str, via: String) {
    let _ = ORIGIN.try_with(|origin| origin.identify(username, via));
}

/// Returns peer and session or token of the current request. Both are absent in jobs and on the command line.
pub(super) fn current() -> (Option<String>, Option<String>) {
    let texts = |origin: &Arc<Origin>| (origin.peer.clone(), origin.via().map(str::to_owned));
    ORIGIN.try_with(texts).unwrap_or_default()
}
