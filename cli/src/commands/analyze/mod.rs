//! `assay analyze`: computes what is too long to compute for every question, and keeps it.

mod balances;
mod energy;
mod holdings;
mod network;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use assay_model::Chain;
use assay_query::analyses::Progress;
use assay_query::{Asset, Session, SessionOptions};
use indicatif::ProgressBar;

use super::interrupt;
use super::rows::{for_each, texts};
use crate::args::{
    Analysis, AnalyzeArgs, AnalyzeBalancesArgs, AnalyzeChainArgs, AnalyzeEnergyArgs,
    AnalyzeHoldingsArgs,
};
use crate::config::Config;
use crate::exit::Outcome;

/// `assay analyze`.
pub async fn run(config: &Config, args: &AnalyzeArgs) -> anyhow::Result<Outcome> {
    let needs_chain = !matches!(args.analysis, Some(Analysis::Energy(_)));
    let session =
        Session::open(SessionOptions { needs_chain, ..config.session_options()? }).await?;
    let work = Work { config, session: &session, interruption: Interruption::listen()? };
    match &args.analysis {
        Some(Analysis::Balances(typed)) => balances::run(&work, typed).await?,
        Some(Analysis::Energy(typed)) => energy::run(&work, typed).await?,
        Some(Analysis::Holdings(typed)) => holdings::run(&work, typed).await?,
        Some(Analysis::Network(typed)) => network::run(&work, typed).await?,
        None => {
            balances::run(&work, &AnalyzeBalancesArgs::default()).await?;
            holdings::run(&work, &AnalyzeHoldingsArgs::default()).await?;
            network::run(&work, &AnalyzeChainArgs::default()).await?;
            energy::run(&work, &AnalyzeEnergyArgs::default()).await?;
        }
    }
    Ok(Outcome::Done)
}

/// What every analysis needs.
struct Work<'a> {
    config: &'a Config,
    session: &'a Session,
    interruption: Interruption,
}

impl Work<'_> {
    /// A bar that is told of an analysis' progress.
    fn bar(&self, message: String) -> ProgressBar {
        let bar = self.config.verbosity.bar("", 0, "blocks");
        bar.set_message(message);
        bar
    }

    /// Shows `progress`, and says whether to go on.
    fn follow(&self, bar: &ProgressBar, progress: Progress) -> ControlFlow<()> {
        bar.set_length(progress.to + 1 - progress.from);
        bar.set_position(progress.height + 1 - progress.from);
        self.interruption.check()
    }

    /// Says why everything was computed anew, if it was, and fails if the analysis was stopped.
    fn conclude(&self, series: &str, anew: Option<&str>, is_stopped: bool) -> anyhow::Result<()> {
        if let Some(reason) = anew {
            self.config.verbosity.warn(format!("{series} was computed anew: {reason}"));
        }
        if is_stopped {
            bail!("interrupted: what is done is kept, and the next run goes on from there");
        }
        Ok(())
    }

    /// The chain that was named, or else every chain that is indexed.
    async fn chosen_chains(&self, args: &AnalyzeChainArgs) -> anyhow::Result<Vec<Chain>> {
        match args.chain {
            Some(chain) => Ok(vec![chain.chain()]),
            None => self.chains().await,
        }
    }

    /// The assets that were named, or else the coins of every chain that is indexed.
    async fn chosen_assets(&self, names: &[String]) -> anyhow::Result<Vec<Asset>> {
        if names.is_empty() {
            return Ok(self.chains().await?.into_iter().map(Asset::Coin).collect());
        }
        Ok(names.iter().map(|name| Asset::named(name)).collect::<Result<_, _>>()?)
    }

    /// Every chain that is indexed.
    async fn chains(&self) -> anyhow::Result<Vec<Chain>> {
        let sql = "select chain from system.watermarks where height is not null";
        let mut chains = Vec::new();
        for_each(self.session, sql, |batch| {
            let names = texts(batch, 0)?;
            let named = |chain: &Chain| names.iter().flatten().any(|name| name == chain.name());
            chains.extend(Chain::ALL.into_iter().filter(named));
            Ok(())
        })
        .await?;
        Ok(chains)
    }
}

/// Whether somebody wants the work to end.
struct Interruption(Arc<AtomicBool>);

impl Interruption {
    fn listen() -> anyhow::Result<Interruption> {
        let flag = Arc::new(AtomicBool::new(false));
        let signal = interrupt::interruption().context("cannot listen for interruptions")?;
        let raised = Arc::clone(&flag);
        tokio::spawn(async move {
            signal.await;
            raised.store(true, Ordering::Relaxed);
        });
        Ok(Interruption(flag))
    }

    /// Whether to go on.
    fn check(&self) -> ControlFlow<()> {
        match self.0.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
