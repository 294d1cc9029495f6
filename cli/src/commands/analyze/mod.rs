//! `assay analyze`: computes what is too long to compute for every question, and keeps it.

mod holdings;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use assay_query::Session;

use super::interrupt;
use crate::args::{Analysis, AnalyzeArgs, AnalyzeHoldingsArgs};
use crate::config::Config;
use crate::exit::Outcome;

/// `assay analyze`.
pub async fn run(config: &Config, args: &AnalyzeArgs) -> anyhow::Result<Outcome> {
    let session = Session::open(config.session_options()?).await?;
    let interruption = Interruption::listen()?;
    match &args.analysis {
        Some(Analysis::Holdings(typed)) => {
            holdings::run(config, &session, typed, &interruption).await?;
        }
        None => {
            let typed = AnalyzeHoldingsArgs::default();
            holdings::run(config, &session, &typed, &interruption).await?;
        }
    }
    Ok(Outcome::Done)
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
        if self.0.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
