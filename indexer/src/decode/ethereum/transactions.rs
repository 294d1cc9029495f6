//! Rows of `ethereum.transactions`.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, Decimal128Builder, Int32Builder, ListBuilder,
    RecordBatch, StructBuilder, make_builder,
};
use arrow::datatypes::{DataType, FieldRef};
use assay_model::ethereum::TRANSACTIONS;

use super::TransactionContext;
use super::execution::Execution;
use crate::decode::columns::{
    boolean, bytes, decimal38, hashes, int32, int64, rows_of, small, time,
};
use crate::rlp::reader::amount;
use crate::rlp::{Authorization, Outcome, Reader, Receipt, RlpError, Transaction};

pub(super) struct TransactionRows {
    hash: BinaryBuilder,
    height: Vec<i64>,
    time: Vec<i64>,
    tx_index: Vec<i32>,
    kind: Vec<i32>,
    nonce: Vec<i128>,
    from_address: BinaryBuilder,
    to_address: BinaryBuilder,
    created_address: BinaryBuilder,
    value: Vec<i128>,
    input: BinaryBuilder,
    gas_limit: Vec<i64>,
    gas_price: Vec<Option<i128>>,
    max_fee_per_gas: Vec<Option<i128>>,
    max_priority_fee_per_gas: Vec<Option<i128>>,
    max_fee_per_blob_gas: Vec<Option<i128>>,
    blob_hashes: ListBuilder<BinaryBuilder>,
    access_list: ListBuilder<StructBuilder>,
    authorizations: ListBuilder<StructBuilder>,
    chain_id: Vec<Option<i128>>,
    y_parity: Vec<bool>,
    r: Vec<[u8; 32]>,
    s: Vec<[u8; 32]>,
    status: Vec<Option<bool>>,
    post_state_root: BinaryBuilder,
    is_failed: Vec<bool>,
    gas_used: Vec<i64>,
    cumulative_gas_used: Vec<i64>,
    effective_gas_price: Vec<i128>,
    fee: Vec<i128>,
    burnt: Vec<i128>,
    blob_gas_used: Vec<Option<i64>>,
    blob_gas_price: Vec<Option<i128>>,
    blob_fee: Vec<Option<i128>>,
    log_count: Vec<i32>,
}

impl Default for TransactionRows {
    fn default() -> TransactionRows {
        TransactionRows {
            hash: BinaryBuilder::new(),
            height: Vec::new(),
            time: Vec::new(),
            tx_index: Vec::new(),
            kind: Vec::new(),
            nonce: Vec::new(),
            from_address: BinaryBuilder::new(),
            to_address: BinaryBuilder::new(),
            created_address: BinaryBuilder::new(),
            value: Vec::new(),
            input: BinaryBuilder::new(),
            gas_limit: Vec::new(),
            gas_price: Vec::new(),
            max_fee_per_gas: Vec::new(),
            max_priority_fee_per_gas: Vec::new(),
            max_fee_per_blob_gas: Vec::new(),
            blob_hashes: ListBuilder::new(BinaryBuilder::new()).with_field(item("blob_hashes")),
            access_list: structs("access_list"),
            authorizations: structs("authorizations"),
            chain_id: Vec::new(),
            y_parity: Vec::new(),
            r: Vec::new(),
            s: Vec::new(),
            status: Vec::new(),
            post_state_root: BinaryBuilder::new(),
            is_failed: Vec::new(),
            gas_used: Vec::new(),
            cumulative_gas_used: Vec::new(),
            effective_gas_price: Vec::new(),
            fee: Vec::new(),
            burnt: Vec::new(),
            blob_gas_used: Vec::new(),
            blob_gas_price: Vec::new(),
            blob_fee: Vec::new(),
            log_count: Vec::new(),
        }
    }
}

/// The items of the list in the column `name`.
fn item(name: &str) -> FieldRef {
    let schema = TRANSACTIONS.schema();
    let field = schema.field_with_name(name).expect("a column of the table");
    match field.data_type() {
        DataType::List(item) => Arc::clone(item),
        other => unreachable!("{name} is a list, not {other}"),
    }
}

/// A builder of the lists of structs in the column `name`.
fn structs(name: &str) -> ListBuilder<StructBuilder> {
    let item = item(name);
    let DataType::Struct(fields) = item.data_type() else { unreachable!("{name} has structs") };
    let builders: Vec<Box<dyn ArrayBuilder>> = fields
        .iter()
        .map(|field| match field.data_type() {
            // The builder that is made for lists would not know that their items are never null.
            DataType::List(item) => {
                Box::new(ListBuilder::new(BinaryBuilder::new()).with_field(Arc::clone(item)))
            }
            kind => make_builder(kind, 0),
        })
        .collect();
    ListBuilder::new(StructBuilder::new(fields.clone(), builders)).with_field(item)
}

