//! Rows against what headers commit to: a block is written anew from its rows, and hashed.
//!
//! A row that was changed, lost or added anywhere in `blocks`, `transactions`, `logs` or
//! `withdrawals` changes a root or a hash. Columns that are computed from others (fees, senders,
//! failures) are not covered: other checks look at them.

use std::collections::BTreeMap;
use std::ops::Range;

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, keccak256};
use alloy_trie::root::ordered_trie_root_with_encoder;
use anyhow::Context;
use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use assay_indexer::rlp::encode::{
    HeaderFields, LogFields, ReceiptFields, TransactionFields, WithdrawalFields,
};
use assay_indexer::rlp::{Authorization, Outcome};
use assay_query::Session;

use super::within;
use crate::commands::rows::for_each;
use crate::commands::verify::check::Check;

/// The checks of what headers commit to.
pub struct Commitments {
    headers: Check,
    roots: Check,
}

/// What a block's rows say.
#[derive(Default)]
struct Contents {
    transactions: Vec<TransactionFields>,
    hashes: Vec<B256>,
    receipts: Vec<ReceiptFields>,
    withdrawals: Vec<WithdrawalFields>,
}

impl Commitments {
    pub fn new() -> Commitments {
        Commitments {
            headers: Check::new("headers", "each block's columns hash to its hash"),
            roots: Check::new(
                "roots",
                "transactions, receipts with their logs, and withdrawals are those of the header",
            ),
        }
    }

    pub fn finish(self) -> [Check; 2] {
        [self.headers, self.roots]
    }

    /// Checks the blocks of `heights`.
    pub async fn check(&mut self, session: &Session, heights: &Range<u64>) -> anyhow::Result<()> {
        let mut contents: BTreeMap<u64, Contents> = BTreeMap::new();
        let of = |table: &str, key: &str| {
            format!("select * from ethereum.{table} where {} order by {key}", within(heights))
        };
        for_each(session, &of("transactions", "height, tx_index"), |batch| {
            add_transactions(&Columns(batch), &mut contents)
        })
        .await?;
        for_each(session, &of("logs", "height, log_index"), |batch| {
            add_logs(&Columns(batch), &mut contents)
        })
        .await?;
        for_each(session, &of("withdrawals", "height, withdrawal_index"), |batch| {
            add_withdrawals(&Columns(batch), &mut contents)
        })
        .await?;
        for_each(session, &of("blocks", "height"), |batch| {
            let columns = Columns(batch);
            for row in 0..batch.num_rows() {
                let (header, hash) = header(&columns, row)?;
                let contents = contents.remove(&header.height).unwrap_or_default();
                self.compare(&header, hash, contents);
            }
            Ok(())
        })
        .await
    }

    fn compare(&mut self, header: &HeaderFields, hash: B256, mut contents: Contents) {
        let height = header.height;
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        self.headers.compare(height, format_args!("hash of the header"), hash, keccak256(&bytes));
        for (tx_index, (fields, hash)) in
            contents.transactions.iter().zip(&contents.hashes).enumerate()
        {
            bytes.clear();
            fields.encode(&mut bytes);
            let what = format_args!("hash of transaction {tx_index}");
            self.roots.compare(height, what, *hash, keccak256(&bytes));
        }
        for receipt in &mut contents.receipts {
            receipt.logs_bloom = bloom(&receipt.logs);
        }
        let root = ordered_trie_root_with_encoder(&contents.transactions, |fields, out| {
            encode_into(out, |bytes| fields.encode(bytes));
        });
        self.root(height, "transactions", header.transactions_root, root);
        let root = ordered_trie_root_with_encoder(&contents.receipts, |fields, out| {
            encode_into(out, |bytes| fields.encode(bytes));
        });
        self.root(height, "receipts", header.receipts_root, root);
        if let Some(wanted) = header.withdrawals_root {
            let root = ordered_trie_root_with_encoder(&contents.withdrawals, |fields, out| {
                encode_into(out, |bytes| fields.encode(bytes));
            });
            self.root(height, "withdrawals", wanted, root);
        }
    }

    fn root(&mut self, height: u64, what: &str, wanted: B256, found: B256) {
        self.roots.compare(height, format_args!("root of the {what}"), wanted, found);
    }
}

/// Appends to `out` what `write` writes.
fn encode_into(out: &mut dyn alloy_rlp::BufMut, write: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    write(&mut bytes);
    out.put_slice(&bytes);
}

/// The filter of `logs` (Yellow Paper, 4.3.1).
fn bloom(logs: &[LogFields]) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in logs {
        bloom.accrue(alloy_primitives::BloomInput::Raw(log.address.as_slice()));
        for topic in &log.topics {
            bloom.accrue(alloy_primitives::BloomInput::Raw(topic.as_slice()));
        }
    }
    bloom
}

