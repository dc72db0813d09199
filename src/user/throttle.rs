//! Counts failed logins and refuses attempts that come too soon.
//!
//! From the fifth failure in a row of a name at an address, the next attempt of this name at this address must wait:
//! 1 s, then twice as long each time, at most 30 s. Other names at the address do not wait, because an office has one
//! address. At far higher counts an address alone and a name alone count too:
//!
//! * At an address with many failures, the wait of a name begins with its first failure there.
//! * A name with many failures from many addresses waits at every address where it has never logged in.
//!
//! A name that does not exist is counted in the same way. The counts are in the memory of the process.

mod report;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use report::FailureReport;
use report::Repeats;

use crate::clock::Timestamp;

/// From this failure in a row on, a name at an address waits.
const FAILURES: u32 = 5;
/// From this failure on, an address alone or a name alone counts.
const MANY: u32 = 100;
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A count without a new failure is forgotten after this time.
const MEMORY: Duration = Duration::from_hours(1);
/// More counts than this are cleared of those that would not wait.
const MOST_COUNTS: usize = 50_000;
/// Longest name that is kept. A longer name cannot exist.
const LONGEST_NAME: usize = 300;

/// The failed logins of this process.
#[derive(Debug, Default)]
pub struct LoginThrottle(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    pairs: HashMap<(String, String), Count>,
    addresses: HashMap<String, Count>,
    names: HashMap<String, Count>,
    /// The names that have logged in at an address.
    known: HashMap<(String, String), Timestamp>,
}

#[derive(Debug, Default)]
struct Count {
    failures: u32,
    in_progress: u32,
    last: Option<Timestamp>,
    /// No attempt before this time.
    wait_until: Option<Timestamp>,
    repeats: Repeats,
}

impl Count {
    fn is_forgotten(&self, now: Timestamp) -> bool {
        self.in_progress == 0 && self.last.is_none_or(|last| now.since(last) > MEMORY)
    }

    /// Returns the remaining wait. With `free` attempts used up, one attempt at a time is in progress.
    fn remaining(&self, free: u32, now: Timestamp) -> Option<Duration> {
        let rest = self.wait_until.map(|until| until.since(now)).filter(|rest| !rest.is_zero());
        let crowded = self.in_progress > 0 && self.failures + self.in_progress >= free;
        rest.or(crowded.then_some(Duration::from_secs(1)))
    }

    /// Counts a failure. Returns the wait if the count has reached `free`.
    fn fail(&mut self, free: u32, now: Timestamp) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
        let doublings = self.failures.checked_sub(free)?;
        let wait = Duration::from_secs(1 << doublings.min(5)).min(LONGEST_WAIT);
        self.wait_until = Some(now.plus(wait));
        Some(wait)
    }
}

/// The attempt comes too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon(pub Duration);

/// An attempt in progress. It ends as a failure or a success. Dropped, it counts as neither.
#[derive(Debug)]
pub struct LoginAttempt<'a> {
    throttle: &'a LoginThrottle,
    pair: (String, String),
}

