//! `assay analyze energy`: what chains burn, day by day.

use anyhow::Context;
use assay_model::Chain;
use assay_query::QueryError;
use assay_query::analyses::energy::{self, Options, Summary};

use super::Work;
use crate::args::AnalyzeEnergyArgs;
use crate::human;

/// Computes what each chain burns of which there is anything to go by.
pub(super) async fn run(work: &Work<'_>, args: &AnalyzeEnergyArgs) -> anyhow::Result<()> {
    let chains = args.chain.map_or(Chain::ALL.to_vec(), |chain| vec![chain.chain()]);
    let mut found = false;
    for (place, chain) in chains.iter().enumerate() {
        let options =
            Options { chain: *chain, confirmations: args.confirmations, changes: args.set.clone() };
        match energy::run(work.session, &options).await {
            Ok(summary) => {
                found = true;
                work.config.verbosity.remark(report(*chain, &summary));
            }
            // Of chains that nobody named, one is enough.
            Err(QueryError::NoHashRates { .. })
                if args.chain.is_none() && (found || place + 1 < chains.len()) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("analysing what {chain} burns"));
            }
        }
    }
    Ok(())
}

fn report(chain: Chain, summary: &Summary) -> String {
    let rows = human::counted(summary.rows, "row");
    let up_to = summary
        .height
        .map_or("from reference.hash_rates".to_owned(), |height| format!("up to height {height}"));
    let same = if summary.is_same { ", as it was" } else { "" };
    format!("energy of {chain}: {rows} {up_to}{same}")
}
