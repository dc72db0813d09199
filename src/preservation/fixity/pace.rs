//! How fast a check reads the store.

use tokio::{
    sync::Mutex,
    time::{Duration, Instant, sleep_until},
};

/// Lets so many bytes pass in a second, for all readers together.
#[derive(Debug, Default)]
pub struct Pace {
    /// `None`: there is no limit.
    per_second: Option<u64>,
    /// When the bytes that have passed are paid for.
    free_at: Mutex<Option<Instant>>,
}

impl Pace {
    #[must_use]
    pub fn of(bytes_per_second: u64) -> Self {
        Self { per_second: Some(bytes_per_second.max(1)), free_at: Mutex::default() }
    }

    /// Waits until the bytes before these are paid for.
    pub async fn take(&self, bytes: usize) {
        let Some(per_second) = self.per_second else { return };
        let start = {
            let mut free_at = self.free_at.lock().await;
            let start = free_at.map_or_else(Instant::now, |at| at.max(Instant::now()));
            *free_at = Some(start + price(bytes, per_second));
            start
        };
        sleep_until(start).await;
    }
}

/// Returns how long the bytes take.
fn price(bytes: usize, per_second: u64) -> Duration {
    let micros = u128::try_from(bytes).unwrap_or(u128::MAX).saturating_mul(1_000_000) / u128::from(per_second);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_their_time() {
        assert_eq!(price(500, 1_000), Duration::from_millis(500));
        assert_eq!(price(64 << 20, 32 << 20), Duration::from_secs(2));
        assert_eq!(price(0, 1), Duration::ZERO);
    }

    #[tokio::test]
    async fn readers_share_the_pace() {
        let (pace, begun) = (Pace::of(1_000), Instant::now());
        tokio::join!(pace.take(10), pace.take(10), pace.take(10));
        // The bytes of the others are paid for before the last ones pass.
        assert!(begun.elapsed() >= Duration::from_millis(20));
        assert!(pace.free_at.lock().await.unwrap() >= begun + Duration::from_millis(30));
        let free = Pace::default();
        free.take(usize::MAX).await;
        assert_eq!(*free.free_at.lock().await, None);
    }
}