/// The columns of a batch, by name.
struct Columns<'a>(&'a RecordBatch);

impl Columns<'_> {
    fn column(&self, name: &str) -> anyhow::Result<&dyn Array> {
        let column = self.0.column_by_name(name);
        Ok(&**column.with_context(|| format!("a column {name}"))?)
    }

    fn has(&self, name: &str, row: usize) -> anyhow::Result<bool> {
        Ok(self.column(name)?.is_valid(row))
    }

    fn bytes(&self, name: &str, row: usize) -> anyhow::Result<&[u8]> {
        Ok(self.column(name)?.as_binary::<i32>().value(row))
    }

    fn hash(&self, name: &str, row: usize) -> anyhow::Result<B256> {
        hash(self.bytes(name, row)?)
    }

    fn optional<T>(
        &self,
        name: &str,
        row: usize,
        read: impl FnOnce(&Self, &str, usize) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        if self.has(name, row)? { read(self, name, row).map(Some) } else { Ok(None) }
    }

    fn address(&self, name: &str, row: usize) -> anyhow::Result<Address> {
        Ok(Address::try_from(self.bytes(name, row)?)?)
    }

    fn int(&self, name: &str, row: usize) -> anyhow::Result<u64> {
        Ok(self.column(name)?.as_primitive::<Int64Type>().value(row) as u64)
    }

    fn small(&self, name: &str, row: usize) -> anyhow::Result<i32> {
        Ok(self.column(name)?.as_primitive::<Int32Type>().value(row))
    }

    fn amount(&self, name: &str, row: usize) -> anyhow::Result<U256> {
        Ok(U256::try_from(self.column(name)?.as_primitive::<Decimal128Type>().value(row))?)
    }

    /// An amount, or zero where there is none.
    fn amount_or_zero(&self, name: &str, row: usize) -> anyhow::Result<U256> {
        Ok(self.optional(name, row, Columns::amount)?.unwrap_or_default())
    }
}

fn hash(bytes: &[u8]) -> anyhow::Result<B256> {
    Ok(B256::try_from(bytes)?)
}

fn header(columns: &Columns<'_>, row: usize) -> anyhow::Result<(HeaderFields, B256)> {
    let micros = columns.column("time")?.as_primitive::<TimestampMicrosecondType>().value(row);
    let fields = HeaderFields {
        parent_hash: columns.hash("parent_hash", row)?,
        uncles_hash: columns.hash("uncles_hash", row)?,
        miner: columns.address("miner", row)?,
        state_root: columns.hash("state_root", row)?,
        transactions_root: columns.hash("transactions_root", row)?,
        receipts_root: columns.hash("receipts_root", row)?,
        logs_bloom: Bloom::try_from(columns.bytes("logs_bloom", row)?)?,
        difficulty: columns.amount("difficulty", row)?,
        height: columns.int("height", row)?,
        gas_limit: columns.int("gas_limit", row)?,
        gas_used: columns.int("gas_used", row)?,
        time: micros as u64 / 1_000_000,
        extra_data: Bytes::copy_from_slice(columns.bytes("extra_data", row)?),
        mix_hash: columns.hash("mix_hash", row)?,
        nonce: B64::try_from(columns.bytes("nonce", row)?)?,
        base_fee_per_gas: columns.optional("base_fee_per_gas", row, Columns::amount)?,
        withdrawals_root: columns.optional("withdrawals_root", row, Columns::hash)?,
        blob_gas_used: columns.optional("blob_gas_used", row, Columns::int)?,
        excess_blob_gas: columns.optional("excess_blob_gas", row, Columns::int)?,
        parent_beacon_root: columns.optional("parent_beacon_root", row, Columns::hash)?,
        requests_hash: columns.optional("requests_hash", row, Columns::hash)?,
    };
    Ok((fields, columns.hash("hash", row)?))
}

