//! Renders the first page of a TIFF or a PDF: in a process of its own, with limits on its time, its memory, its pixels
//! and its output, and a few processes at once.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;

use crate::{
    app::App,
    cpu::{
        CpuError,
        child::{self, ChildError},
    },
    picture::{
        inspect::{Inspection, Kind},
        thumbnail::{Impossible, page::RenderedPage},
    },
};

/// The memory of one process, beyond the program itself. A page scanned in colour at 600 dots per inch takes about
/// 250 MiB.
const MEMORY: u64 = 384 << 20;
/// The processor time of one process, in whole seconds.
const CPU_SECONDS: u64 = 20;
/// The time after which a process is killed. On a busy machine it is longer than the processor time.
const PATIENCE: Duration = Duration::from_mins(2);

/// Renders the first page with a long edge of at most `largest`. The inner error is final. The outer one can pass.
pub(super) async fn render(
    app: &App,
    lane: &str,
    bytes: Bytes,
    inspection: &Inspection,
    largest: u32,
) -> Result<Result<RenderedPage, Impossible>, PageError> {
    // A hostile page delays other pages, not photos.
    let _turn = app.bounds.page().await;
    let memory = MEMORY.min(app.config.ingest.decode_bytes_in_flight.get());
    let _place = app.cpu.reserve(lane, memory).await?;
    let kind = if inspection.kind == Kind::Pdf { "pdf" } else { "tiff" };
    let number = |value: u64| value.to_string();
    let args = [
        ["render-page".to_owned(), format!("--kind={kind}")],
        ["--edge".to_owned(), number(largest.into())],
        ["--max-pixels".to_owned(), number(app.config.ingest.max_pixels)],
        ["--memory".to_owned(), number(memory)],
        ["--cpu-seconds".to_owned(), number(CPU_SECONDS)],
    ];
    let output = child::run(&program(app), args.concat(), bytes, RenderedPage::most_bytes(largest), PATIENCE).await;
    Ok(match output {
        Ok(page) => RenderedPage::from_bytes(&page, largest),
        Err(error @ ChildError::Start { .. }) => return Err(error.into()),
        Err(ChildError::Refused(reason)) => Err(Impossible::Page(reason)),
        Err(error) => Err(Impossible::Page(format!("the first page cannot be shown: {error}"))),
    })
}

/// Why a page was not rendered this time.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error("the first page cannot be rendered now: {0}")]
    Process(#[from] ChildError),
}

/// This program itself, also after a newer one took its place on the disk.
fn program(app: &App) -> PathBuf {
    app.config.thumbnail.page_program.clone().unwrap_or_else(|| {
        if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe().unwrap_or_default() }
    })
}
