//! The progress bar of the demo: fetched, stored, duplicate, thumbnails, MB/s.

use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::api::Api;
use crate::cli::print;

const POLL: Duration = Duration::from_millis(100);
/// The shortest time between two lines of progress without a terminal.
const LINE: Duration = Duration::from_secs(1);

/// Polls the flow until every photo is stored.
pub(super) async fn watch(api: &Api, admin: &str, flow: &str, photos: u32, patience: Duration) -> anyhow::Result<()> {
    let terminal = print::stderr_is_terminal();
    let bar = ProgressBar::with_draw_target(
        Some(photos.into()),
        if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
    );
    bar.set_style(ProgressStyle::with_template("{bar:32} {pos}/{len} photos  {msg}")?);
    let (begun, mut printed) = (Instant::now(), Instant::now());
    while begun.elapsed() < patience {
        let view = api.get(admin, &format!("/api/flows/{flow}")).await?;
        let received = view["files"]["photos"].as_array().map_or(0, Vec::len);
        let message = numbers(&api.metrics(admin).await?, begun.elapsed());
        bar.set_position(received as u64);
        bar.set_message(message.clone());
        let complete = view["phase"] == "ready" || view["phase"] == "archived";
        if complete || (!terminal && printed.elapsed() >= LINE) {
            printed = Instant::now();
            if complete {
                bar.finish_and_clear();
            }
            print::progress(&format!("{received}/{photos} photos  {message}"));
        }
        if complete {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    let view = api.get(admin, &format!("/api/flows/{flow}")).await?;
    bail!(
        "photos are missing after {patience:?}: {}",
        serde_json::to_string_pretty(&view["sealUses"]).context("unreadable")?
    )
}

fn numbers(metrics: &str, elapsed: Duration) -> String {
    let counter = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("yinku_{name}_total ")));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
    };
    let megabytes = counter("photos_bytes") / 1e6;
    format!(
        "fetched {}  stored {}  duplicate {}  thumbnails {}  {megabytes:.1} MB  {:.1} MB/s",
        counter("photos_fetched"),
        counter("photos_stored"),
        counter("photos_duplicate"),
        counter("thumbnails_made"),
        megabytes / elapsed.as_secs_f64().max(0.001)
    )
}
