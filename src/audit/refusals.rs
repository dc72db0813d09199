//! Refused access. The first refusal of a kind is an entry at once. Repeats within ten minutes become one entry with
//! their count, so an attack cannot fill the log.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Act, NewEntry,
    journal::{Journal, JournalError},
};
use crate::clock::Timestamp;

/// How long repeats are counted.
pub const WINDOW: Duration = Duration::from_mins(10);

/// Most pairs of caller and kind that are counted apart. Other callers are counted together.
const MOST: usize = 4096;
const OTHERS: &str = "other addresses";

/// The refusals of the last ten minutes.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, Window>>);

/// Who was refused, and the kind: the code of the problem.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    who: String,
    kind: &'static str,
}

#[derive(Debug)]
struct Window {
    since: Timestamp,
    repeats: u64,
}

/// Repeats that are due for an entry.
#[derive(Debug, PartialEq, Eq)]
struct Repeated {
    who: String,
    kind: &'static str,
    count: u64,
}

impl Refusals {
    /// Records that `who` was refused. `who` is a username, or `address <ip>`, which is no username because of its
    /// blank. `request` names the route and the ids of the request.
    pub async fn note(
        &self,
        journal: &Journal,
        who: &str,
        kind: &'static str,
        request: &str,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let (first, repeated) = self.count(who, kind, now);
        if let Some(repeated) = repeated {
            write_repeated(journal, &repeated, now).await?;
        }
        if first {
            journal.write(NewEntry::new(who, Act::AccessRefused, kind).detail(request), now).await?;
        }
        Ok(())
    }

    /// Returns whether this is the first refusal of its kind, and the repeats of the window before it.
    fn count(&self, who: &str, kind: &'static str, now: Timestamp) -> (bool, Option<Repeated>) {
        let mut windows = self.lock();
        let mut key = Key { who: who.to_owned(), kind };
        if windows.len() >= MOST && !windows.contains_key(&key) {
            OTHERS.clone_into(&mut key.who);
        }
        match windows.get_mut(&key) {
            Some(window) if now.since(window.since) < WINDOW => {
                window.repeats += 1;
                (false, None)
            }
            _ => {
                let before = windows.insert(key.clone(), Window { since: now, repeats: 0 });
                (true, before.and_then(|before| before.repeated(key)))
            }
        }
    }

    /// Writes the counts of the windows that have ended, or of all windows. Forgets them.
    pub async fn flush(&self, journal: &Journal, now: Timestamp, all: bool) -> Result<(), JournalError> {
        for repeated in self.take_ended(now, all) {
            write_repeated(journal, &repeated, now).await?;
        }
        Ok(())
    }

    fn take_ended(&self, now: Timestamp, all: bool) -> Vec<Repeated> {
        let ended = self.lock().extract_if(|_, window| all || now.since(window.since) >= WINDOW).collect::<Vec<_>>();
        let mut repeated: Vec<Repeated> = ended.into_iter().filter_map(|(key, window)| window.repeated(key)).collect();
        repeated.sort_by(|a, b| (&a.who, a.kind).cmp(&(&b.who, b.kind)));
        repeated
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn repeated(self, Key { who, kind }: Key) -> Option<Repeated> {
        (self.repeats > 0).then_some(Repeated { who, kind, count: self.repeats })
    }
}

async fn write_repeated(journal: &Journal, repeated: &Repeated, now: Timestamp) -> Result<(), JournalError> {
    let detail = format!("{} more in 10 minutes", repeated.count);
    journal.write(NewEntry::new(&repeated.who, Act::AccessRefused, repeated.kind).detail(&detail), now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_795_406_400_000_000);

    fn repeated(who: &str, kind: &'static str, count: u64) -> Repeated {
        Repeated { who: who.to_owned(), kind, count }
    }

    #[test]
    fn repeats_are_counted_for_ten_minutes_for_each_caller_and_kind() {
        let refusals = Refusals::default();
        assert_eq!(refusals.count("zhang", "forbidden", AT), (true, None));
        for second in 1..=3 {
            let now = AT.plus(Duration::from_secs(second));
            assert_eq!(refusals.count("zhang", "forbidden", now), (false, None));
        }
        assert_eq!(refusals.count("zhang", "not_yours", AT), (true, None));
        assert_eq!(refusals.count("li", "forbidden", AT), (true, None));
        let later = AT.plus(WINDOW);
        assert_eq!(refusals.count("zhang", "forbidden", later), (true, Some(repeated("zhang", "forbidden", 3))));
        assert_eq!(refusals.count("li", "forbidden", later), (true, None), "there were no repeats");
    }

    #[test]
    fn counts_leave_at_the_end_of_their_window_or_with_the_process() {
        let refusals = Refusals::default();
        refusals.count("zhang", "forbidden", AT);
        refusals.count("zhang", "forbidden", AT);
        assert_eq!(refusals.take_ended(AT.plus(WINDOW / 2), false), []);
        assert_eq!(refusals.take_ended(AT.plus(WINDOW), false), [repeated("zhang", "forbidden", 1)]);
        refusals.count("li", "forbidden", AT);
        refusals.count("li", "forbidden", AT);
        assert_eq!(refusals.take_ended(AT, true), [repeated("li", "forbidden", 1)]);
        assert_eq!(refusals.take_ended(AT, true), []);
    }

    #[test]
    fn callers_from_many_addresses_take_bounded_memory() {
        let refusals = Refusals::default();
        let entries = (0..2 * MOST).filter(|n| refusals.count(&format!("address {n}"), "not_logged_in", AT).0).count();
        assert_eq!((entries, refusals.lock().len()), (MOST + 1, MOST + 1));
    }
}
