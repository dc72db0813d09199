//! The open connections: what each one does now, and which one must leave if there are too many.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::ClientsConfig;

/// A body that is behind its rate for this time may be closed for another client.
const BEHIND: Duration = Duration::from_millis(10);

/// One connection.
#[derive(Debug)]
pub(in crate::http) struct Line {
    peer: IpAddr,
    doing: Mutex<Doing>,
    too_slow: AtomicBool,
    closed: CancellationToken,
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    /// Waits for the head of its first request.
    New { since: Instant },
    /// Waits for the head of another request.
    Idle { since: Instant },
    /// Waits for bytes of a body. Without bytes the request is aborted at `until`.
    Receiving { until: Instant },
    /// Makes or sends an answer.
    Working,
}

impl Line {
    /// Returns true if the body of the request came too slowly. Then the answer says so, whatever the handler answers.
    pub(in crate::http) fn was_too_slow(&self) -> bool {
        self.too_slow.load(Ordering::Relaxed)
    }

    pub(super) fn set_too_slow(&self) {
        self.too_slow.store(true, Ordering::Relaxed);
    }

    pub(super) fn working(&self) {
        *lock(&self.doing) = Doing::Working;
    }

    pub(super) fn idle(&self) {
        *lock(&self.doing) = Doing::Idle { since: Instant::now() };
    }

    pub(super) fn receiving(&self, until: Instant) {
        *lock(&self.doing) = Doing::Receiving { until };
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(*lock(&self.doing), Doing::New { .. } | Doing::Idle { .. })
    }

    /// Returns when another client needs the place of this connection.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

/// The place of a connection. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) line: Arc<Line>,
    number: u64,
    lines: Lines,
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.lines.0.open).remove(&self.number);
    }
}

/// All open connections. A clone is the same list.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    open: Mutex<Open>,
    most: usize,
    per_address: usize,
    body_wait: Duration,
}

type Open = HashMap<u64, Arc<Line>>;

impl Lines {
    pub(super) fn new(clients: &ClientsConfig, most: usize) -> Self {
        Self(Arc::new(Shared {
            open: Mutex::default(),
            most,
            per_address: clients.per_address,
            body_wait: clients.body_wait.get(),
        }))
    }

    /// Returns a place for a new connection. `None` if all places have clients that are not slow.
    pub(super) fn admit(&self, peer: IpAddr, number: u64) -> Option<Seat> {
        let mut open = lock(&self.0.open);
        let per_address = self.0.per_address;
        if per_address > 0 && open.values().filter(|line| line.peer == peer).count() >= per_address {
            self.close_one(&mut open, |line| line.peer == peer)?;
        }
        if open.len() >= self.0.most {
            self.close_one(&mut open, |_| true)?;
        }
        let doing = Mutex::new(Doing::New { since: Instant::now() });
        let line = Arc::new(Line { peer, doing, too_slow: AtomicBool::new(false), closed: CancellationToken::new() });
        open.insert(number, Arc::clone(&line));
        Some(Seat { line, number, lines: self.clone() })
    }

    /// Closes the slowest connection, if one is slow.
    pub(super) fn make_room(&self) {
        let _ = self.close_one(&mut lock(&self.0.open), |_| true);
    }

    /// Connections without a first request leave first, oldest first. Then those whose body is late. Idle ones leave
    /// last, because their client may send the next request at the same time and would lose it.
    fn close_one(&self, open: &mut Open, among: impl Fn(&Line) -> bool) -> Option<()> {
        let late = Instant::now() + self.0.body_wait.saturating_sub(BEHIND);
        let slow = open.iter().filter(|(_, line)| among(line)).filter_map(|(number, line)| match *lock(&line.doing) {
            Doing::New { since } => Some((0, since, *number)),
            Doing::Receiving { until } if until < late => Some((1, until, *number)),
            Doing::Idle { since } => Some((2, since, *number)),
            Doing::Receiving { .. } | Doing::Working => None,
        });
        let (.., number) = slow.min()?;
        open.remove(&number)?.closed.cancel();
        Some(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
