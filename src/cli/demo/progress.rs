//! The live progress bar: fetched, stored, duplicate, thumbnails, MB/s.

use std::{io::IsTerminal, time::Duration};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::api::Api;
use crate::cli::print;

const LOOK: Duration = Duration::from_millis(100);
/// Without a terminal a line says how far it is, not oftener than this.
const LINE: Duration = Duration::from_secs(1);

/// Watches until every photo is here.
pub(super) async fn watch(api: &Api, admin: &str, flow: &str, photos: u32, patience: Duration) -> anyhow::Result<()> {
    let terminal = std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(
        Some(photos.into()),
        if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
    );
    bar.set_style(ProgressStyle::with_template("{bar:32} {pos}/{len} photos  {msg}")?);
    let (begun, mut told) = (Instant::now(), Instant::now());
    while begun.elapsed() < patience {
        let view = api.get(admin, &format!("/api/flows/{flow}")).await?;
        let received = view["files"]["photos"].as_array().map_or(0, Vec::len);
        let message = numbers(&api.counters().await?, begun.elapsed());
        bar.set_position(received as u64);
        bar.set_message(message.clone());
        let here = view["phase"] == "ready" || view["phase"] == "archived";
        if here || (!terminal && told.elapsed() >= LINE) {
            told = Instant::now();
            if here {
                bar.finish_and_clear();
            }
            print::answer(&format!("{received}/{photos} photos  {message}"));
        }
        if here {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
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
