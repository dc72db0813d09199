//! Memory for the bodies of callbacks that are being received, and the share of it that one stranger may take.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{CallbackError, HEAD};
use crate::config::CallbackConfig;

const HOUR: Duration = Duration::from_hours(1);
/// Strangers that are remembered. Above it, those that sent little are forgotten.
const MOST: usize = 65_536;

/// The memory of all bodies, in KiB.
#[derive(Clone, Debug)]
pub(super) struct Rooms {
    all: Arc<Semaphore>,
    /// The memory that one unauthenticated address may take, in KiB.
    share: usize,
    bytes_per_hour: u64,
    strangers: Arc<Mutex<HashMap<IpAddr, Stranger>>>,
}

/// Memory in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    small: usize,
    large: usize,
}

impl Held {
    const fn of(kibibytes: usize) -> Self {
        if kibibytes <= HEAD / 1024 { Self { small: kibibytes, large: 0 } } else { Self { small: 0, large: kibibytes } }
    }

    /// Replaces the part `before` by `after`.
    const fn changed(self, before: Self, after: Self) -> Self {
        Self { small: self.small + after.small - before.small, large: self.large + after.large - before.large }
    }
}

/// What an unauthenticated address holds, and what it has sent in the current hour.
#[derive(Debug)]
struct Stranger {
    /// By bodies up to 64 KiB, and by larger ones. Each kind has a share of its own, so that large bodies do not keep out
    /// the small ones of a vendor behind the same proxy.
    held: Held,
    hour: Instant,
    bytes: u64,
}

impl Rooms {
    pub(super) fn new(config: &CallbackConfig) -> Self {
        let all = kibibytes(config.bytes_in_flight.get());
        Self {
            all: Arc::new(Semaphore::new(all)),
            share: all / 4,
            bytes_per_hour: config.bytes_per_hour.get(),
            strangers: Arc::default(),
        }
    }

    /// `stranger` is the address of an unauthenticated sender.
    pub(super) fn enter(&self, stranger: Option<IpAddr>) -> Room {
        let (stranger, counted) = (stranger.map(network), Held::default());
        Room { rooms: self.clone(), held: None, stranger, counted, came: 0 }
    }

    fn with<T>(&self, address: IpAddr, act: impl FnOnce(&mut Stranger) -> T) -> T {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if strangers.len() >= MOST {
            strangers.retain(|_, stranger| stranger.held != Held::default() || stranger.bytes > HEAD as u64);
        }
        let now = Instant::now();
        let stranger = strangers.entry(address).or_insert(Stranger { held: Held::default(), hour: now, bytes: 0 });
        if now.duration_since(stranger.hour) >= HOUR {
            (stranger.hour, stranger.bytes) = (now, 0);
        }
        act(stranger)
    }
}

/// An IPv6 site has a whole network of addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// The memory of one body. It grows with the bytes that arrive: a declared length reserves nothing, because a silent
/// sender could declare any. Dropping it frees the memory.
#[derive(Debug)]
pub struct Room {
    rooms: Rooms,
    held: Option<OwnedSemaphorePermit>,
    stranger: Option<IpAddr>,
    /// What the share of the stranger has of this body.
    counted: Held,
    came: u64,
}

impl Room {
    /// Counts bytes that arrived. A body up to 64 KiB always passes: behind a proxy the vendor may have the same address
    /// as a stranger.
    pub fn came(&mut self, bytes: usize) -> Result<(), CallbackError> {
        self.came += bytes as u64;
        let Some(address) = self.stranger else { return Ok(()) };
        let (sent, left) = self.rooms.with(address, |stranger| {
            stranger.bytes += bytes as u64;
            (stranger.bytes, HOUR.saturating_sub(stranger.hour.elapsed()))
        });
        if self.came > HEAD as u64 && sent > self.rooms.bytes_per_hour {
            return Err(CallbackError::TooMuch { retry_after: left });
        }
        Ok(())
    }

