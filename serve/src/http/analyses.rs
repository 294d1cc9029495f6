//! The analyses that can be asked for by a path: each is one SQL statement, and columns in words.
//!
//! # Invariants
//!
//! * The text of a statement is made of constants of this file alone. What a client says is put into its
//!   syntax tree as a value, after the text has been parsed.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use assay_query::{Described, QueryError, Statement, described_tables};
use datafusion::sql::sqlparser::ast::{Expr, Value as Literal, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::parameters::{Value, Values};

/// An analysis.
#[derive(Debug)]
pub struct Analysis {
    /// What is asked.
    pub text: Text,
    /// The columns of its rows; of [`Text::Kept`] they are the table's.
    columns: &'static [Answer],
}

/// A statement.
#[derive(Debug)]
pub enum Text {
    /// As it is.
    Fixed(&'static str),
    /// Over the balances of an asset: `{held}`, `{height}` and `{missing}` stand for what depends on
    /// the asset and on when it is asked about.
    Balances(&'static str),
    /// Rows of a table that `assay analyze` keeps, from one day to another.
    Kept {
        /// Schema and name.
        table: &'static str,
        /// Which of them, beside their days.
        filter: &'static str,
    },
}

/// A column of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Its name.
    pub name: &'static str,
    /// Its type in JSON.
    pub kind: Json,
    /// What it means.
    pub doc: &'static str,
}

/// Types of values in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Json {
    /// Text.
    Text,
    /// Text, or null.
    MaybeText,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A whole number, or null.
    MaybeInteger,
    /// A number, or null.
    MaybeNumber,
    /// A number.
    Number,
}

const fn column(name: &'static str, kind: Json, doc: &'static str) -> Answer {
    Answer { name, kind, doc }
}

/// How far each chain is.
pub static STATUS: Analysis = Analysis {
    text: Text::Fixed(
        "select chain, network, height, hash, time, safe_height, finalized_height \
         from system.watermarks order by chain",
    ),
    columns: &[
        column("chain", Json::Text, "Name of the chain."),
        column("network", Json::Text, "Network, such as mainnet."),
        column("height", Json::MaybeInteger, "Height of the last block; null before the first."),
        column("hash", Json::MaybeText, "Hash of its header."),
        column("time", Json::MaybeText, "Its header time, UTC."),
        column(
            "safe_height",
            Json::MaybeInteger,
            "Height of the last block that its node calls safe.",
        ),
        column(
            "finalized_height",
            Json::MaybeInteger,
            "Height of the last block that its node calls final.",
        ),
    ],
};

/// What can be asked about.
pub static TABLES: Analysis = Analysis {
    text: Text::Fixed(
        "select table_schema || '.' || table_name as name, table_type as kind, description \
         from information_schema.tables order by table_schema, table_name",
    ),
    columns: &[
        column("name", Json::Text, "Schema and name, as written in SQL."),
        column("kind", Json::Text, "BASE TABLE or VIEW."),
        column("description", Json::Text, "What one row is."),
    ],
};

/// The columns of a table.
pub static COLUMNS: Analysis = Analysis {
    text: Text::Fixed(
        "select column_name as name, data_type as type, is_nullable = 'YES' as is_nullable, description \
         from information_schema.columns \
         where table_schema || '.' || table_name = $table order by ordinal_position",
    ),
    columns: &[
        column("name", Json::Text, "Its name."),
        column("type", Json::Text, "Its type, as written in SQL."),
        column("is_nullable", Json::Boolean, "Whether a row may lack it."),
        column("description", Json::Text, "Meaning and unit."),
    ],
};

/// What can be called.
pub static FUNCTIONS: Analysis = Analysis {
    text: Text::Fixed(
        "select name, kind, syntax, description, example from system.functions order by name",
    ),
    columns: &[
        column("name", Json::Text, "Its name."),
        column("kind", Json::Text, "scalar, aggregate or table."),
        column("syntax", Json::Text, "How it is called."),
        column("description", Json::Text, "What it answers."),
        column("example", Json::MaybeText, "A statement that shows it."),
    ],
};

/// How unequally an asset is held.
pub static HOLDINGS: Analysis = Analysis {
    text: Text::Balances(
        "select $asset as asset, $basis as basis, {height} as height, block_time($chain, {height}) as time, \
           count(*) as holders, cast(sum(balance) as decimal(76, 0)) as supply, \
           gini(balance) as gini, theil(balance) as theil, hhi(balance) as hhi, \
           nakamoto(balance, $threshold) as nakamoto, \
           top_share(balance, 10) as top_10_share, top_share(balance, 100) as top_100_share, \
           top_share(balance, 1000) as top_1000_share, top_share(balance, 10000) as top_10000_share, \
           top_fraction_share(balance, 0.01) as top_1_percent_share, \
           top_fraction_share(balance, 0.03) as top_3_percent_share, \
           top_fraction_share(balance, 0.1) as top_10_percent_share, \
           {missing} as missing \
         from {held} as held where balance > 0",
    ),
    columns: &[
        column("asset", Json::Text, "What is held."),
        column("basis", Json::Text, "Who counts as one holder."),
        column("height", Json::MaybeInteger, "The last block that counts."),
        column("time", Json::MaybeText, "Its header time, UTC."),
        column("holders", Json::Integer, "Who holds more than nothing."),
        column("supply", Json::MaybeText, "What they hold together, in base units."),
        column("gini", Json::MaybeNumber, "Gini's coefficient."),
        column("theil", Json::MaybeNumber, "Theil's index T, in nats."),
        column("hhi", Json::MaybeNumber, "The index of Herfindahl and Hirschman, up to 1."),
        column(
            "nakamoto",
            Json::MaybeInteger,
            "The least number of holders with more than the threshold.",
        ),
        column("top_10_share", Json::MaybeNumber, "Share of the 10 richest."),
        column("top_100_share", Json::MaybeNumber, "Share of the 100 richest."),
        column("top_1000_share", Json::MaybeNumber, "Share of the 1,000 richest."),
        column("top_10000_share", Json::MaybeNumber, "Share of the 10,000 richest."),
        column("top_1_percent_share", Json::MaybeNumber, "Share of the richest 1 %."),
        column("top_3_percent_share", Json::MaybeNumber, "Share of the richest 3 %."),
        column("top_10_percent_share", Json::MaybeNumber, "Share of the richest 10 %."),
        column(
            "missing",
            Json::MaybeText,
            "Which movements are not known, so that balances are not whole.",
        ),
    ],
};

/// How many hold how much. An amount of n digits is in the bracket of its n: that is exact where a
/// logarithm would not be.
pub static BRACKETS: Analysis = Analysis {
    text: Text::Balances(
        "with graded as (select balance, \
             greatest(character_length(cast(balance as varchar)) - 1 - $decimals, -4) as grade \
           from {held} as held where balance > 0), \
         brackets as (select grade, count(*) as holders, sum(balance) as amount from graded group by grade) \
         select case when grade = -4 then 0.0 else power(10.0, grade) end as from_coins, \
           power(10.0, grade + 1) as below_coins, holders, \
           cast(holders as double) / sum(holders) over () as share_of_holders, \
           cast(amount as decimal(76, 0)) as amount, \
           cast(amount as double) / sum(cast(amount as double)) over () as share_of_supply \
         from brackets order by grade",
    ),
    columns: &[
        column("from_coins", Json::Number, "The least of the bracket, in whole coins."),
        column("below_coins", Json::Number, "What its holders hold less than, in whole coins."),
        column("holders", Json::Integer, "Who holds that much."),
        column("share_of_holders", Json::Number, "Their share of all holders."),
        column("amount", Json::Text, "What they hold together, in base units."),
        column("share_of_supply", Json::Number, "Its share of what all hold."),
    ],
};

/// Lorenz's curve.
pub static LORENZ: Analysis = Analysis {
    text: Text::Balances(
        "select point['holders'] as holders, point['held'] as held from \
         (select unnest(lorenz(balance, $points)) as point from {held} as held where balance > 0)",
    ),
    columns: &[
        column("holders", Json::Number, "A share of all holders, the poorest first."),
        column("held", Json::Number, "The share of everything that they hold."),
    ],
};

/// Who holds the most.
pub static TOP: Analysis = Analysis {
    text: Text::Balances(
        "with held as (select address, balance as amount from {held} as held where balance > 0), \
         total as (select sum(cast(amount as double)) as amount from held) \
         select address, cast(held.amount as decimal(76, 0)) as balance, \
           cast(held.amount as double) / total.amount as share \
         from held cross join total order by held.amount desc, address limit $limit",
    ),
    columns: &[
        column("address", Json::MaybeText, "The holder; null for who has no address."),
        column("balance", Json::Text, "What it holds, in base units."),
        column("share", Json::Number, "Its share of what all hold."),
    ],
};

/// How unequally an asset was held, day by day.
pub static HOLDINGS_DAILY: Analysis =
    kept("analytics.holdings_daily", "asset = $asset and basis = $basis");
/// What a chain did, day by day.
pub static NETWORK_DAILY: Analysis = kept("analytics.network_daily", "chain = $chain");
/// The same in dollars.
pub static NETWORK_FIAT_DAILY: Analysis = kept("analytics.network_fiat_daily", "chain = $chain");
/// What a chain burnt, day by day.
pub static ENERGY_DAILY: Analysis =
    kept("analytics.energy_daily", "chain = $chain and starts_with(method, $method)");
/// What that emitted.
pub static EMISSIONS_DAILY: Analysis =
    kept("analytics.emissions_daily", "chain = $chain and starts_with(method, $method)");

const fn kept(table: &'static str, filter: &'static str) -> Analysis {
    Analysis { text: Text::Kept { table, filter }, columns: &[] }
}

impl Analysis {
    /// The columns of its rows.
    pub fn columns(&self) -> Vec<Answer> {
        match self.text {
            Text::Kept { table, .. } => scalars(table),
            Text::Fixed(_) | Text::Balances(_) => self.columns.to_vec(),
        }
    }

    /// The statement for `values`.
    pub fn statement(&self, mut values: Values) -> Result<Statement, QueryError> {
        match self.text {
            Text::Fixed(text) => bound(text, &values),
            Text::Balances(text) => bound(&over_balances(text, &mut values), &values),
            Text::Kept { table, filter } => {
                let names: Vec<_> = scalars(table).iter().map(|column| column.name).collect();
                let text = format!(
                    "select {} from {table} where {filter} and day >= $from and day <= $to order by day",
                    names.join(", ")
                );
                bound(&text, &values)
            }
        }
    }
}

/// `text` over the balances that `values` ask for.
fn over_balances(text: &str, values: &mut Values) -> String {
    let asset = values.text("asset").unwrap_or_default();
    let (chain, places) = match asset {
        "bitcoin" => ("bitcoin", "8"),
        _ => ("ethereum", "18"),
    };
    let held = match (values.get("at"), asset) {
        (Some(_), _) => "balances_at($asset, $at)",
        (None, "bitcoin") => "bitcoin.balances",
        (None, "ethereum") => "ethereum.balances",
        (None, _) => "(select * from ethereum.token_balances where token = $asset)",
    };
    let height = match values.get("at") {
        Some(Value::Number(_)) => "$at",
        Some(Value::Text(_)) => "block_height($chain, $at)",
        None => "(select height from system.watermarks where chain = $chain)",
    };
    let missing = match asset {
        "ethereum" => "ethereum_missing_flows()",
        _ => "cast(null as varchar)",
    };
    if values.get("decimals").is_none() {
        values.add("decimals", Value::Number(places.to_owned()));
    }
    values.add("chain", Value::Text(chain.to_owned()));
    text.replace("{held}", held).replace("{height}", height).replace("{missing}", missing)
}

/// The columns of `table` that are one value a row.
fn scalars(table: &str) -> Vec<Answer> {
    let described = described_tables().iter().find(|described| described.full_name() == table);
    let columns = described.map_or(&[][..], |described: &Described| described.columns);
    let answers = columns.iter().filter_map(|described| {
        let kind = match (described.kind.data_type(), described.nullable) {
            (DataType::List(_), _) => return None,
            (DataType::Boolean, _) => Json::Boolean,
            (DataType::Int32 | DataType::Int64, false) => Json::Integer,
            (DataType::Int32 | DataType::Int64, true) => Json::MaybeInteger,
            (DataType::Float64, false) => Json::Number,
            (DataType::Float64, true) => Json::MaybeNumber,
            (_, false) => Json::Text,
            (_, true) => Json::MaybeText,
        };
        Some(column(described.name, kind, described.doc))
    });
    answers.collect()
}

/// The statement that `text` is, with `values` in the places of its parameters.
fn bound(text: &str, values: &Values) -> Result<Statement, QueryError> {
    let mut parsed = Parser::parse_sql(&GenericDialect {}, text)
        .map_err(|error| QueryError::Syntax(error.to_string()))?;
    let [statement] = parsed.as_mut_slice() else {
        return Err(QueryError::NotOne { count: parsed.len() });
    };
    let unbound = visit_expressions_mut(statement, |expression| {
        let Expr::Value(place) = expression else { return ControlFlow::Continue(()) };
        let Literal::Placeholder(name) = &place.value else { return ControlFlow::Continue(()) };
        place.value = match values.get(name.trim_start_matches('$')) {
            Some(Value::Text(text)) => Literal::SingleQuotedString(text.clone()),
            Some(Value::Number(digits)) => Literal::Number(digits.clone(), false),
            None => return ControlFlow::Break(name.clone()),
        };
        ControlFlow::Continue(())
    });
    if let ControlFlow::Break(name) = unbound {
        return Err(QueryError::Syntax(format!("there is no value for {name}")));
    }
    Statement::new(parsed.remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_a_value() {
        let mut values = Values::default();
        values.add("table", Value::Text("' or 1 = 1; drop table x --".to_owned()));
        let written = COLUMNS.statement(values).expect("bound").to_string();
        assert!(written.contains("= ''' or 1 = 1; drop table x --' ORDER BY"), "{written}");
    }

    #[test]
    fn a_parameter_without_a_value_is_an_error() {
        let error = COLUMNS.statement(Values::default()).expect_err("no table");
        assert_eq!(error.to_string(), "syntax error: there is no value for $table");
    }

    #[test]
    fn what_is_held_depends_on_the_asset_and_the_time() {
        let text = |asset: &str, at: Option<Value>| {
            let mut values = Values::default();
            for (name, value) in [("asset", asset), ("basis", "address")] {
                values.add(name, Value::Text(value.to_owned()));
            }
            values.add("threshold", Value::Number("0.5".to_owned()));
            if let Some(at) = at {
                values.add("at", at);
            }
            HOLDINGS.statement(values).expect("bound").to_string()
        };
        assert!(text("bitcoin", None).contains("FROM bitcoin.balances AS held"));
        let at = text("ethereum", Some(Value::Number("7".to_owned())));
        assert!(at.contains("FROM balances_at('ethereum', 7) AS held"), "{at}");
        assert!(at.contains("ethereum_missing_flows() AS missing"), "{at}");
        let at = text("0xab", Some(Value::Text("2021-03-01".to_owned())));
        assert!(at.contains("block_height('ethereum', '2021-03-01') AS height"), "{at}");
    }
}
