//! What `assay energy` and `assay analyze energy` are told.

use clap::Args as ClapArgs;

use super::{ChainArg, ReportFormat, pair};

const ENERGY_EXAMPLES: &str = "\
Examples:
  assay energy
  assay energy --year 2020
  assay energy --chain ethereum
  assay energy --year 2020 --set price_usd_per_kwh=0.07 --set pue=1.2
  assay energy --format json

Hash rates are those of the chain that is indexed, of other days those that were imported (`assay reference
import`). If no chain is indexed, those of Bitcoin up to June 2026 come with the program.
Prices, machines, countries and parameters are the tables of the schema reference, all of which can be
changed; `assay sql \"select * from reference.energy_parameters\"` lists the parameters. What is computed
here for every question, `assay analyze energy` keeps, day by day.";

/// `assay energy`.
#[derive(Debug, ClapArgs)]
#[command(after_help = ENERGY_EXAMPLES)]
pub struct EnergyArgs {
    /// Chain
    #[arg(long, value_enum, value_name = "CHAIN", default_value = "bitcoin")]
    pub chain: ChainArg,
    /// The year, with what it rests on and compares to [default: a line for every year]
    #[arg(long, value_name = "YEAR")]
    pub year: Option<i32>,
    /// A parameter that is to be otherwise; may be given more than once
    #[arg(long, value_name = "PARAMETER=NUMBER", value_parser = parameter)]
    pub set: Vec<(String, f64)>,
    /// Blocks that there have to be until one counts as final, itself included [default: 6 for Bitcoin;
    /// for Ethereum what the node says, else 64]
    #[arg(long, value_name = "N")]
    pub confirmations: Option<u64>,
    /// Format
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
}

/// `assay analyze energy`.
#[derive(Debug, Default, ClapArgs)]
pub struct AnalyzeEnergyArgs {
    /// Chain [default: every chain that is indexed, or of which there are hash rates]
    #[arg(long, value_enum)]
    pub chain: Option<ChainArg>,
    /// Blocks that there have to be until one counts as final, itself included [default: 6 for Bitcoin;
    /// for Ethereum what the node says, else 64]
    #[arg(long, value_name = "N")]
    pub confirmations: Option<u64>,
    /// A parameter that is to be otherwise; may be given more than once
    #[arg(long, value_name = "PARAMETER=NUMBER", value_parser = parameter)]
    pub set: Vec<(String, f64)>,
}

/// A name and a number with `=` between them.
fn parameter(text: &str) -> Result<(String, f64), String> {
    let (name, value) = pair(text)?;
    let number = value.parse().map_err(|_| format!("'{value}' is not a number"))?;
    Ok((name, number))
}
