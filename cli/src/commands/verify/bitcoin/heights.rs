//! Blocks against the sums of their rows, and the supply equation.

use assay_model::Network;

use super::blocks::BlockRow;
use super::sums::HeightSums;
use crate::commands::verify::check::Check;

/// The checks of heights, fed in order.
pub struct Heights {
    network: Network,
    /// Value of outputs not spent: that of all spendable outputs less that of all inputs.
    unspent: i128,
    /// What must be unspent: coins claimed less those in outputs that cannot be spent.
    issued: i128,
    counts: Check,
    values: Check,
    subsidy: Check,
    supply: Check,
}

impl Heights {
    /// Checks of a chain of `network` from height 0.
    pub fn new(network: Network) -> Heights {
        Heights {
            network,
            unspent: 0,
            issued: 0,
            counts: Check::new("counts", "every block has the rows that it says it has"),
            values: Check::new(
                "values",
                "every block's output value, fees and coinbase value are the sums of its rows",
            ),
            subsidy: Check::new(
                "subsidy",
                "no coinbase pays out more than the subsidy of its height and the fees",
            ),
            supply: Check::new(
                "supply",
                "at every height, unspent = subsidies claimed - unspendable",
            ),
        }
    }

    /// Checks a block against the sums of its height.
    pub fn add(&mut self, block: &BlockRow, sums: &HeightSums) {
        let height = block.height as u64;
        let counts = [
            ("transactions", block.transaction_count, sums.transactions),
            ("inputs", block.input_count, sums.inputs),
            ("outputs", block.output_count, sums.outputs),
        ];
        for (table, expected, found) in counts {
            self.counts.compare(height, format_args!("rows of {table}"), expected, found);
        }
        let values = [
            ("output_value", sums.output_value, block.output_value),
            ("fees", sums.fees, block.fees),
            ("coinbase_value", sums.coinbase_value, block.coinbase_value),
        ];
        for (column, expected, found) in values {
            self.values.compare(height, format_args!("{column}"), expected, found);
        }
        self.subsidy(height, block);
        self.supply(height, block, sums);
    }

    /// What was found.
    pub fn finish(self) -> [Check; 4] {
        [self.counts, self.values, self.subsidy, self.supply]
    }

    fn subsidy(&mut self, height: u64, block: &BlockRow) {
        let subsidy = self.network.subsidy(height).to_i64();
        self.subsidy.compare(height, format_args!("subsidy"), subsidy, block.subsidy);
        let most = i128::from(subsidy) + i128::from(block.fees);
        self.subsidy.compared += 1;
        if i128::from(block.coinbase_value) > most {
            let most = format!("at most {most}");
            self.subsidy.differ(height, format_args!("coinbase_value"), most, block.coinbase_value);
        }
    }

