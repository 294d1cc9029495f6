//! `assay analyze holdings`: the history of how assets are held.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail};
use assay_query::analyses::holdings::{self, Options, Summary};
use assay_query::{Asset, Session};

use super::Interruption;
use crate::args::AnalyzeHoldingsArgs;
use crate::commands::rows::{for_each, text_at, texts};
use crate::config::Config;
use crate::human;

/// Computes the history of each asset that was named, or else of the coins of all chains.
pub(super) async fn run(
    config: &Config,
    session: &Session,
    args: &AnalyzeHoldingsArgs,
    interruption: &Interruption,
) -> anyhow::Result<()> {
    for asset in assets(session, args).await? {
        let options = Options {
            asset,
            decimals: args.decimals,
            confirmations: args.confirmations,
            entities: args.entities.clone(),
            threads: args.threads.unwrap_or_else(all_cores),
        };
        let started = Instant::now();
        let bar = config.verbosity.bar("holdings", 0, "blocks");
        bar.set_message(format!("holdings of {}", options.asset));
        let summary = holdings::run(session, &options, |progress| {
            bar.set_length(progress.to + 1 - progress.from);
            bar.set_position(progress.height + 1 - progress.from);
            interruption.check()
        });
        let context = || format!("analysing how {} is held", options.asset);
        let summary = summary.await.with_context(context)?;
        bar.finish_and_clear();
        report(config, &options.asset, &summary, started);
        if summary.is_stopped {
            bail!("interrupted: what is done is kept, and the next run goes on from there");
        }
    }
    Ok(())
}

fn report(config: &Config, asset: &Asset, summary: &Summary, started: Instant) {
    if let Some(reason) = &summary.anew {
        config.verbosity.warn(format!("{} was computed anew: {reason}", summary.series));
    }
    let Some(height) = summary.height else {
        let text = format!("{asset}: there is no whole day yet that is final");
        return config.verbosity.remark(text);
    };
    let elapsed = started.elapsed();
    let rate = summary.changes as f64 / elapsed.as_secs_f64();
    config.verbosity.remark(format!(
        "{asset}: {} added, up to height {height}: {} of balances in {} ({} a second), {} now",
        human::counted(summary.days as u64, "day"),
        human::counted(summary.changes, "change"),
        human::duration(elapsed),
        human::count(rate as u64),
        human::counted(summary.holders as u64, "holder"),
    ));
}

async fn assets(session: &Session, args: &AnalyzeHoldingsArgs) -> anyhow::Result<Vec<Asset>> {
    if !args.asset.is_empty() {
        let named = args.asset.iter().map(|name| Asset::named(name));
        return Ok(named.collect::<Result<_, _>>()?);
    }
    let mut coins = Vec::new();
    for_each(session, "select chain from system.watermarks where height is not null", |batch| {
        let chains = texts(batch, 0)?;
        for row in 0..batch.num_rows() {
            coins.extend(text_at(&chains, row).map(Asset::named).transpose()?);
        }
        Ok(())
    })
    .await?;
    Ok(coins)
}

fn all_cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
