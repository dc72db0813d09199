//! Stories through the front door: each is one sentence that must be true on both engines.

mod api_access;
mod api_input;
mod api_reading;
mod archive;
mod audit;
mod callbacks;
mod definitions;
mod faults;
mod files;
mod files_archive;
mod files_download;
mod files_slow;
mod files_vendor;
mod flow_back;
mod flow_seals;
mod flow_steps;
mod help_page;
mod hints;
mod lists;
mod main_job;
mod oddities;
mod power;
mod power_sending;
mod program;
mod rights;
mod seal;
mod seal_answers;
mod seal_apply;
mod seal_ends;
mod seal_time;
mod sending;
mod tour;

pub(crate) use crate::support::story::on_both_engines;
