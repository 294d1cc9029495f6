//! What a transaction cost and whether it succeeded: what its receipt says, and what follows.

use alloy_primitives::Address;

use super::check::{GAS_PER_BLOB, blob_count};
use crate::rlp::reader::{in_38_digits, sum};
use crate::rlp::{Outcome, Receipt, Transaction};

/// Gas of every transaction (Yellow Paper, appendix G).
const TRANSACTION_GAS: i64 = 21_000;
/// Gas of a transaction that creates a contract, on top, since Homestead (EIP-2).
const CREATE_GAS: i64 = 32_000;
/// Gas of a byte of call data that is zero, and of one that is not, before Istanbul (EIP-2028).
const ZERO_BYTE_GAS: i64 = 4;
const BYTE_GAS: i64 = 68;

/// What a transaction did, apart from what contracts did in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Execution {
    /// Whether it failed; its value did not move then.
    pub is_failed: bool,
    /// Gas that it used.
    pub gas_used: i64,
    /// What it paid per gas, wei.
    pub gas_price: i128,
    /// Fee per gas that the fee recipient got, in sum, wei.
    pub priority_fee: i128,
    /// Base fee that was burnt, wei.
    pub base_fee: i128,
    /// Blobs, if it is a transaction for them.
    pub blobs: Option<Blobs>,
    /// The contract that it creates, or would have created.
    pub created: Option<Address>,
}

/// What blobs cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blobs {
    /// Blob gas that they used.
    pub gas: i64,
    /// What it cost per gas, wei.
    pub price: i128,
    /// What it cost, wei: burnt.
    pub fee: i128,
}

/// What a block says about all its transactions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    /// Burnt per gas, wei; zero before London.
    pub base_fee: i128,
    /// Price of blob gas, wei, where blobs are known.
    pub blob_gas: Option<i128>,
    /// Whether creating a contract costs extra.
    pub is_homestead: bool,
}

impl Execution {
    /// What `transaction` of `sender` did; `trace_failed` says whether its trace, if there is one,
    /// has an error. `None` if an amount is beyond all ether.
    pub fn new(
        transaction: &Transaction<'_>,
        sender: Address,
        receipt: &Receipt<'_>,
        gas_used: i64,
        trace_failed: Option<bool>,
        prices: Prices,
    ) -> Option<Execution> {
        let gas_price = effective_gas_price(transaction, prices.base_fee)?;
        let gas = i128::from(gas_used);
        let paid = in_38_digits(gas.checked_mul(gas_price)?)?;
        let base_fee = gas * prices.base_fee.min(gas_price);
        let priority_fee = paid - base_fee;
        let blobs = match (transaction.blob_hashes, prices.blob_gas) {
            (Some(_), Some(price)) => {
                let gas = GAS_PER_BLOB * blob_count(transaction) as i64;
                Some(Blobs { gas, price, fee: i128::from(gas).checked_mul(price)? })
            }
            _ => None,
        };
        sum([paid, blobs.map_or(0, |blobs| blobs.fee)].into_iter())?;
        let is_failed = match (receipt.outcome, trace_failed) {
            (Outcome::Status(succeeded), _) => !succeeded,
            (Outcome::StateRoot(_), Some(failed)) => failed,
            (Outcome::StateRoot(_), None) => seems_failed(transaction, gas_used, prices),
        };
        let created = transaction.to.is_none().then(|| sender.create(transaction.nonce));
        Some(Execution { is_failed, gas_used, gas_price, priority_fee, base_fee, blobs, created })
    }

    /// All that the sender paid, wei.
    pub fn fee(&self) -> i128 {
        self.priority_fee + self.burnt()
    }

    /// The part of it that was burnt, wei.
    pub fn burnt(&self) -> i128 {
        self.base_fee + self.blobs.map_or(0, |blobs| blobs.fee)
    }
}

/// What the transaction pays per gas where `base_fee` is burnt per gas (EIP-1559).
fn effective_gas_price(transaction: &Transaction<'_>, base_fee: i128) -> Option<i128> {
    match (transaction.gas_price, transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas)
    {
        (Some(price), _, _) => Some(price),
        (None, Some(most), Some(priority)) => Some(most.min(base_fee.checked_add(priority)?)),
        _ => None,
    }
}

/// Whether a transaction before Byzantium failed, told by the gas that it used: what fails uses up
/// all of its gas, because there is no REVERT yet. A success that uses its gas to the last unit is
/// taken for a failure, unless no code can have run: then nothing can have failed.
fn seems_failed(transaction: &Transaction<'_>, gas_used: i64, prices: Prices) -> bool {
    let byte_gas = |&byte: &u8| if byte == 0 { ZERO_BYTE_GAS } else { BYTE_GAS };
    let mut least = TRANSACTION_GAS + transaction.input.iter().map(byte_gas).sum::<i64>();
    if transaction.to.is_none() && prices.is_homestead {
        least += CREATE_GAS;
    }
    gas_used == transaction.gas_limit && gas_used != least
}
