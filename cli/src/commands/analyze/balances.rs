//! `assay analyze balances`: what each address holds.

use std::time::Instant;

use anyhow::Context;
use assay_query::analyses::balances::{self, Options};

use super::Work;
use crate::args::AnalyzeBalancesArgs;
use crate::human;

/// Brings the balances of each asset that was named up to date, or else those of the coins of all chains.
pub(super) async fn run(work: &Work<'_>, args: &AnalyzeBalancesArgs) -> anyhow::Result<()> {
    for asset in work.chosen_assets(&args.asset).await? {
        let options = Options { asset, confirmations: args.confirmations };
        let asset = &options.asset;
        let started = Instant::now();
        let spinner = work.config.verbosity.spinner(format!("balances of {asset}"));
        let summary = balances::run(work.session, &options, |addresses| {
            spinner.set_position(addresses);
            work.interruption.check()
        });
        let summary = summary.await.with_context(|| format!("adding up balances of {asset}"))?;
        spinner.finish_and_clear();
        work.config.verbosity.remark(match (summary.height, summary.addresses) {
            (Some(height), Some(addresses)) => format!(
                "balances of {asset}: {} as of height {height}, in {}",
                human::counted(addresses, "holder"),
                human::duration(started.elapsed()),
            ),
            (Some(height), None) => {
                format!("balances of {asset}: up to date as of height {height}")
            }
            (None, _) => format!("balances of {asset}: no block is final yet"),
        });
        let series = format!("balances-{asset}");
        work.conclude(&series, summary.anew.as_deref(), summary.is_stopped)?;
    }
    Ok(())
}
