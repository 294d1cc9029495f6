//! `assay verify`: checks that a lake agrees with itself and with the rules of its chain.
//!
//! | file | what it checks |
//! |---|---|
//! | `segments.rs` | segments against their files |
//! | `bitcoin/` | what Bitcoin's rows must be |
//! | `ethereum/` | what Ethereum's rows must be |
//!
//! # Invariants
//!
//! * Rows are read in windows that fit into memory; what is compared is decided apart from reading.
//! * Heights at and above the end that was seen first are not looked at: an indexer may be adding
//!   them.

mod bitcoin;
mod check;
mod ethereum;
mod report;
mod segments;

use std::time::Instant;

use anyhow::ensure;
use assay_model::Chain;
use assay_query::Session;

use self::report::Report;
use self::segments::Segments;
use crate::args::VerifyArgs;
use crate::config::Config;
use crate::exit::Outcome;
use crate::output::target::Target;
use crate::stored::{self, StoredChain};

/// `assay verify`.
pub async fn run(config: &Config, args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let mut chains = stored::chains(config).await?;
    if let Some(chain) = args.chain {
        chains.retain(|folder| folder.chain == chain.chain());
        ensure!(!chains.is_empty(), "the store does not have it");
    }
    let session = Session::open(config.session_options()?).await?;
    let mut reports = Vec::new();
    for folder in &chains {
        reports.push(verify(&session, folder, config, args.prevouts).await?);
    }
    let mut target = Target::stdout();
    report::write(&reports, args.format, &mut target)?;
    target.finish()?;
    let differ = reports.iter().any(Report::differs);
    Ok(if differ { Outcome::Differences } else { Outcome::Done })
}

/// Checks one chain.
async fn verify(
    session: &Session,
    folder: &StoredChain,
    config: &Config,
    with_prevouts: bool,
) -> anyhow::Result<Report> {
    let started = Instant::now();
    let segments = Segments::of(folder);
    let files = segments.so_far().clone();
    let result = match folder.chain {
        Chain::Bitcoin => {
            bitcoin::check_rows(session, folder, segments, config, with_prevouts).await
        }
        Chain::Ethereum => ethereum::check_rows(session, folder, segments, config).await,
    };
    let (checks, stopped) = match result {
        Ok(checks) => (checks, None),
        // Rows cannot be read because files are damaged: that is what was to be found out.
        Err(error) if files.differences > 0 => (vec![files], Some(format!("{error:#}"))),
        Err(error) => return Err(error),
    };
    Ok(Report::new(folder, checks, stopped, started.elapsed()))
}
