//! The SQL that verify runs, and its rows as plain structs.

use std::ops::Range;

use arrow::array::{BinaryArray, Int64Array, RecordBatch};
use assay_model::{BlockHash, Chain};
use assay_query::Session;
use assay_query::output::text;

use super::blocks::BlockRow;
use super::spends::{self, Created, InputPlace, Key, Spent};
use super::sums::{Side, TransactionRow};
use crate::commands::rows::{self, bools, bytes, for_each, ints, texts};

/// The lake's rows of one chain.
#[derive(Clone, Copy)]
pub struct Queries<'a> {
    pub session: &'a Session,
    pub chain: Chain,
}

impl Queries<'_> {
    /// The blocks of `heights`, in order.
    pub async fn blocks(&self, heights: &Range<u64>) -> anyhow::Result<Vec<BlockRow>> {
        let sql = format!(
            "select height, version, bits, nonce, transaction_count, input_count, output_count, \
             output_value, subsidy, fees, coinbase_value, hash, parent_hash, merkle_root, \
             cast(time as bigint) from {}.blocks where {} order by height",
            self.chain,
            within("height", heights)
        );
        let mut blocks = Vec::new();
        for_each(self.session, &sql, |batch| add_blocks(batch, &mut blocks)).await?;
        Ok(blocks)
    }

    /// The transactions of `heights`, in order.
    pub async fn transactions(&self, heights: &Range<u64>) -> anyhow::Result<Vec<TransactionRow>> {
        let sql = format!(
            "select height, tx_index, input_count, output_count, input_value, output_value, fee, \
             is_coinbase from {}.transactions where {} order by height, tx_index",
            self.chain,
            within("height", heights)
        );
        let mut transactions = Vec::new();
        for_each(self.session, &sql, |batch| {
            let numbers = numbers::<7>(batch)?;
            let is_coinbase = bools(batch, 7)?;
            transactions.extend((0..batch.num_rows()).map(|row| {
                let [height, tx_index, input_count, output_count, input_value, output_value, fee] =
                    numbers.each_ref().map(|column| column.value(row));
                TransactionRow {
                    height,
                    tx_index,
                    is_coinbase: is_coinbase.value(row),
                    input_count,
                    output_count,
                    input_value,
                    output_value,
                    fee,
                }
            }));
            Ok(())
        })
        .await?;
        Ok(transactions)
    }

    /// The inputs of `heights`, added up by transaction, in order.
    pub async fn inputs(&self, heights: &Range<u64>) -> anyhow::Result<Vec<Side>> {
        self.sides("inputs", "cast(0 as bigint)", heights).await
    }

    /// The outputs of `heights`, added up by transaction, in order.
    pub async fn outputs(&self, heights: &Range<u64>) -> anyhow::Result<Vec<Side>> {
        let unspendable = "sum(case when is_spendable then 0 else value end)";
        self.sides("outputs", unspendable, heights).await
    }

    async fn sides(
        &self,
        table: &str,
        unspendable: &str,
        heights: &Range<u64>,
    ) -> anyhow::Result<Vec<Side>> {
        let sql = format!(
            "select height, tx_index, count(*), sum(value), {unspendable} from {}.{table} \
             where {} group by height, tx_index order by height, tx_index",
            self.chain,
            within("height", heights)
        );
        let mut sides = Vec::new();
        for_each(self.session, &sql, |batch| {
            let numbers = numbers::<5>(batch)?;
            sides.extend((0..batch.num_rows()).map(|row| {
                let [height, tx_index, count, value, unspendable] =
                    numbers.each_ref().map(|column| column.value(row));
                Side { height, tx_index, count, value, unspendable }
            }));
            Ok(())
        })
        .await?;
        Ok(sides)
    }

    /// Fingerprints of the outputs of `heights`.
    pub async fn created(&self, heights: &Range<u64>) -> anyhow::Result<Vec<Created>> {
        let sql = format!(
            "select output_index, height, value, txid, script_type, address, is_spendable \
             from {}.outputs where {}",
            self.chain,
            within("height", heights)
        );
        let mut created = Vec::new();
        for_each(self.session, &sql, |batch| {
            let [index, height, value] = numbers(batch)?;
            let (txid, script_type) = (bytes(batch, 3)?, texts(batch, 4)?);
            let (address, is_spendable) = (texts(batch, 5)?, bools(batch, 6)?);
            created.extend((0..batch.num_rows()).map(|row| Created {
                key: Key::new(txid.value(row), index.value(row), height.value(row)),
                content: spends::content(
                    value.value(row),
                    script_type.value(row),
                    rows::text_at(&address, row),
                    is_spendable.value(row),
                ),
            }));
            Ok(())
        })
        .await?;
        Ok(created)
    }

    /// Fingerprints of the inputs below height `end` that spend outputs of the heights `spent`.
    pub async fn spent(&self, spent: &Range<u64>, end: u64) -> anyhow::Result<Vec<Spent>> {
        let sql = format!(
            "select spent_output_index, spent_height, value, height, tx_index, input_index, \
             spent_txid, script_type, address from {}.inputs where {} and {}",
            self.chain,
            // An output cannot be spent before it exists: this skips segments.
            within("height", &(spent.start..end)),
            within("spent_height", spent)
        );
        let mut inputs = Vec::new();
        for_each(self.session, &sql, |batch| {
            let [index, spent_height, value, height, tx_index, input_index] = numbers(batch)?;
            let (txid, script_type) = (bytes(batch, 6)?, texts(batch, 7)?);
            let address = texts(batch, 8)?;
            inputs.extend((0..batch.num_rows()).map(|row| Spent {
                key: Key::new(txid.value(row), index.value(row), spent_height.value(row)),
                content: spends::content(
                    value.value(row),
                    script_type.value(row),
                    rows::text_at(&address, row),
                    true,
                ),
                by: InputPlace {
                    height: height.value(row) as u32,
                    tx_index: tx_index.value(row) as u32,
                    input_index: input_index.value(row) as u32,
                },
            }));
            Ok(())
        })
        .await?;
        Ok(inputs)
    }

    /// The inputs below height `end` that say they spend an output of a height that cannot be:
    /// each one's own height and that height.
    pub async fn impossible(&self, end: u64) -> anyhow::Result<Vec<(i64, i64)>> {
        let sql = format!(
            "select height, spent_height from {}.inputs \
             where {} and (spent_height < 0 or spent_height > height) order by height",
            self.chain,
            within("height", &(0..end))
        );
        let mut found = Vec::new();
        for_each(self.session, &sql, |batch| {
            let [height, spent] = numbers(batch)?;
            found.extend(height.values().iter().copied().zip(spent.values().iter().copied()));
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// The one row of `sql` as text, its columns separated by spaces; "none" if there is no row.
    pub async fn words(&self, sql: &str) -> anyhow::Result<String> {
        let mut words = Vec::new();
        for_each(self.session, sql, |batch| {
            let batch = text::flat(batch)?;
            for row in 0..batch.num_rows() {
                for place in 0..batch.num_columns() {
                    let column = texts(&batch, place)?;
                    words.push(rows::text_at(&column, row).unwrap_or("NULL").to_owned());
                }
            }
            Ok(())
        })
        .await?;
        Ok(if words.is_empty() { "none".to_owned() } else { words.join(" ") })
    }
}

fn within(column: &str, heights: &Range<u64>) -> String {
    format!("{column} >= {} and {column} < {}", heights.start, heights.end)
}

/// The first columns of `batch` as numbers.
fn numbers<const N: usize>(batch: &RecordBatch) -> anyhow::Result<[Int64Array; N]> {
    let columns = (0..N).map(|place| ints(batch, place)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(columns.try_into().expect("N columns were read"))
}

fn add_blocks(batch: &RecordBatch, blocks: &mut Vec<BlockRow>) -> anyhow::Result<()> {
    let numbers = numbers::<11>(batch)?;
    let (hash, parent, merkle_root) = (bytes(batch, 11)?, bytes(batch, 12)?, bytes(batch, 13)?);
    let micros = ints(batch, 14)?;
    for row in 0..batch.num_rows() {
        let [
            height,
            version,
            bits,
            nonce,
            transaction_count,
            input_count,
            output_count,
            output_value,
            subsidy,
            fees,
            coinbase_value,
        ] = numbers.each_ref().map(|column| column.value(row));
        blocks.push(BlockRow {
            height,
            hash: hash_at(&hash, row),
            parent: hash_at(&parent, row),
            time: micros.value(row).div_euclid(1_000_000),
            version: version as i32,
            merkle_root: hash_at(&merkle_root, row),
            bits,
            nonce,
            transaction_count,
            input_count,
            output_count,
            output_value,
            subsidy,
            fees,
            coinbase_value,
        });
    }
    Ok(())
}

/// The hash in `row`; zero, which no block has, if it has another length.
fn hash_at(column: &BinaryArray, row: usize) -> BlockHash {
    BlockHash(column.value(row).try_into().unwrap_or_default())
}
