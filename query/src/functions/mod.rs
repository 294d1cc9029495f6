//! The SQL functions that assay adds, one a file.
//!
//! Those for units, hex digits, addresses and scripts, and the aggregates, depend on their arguments alone. The others answer
//! from the store and are made anew for every snapshot, so that a statement's functions and tables agree.

mod address;
mod balances_at;
mod bitcoin_subsidy;
mod block_height;
mod coins;
mod concentration;
mod date_trunc;
mod energy;
mod ethereum_missing_flows;
mod hex;
mod of_height;
mod of_price;
mod script;
mod token_amount;
pub(crate) mod unhex;

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use assay_model::Chain;
use datafusion::catalog::TableFunctionImpl;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF,
};

use self::coins::{Coins, Unit};
use crate::catalog::snapshot::Snapshot;

/// What a function answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// A value for each row.
    Scalar,
    /// A value for many rows.
    Aggregate,
    /// Rows.
    Table,
}

impl FunctionKind {
    /// One word for people.
    pub fn name(self) -> &'static str {
        match self {
            FunctionKind::Scalar => "scalar",
            FunctionKind::Aggregate => "aggregate",
            FunctionKind::Table => "table",
        }
    }
}

/// A function in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedFunction {
    /// Name in SQL.
    pub name: String,
    /// What it answers with.
    pub kind: FunctionKind,
    /// How it is called.
    pub syntax: String,
    /// What it answers.
    pub doc: String,
    /// The names of its arguments, and what they are.
    pub arguments: Vec<(String, String)>,
    /// A statement that shows it.
    pub example: Option<String>,
}

impl DescribedFunction {
    /// In the words of `doc`; `None` if there are none.
    fn of(name: &str, kind: FunctionKind, doc: Option<&Documentation>) -> Option<Self> {
        let doc = doc?;
        Some(DescribedFunction {
            name: name.to_owned(),
            kind,
            syntax: doc.syntax_example.clone(),
            doc: doc.description.clone(),
            arguments: doc.arguments.clone().unwrap_or_default(),
            example: doc.sql_example.clone(),
        })
    }
}

/// The functions that assay adds to those of DataFusion, in the order of their names.
pub fn described_functions() -> Vec<DescribedFunction> {
    let scalars = of_no_lake().into_iter().chain(of_snapshot(&Arc::default()));
    let scalars = scalars.filter_map(|function| {
        DescribedFunction::of(function.name(), FunctionKind::Scalar, function.documentation())
    });
    let aggregates = aggregates().into_iter().filter_map(|function| {
        DescribedFunction::of(function.name(), FunctionKind::Aggregate, function.documentation())
    });
    let mut all: Vec<_> =
        scalars.chain(aggregates).chain([balances_at::described(), energy::described()]).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The functions of many rows.
pub(crate) fn aggregates() -> Vec<AggregateUDF> {
    concentration::all()
}

/// The functions of their arguments alone.
pub(crate) fn of_no_lake() -> Vec<ScalarUDF> {
    let mut all = vec![
        ScalarUDF::from(Coins::new(Unit::Btc)),
        ScalarUDF::from(Coins::new(Unit::Ether)),
        ScalarUDF::from(Coins::new(Unit::Gwei)),
        ScalarUDF::from(hex::Hex::new()),
        ScalarUDF::from(token_amount::TokenAmount::new()),
        ScalarUDF::from(unhex::Unhex::new()),
    ];
    all.extend(address::all());
    all.extend(script::all());
    all
}

/// Functions that take the place of the engine's own, and answer what those do.
pub(crate) fn instead_of_the_engines() -> Vec<ScalarUDF> {
    vec![ScalarUDF::from(date_trunc::DateTrunc::new())]
}

/// The functions that answer from `snapshot`.
pub(crate) fn of_snapshot(snapshot: &Arc<Snapshot>) -> Vec<ScalarUDF> {
    let snapshot = Bound(Arc::clone(snapshot));
    let mut all = vec![
        ScalarUDF::from(bitcoin_subsidy::BitcoinSubsidy::new(snapshot.clone())),
        ScalarUDF::from(block_height::BlockHeight::new(snapshot.clone())),
        ScalarUDF::from(ethereum_missing_flows::EthereumMissingFlows::new(snapshot.clone())),
    ];
    all.extend(of_height::all(&snapshot));
    all.extend(of_price::all(&snapshot));
    all
}

/// The functions of rows from `snapshot`, with their names.
pub(crate) fn tables_of_snapshot(
    snapshot: &Arc<Snapshot>,
) -> Vec<(&'static str, Arc<dyn TableFunctionImpl>)> {
    let snapshot = Bound(Arc::clone(snapshot));
    vec![
        (balances_at::NAME, Arc::new(balances_at::BalancesAt::new(snapshot.clone()))),
        (energy::NAME, Arc::new(energy::EnergyOf::new(snapshot))),
    ]
}

/// Whether the function called `name` is one of [`of_snapshot`]: the same of the same snapshot.
pub(crate) fn answers_from_snapshot(name: &str) -> bool {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        of_snapshot(&Arc::default()).iter().map(|function| function.name().to_owned()).collect()
    });
    NAMES.iter().any(|known| known == name)
}

