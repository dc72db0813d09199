//! The number of files that the process may open. A connection is a file, and so is what it downloads.

/// Files that are no connections: database, store, vendor, log.
const RESERVE: u64 = 256;
/// A connection and the original that it downloads.
const PER_CONNECTION: u64 = 2;

/// Returns the number of connections for which the process may open enough files, at most `wanted`.
pub(super) fn within(wanted: usize) -> usize {
    let Some(files) = raise() else { return wanted };
    let possible = usize::try_from(files.saturating_sub(RESERVE) / PER_CONNECTION).unwrap_or(usize::MAX).max(1);
    if possible < wanted {
        tracing::warn!(
            files,
            wanted,
            connections = possible,
            "the limit of open files is too low for clients.connections, so fewer connections are accepted; \
             raise the limit (LimitNOFILE, ulimit -Hn) or lower the setting"
        );
    }
    possible.min(wanted)
}

/// Raises the limit of open files to its hard bound and returns it. `None` if there is no limit, or it is unknown.
#[cfg(target_os = "linux")]
pub fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            limit.current
        }
    }
}

/// Other systems are for development.
#[cfg(not(target_os = "linux"))]
pub const fn raise() -> Option<u64> {
    None
}
