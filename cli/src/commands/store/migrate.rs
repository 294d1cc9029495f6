//! `assay store migrate`.

use anyhow::bail;
use assay_clickhouse::{Cluster, LATEST, migrate};

use crate::args::MigrateArgs;
use crate::config::Config;
use crate::exit::Outcome;
use crate::store::Store;

/// `assay store migrate`.
pub async fn run(config: &Config, args: &MigrateArgs) -> anyhow::Result<Outcome> {
    let Store::ClickHouse(server) = &config.store else {
        bail!(
            "no server: name one with --store clickhouse://user@host:8123/assay, with ASSAY_STORE, or \
             as store in assay.toml; a lake needs no preparation"
        )
    };
    let cluster =
        args.cluster.clone().map(|name| Cluster { name, has_keeper: !args.without_keeper });
    let done = migrate(&server.connect()?, cluster.as_ref()).await?;
    for name in &done.applied {
        config.verbosity.remark(format_args!("applied {name}"));
    }
    if done.without_roles {
        config.verbosity.warn(
            "the server does not let users be made in SQL: roles and limits were left out, and \
             belong into its configuration (docs/clickhouse.md shows how)",
        );
    }
    if done.applied.is_empty() {
        let place = &server.address;
        config.verbosity.remark(format_args!("{place} is up to date: migration {LATEST}"));
    }
    Ok(Outcome::Done)
}
