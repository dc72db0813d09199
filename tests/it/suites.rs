//! Suites: what every database, every store and the vendor client must do, below the front door.

mod audit;
mod db;
mod db_faults;
mod fixity;
mod listing;
mod migrations;
mod page_sources;
mod schema;
mod search;
mod store;
mod store_durability;
mod sweep;
mod tls;
mod vendor_client;
