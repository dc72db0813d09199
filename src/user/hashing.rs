//! Password hashes (argon2id). Each takes 19 MiB and one core for tens of milliseconds on purpose, so few run at once.
//!
//! Callers wait in lanes, and the lanes take turns. A login waits in the lane of its network address, so a storm of
//! attempts from one address delays its own logins, not those of other addresses.

use std::{
    collections::VecDeque,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::oneshot;

use super::login::LoginError;

/// Hashes that run at once: half of the cores, so the other half serves requests.
static TURNS: LazyLock<Turns> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    Turns { most: (cores / 2).max(1), state: Mutex::default() }
});
/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most waiting passwords of one lane, and of all lanes.
const LONGEST_LANE: usize = 128;
const MOST_WAITING: usize = 4096;

/// Hashes a password with argon2id and a random salt.
pub(super) async fn hash(lane: &str, password: String) -> Result<String, LoginError> {
    let hash = move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string());
    in_turn(&TURNS, lane, hash).await?.map_err(|_| LoginError::Hash)
}

/// Returns true if the password has this hash. Without a hash the answer is false and takes as long.
pub(super) async fn matches(lane: &str, password: String, hash: Option<String>) -> Result<bool, LoginError> {
    let known = hash.is_some();
    let hash = hash.unwrap_or_else(|| UNKNOWN_USER_HASH.to_owned());
    let verify = move || {
        PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    Ok(in_turn(&TURNS, lane, verify).await? && known)
}

/// A hash of no known password. It is verified for unknown names.
const UNKNOWN_USER_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn in_turn<T: Send + 'static>(
    turns: &'static Turns,
    lane: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LoginError> {
    let turn = turns.wait(lane).await?;
    let done = tokio::task::spawn_blocking(move || {
        // The turn moves into the work, because the work continues when its client disconnects.
        let _turn = turn;
        work()
    });
    done.await.map_err(|_| LoginError::Hash)
}

#[derive(Debug)]
struct Turns {
    most: usize,
    state: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    running: usize,
    waiting: usize,
    lanes: VecDeque<Lane>,
}

#[derive(Debug)]
struct Lane {
    key: String,
    callers: VecDeque<oneshot::Sender<Turn>>,
}

/// The permission to hash one password.
#[derive(Debug)]
struct Turn(&'static Turns);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.hand_on();
    }
}

impl Turns {
    async fn wait(&'static self, lane: &str) -> Result<Turn, LoginError> {
        let Some(called) = self.lock().enter(lane, self.most)? else { return Ok(Turn(self)) };
        let waited = tokio::time::timeout(PATIENCE, called).await;
        waited.map_err(|_| LoginError::Busy)?.map_err(|_| LoginError::Busy)
    }

    /// Gives a turn that ended to the next caller who still waits.
    fn hand_on(&'static self) {
        loop {
            let Some(next) = self.lock().next() else { return };
            match next.send(Turn(self)) {
                Ok(()) => return,
                // The caller has gone. Dropping the turn here would call this function again.
                Err(turn) => std::mem::forget(turn),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    /// Takes a free turn (`None`), or joins the lane.
    fn enter(&mut self, key: &str, most: usize) -> Result<Option<oneshot::Receiver<Turn>>, LoginError> {
        if self.running < most {
            self.running += 1;
            return Ok(None);
        }
        if self.waiting >= MOST_WAITING {
            return Err(LoginError::Busy);
        }
        let (call, called) = oneshot::channel();
        match self.lanes.iter_mut().find(|lane| lane.key == key) {
            Some(lane) if lane.callers.len() >= LONGEST_LANE => return Err(LoginError::Busy),
            Some(lane) => lane.callers.push_back(call),
            None => self.lanes.push_back(Lane { key: key.to_owned(), callers: VecDeque::from([call]) }),
        }
        self.waiting += 1;
        Ok(Some(called))
    }

    /// Returns the first caller of the next lane. Without one the turn is free again.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let Some(mut lane) = self.lanes.pop_front() else {
            self.running -= 1;
            return None;
        };
        let caller = lane.callers.pop_front();
        self.waiting -= 1;
        if !lane.callers.is_empty() {
            self.lanes.push_back(lane);
        }
        caller
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns() -> &'static Turns {
        Box::leak(Box::new(Turns { most: 1, state: Mutex::default() }))
    }

    /// Running and waiting callers.
    fn left(turns: &Turns) -> (usize, usize) {
        let lanes = turns.lock();
        (lanes.running, lanes.waiting)
    }

    #[tokio::test]
    async fn an_unknown_name_costs_the_same_hash() {
        let real = hash("", "a password of some length".to_owned()).await.unwrap();
        let parameters = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parameters(&real), parameters(UNKNOWN_USER_HASH));
        assert!(PasswordHash::new(UNKNOWN_USER_HASH).is_ok(), "it is read, not refused at once");
        assert!(matches("", "a password of some length".to_owned(), Some(real)).await.unwrap());
    }

    #[tokio::test]
    async fn the_lanes_take_turns() {
        let turns = turns();
        let running = turns.wait("storm").await.unwrap();
        let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
        for caller in ["storm", "storm", "storm", "office", "home"] {
            let told = told.clone();
            let mut waiting = Box::pin(async move {
                let _turn = turns.wait(caller).await.unwrap();
                told.send(caller).unwrap();
            });
            assert!(futures::poll!(&mut waiting).is_pending());
            tokio::spawn(waiting);
        }
        drop((running, told));
        let mut seen = Vec::new();
        while let Some(caller) = order.recv().await {
            seen.push(caller);
        }
        assert_eq!(seen, ["storm", "office", "home", "storm", "storm"]);
        assert_eq!(left(turns), (0, 0));
    }

    #[tokio::test]
    async fn a_caller_who_has_gone_does_not_keep_the_turn() {
        let turns = turns();
        let running = turns.wait("a").await.unwrap();
        for _ in 0..3 {
            let mut gone = Box::pin(turns.wait("b"));
            assert!(futures::poll!(&mut gone).is_pending());
        }
        drop(running);
        assert_eq!(left(turns), (0, 0));
        drop(turns.wait("c").await.unwrap());
    }

    #[tokio::test]
    async fn a_full_lane_refuses_and_the_others_do_not() {
        let turns = turns();
        let _running = turns.wait("storm").await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..LONGEST_LANE {
            let mut caller = Box::pin(turns.wait("storm"));
            assert!(futures::poll!(&mut caller).is_pending());
            waiting.push(caller);
        }
        assert!(matches!(turns.wait("storm").await, Err(LoginError::Busy)));
        assert!(futures::poll!(Box::pin(turns.wait("office"))).is_pending());
    }
}