    /// Reserves memory up to `bytes` in total. Fails without waiting: bodies that wait for each other would block the
    /// endpoint. One unauthenticated address gets at most a quarter of the memory for large bodies, and a quarter for bodies
    /// up to 64 KiB.
    pub fn grow(&mut self, bytes: u64) -> Result<(), CallbackError> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = kibibytes(bytes).saturating_sub(held);
        let before = self.counted;
        if !self.count(Held::of(held + more)) {
            return Err(CallbackError::Full);
        }
        let permits = u32::try_from(more).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.rooms.all).try_acquire_many_owned(permits) else {
            self.count(before);
            return Err(CallbackError::Full);
        };
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }

    /// Counts the body in the shares of the stranger. Returns false if it does not fit.
    fn count(&mut self, after: Held) -> bool {
        let Some(address) = self.stranger else { return true };
        let (before, share) = (self.counted, self.rooms.share);
        let fits = self.rooms.with(address, |stranger| {
            let held = stranger.held.changed(before, after);
            let shrinks = after.small <= before.small && after.large <= before.large;
            let fits = shrinks || (held.small <= share && held.large <= share);
            stranger.held = if fits { held } else { stranger.held };
            fits
        });
        self.counted = if fits { after } else { before };
        fits
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.count(Held::default());
    }
}

fn kibibytes(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(1024)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ByteSize;

    fn rooms() -> Rooms {
        Rooms::new(&CallbackConfig {
            bytes_in_flight: ByteSize::mib(4),
            bytes_per_hour: ByteSize::mib(2),
            ..CallbackConfig::default()
        })
    }

    #[test]
    fn a_stranger_gets_a_quarter_and_leaves_the_rest() {
        let rooms = rooms();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let (mut first, mut second) = (rooms.enter(Some(address)), rooms.enter(Some(address)));
        first.grow(1 << 20).unwrap();
        assert!(matches!(second.grow(65 << 10), Err(CallbackError::Full)));
        rooms.enter(Some("192.0.2.2".parse().unwrap())).grow(1 << 20).unwrap();
        rooms.enter(None).grow(3 << 20).unwrap();
        drop(first);
        second.grow(1 << 20).unwrap();
    }

    #[test]
    fn large_bodies_of_a_stranger_leave_room_for_small_ones_of_the_same_address() {
        let rooms = rooms();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let mut large = rooms.enter(Some(address));
        large.grow(HEAD as u64).unwrap();
        large.grow(1 << 20).unwrap();
        let mut small: Vec<Room> = (0..16).map(|_| rooms.enter(Some(address))).collect();
        for room in &mut small {
            room.grow(HEAD as u64).unwrap();
        }
        assert!(rooms.enter(Some(address)).grow(1).is_err(), "small bodies have a quarter too");
        assert!(small[0].grow(65 << 10).is_err());
        drop(large);
        small[0].grow(1 << 20).unwrap();
        rooms.enter(Some(address)).grow(HEAD as u64).unwrap();
        rooms.enter(None).grow(1 << 20).unwrap();
        drop(small);
        rooms.enter(None).grow(4 << 20).unwrap();
    }

    #[test]
    fn addresses_of_one_ipv6_site_share_their_quarter() {
        let rooms = rooms();
        let mut first = rooms.enter(Some("2001:db8::1".parse().unwrap()));
        first.grow(1 << 20).unwrap();
        assert!(rooms.enter(Some("2001:db8::2".parse().unwrap())).grow(65 << 10).is_err());
        rooms.enter(Some("2001:db8:0:1::1".parse().unwrap())).grow(1024).unwrap();
    }

    #[test]
    fn above_the_bytes_of_an_hour_only_small_bodies_pass() {
        let rooms = rooms();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        rooms.enter(Some(address)).came(2 << 20).unwrap();
        let mut large = rooms.enter(Some(address));
        large.came(HEAD).unwrap();
        assert!(matches!(large.came(1), Err(CallbackError::TooMuch { .. })));
        rooms.enter(Some(address)).came(HEAD).unwrap();
        rooms.enter(None).came(1 << 20).unwrap();
        rooms.enter(Some("192.0.2.2".parse().unwrap())).came(1 << 20).unwrap();
    }
}
