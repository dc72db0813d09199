//! The test kit. Whatever two story files need is here, and every story takes the same names from it:
//! `use crate::support::{Plan, World, story};`.

pub(crate) mod audit_log;
pub(crate) mod bucket;
pub(crate) mod callbacks;
pub(crate) mod caller;
pub(crate) mod database;
pub(crate) mod definitions;
pub(crate) mod events;
pub(crate) mod figures;
pub(crate) mod files;
pub(crate) mod flows;
pub(crate) mod full_disk;
pub(crate) mod gate;
pub(crate) mod left_over;
pub(crate) mod nginx;
pub(crate) mod people;
pub(crate) mod photos;
pub(crate) mod pictures;
pub(crate) mod plain_flows;
pub(crate) mod process;
pub(crate) mod seals;
pub(crate) mod snapshot;
pub(crate) mod story;
pub(crate) mod until;
pub(crate) mod vendor;
pub(crate) mod wire;
pub(crate) mod world;
pub(crate) mod zips;

pub(crate) use self::{
    caller::{Caller, Told},
    story::{story, story_on_postgres},
    world::{Engine, Plan, World},
};
