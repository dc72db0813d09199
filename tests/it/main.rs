//! The one integration binary: stories through the front door, and suites that every back end passes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod architecture;
mod caller;
mod power;
mod program;
mod simulator;
mod stories;
mod stories_api;
mod stories_archive;
mod stories_audit;
mod stories_callbacks;
mod stories_definitions;
mod stories_faults;
mod stories_files;
mod stories_files_archive;
mod stories_files_download;
mod stories_files_vendor;
mod stories_flow_seals;
mod stories_flow_steps;
mod stories_lists;
mod stories_oddities;
mod stories_seal;
mod stories_seal_apply;
mod suite_audit;
mod suite_db;
mod suite_store;
mod suite_store_durability;
mod tour;
mod vendor_client;
mod world;
