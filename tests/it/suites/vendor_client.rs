//! The vendor client against a vendor made of raw TCP.

mod changes;
mod photos;
mod reading;
