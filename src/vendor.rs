//! The simulated vendor.

pub mod simulator;