/// Whether the function called `name` needs the times of all blocks.
pub(crate) fn needs_block_times(name: &str) -> bool {
    name == block_height::NAME || of_height::is_one(name)
}

/// The snapshot that a function answers from. Two are equal if they are the same one.
#[derive(Clone, Debug)]
struct Bound(Arc<Snapshot>);

impl PartialEq for Bound {
    fn eq(&self, other: &Bound) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// Calls `function` with the one argument; a constant stays a constant.
fn map_one(
    args: &ScalarFunctionArgs,
    function: impl Fn(&ArrayRef) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    match &args.args[0] {
        ColumnarValue::Array(array) => function(array).map(ColumnarValue::Array),
        ColumnarValue::Scalar(scalar) => {
            let array = function(&scalar.to_array_of_size(1)?)?;
            ScalarValue::try_from_array(&array, 0).map(ColumnarValue::Scalar)
        }
    }
}

/// Calls `function` with a chain, the first argument, and the whole numbers of the second, which
/// `args` hold as some type of 64 bits; null where either is null.
fn map_of_chain(
    args: &ScalarFunctionArgs,
    function: impl Fn(Chain, i64) -> Result<Option<i64>>,
) -> Result<ColumnarValue> {
    let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let rows = if constant { 1 } else { args.number_rows };
    let chains = args.args[0].to_array(rows)?;
    let chains = chains.as_string::<i32>();
    let numbers = args.args[1].cast_to(&DataType::Int64, None)?.to_array(rows)?;
    let numbers = numbers.as_primitive::<arrow::datatypes::Int64Type>();
    // Runs of one chain are the rule, so its name is looked up once a run.
    let mut known: Option<(&str, Chain)> = None;
    let mut values = Vec::with_capacity(rows);
    for row in 0..rows {
        if chains.is_null(row) || numbers.is_null(row) {
            values.push(None);
            continue;
        }
        let name = chains.value(row);
        let chain = match known {
            Some((same, chain)) if same == name => chain,
            _ => chain_named(name)?,
        };
        known = Some((name, chain));
        values.push(function(chain, numbers.value(row))?);
    }
    let values: ArrayRef = Arc::new(arrow::array::Int64Array::from(values));
    let values = arrow::compute::cast(&values, args.return_type())?;
    if constant {
        return ScalarValue::try_from_array(&values, 0).map(ColumnarValue::Scalar);
    }
    Ok(ColumnarValue::Array(values))
}

fn chain_named(name: &str) -> Result<Chain> {
    match Chain::ALL.into_iter().find(|chain| chain.name() == name) {
        Some(chain) => Ok(chain),
        None => {
            let names: Vec<_> = Chain::ALL.into_iter().map(Chain::name).collect();
            exec_err!("unknown chain '{name}': use {}", names.join(" or "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_described_with_an_example() {
        let functions = described_functions();
        let snapshot = Arc::default();
        let scalars = of_no_lake().len() + of_snapshot(&snapshot).len();
        let tables = tables_of_snapshot(&snapshot).len();
        assert_eq!(functions.len(), scalars + aggregates().len() + tables);
        for function in functions {
            assert!(function.syntax.starts_with(&function.name), "{}", function.name);
            assert!(function.doc.ends_with('.') && function.example.is_some(), "{}", function.name);
        }
    }
}
