//! The one integration binary: stories through the front door, and suites that every back end passes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod architecture;
mod simulator;
mod stories;
mod suite_migrations;
mod suites;
mod support;

// Paths that suite_migrations and the kit's caller use.
use support::{caller, files as stories_files, world};