impl TransactionRows {
    /// Adds a transaction.
    ///
    /// # Errors
    ///
    /// If its access list, its authorisations or its blobs are damaged.
    pub fn add(
        &mut self,
        context: TransactionContext<'_>,
        receipt: &Receipt<'_>,
        execution: &Execution,
    ) -> Result<(), RlpError> {
        let TransactionContext { block, tx_index, hash, sender, transaction } = context;
        self.add_lists(transaction)?;
        self.hash.append_value(hash);
        self.height.push(block.height);
        self.time.push(block.time);
        self.tx_index.push(small(tx_index));
        self.kind.push(i32::from(transaction.kind));
        self.nonce.push(i128::from(transaction.nonce));
        self.from_address.append_value(sender);
        self.to_address.append_option(transaction.to);
        self.created_address.append_option(execution.created);
        self.value.push(transaction.value);
        self.input.append_value(transaction.input);
        self.gas_limit.push(transaction.gas_limit);
        self.gas_price.push(transaction.gas_price);
        self.max_fee_per_gas.push(transaction.max_fee_per_gas);
        self.max_priority_fee_per_gas.push(transaction.max_priority_fee_per_gas);
        self.max_fee_per_blob_gas.push(transaction.max_fee_per_blob_gas);
        self.chain_id.push(transaction.chain_id.map(i128::from));
        self.y_parity.push(transaction.y_parity);
        self.r.push(transaction.r.to_be_bytes());
        self.s.push(transaction.s.to_be_bytes());
        let (status, root) = match receipt.outcome {
            Outcome::Status(status) => (Some(status), None),
            Outcome::StateRoot(root) => (None, Some(root)),
        };
        self.status.push(status);
        self.post_state_root.append_option(root);
        self.is_failed.push(execution.is_failed);
        self.gas_used.push(execution.gas_used);
        self.cumulative_gas_used.push(receipt.cumulative_gas_used);
        self.effective_gas_price.push(execution.gas_price);
        self.fee.push(execution.fee());
        self.burnt.push(execution.burnt());
        self.blob_gas_used.push(execution.blobs.map(|blobs| blobs.gas));
        self.blob_gas_price.push(execution.blobs.map(|blobs| blobs.price));
        self.blob_fee.push(execution.blobs.map(|blobs| blobs.fee));
        self.log_count.push(small(receipt.logs.len()));
        Ok(())
    }

    fn add_lists(&mut self, transaction: &Transaction<'_>) -> Result<(), RlpError> {
        if let Some(mut hashes) = transaction.blob_hashes {
            while !hashes.is_empty() {
                self.blob_hashes.values().append_value(hashes.array::<32>()?);
            }
        }
        self.blob_hashes.append(transaction.blob_hashes.is_some());
        if let Some(mut entries) = transaction.access_list {
            while !entries.is_empty() {
                add_access(self.access_list.values(), entries.list()?)?;
            }
        }
        self.access_list.append(transaction.access_list.is_some());
        if let Some(mut items) = transaction.authorizations {
            while !items.is_empty() {
                add_authorization(self.authorizations.values(), Authorization::read(&mut items)?);
            }
        }
        self.authorizations.append(transaction.authorizations.is_some());
        Ok(())
    }

    pub fn finish(mut self) -> RecordBatch {
        let blob_hashes: ArrayRef = Arc::new(self.blob_hashes.finish());
        let access_list: ArrayRef = Arc::new(self.access_list.finish());
        let authorizations: ArrayRef = Arc::new(self.authorizations.finish());
        rows_of(
            &TRANSACTIONS,
            vec![
                bytes(self.hash),
                int64(self.height),
                time(self.time),
                int32(self.tx_index),
                int32(self.kind),
                decimal38(self.nonce),
                bytes(self.from_address),
                bytes(self.to_address),
                bytes(self.created_address),
                decimal38(self.value),
                bytes(self.input),
                int64(self.gas_limit),
                decimal38(self.gas_price),
                decimal38(self.max_fee_per_gas),
                decimal38(self.max_priority_fee_per_gas),
                decimal38(self.max_fee_per_blob_gas),
                blob_hashes,
                access_list,
                authorizations,
                decimal38(self.chain_id),
                boolean(self.y_parity),
                hashes(self.r),
                hashes(self.s),
                boolean(self.status),
                bytes(self.post_state_root),
                boolean(self.is_failed),
                int64(self.gas_used),
                int64(self.cumulative_gas_used),
                decimal38(self.effective_gas_price),
                decimal38(self.fee),
                decimal38(self.burnt),
                int64(self.blob_gas_used),
                decimal38(self.blob_gas_price),
                decimal38(self.blob_fee),
                int32(self.log_count),
            ],
        )
    }
}

/// Adds an entry of an access list: an address and storage keys.
fn add_access(entries: &mut StructBuilder, mut entry: Reader<'_>) -> Result<(), RlpError> {
    let address = entry.address()?;
    let mut keys = entry.list()?;
    entry.end("access list entry")?;
    let builder = entries.field_builder::<ListBuilder<BinaryBuilder>>(1).expect("a list of keys");
    while !keys.is_empty() {
        builder.values().append_value(keys.array::<32>()?);
    }
    builder.append(true);
    entries.field_builder::<BinaryBuilder>(0).expect("an address").append_value(address);
    entries.append(true);
    Ok(())
}

/// Adds an authorisation, with the account that gave it.
fn add_authorization(items: &mut StructBuilder, authorization: Authorization) {
    let Authorization { chain_id, address, nonce, y_parity, r, s } = authorization;
    let mut bytes = |place: usize, value: Option<&[u8]>| {
        items.field_builder::<BinaryBuilder>(place).expect("bytes").append_option(value);
    };
    bytes(0, authorization.recover_authority().as_ref().map(|authority| authority.as_slice()));
    bytes(2, Some(address.as_slice()));
    bytes(5, Some(&r.to_be_bytes::<32>()));
    bytes(6, Some(&s.to_be_bytes::<32>()));
    let mut number = |place: usize, value: Option<i128>| {
        items.field_builder::<Decimal128Builder>(place).expect("a number").append_option(value);
    };
    number(1, amount(chain_id));
    number(3, Some(i128::from(nonce)));
    let parity = items.field_builder::<Int32Builder>(4).expect("a small number");
    parity.append_value(i32::from(y_parity));
    items.append(true);
}
