//! `assay store`: prepares a ClickHouse server, and copies a lake to it.

mod copy;
mod migrate;

use crate::args::{StoreArgs, StoreCommand};
use crate::config::Config;
use crate::exit::Outcome;

/// `assay store`.
pub async fn run(config: &Config, args: &StoreArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        StoreCommand::Migrate(args) => migrate::run(config, args).await,
        StoreCommand::Copy(args) => copy::run(config, args).await,
    }
}
