//! Named points at which a test can kill the process. They simulate a power failure. A test can also let the code panic
//! at a point.

/// The point at which the code panics next.
#[cfg(feature = "killpoints")]
static PANIC_AT: std::sync::Mutex<Option<&'static str>> = std::sync::Mutex::new(None);

/// Lets the code panic once, when it reaches the point next.
#[cfg(feature = "killpoints")]
pub fn panic_once_at(point: &'static str) {
    *PANIC_AT.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(point);
}

/// Ends the process if `YINKU_KILL_AT` is `<point>`, or `<point>:<n>` for the n-th time. Panics if a test asked for it.
/// Without the feature `killpoints` this function does nothing.
#[cfg(feature = "killpoints")]
pub fn reach(point: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static REACHED: AtomicU32 = AtomicU32::new(0);

    let panics = {
        let mut panic_at = PANIC_AT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        panic_at.take_if(|wanted| *wanted == point).is_some()
    };
    if panics {
        std::panic::panic_any(format!("a test lets the code panic at {point}"));
    }
    let Ok(wanted) = std::env::var("YINKU_KILL_AT") else { return };
    let (name, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if name == point && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == times.parse().unwrap_or(1) {
        std::process::abort();
    }
}

#[cfg(not(feature = "killpoints"))]
pub fn reach(_point: &str) {}
