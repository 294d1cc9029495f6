//! What `assay reference` is told.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::pair;

const REFERENCE_EXAMPLES: &str = "\
Examples:
  assay reference list
  assay reference export mining_hardware -o machines.csv
  assay reference import mining_hardware machines.csv
  assay reference import prices btc.csv --column day=Date --column price=Close \\
      --set asset=bitcoin --set currency=usd --set source='my exchange'
  assay reference import headers headers.csv --set chain=bitcoin
  assay reference reset prices

These tables are what figures rest on that no chain knows: prices, machines, where miners are, what
electricity is there. All have rows that come with the program; `assay tables reference.prices` describes
the columns, which are those of the CSV files, too.";

/// `assay reference`.
#[derive(Debug, ClapArgs)]
#[command(after_help = REFERENCE_EXAMPLES)]
pub struct ReferenceArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ReferenceAction,
}

/// What is done with a table.
#[derive(Debug, Subcommand)]
pub enum ReferenceAction {
    /// List the tables, and what of them was imported
    List,
    /// Take the rows of a CSV file in the place of those that there are of the same series
    Import(ImportArgs),
    /// Write a table as CSV that can be imported
    Export(ExportArgs),
    /// Forget what was imported into a table
    Reset(ResetArgs),
}

/// `assay reference import`.
#[derive(Debug, ClapArgs)]
pub struct ImportArgs {
    /// The table, like prices; or headers, from which hash rates are computed, for those who have no full
    /// chain: a line a block, none left out, with its height, time (seconds since 1970), and difficulty or
    /// Bitcoin's bits in hex
    pub table: String,
    /// CSV with a header
    pub file: PathBuf,
    /// How a column is called in the file, if otherwise than in the table
    #[arg(long, value_name = "COLUMN=HEADER", value_parser = pair)]
    pub column: Vec<(String, String)>,
    /// What a column is in all rows
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
}

/// `assay reference export`.
#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    /// The table, like prices
    pub table: String,
    /// File to write [default: the standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `assay reference reset`.
#[derive(Debug, ClapArgs)]
pub struct ResetArgs {
    /// The table, like prices
    pub table: String,
}
