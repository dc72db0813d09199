//! Named points at which a test can kill the process. They simulate a power failure.

/// Ends the process if `YINKU_KILL_AT` is `<point>`, or `<point>:<n>` for the n-th time. Without the feature
/// `killpoints` this function does nothing.
#[cfg(feature = "killpoints")]
pub fn reach(point: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static REACHED: AtomicU32 = AtomicU32::new(0);

    let Ok(wanted) = std::env::var("YINKU_KILL_AT") else { return };
    let (name, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if name == point && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == times.parse().unwrap_or(1) {
        std::process::abort();
    }
}

#[cfg(not(feature = "killpoints"))]
pub fn reach(_point: &str) {}
