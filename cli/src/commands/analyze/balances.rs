//! `assay analyze balances`: what each address holds.

use std::time::Instant;

use anyhow::Context;
use assay_query::analyses::{ChainOptions, balances};

use super::Work;
use crate::args::AnalyzeChainArgs;
use crate::human;

/// Brings the balances of the chain that was named up to date, or else those of every chain.
pub(super) async fn run(work: &Work<'_>, args: &AnalyzeChainArgs) -> anyhow::Result<()> {
    for chain in work.chosen_chains(args).await? {
        let options = ChainOptions { chain, confirmations: args.confirmations };
        let started = Instant::now();
        let spinner = work.config.verbosity.spinner(format!("balances of {chain}"));
        let summary = balances::run(work.session, &options, |addresses| {
            spinner.set_position(addresses);
            work.interruption.check()
        });
        let summary = summary.await.with_context(|| format!("adding up balances of {chain}"))?;
        spinner.finish_and_clear();
        work.config.verbosity.remark(match (summary.height, summary.addresses) {
            (Some(height), Some(addresses)) => format!(
                "balances of {chain}: {} as of height {height}, in {}",
                human::counted(addresses, "holder"),
                human::duration(started.elapsed()),
            ),
            (Some(height), None) => {
                format!("balances of {chain}: up to date as of height {height}")
            }
            (None, _) => format!("balances of {chain}: no block is final yet"),
        });
        let series = format!("balances-{chain}");
        work.conclude(&series, summary.anew.as_deref(), summary.is_stopped)?;
    }
    Ok(())
}
