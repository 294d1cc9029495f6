//! SQL over ClickHouse: the same rows as over a lake, and how they are asked for. A real server
//! answers.

#[path = "../support/mod.rs"]
mod support;

mod database;
mod made;
mod parity;
mod random;
mod recorder;
mod sent;
mod snapshots;
mod trouble;
