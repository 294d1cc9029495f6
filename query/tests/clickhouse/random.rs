//! Statements made of random pieces, over rows with many absent values: both stores agree.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::database::Database;
use crate::made;
use crate::parity::compare;
use crate::support::open;

const CASES: u32 = 100;

/// What is computed of a row, and what it is.
const NUMBERS: [&str; 7] = [
    "value",
    "height",
    "value + height",
    "value % 7",
    "case when address = 'p2tr' then value end",
    "cast(output_index as bigint) * 3",
    "-value",
];
const TEXTS: [&str; 4] =
    ["address", "script_type", "coalesce(address, script_type)", "hex(script)"];
const KEYS: [&str; 8] = [
    "address",
    "script_type",
    "script",
    "is_spendable",
    "value",
    "date_trunc('day', time)",
    "height / 5",
    "time::date",
];
const COMPARISONS: [&str; 8] =
    ["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"];

fn number() -> impl Strategy<Value = String> {
    let constant = (-8i64..60).prop_map(|number| number.to_string());
    prop_oneof![3 => select(&NUMBERS[..]).prop_map(str::to_owned), 1 => constant]
}

fn text() -> impl Strategy<Value = String> {
    let constant = select(&["'p2tr'", "''", "'a_b%c'", "'6161'", "null"][..]);
    prop_oneof![3 => select(&TEXTS[..]), 1 => constant].prop_map(str::to_owned)
}

fn condition() -> impl Strategy<Value = String> {
    let comparison = || select(&COMPARISONS[..]);
    let leaf = prop_oneof![
        (number(), comparison(), number()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text(), comparison(), text()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text(), any::<bool>())
            .prop_map(|(text, not)| { format!("{text} is {}null", if not { "not " } else { "" }) }),
        (number(), any::<bool>()).prop_map(|(number, not)| {
            format!("{number} {}in (0, 5, 50, -7)", if not { "not " } else { "" })
        }),
        (number(), any::<bool>()).prop_map(|(number, not)| {
            format!("{number} {}between -1 and 9", if not { "not " } else { "" })
        }),
        (text(), select(&["p2%", "%", "", "a_b%", "_2%"][..]))
            .prop_map(|(text, pattern)| format!("{text} like '{pattern}'")),
        Just("is_spendable".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.clone().prop_map(|a| format!("(not ({a}))")),
            inner.prop_map(|a| format!("(({a}) is not true)")),
        ]
    })
}

fn aggregate() -> impl Strategy<Value = String> {
    let of_number = (select(&["sum", "min", "max", "count", "count(distinct"][..]), number());
    prop_oneof![
        Just("count(*)".to_owned()),
        (of_number, proptest::option::of(condition())).prop_map(|((name, value), filter)| {
            let open = if name.ends_with("distinct") { " " } else { "(" };
            let filter = filter.map(|filter| format!(" filter (where {filter})"));
            format!("{name}{open}{value}){}", filter.unwrap_or_default())
        }),
        (select(&["min", "max"][..]), text()).prop_map(|(name, text)| format!("{name}({text})")),
    ]
}

fn statement() -> impl Strategy<Value = String> {
    let grouped = (
        proptest::collection::vec(select(&KEYS[..]), 0..3),
        proptest::collection::vec(aggregate(), 1..4),
        condition(),
        proptest::option::of(-10i64..10),
    );
    let grouped = grouped.prop_map(|(keys, aggregates, filter, having)| {
        let columns: Vec<_> = keys.iter().map(|key| (*key).to_owned()).chain(aggregates).collect();
        let group = match keys.is_empty() {
            true => String::new(),
            false => format!(" group by {}", keys.join(", ")),
        };
        let having = having.map(|least| format!(" having count(*) > {least}"));
        format!(
            "select {} from bitcoin.outputs where {filter}{group}{}",
            columns.join(", "),
            having.unwrap_or_default()
        )
    });
    let listed = (number(), text(), condition(), any::<bool>(), any::<bool>(), 0usize..20, 0..9);
    let listed = listed.prop_map(|(number, text, filter, asc, first, limit, offset)| {
        let direction = if asc { "asc" } else { "desc" };
        let nulls = if first { "first" } else { "last" };
        format!(
            "select {number} as a, {text} as b, height, output_index from bitcoin.outputs \
             where {filter} order by b {direction} nulls {nulls}, a nulls {nulls}, height, \
             output_index limit {limit} offset {offset}"
        )
    });
    prop_oneof![2 => grouped, 1 => listed]
}

#[test]
fn random_statements_give_the_same_rows() {
    let dir = tempfile::tempdir().expect("a folder");
    made::write(dir.path());
    let runtime = Runtime::new().expect("threads");
    let sessions = runtime.block_on(async {
        let database = Database::of_lake(dir.path()).await?;
        Some((open(dir.path()).await, database.open().await))
    });
    let Some((over_lake, over_server)) = sessions else { return };
    let config = Config { failure_persistence: None, ..Config::with_cases(CASES) };
    let checked = TestRunner::new(config).run(&statement(), |sql| {
        let result = runtime.block_on(compare(&over_lake, &over_server, &sql));
        result.map_err(TestCaseError::fail)
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}
