//! `assay demo`: simulated chains, a lake of them, and a prompt: all of assay with nothing else
//! installed.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;
use assay_fixtures::simulate::options::{Chains, Options};
use assay_fixtures::simulate::output::{self, Outcome as Simulated};
use assay_model::Network;
use tempfile::TempDir;

use super::interrupt::unless_interrupted;
use super::{index, sql};
use crate::args::{DemoArgs, IndexBitcoinArgs, IndexEthereumArgs, SqlArgs};
use crate::config::Config;
use crate::exit::Outcome;
use crate::human;
use crate::layer::{BitcoinLayer, EthereumLayer};

/// Folder of the simulation within that of the demo.
const CHAINS_DIR: &str = "chains";
/// Folder of the lake within that of the demo.
const LAKE_DIR: &str = "lake";

/// What there is to try: questions, and the SQL that answers them.
const TO_TRY: [(&str, &str); 3] = [
    (
        "How unequal are holdings? Addresses by what they hold:",
        "\
select case when balance < 1000000 then 'below 0.01 BTC'
            when balance < 100000000 then '0.01 to 1 BTC'
            else '1 BTC and more' end as holding,
       count(*) as addresses,
       round(100.0 * count(*) / sum(count(*)) over (), 1) as percent_of_addresses,
       round(100.0 * sum(balance) / sum(sum(balance)) over (), 1) as percent_of_coins
from bitcoin.balances group by 1 order by min(balance)",
    ),
    (
        "Which transactions look like CoinJoins? Those with most outputs of one value:",
        "\
select height, txid, value as satoshi, count(*) as equal_outputs
from bitcoin.outputs group by 1, 2, 3 having count(*) >= 5
order by equal_outputs desc, height limit 5",
    ),
    (
        "Which tokens move on Ethereum, and how far are they spread?",
        "\
select token, standard, count(*) as transfers, count(distinct to_address) as receivers
from ethereum.token_transfers group by 1, 2 order by transfers desc, token limit 5",
    ),
];

/// `assay demo`.
pub async fn run(config: &Config, args: &DemoArgs) -> anyhow::Result<Outcome> {
    let temporary;
    let dir = match &args.keep {
        Some(dir) => dir.as_path(),
        None => {
            temporary = TempDir::with_prefix("assay-demo-").context("cannot make a folder")?;
            temporary.path()
        }
    };
    let config = configure(config, dir);
    simulate(&config, args, dir).await?;
    unless_interrupted(index(&config)).await?;
    for (question, statement) in TO_TRY {
        println!("\n-- {question}\n{statement};\n");
        answer(&config, statement).await?;
    }
    let lake = config.lake_dir.display();
    println!("\nThe lake is {lake}");
    match &args.keep {
        Some(_) => println!("Ask it more:  assay sql --lake {lake}"),
        None => println!("It is removed at the end; --keep DIR keeps it"),
    }
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return sql::run(&config, &SqlArgs::default()).await;
    }
    Ok(Outcome::Done)
}

/// The configuration of a demo in `dir`: sources that people have configured are none of its own.
fn configure(config: &Config, dir: &Path) -> Config {
    let ethereum = dir.join(CHAINS_DIR).join("ethereum");
    Config {
        lake_dir: dir.join(LAKE_DIR),
        bitcoin: BitcoinLayer {
            blocks_dir: Some(dir.join(CHAINS_DIR).join("bitcoin/blocks")),
            network: Some(Network::Regtest),
            ..BitcoinLayer::default()
        },
        ethereum: EthereumLayer {
            era_dir: Some(ethereum.join("rlp")),
            genesis: Some(ethereum.join("genesis.json")),
            ..EthereumLayer::default()
        },
        ..config.clone()
    }
}

/// Simulates both chains, unless an earlier demo did.
async fn simulate(config: &Config, args: &DemoArgs, dir: &Path) -> anyhow::Result<()> {
    let options = Options { seed: args.seed, scale: args.scale, ..Options::default() };
    let dir: PathBuf = dir.join(CHAINS_DIR);
    let total = output::blocks(&options, Chains::All);
    let bar = config.verbosity.bar("simulating", total, "blocks");
    let started = Instant::now();
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&is_stopped);
    let mut work = tokio::task::spawn_blocking(move || {
        let outcome = output::write(&options, Chains::All, &dir, &mut |done| {
            bar.set_position(done);
            match stopped.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        bar.finish_and_clear();
        outcome
    });
    let done = unless_interrupted(async { Ok((&mut work).await?) }).await;
    let outcome = match done {
        Ok(outcome) => outcome?,
        Err(interrupted) => {
            // It ends before its folder goes.
            is_stopped.store(true, Ordering::Relaxed);
            let _ = work.await;
            return Err(interrupted);
        }
    };
    if let Simulated::Written(written) = outcome {
        let bitcoin = written.bitcoin.as_ref().map_or(0, |chain| chain.transactions);
        let ethereum = written.ethereum.as_ref().map_or(0, |chain| chain.transactions);
        config.verbosity.remark(format_args!(
            "simulated {} and {} of five years in {}",
            human::counted(bitcoin, "Bitcoin transaction"),
            human::counted(ethereum, "Ethereum transaction"),
            human::duration(started.elapsed()),
        ));
    }
    Ok(())
}

/// Brings both chains into the lake.
async fn index(config: &Config) -> anyhow::Result<()> {
    index::bitcoin::run(config, &IndexBitcoinArgs::default()).await?;
    index::ethereum::run(config, &IndexEthereumArgs::default()).await?;
    Ok(())
}

/// Shows what the lake answers to `statement`.
async fn answer(config: &Config, statement: &str) -> anyhow::Result<()> {
    let args = SqlArgs { sql: Some(statement.to_owned()), ..SqlArgs::default() };
    sql::run(config, &args).await?;
    Ok(())
}
