//! The program `assay`: indexes chains into a lake and answers SQL about them.
//!
//! | file | what it holds |
//! |---|---|
//! | `args.rs` | what was typed |
//! | `config.rs`, `layer.rs` | what is run: `assay.toml`, then environment, then what was typed |
//! | `commands/` | one file or folder a command |
//! | `output/` | rows as table, CSV, JSON, Parquet and Arrow, to a file or a pipe |
//! | `stored/` | what a store says without a query |
//! | `store.rs` | where rows are: the lake, or a server |
//! | `exit.rs` | errors in words, exit codes |
//! | `progress.rs`, `human.rs` | progress bars; sizes and numbers for people |

mod args;
mod commands;
mod config;
mod exit;
mod human;
mod layer;
mod output;
mod progress;
mod store;
mod stored;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match args::Args::try_parse() {
        Ok(args) => exit::code(commands::run(&args)),
        Err(usage) => exit::usage(&usage),
    }
}
