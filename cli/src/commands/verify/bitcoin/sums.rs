//! Transactions against their inputs and outputs, and the sums of each height.

use std::iter::Peekable;
use std::ops::Range;

use crate::commands::verify::check::Check;

/// What is compared of a row of `transactions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionRow {
    pub height: i64,
    pub tx_index: i64,
    pub is_coinbase: bool,
    pub input_count: i64,
    pub output_count: i64,
    pub input_value: i64,
    pub output_value: i64,
    pub fee: i64,
}

/// The rows of `inputs` or of `outputs` of one transaction, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    pub height: i64,
    pub tx_index: i64,
    pub count: i64,
    pub value: i64,
    /// Value of outputs that cannot be spent; 0 for inputs.
    pub unspendable: i64,
}

/// The rows of one height, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeightSums {
    pub transactions: i64,
    pub inputs: i64,
    pub outputs: i64,
    pub fees: i64,
    /// Value of the coinbase's outputs, by its row in `transactions`.
    pub coinbase_value: i64,
    pub input_value: i64,
    pub output_value: i64,
    pub unspendable: i64,
}

/// The check of transactions.
pub fn check() -> Check {
    Check::new(
        "transactions",
        "every transaction's counts, values and fee are those of its inputs and outputs",
    )
}

/// Checks the transactions of `heights` against their `inputs` and `outputs`, and adds up each
/// height.
///
/// All three are in order of height and index, and hold no other heights.
pub fn add_up(
    heights: &Range<u64>,
    transactions: &[TransactionRow],
    inputs: &[Side],
    outputs: &[Side],
    check: &mut Check,
) -> Vec<HeightSums> {
    let mut sums = vec![HeightSums::default(); (heights.end - heights.start) as usize];
    let at = |height: i64| (height as u64 - heights.start) as usize;
    for side in inputs {
        let sum = &mut sums[at(side.height)];
        sum.inputs = sum.inputs.wrapping_add(side.count);
        sum.input_value = sum.input_value.wrapping_add(side.value);
    }
    for side in outputs {
        let sum = &mut sums[at(side.height)];
        sum.outputs = sum.outputs.wrapping_add(side.count);
        sum.output_value = sum.output_value.wrapping_add(side.value);
        sum.unspendable = sum.unspendable.wrapping_add(side.unspendable);
    }
    let mut inputs = inputs.iter().peekable();
    let mut outputs = outputs.iter().peekable();
    let mut next = (i64::MIN, 0);
    for row in transactions {
        let sum = &mut sums[at(row.height)];
        sum.transactions += 1;
        sum.fees = sum.fees.wrapping_add(row.fee);
        if row.is_coinbase {
            sum.coinbase_value = sum.coinbase_value.wrapping_add(row.output_value);
        }
        next = if row.height == next.0 { next } else { (row.height, 0) };
        let what = format_args!("index of a transaction");
        check.compare(row.height as u64, what, next.1, row.tx_index);
        next.1 = row.tx_index.wrapping_add(1);
        let spent = take(&mut inputs, row, "inputs", check);
        let made = take(&mut outputs, row, "outputs", check);
        compare(row, spent, made, check);
    }
    inputs.for_each(|side| orphan(side, "inputs", check));
    outputs.for_each(|side| orphan(side, "outputs", check));
    sums
}

fn compare(row: &TransactionRow, spent: Side, made: Side, check: &mut Check) {
    let (height, index) = (row.height as u64, row.tx_index);
    let fee = if row.is_coinbase { 0 } else { spent.value.wrapping_sub(made.value) };
    let pairs = [
        ("input_count", spent.count, row.input_count),
        ("input_value", spent.value, row.input_value),
        ("output_count", made.count, row.output_count),
        ("output_value", made.value, row.output_value),
        ("fee", fee, row.fee),
    ];
    for (column, expected, found) in pairs {
        check.compare(height, format_args!("{column} of transaction {index}"), expected, found);
    }
    check.compare(
        height,
        format_args!("is_coinbase of transaction {index}"),
        index == 0,
        row.is_coinbase,
    );
}

