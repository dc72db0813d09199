//! What one photo costs on the heavy path, from memory: the hashes that are taken while it streams by, its inspection,
//! both thumbnails. Medians of five rounds over pictures of 2, 5, 8 and 12 megapixels that the simulator draws.
//!
//! `make bench`. The whole ingest, with fetching and storing, is not measured here yet.

use std::{
    hint::black_box,
    num::NonZero,
    time::{Duration, Instant},
};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use yinku::{
    hash::Hashes,
    original::inspect::inspect,
    thumbnail::{Limits, thumbnails},
    vendor::simulator::{Drawing, Kind},
};

const ROUNDS: usize = 5;
const OF_EACH_SIZE: u64 = 4;
const SIZES: [u32; 2] = [256, 1280];

fn main() {
    let photos = draw();
    let bytes: usize = photos.iter().map(Vec::len).sum();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    say(&format!("{} photos, {:.1} MB, {cores} threads, median of {ROUNDS} rounds", photos.len(), megabytes(bytes)));

    let hashing = median(|| photos.iter().for_each(|photo| drop(black_box(Hashes::of(photo)))));
    say(&format!(
        "hashes (BLAKE3, SHA-256, CRC-32), one thread   {:8.1} MB/s",
        megabytes(bytes) / hashing.as_secs_f64()
    ));

    let inspecting = median(|| photos.iter().for_each(|photo| assert!(black_box(inspect(photo)).complete)));
    say(&format!("inspection, one thread                         {:8.1} photos/s", rate(photos.len(), inspecting)));

    let limits = Limits::default();
    let making = median(|| {
        photos.par_iter().for_each(|photo| {
            let made = thumbnails(photo, &inspect(photo), &SIZES, &limits);
            assert_eq!(black_box(made).map(|made| made.len()).ok(), Some(SIZES.len()));
        });
    });
    say(&format!("thumbnails of 256 and 1280 px, all threads     {:8.1} photos/s", rate(photos.len(), making)));
}

fn draw() -> Vec<Vec<u8>> {
    let sizes = [2.0, 5.0, 8.0, 12.0];
    let drawings = sizes.into_iter().flat_map(|megapixels| {
        (0..OF_EACH_SIZE).map(move |n| Drawing {
            seed: n,
            kind: Kind::Signatory,
            megapixels,
            quality: 88,
            orientation: if n == 0 { 6 } else { 1 },
            exif: None,
            label: 1,
        })
    });
    drawings.map(|drawing| drawing.jpeg().expect("the simulator draws")).collect()
}

fn median(mut round: impl FnMut()) -> Duration {
    round();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            round();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read")]
fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[expect(clippy::print_stdout, reason = "the result")]
fn say(text: &str) {
    println!("{text}");
}
