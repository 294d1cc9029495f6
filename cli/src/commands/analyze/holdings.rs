//! `assay analyze holdings`: the history of how assets are held.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use anyhow::Context;
use assay_query::Asset;
use assay_query::analyses::holdings::{self, Options, Summary};

use super::Work;
use crate::args::AnalyzeHoldingsArgs;
use crate::human;

/// Computes the history of each asset that was named, or else of the coins of all chains.
pub(super) async fn run(work: &Work<'_>, args: &AnalyzeHoldingsArgs) -> anyhow::Result<()> {
    for asset in work.chosen_assets(&args.asset).await? {
        let options = Options {
            asset,
            decimals: args.decimals,
            confirmations: args.confirmations,
            entities: args.entities.clone(),
            threads: args.threads.unwrap_or_else(all_cores),
        };
        let started = Instant::now();
        let bar = work.bar(format!("holdings of {}", options.asset));
        let summary = holdings::run(work.session, &options, |progress| work.follow(&bar, progress));
        let context = || format!("analysing how {} is held", options.asset);
        let summary = summary.await.with_context(context)?;
        bar.finish_and_clear();
        work.config.verbosity.remark(report(&options.asset, &summary, started));
        work.conclude(&summary.series, summary.anew.as_deref(), summary.is_stopped)?;
    }
    Ok(())
}

fn report(asset: &Asset, summary: &Summary, started: Instant) -> String {
    let Some(height) = summary.height else {
        return format!("holdings of {asset}: there is no whole day yet that is final");
    };
    let elapsed = started.elapsed();
    format!(
        "holdings of {asset}: {} added, up to height {height}: {} of balances in {} ({} a second), {} now",
        human::counted(summary.days as u64, "day"),
        human::counted(summary.changes, "change"),
        human::duration(elapsed),
        human::count((summary.changes as f64 / elapsed.as_secs_f64()) as u64),
        human::counted(summary.holders as u64, "holder"),
    )
}

fn all_cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