/// The rows of the transaction `row`; none add up to zero. Rows of transactions before it that
/// were not taken belong to none that is there.
fn take<'a>(
    sides: &mut Peekable<impl Iterator<Item = &'a Side>>,
    row: &TransactionRow,
    what: &str,
    check: &mut Check,
) -> Side {
    let key = (row.height, row.tx_index);
    while let Some(side) = sides.next_if(|side| (side.height, side.tx_index) < key) {
        orphan(side, what, check);
    }
    sides.next_if(|side| (side.height, side.tx_index) == key).copied().unwrap_or_default()
}

fn orphan(side: &Side, what: &str, check: &mut Check) {
    let (height, index) = (side.height as u64, side.tx_index);
    check.compared += 1;
    check.differ(height, format_args!("{what} of transaction {index}"), "a transaction", "none");
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Height 5: a coinbase that claims a fee of 3, and a transaction that pays it.
    pub fn rows() -> (Vec<TransactionRow>, Vec<Side>, Vec<Side>) {
        let side =
            |tx_index, count, value| Side { height: 5, tx_index, count, value, unspendable: 0 };
        let coinbase = TransactionRow {
            height: 5,
            is_coinbase: true,
            output_count: 2,
            output_value: 53,
            ..TransactionRow::default()
        };
        let payment = TransactionRow {
            height: 5,
            tx_index: 1,
            is_coinbase: false,
            input_count: 2,
            output_count: 1,
            input_value: 40,
            output_value: 37,
            fee: 3,
        };
        let mut outputs = vec![side(0, 2, 53), side(1, 1, 37)];
        outputs[0].unspendable = 4;
        (vec![coinbase, payment], vec![side(1, 2, 40)], outputs)
    }

    type Rows = (Vec<TransactionRow>, Vec<Side>, Vec<Side>);
    /// A change and what it must be found by.
    type Case = (fn(&mut Rows), &'static [&'static str]);

    fn differences(change: impl Fn(&mut Rows)) -> Vec<String> {
        let mut rows = rows();
        change(&mut rows);
        let mut check = check();
        add_up(&(5..6), &rows.0, &rows.1, &rows.2, &mut check);
        check.examples.into_iter().map(|difference| difference.what).collect()
    }

    #[test]
    fn heights_are_added_up() {
        let (transactions, inputs, outputs) = rows();
        let mut check = check();
        let sums = add_up(&(4..6), &transactions, &inputs, &outputs, &mut check);
        assert_eq!(sums[0], HeightSums::default());
        let expected = HeightSums {
            transactions: 2,
            inputs: 2,
            outputs: 3,
            fees: 3,
            coinbase_value: 53,
            input_value: 40,
            output_value: 90,
            unspendable: 4,
        };
        assert_eq!(sums[1], expected);
        assert_eq!(check.differences, 0, "{check:?}");
        assert!(check.compared > 0);
    }

    #[test]
    fn a_transaction_that_differs_from_its_sides_is_found() {
        let cases: [Case; 8] = [
            (|rows| rows.0[1].input_count += 1, &["input_count of transaction 1"]),
            (|rows| rows.0[1].input_value += 1, &["input_value of transaction 1"]),
            (|rows| rows.0[1].output_count += 1, &["output_count of transaction 1"]),
            (|rows| rows.0[0].output_value += 1, &["output_value of transaction 0"]),
            (|rows| rows.0[1].fee += 1, &["fee of transaction 1"]),
            (|rows| rows.0[0].fee += 1, &["fee of transaction 0"]),
            (
                |rows| rows.2[1].value += 1,
                &["output_value of transaction 1", "fee of transaction 1"],
            ),
            (|rows| rows.1[0].count += 1, &["input_count of transaction 1"]),
        ];
        for (change, expected) in cases {
            assert_eq!(differences(change), expected);
        }
    }

    #[test]
    fn missing_double_and_misplaced_transactions_are_found() {
        assert_eq!(
            differences(|rows| _ = rows.0.remove(1)),
            ["inputs of transaction 1", "outputs of transaction 1"]
        );
        let double = differences(|rows| rows.0.insert(1, rows.0[0].clone()));
        assert_eq!(double[0], "index of a transaction");
        let misplaced = differences(|rows| {
            rows.0[1].is_coinbase = true;
            rows.0[1].fee = 0;
        });
        assert_eq!(misplaced, ["is_coinbase of transaction 1"]);
        let early = differences(|rows| {
            rows.1.insert(0, Side { tx_index: -1, ..rows.1[0] });
        });
        assert_eq!(early, ["inputs of transaction -1"]);
    }
}
