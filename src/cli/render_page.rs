//! `yinku render-page`: renders the first page of a file. The service starts this program for each page, because the
//! decoders can be held to their limits only in a process of their own. See [`crate::picture::thumbnail::page`].

use std::{io::Read, process::ExitCode};

use anyhow::Context;
use clap::ValueEnum;

use crate::picture::{
    inspect::Kind,
    thumbnail::{ThumbnailLimits, page},
};

#[derive(Debug, clap::Args)]
pub(crate) struct RenderPageArgs {
    /// The format of the bytes on standard input.
    #[arg(long)]
    kind: PageKind,
    /// Pixels of the long edge of the result.
    #[arg(long)]
    edge: u32,
    /// Most pixels of a picture that is decoded.
    #[arg(long)]
    max_pixels: u64,
    /// Bytes of memory that this process may use.
    #[arg(long)]
    memory: u64,
    /// Seconds of processor time that this process may use.
    #[arg(long)]
    cpu_seconds: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PageKind {
    Tiff,
    Pdf,
}

/// Writes width, height and pixels to standard output. On failure writes the reason to standard error.
pub(crate) fn run(args: &RenderPageArgs) -> anyhow::Result<ExitCode> {
    confine(args).context("cannot limit this process")?;
    // The panic becomes the reason.
    std::panic::set_hook(Box::new(|_| {}));
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).context("cannot read the file")?;
    let kind = match args.kind {
        PageKind::Tiff => Kind::Tiff,
        PageKind::Pdf => Kind::Pdf,
    };
    let limits = ThumbnailLimits {
        max_pixels: args.max_pixels,
        max_memory: args.memory.saturating_sub(bytes.len() as u64),
        ..ThumbnailLimits::default()
    };
    match page::render(bytes, kind, args.edge, &limits) {
        Ok(page) => {
            super::print::bytes_to_stdout(&page.to_bytes()).context("cannot write the page")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(reason) => {
            super::print::to_stderr(&reason.to_string());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Limits this process: memory beyond what the program itself takes, processor time, no files, no core dump.
#[cfg(target_os = "linux")]
fn confine(args: &RenderPageArgs) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let status = std::fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB")?.parse().ok());
    let program: u64 = size.context("the system does not state the size of this process")?;
    let both = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, both(program * 1024 + args.memory))?;
    setrlimit(Resource::Cpu, both(args.cpu_seconds))?;
    setrlimit(Resource::Fsize, both(0))?;
    setrlimit(Resource::Core, both(0))?;
    Ok(())
}

/// Other systems have no such limits. The caller ends this process after its time.
#[cfg(not(target_os = "linux"))]
fn confine(_: &RenderPageArgs) -> anyhow::Result<()> {
    Ok(())
}
