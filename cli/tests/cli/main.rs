//! Runs the program as its users do, over a small lake that is written here.

mod clickhouse;
mod common;
mod demo;
mod energy;
mod ethereum;
mod functions;
mod holdings;
mod index;
mod network;
mod serve;
mod sql;
mod status;
mod tables;
mod usage;
mod verify;