    /// Both sides run on from height to height; where they part, this height is what is wrong, and
    /// those above it are judged by what they add.
    fn supply(&mut self, height: u64, block: &BlockRow, sums: &HeightSums) {
        let before = self.unspent - self.issued;
        let unspendable = i128::from(sums.unspendable);
        self.unspent += i128::from(sums.output_value) - unspendable - i128::from(sums.input_value);
        self.issued += i128::from(block.coinbase_value) - i128::from(block.fees) - unspendable;
        self.supply.compare(
            height,
            format_args!("unspent value up to here"),
            self.issued + before,
            self.unspent,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::tests::chain;
    use super::super::sums;
    use super::*;

    const BTC: i64 = 100_000_000;

    /// A change and the checks that must find it.
    type Case = (fn(&mut BlockRow, &mut HeightSums), &'static [&'static str]);

    /// Regtest: three coinbases, the first unspendable; in the third block one coin is sent on,
    /// with 5 as fee of which the miner leaves 2.
    fn heights() -> Vec<(BlockRow, HeightSums)> {
        let coinbase = HeightSums {
            transactions: 1,
            outputs: 1,
            coinbase_value: 50 * BTC,
            output_value: 50 * BTC,
            ..HeightSums::default()
        };
        let mut rows: Vec<_> = chain().into_iter().map(|row| (row, coinbase.clone())).collect();
        rows[0].1.unspendable = 50 * BTC;
        let (block, sums) = &mut rows[2];
        *sums = HeightSums {
            transactions: 2,
            inputs: 1,
            outputs: 2,
            fees: 5,
            coinbase_value: 50 * BTC + 3,
            input_value: 50 * BTC,
            output_value: 100 * BTC - 2,
            unspendable: 0,
        };
        block.transaction_count = 2;
        block.input_count = 1;
        block.output_count = 2;
        block.output_value = 100 * BTC - 2;
        block.fees = 5;
        block.coinbase_value = 50 * BTC + 3;
        rows
    }

    /// The name and height of every difference after `change` of the last height.
    fn found(change: impl Fn(&mut BlockRow, &mut HeightSums)) -> Vec<(&'static str, u64)> {
        let mut rows = heights();
        let (block, sums) = &mut rows[2];
        change(block, sums);
        let mut heights = Heights::new(Network::Regtest);
        rows.iter().for_each(|(block, sums)| heights.add(block, sums));
        let checks = heights.finish();
        let examples = checks.iter().flat_map(|check| {
            assert_eq!(check.differences, check.examples.len() as u64);
            check.examples.iter().map(|difference| (check.name, difference.height))
        });
        examples.collect()
    }

    #[test]
    fn heights_that_agree_pass() {
        assert_eq!(found(|_, _| {}), []);
    }

    #[test]
    fn each_count_and_value_is_compared() {
        let cases: [Case; 8] = [
            (|block, _| block.transaction_count += 1, &["counts"]),
            (|block, _| block.input_count += 1, &["counts"]),
            (|block, _| block.output_count += 1, &["counts"]),
            (|block, _| block.output_value += 1, &["values"]),
            (|_, sums| sums.fees += 1, &["values"]),
            (|_, sums| sums.coinbase_value += 1, &["values"]),
            (|block, _| block.subsidy += 1, &["subsidy"]),
            (|_, sums| sums.inputs = 0, &["counts"]),
        ];
        for (place, (change, expected)) in cases.into_iter().enumerate() {
            let names: Vec<_> = found(change).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, expected, "case {place}");
        }
    }

    #[test]
    fn a_coinbase_that_pays_itself_too_much_is_found() {
        let names = found(|block, sums| {
            for value in [&mut block.coinbase_value, &mut sums.coinbase_value] {
                *value += 3;
            }
            for value in [&mut block.output_value, &mut sums.output_value] {
                *value += 3;
            }
        });
        assert_eq!(names, [("subsidy", 2)]);
    }

    #[test]
    fn coins_from_nowhere_are_found_where_they_appear_and_only_there() {
        assert_eq!(found(|_, sums| sums.input_value -= 1), [("supply", 2)]);
        assert_eq!(found(|_, sums| sums.unspendable += 1), []);
        let mut rows = heights();
        rows[1].1.output_value += 7;
        let mut heights = Heights::new(Network::Regtest);
        rows.iter().for_each(|(block, sums)| heights.add(block, sums));
        let [_, values, _, supply] = heights.finish();
        assert_eq!((values.differences, supply.differences), (1, 1));
        let example = &supply.examples[0];
        assert_eq!((example.height, &*example.expected), (1, "5000000000"));
        assert_eq!(example.found, "5000000007");
    }

    #[test]
    fn sums_of_transactions_fit_the_equation() {
        let (transactions, inputs, outputs) = sums::tests::rows();
        let mut check = sums::check();
        let sums = sums::add_up(&(5..6), &transactions, &inputs, &outputs, &mut check);
        let sums = &sums[0];
        assert_eq!(sums.output_value - sums.input_value, sums.coinbase_value - sums.fees);
    }
}
