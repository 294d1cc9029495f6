//! `assay analyze network`: what chains did.

use std::time::Instant;

use anyhow::Context;
use assay_query::analyses::{ChainOptions, network};

use super::Work;
use crate::args::AnalyzeChainArgs;
use crate::human;

/// Computes what the chain that was named did, or else every chain.
pub(super) async fn run(work: &Work<'_>, args: &AnalyzeChainArgs) -> anyhow::Result<()> {
    for chain in work.chosen_chains(args).await? {
        let options = ChainOptions { chain, confirmations: args.confirmations };
        let started = Instant::now();
        let bar = work.bar(format!("network of {chain}"));
        let summary = network::run(work.session, &options, |progress| work.follow(&bar, progress));
        let summary = summary.await.with_context(|| format!("analysing what {chain} did"))?;
        bar.finish_and_clear();
        work.config.verbosity.remark(match summary.height {
            Some(height) => format!(
                "network of {chain}: {} added in {}, up to height {height}",
                human::counted(summary.days as u64, "day"),
                human::duration(started.elapsed()),
            ),
            None => format!("network of {chain}: there is no whole day yet that is final"),
        });
        let series = format!("network-{chain}");
        work.conclude(&series, summary.anew.as_deref(), summary.is_stopped)?;
    }
    Ok(())
}
