//! Our own thumbnails alone, from memory: what the whole ingest is held against.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::ensure;
use serde_json::{Value, json};
use yinku::picture::{
    inspect::inspect,
    thumbnail::{ThumbnailLimits, thumbnails},
};

use crate::corpus;

pub(crate) fn measure(directory: &Path, sizes: &[u32], threads: usize, repeat: usize) -> anyhow::Result<Value> {
    let photos = corpus::load(directory)?;
    let limits = ThumbnailLimits::default();
    let work = photos.len() * repeat;
    let (next, made) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= work {
                        return;
                    }
                    let photo = &photos[n % photos.len()].bytes;
                    if thumbnails(photo, &inspect(photo), sizes, &limits).is_ok_and(|made| made.len() == sizes.len()) {
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let made = made.into_inner();
    ensure!(made == work, "{made} of {work} photos have thumbnails");
    Ok(json!({ "photos": work, "seconds": seconds }))
}
