//! The tables of the schema `reference`: rows that come with the program, and those that were imported in
//! their place.
//!
//! | file | what it holds |
//! |---|---|
//! | `rows.rs` | rows, from CSV and to it |
//! | `check.rs`, `countries.rs` | what rows cannot be |
//! | `headers.rs` | hash rates out of the headers of a chain |
//! | `imports.rs` | the folder of what was imported |
//! | `prices.rs`, `tokens.rs` | what an asset cost on a day, and into what a token is divided |
//! | `months.rs` | months and years of days |

mod check;
mod countries;
mod headers;
mod imports;
mod months;
mod prices;
mod rows;
mod tokens;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use assay_model::reference::{HASH_RATES, ReferenceTable, TABLES};

use self::check::Today;
pub(crate) use self::imports::Reference;
pub(crate) use self::months::{month, year};
pub(crate) use self::prices::{DEFAULT_CURRENCY, Price, Prices, last_at};
use self::rows::in_other_units;
pub(crate) use self::rows::{Row, Rows, day};
pub(crate) use self::tokens::decimals_in;
use crate::QueryError;

/// What may be imported beside tables.
const HEADERS: &str = "headers";

/// How the columns of a file are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// For a column of the table, the name that it has in the file.
    pub names: BTreeMap<String, String>,
    /// For a column of the table, what it is in all rows.
    pub constants: BTreeMap<String, String>,
}

impl Columns {
    /// Columns of the names of the table, but for those that are the same in all rows.
    fn constant<const N: usize>(constants: [(&str, &str); N]) -> Columns {
        let constants = constants.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Columns { constants: constants.into(), ..Columns::default() }
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Name of the table that they are in.
    pub table: &'static str,
    /// Rows that were read.
    pub rows: usize,
    /// Rows that the table has now, those that come with the program included.
    pub all: usize,
}

/// Why rows cannot be taken, and where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    line: u64,
    reason: String,
}

impl Wrong {
    fn at(line: u64, reason: String) -> Wrong {
        Wrong { line, reason }
    }

    fn in_file(self, path: &Path) -> QueryError {
        QueryError::Reference { path: path.to_owned(), line: self.line, reason: self.reason }
    }
}

/// A table, and what there is of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The table.
    pub table: &'static ReferenceTable,
    /// Rows that it has.
    pub rows: usize,
    /// Those of them that were imported; `None` if nothing was.
    pub imported: Option<usize>,
}

/// Every table, in the order of their names.
pub fn list(dir: &Path) -> Result<Vec<Listed>, QueryError> {
    let reference = Reference::open(dir)?;
    let listed = TABLES.into_iter().map(|table| {
        let rows = reference.rows(table)?.rows.len();
        let imported = reference.imported(table)?.map(|imported| imported.rows.len());
        Ok(Listed { table, rows, imported })
    });
    listed.collect()
}

/// Takes the rows of a CSV file into the table called `table`, in the folder `dir` of results. They take the
/// place of what there is of the same series, or, where a table has none, of all of it.
///
/// In the place of a table `headers` may stand: the headers of all blocks of the chain that the constant
/// `chain` names, with the columns `height`, `time` and `difficulty` or, of Bitcoin, `bits`. Of Bitcoin those
/// at multiples of 2,016 are enough, which is where difficulty changes. What follows from them, day by day,
/// goes into `reference.hash_rates`.
///
/// # Errors
///
/// If there is no such table, or a row cannot be one of it: the error names file and line. Then nothing is
/// changed.
pub fn import(
    dir: &Path,
    table: &str,
    file: &Path,
    columns: &Columns,
) -> Result<Imported, QueryError> {
    let rows = if table == HEADERS {
        check_names(HEADERS, &headers::COLUMNS, columns.names.keys())?;
        check_names(HEADERS, &headers::CONSTANTS, columns.constants.keys())?;
        headers::hash_rates(&imports::read_file(file)?, columns, today())
    } else {
        let table = find(table)?;
        let known: Vec<_> = table.columns.iter().map(|column| column.name).collect();
        check_names(table.name, &known, columns.names.keys().chain(columns.constants.keys()))?;
        Rows::read(table, &imports::read_file(file)?, columns, today())
    };
    imports::add(dir, rows.map_err(|wrong| wrong.in_file(file))?)
}

/// The rows of the table called `table` as CSV that [`import`] takes.
pub fn export(dir: &Path, table: &str) -> Result<Vec<u8>, QueryError> {
    Ok(Reference::open(dir)?.rows(find(table)?)?.to_csv())
}

/// Forgets what was imported into the table called `table`; says whether there was anything.
pub fn reset(dir: &Path, table: &str) -> Result<bool, QueryError> {
    imports::remove(dir, find(table)?)
}

fn find(name: &str) -> Result<&'static ReferenceTable, QueryError> {
    ReferenceTable::find(name).ok_or_else(|| QueryError::UnknownReference {
        name: name.to_owned(),
        known: format!(
            "{}; and {HEADERS} can be imported",
            TABLES.map(|table| table.name).join(", ")
        ),
    })
}

/// An error unless all that are `named` are columns of what is called `of`, those that are `known`.
fn check_names<'a>(
    of: &str,
    known: &[&str],
    mut named: impl Iterator<Item = &'a String>,
) -> Result<(), QueryError> {
    let is_one = |name: &String, known: &str| {
        name == known || in_other_units(known).any(|(other, _)| other == *name)
    };
    match named.find(|name| !known.iter().any(|known| is_one(name, known))) {
        None => Ok(()),
        Some(name) => Err(QueryError::UnknownColumn {
            name: name.clone(),
            of: of.to_owned(),
            known: known.join(", "),
        }),
    }
}

/// The day that it is, UTC.
fn today() -> Today {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The rows of `table` that come with the program.
pub(crate) fn shipped(table: &'static ReferenceTable) -> &'static Rows {
    static ALL: [OnceLock<Rows>; TABLES.len()] = [const { OnceLock::new() }; TABLES.len()];
    ALL[imports::place(table)].get_or_init(|| {
        let rows = if *table == HASH_RATES {
            let columns =
                Columns::constant([("chain", "bitcoin"), ("source", "Bitcoin's headers")]);
            headers::hash_rates(SHIPPED_HEADERS, &columns, Today::MAX)
        } else {
            Rows::read(table, shipped_csv(table.name), &Columns::default(), Today::MAX)
        };
        rows.unwrap_or_else(|wrong| panic!("{}, as it comes: {wrong:?}", table.name))
    })
}

/// Bitcoin's headers with which difficulty may change: hash rates follow from them.
const SHIPPED_HEADERS: &[u8] = include_bytes!("../../../reference/headers.csv");

fn shipped_csv(table: &str) -> &'static [u8] {
    match table {
        "electricity_use" => include_bytes!("../../../reference/electricity_use.csv"),
        "energy_parameters" => include_bytes!("../../../reference/energy_parameters.csv"),
        "ethereum_nodes" => include_bytes!("../../../reference/ethereum_nodes.csv"),
        "gpus" => include_bytes!("../../../reference/gpus.csv"),
        "grid_intensity" => include_bytes!("../../../reference/grid_intensity.csv"),
        "mining_hardware" => include_bytes!("../../../reference/mining_hardware.csv"),
        "mining_shares" => include_bytes!("../../../reference/mining_shares.csv"),
        "node_power" => include_bytes!("../../../reference/node_power.csv"),
        "prices" => include_bytes!("../../../reference/prices.csv"),
        _ => include_bytes!("../../../reference/tokens.csv"),
    }
}

#[cfg(test)]
mod tests;