impl LoginThrottle {
    /// Begins an attempt, or refuses it. A refused attempt is reported as a repeat.
    pub fn begin(&self, name: &str, address: IpAddr, now: Timestamp) -> Result<LoginAttempt<'_>, TooSoon> {
        let pair = (folded(name), network(address));
        let mut counts = self.lock();
        counts.forget(&pair, now);
        if let Some(wait) = counts.remaining(&pair, now) {
            counts.repeats(&pair).add();
            return Err(TooSoon(wait));
        }
        for count in counts.all_of(&pair) {
            count.in_progress += 1;
        }
        drop(counts);
        Ok(LoginAttempt { throttle: self, pair })
    }

    /// Returns the lane in which the attempt waits for its hash: the address. A name that is known there has its own.
    #[must_use]
    pub fn lane(&self, name: &str, address: IpAddr) -> String {
        let pair = (folded(name), network(address));
        if self.lock().known.contains_key(&pair) { format!("{} {}", pair.1, pair.0) } else { pair.1 }
    }

    /// Returns the repeats that wait to be recorded for longer than ten minutes, or all of them.
    pub fn take_repeats(&self, now: Timestamp, all: bool) -> Vec<FailureReport> {
        let mut counts = self.lock();
        let Counts { pairs, addresses, .. } = &mut *counts;
        let of_pairs = pairs.iter_mut().filter_map(|((name, address), count)| {
            count.repeats.take(now, all).map(|times| FailureReport::of_name(name, address, times))
        });
        let mut found: Vec<FailureReport> = of_pairs.collect();
        found.extend(addresses.iter_mut().filter_map(|(address, count)| {
            count.repeats.take(now, all).map(|times| FailureReport::of_address(address, times))
        }));
        found
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoginAttempt<'_> {
    /// Returns the wait before the next attempt, and what must be recorded now.
    pub fn failed(self, now: Timestamp) -> (Option<Duration>, Option<FailureReport>) {
        let mut counts = self.throttle.lock();
        let free = counts.free_failures(&self.pair);
        let [pair, address, name] = counts.all_of(&self.pair);
        address.fail(MANY, now);
        // The waits of an address are those of its names.
        address.wait_until = None;
        let wait = pair.fail(free, now);
        // One address alone cannot make a name wait everywhere.
        let of_name = if pair.failures <= FAILURES { name.fail(MANY, now) } else { None };
        let wait = wait.max(of_name);
        let (name, address) = &self.pair;
        let many = counts.is_many(address);
        let times = counts.repeats(&self.pair).count(now);
        let report = times.map(|times| {
            if many { FailureReport::of_address(address, times) } else { FailureReport::of_name(name, address, times) }
        });
        drop(counts);
        (wait, report)
    }

    /// Forgets the failures of the name at the address. Returns the repeats that are not recorded yet.
    pub fn succeeded(self, now: Timestamp) -> Option<FailureReport> {
        let mut counts = self.throttle.lock();
        let [pair, address, name] = counts.all_of(&self.pair);
        let own = std::mem::take(&mut pair.failures);
        pair.wait_until = None;
        let repeats = std::mem::take(&mut pair.repeats).rest();
        address.failures = address.failures.saturating_sub(own);
        name.failures = name.failures.saturating_sub(own);
        if counts.known.len() >= MOST_COUNTS {
            counts.known.clear();
        }
        counts.known.insert(self.pair.clone(), now);
        drop(counts);
        repeats.map(|times| FailureReport::of_name(&self.pair.0, &self.pair.1, times))
    }
}

impl Drop for LoginAttempt<'_> {
    fn drop(&mut self) {
        for count in self.throttle.lock().all_of(&self.pair) {
            count.in_progress = count.in_progress.saturating_sub(1);
        }
    }
}

impl Counts {
    /// Returns the counts of the name at the address, of the address and of the name.
    fn all_of(&mut self, pair: &(String, String)) -> [&mut Count; 3] {
        [
            self.pairs.entry(pair.clone()).or_default(),
            self.addresses.entry(pair.1.clone()).or_default(),
            self.names.entry(pair.0.clone()).or_default(),
        ]
    }

    fn remaining(&mut self, pair: &(String, String), now: Timestamp) -> Option<Duration> {
        let (free, known) = (self.free_failures(pair), self.known.contains_key(pair));
        let [of_pair, _, of_name] = self.all_of(pair);
        of_pair.remaining(free, now).max(of_name.remaining(MANY, now).filter(|_| !known))
    }

    /// The failures of a name at this address without a wait, plus one.
    fn free_failures(&self, pair: &(String, String)) -> u32 {
        if self.is_many(&pair.1) { 1 } else { FAILURES }
    }

    fn is_many(&self, address: &str) -> bool {
        self.addresses.get(address).is_some_and(|count| count.failures >= MANY)
    }

    /// The entry of the audit log that covers the attempt: one for each name, or one for an address with many failures.
    fn repeats(&mut self, pair: &(String, String)) -> &mut Repeats {
        let many = self.is_many(&pair.1);
        let [of_pair, of_address, _] = self.all_of(pair);
        if many { &mut of_address.repeats } else { &mut of_pair.repeats }
    }

    fn forget(&mut self, pair: &(String, String), now: Timestamp) {
        for count in self.all_of(pair) {
            if count.is_forgotten(now) {
                *count = Count { repeats: std::mem::take(&mut count.repeats), ..Count::default() };
            }
        }
        let crowded = self.pairs.len() + self.addresses.len() + self.names.len() > MOST_COUNTS;
        if crowded {
            let keeps = |count: &Count| count.in_progress > 0 || count.failures >= FAILURES;
            self.pairs.retain(|_, count| keeps(count) && !count.is_forgotten(now));
            self.addresses.retain(|_, count| keeps(count) && !count.is_forgotten(now));
            self.names.retain(|_, count| keeps(count) && !count.is_forgotten(now));
        }
    }
}

/// Upper and lower case of a name are counted together. The end of a long name is cut.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).take(LONGEST_NAME).collect()
}

/// One computer can use all addresses of an IPv6 network of 64 bits.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests;
