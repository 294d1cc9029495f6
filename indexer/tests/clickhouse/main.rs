//! The sink for ClickHouse against a real server: what is stored, what is left after every kind of
//! trouble, and what is said about it.
//!
//! Without Python's `chdb-core` these tests are skipped with a line that says so.

#[path = "../common/block.rs"]
mod block;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/ethereum_source.rs"]
mod ethereum_source;
mod faults;
mod histories;
#[path = "../common/mined.rs"]
mod mined;
mod proxy;
mod server;
#[path = "../simulation/source.rs"]
mod source;
mod stored;