fn add_transactions(
    columns: &Columns<'_>,
    contents: &mut BTreeMap<u64, Contents>,
) -> anyhow::Result<()> {
    for row in 0..columns.0.num_rows() {
        let kind = columns.small("type", row)? as u8;
        let block = contents.entry(columns.int("height", row)?).or_default();
        block.hashes.push(columns.hash("hash", row)?);
        block.receipts.push(ReceiptFields {
            kind,
            outcome: match columns.optional("post_state_root", row, Columns::hash)? {
                Some(root) => Outcome::StateRoot(root),
                None => Outcome::Status(columns.column("status")?.as_boolean().value(row)),
            },
            cumulative_gas_used: columns.int("cumulative_gas_used", row)?,
            logs_bloom: Bloom::ZERO,
            logs: Vec::new(),
        });
        block.transactions.push(TransactionFields {
            kind,
            chain_id: columns
                .optional("chain_id", row, Columns::amount)?
                .map(|chain_id| chain_id.saturating_to()),
            nonce: columns.amount("nonce", row)?.saturating_to(),
            gas_price: columns.amount_or_zero("gas_price", row)?,
            max_priority_fee_per_gas: columns.amount_or_zero("max_priority_fee_per_gas", row)?,
            max_fee_per_gas: columns.amount_or_zero("max_fee_per_gas", row)?,
            gas_limit: columns.int("gas_limit", row)?,
            to: columns.optional("to_address", row, Columns::address)?,
            value: columns.amount("value", row)?,
            input: Bytes::copy_from_slice(columns.bytes("input", row)?),
            access_list: access_list(columns, row)?,
            max_fee_per_blob_gas: columns.amount_or_zero("max_fee_per_blob_gas", row)?,
            blob_hashes: hashes(columns.column("blob_hashes")?, row)?,
            authorizations: authorizations(columns, row)?,
            y_parity: columns.column("y_parity")?.as_boolean().value(row),
            r: U256::from_be_bytes(columns.hash("r", row)?.0),
            s: U256::from_be_bytes(columns.hash("s", row)?.0),
        });
    }
    Ok(())
}

/// The hashes in the list at `row`; none where the list is absent.
fn hashes(lists: &dyn Array, row: usize) -> anyhow::Result<Vec<B256>> {
    if lists.is_null(row) {
        return Ok(Vec::new());
    }
    let items = lists.as_list::<i32>().value(row);
    let items = items.as_binary::<i32>();
    (0..items.len()).map(|place| hash(items.value(place))).collect()
}

/// The structs in the list at `row` of the column `name`; none where the list is absent.
fn structs(columns: &Columns<'_>, name: &str, row: usize) -> anyhow::Result<Option<StructArray>> {
    let lists = columns.column(name)?;
    Ok(lists.is_valid(row).then(|| lists.as_list::<i32>().value(row).as_struct().clone()))
}

fn access_list(columns: &Columns<'_>, row: usize) -> anyhow::Result<Vec<(Address, Vec<B256>)>> {
    let Some(entries) = structs(columns, "access_list", row)? else { return Ok(Vec::new()) };
    let (addresses, keys) = (entries.column(0).as_binary::<i32>(), entries.column(1));
    (0..entries.len())
        .map(|entry| Ok((Address::try_from(addresses.value(entry))?, hashes(keys, entry)?)))
        .collect()
}

fn authorizations(columns: &Columns<'_>, row: usize) -> anyhow::Result<Vec<Authorization>> {
    let Some(items) = structs(columns, "authorizations", row)? else { return Ok(Vec::new()) };
    let items = RecordBatch::from(items);
    let items = Columns(&items);
    (0..items.0.num_rows())
        .map(|item| {
            Ok(Authorization {
                chain_id: items.amount("chain_id", item)?,
                address: items.address("address", item)?,
                nonce: items.amount("nonce", item)?.saturating_to(),
                y_parity: items.small("y_parity", item)? as u8,
                r: U256::from_be_bytes(items.hash("r", item)?.0),
                s: U256::from_be_bytes(items.hash("s", item)?.0),
            })
        })
        .collect()
}

fn add_logs(columns: &Columns<'_>, contents: &mut BTreeMap<u64, Contents>) -> anyhow::Result<()> {
    for row in 0..columns.0.num_rows() {
        let block = contents.entry(columns.int("height", row)?).or_default();
        let tx_index = columns.small("tx_index", row)?;
        // A log without its transaction is found by the counts.
        let Some(receipt) = block.receipts.get_mut(tx_index as usize) else { continue };
        let mut topics = Vec::new();
        for name in ["topic0", "topic1", "topic2", "topic3"] {
            topics.extend(columns.optional(name, row, Columns::hash)?);
        }
        receipt.logs.push(LogFields {
            address: columns.address("address", row)?,
            topics,
            data: Bytes::copy_from_slice(columns.bytes("data", row)?),
        });
    }
    Ok(())
}

fn add_withdrawals(
    columns: &Columns<'_>,
    contents: &mut BTreeMap<u64, Contents>,
) -> anyhow::Result<()> {
    const GWEI: u64 = 1_000_000_000;
    for row in 0..columns.0.num_rows() {
        let block = contents.entry(columns.int("height", row)?).or_default();
        block.withdrawals.push(WithdrawalFields {
            index: columns.int("withdrawal_index", row)?,
            validator_index: columns.int("validator_index", row)?,
            address: columns.address("address", row)?,
            amount_gwei: (columns.amount("amount", row)? / U256::from(GWEI)).saturating_to(),
        });
    }
    Ok(())
}
