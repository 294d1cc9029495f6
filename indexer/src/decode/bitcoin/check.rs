//! The checks that a block must pass: bytes, proof of work, commitments, sums.

use assay_model::{BlockHash, Network, Sats};

use super::Fault;
use crate::raw::bitcoin::{RawBlock, SpentOutputs};
use crate::wire::{
    Block, Header, Input, Reader, Transaction, TransactionIds, merkle_root, sha256d,
};

/// `OP_RETURN`, a push of 36 bytes, and the tag of a witness commitment (BIP 141).
const COMMITMENT_PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
/// Prefix and hash.
const COMMITMENT_BYTES: usize = 38;

/// A block that is what it claims to be.
pub(super) struct Checked<'a> {
    pub block: Block<'a>,
    pub ids: TransactionIds,
    /// Values, by transaction.
    pub sums: Vec<Sums>,
    pub totals: Totals,
}

/// Figures of a whole block.
pub(super) struct Totals {
    pub input_count: usize,
    pub output_count: usize,
    pub output_value: i64,
    pub fees: Sats,
    pub coinbase_value: Sats,
}

/// Values of one transaction. A coinbase spends nothing and pays no fee.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub input_value: Sats,
    pub output_value: Sats,
    pub fee: Sats,
}

impl<'a> Checked<'a> {
    /// Reads and checks the block `raw`, which spends `spent`.
    pub fn new(
        network: Network,
        raw: &'a RawBlock,
        spent: &SpentOutputs,
    ) -> Result<Checked<'a>, Fault> {
        let height = raw.block.height;
        check_header(network, raw)?;
        let block = Block::read(&raw.bytes)?;
        check_coinbases(&block)?;
        let ids = block.transaction_ids();
        if merkle_root(ids.txids.clone()) != Some(block.header.merkle_root) {
            return Err(Fault::MerkleRoot);
        }
        check_witnesses(network, height, &block, &ids)?;
        spent_count(spent, block.transactions.len())?;
        let sums = (block.transactions.iter().enumerate())
            .map(|(tx_index, transaction)| sums(tx_index, transaction, spent))
            .collect::<Result<Vec<_>, _>>()?;
        let totals = totals(&block, &sums)?;
        let claimed = totals.coinbase_value.get();
        let allowed = network.subsidy(height).get() + totals.fees.get();
        if claimed > allowed {
            return Err(Fault::CoinbaseTooLarge { claimed, allowed });
        }
        Ok(Checked { block, ids, sums, totals })
    }
}

fn check_header(network: Network, raw: &RawBlock) -> Result<(), Fault> {
    let mut reader = Reader::new(&raw.bytes);
    let header = Header::read(&mut reader)?;
    let hash = sha256d(&[reader.since(0)]);
    let [found, parent] = [hash, header.parent].map(BlockHash::from_wire);
    if found != raw.block.hash {
        return Err(Fault::WrongHash { found });
    }
    if parent != raw.block.parent {
        return Err(Fault::WrongParent { found: parent });
    }
    if header.has_proof_of_work(&hash, network) { Ok(()) } else { Err(Fault::NoProofOfWork) }
}

/// The first transaction is a coinbase, and no other spends nothing.
fn check_coinbases(block: &Block<'_>) -> Result<(), Fault> {
    if block.transactions.is_empty() {
        return Err(Fault::NoTransactions);
    }
    for (tx_index, transaction) in block.transactions.iter().enumerate() {
        if transaction.is_coinbase() != (tx_index == 0) {
            return Err(Fault::Coinbase { tx_index });
        }
        if tx_index > 0 && transaction.inputs.iter().any(Input::is_null) {
            return Err(Fault::NullInput { tx_index });
        }
    }
    Ok(())
}

/// `CheckWitnessMalleation` of Bitcoin Core.
fn check_witnesses(
    network: Network,
    height: u64,
    block: &Block<'_>,
    ids: &TransactionIds,
) -> Result<(), Fault> {
    let has_witness = block.transactions.iter().any(|transaction| transaction.has_witness);
    let coinbase = &block.transactions[0];
    // Of several commitments the last counts (BIP 141).
    let commitment = (coinbase.outputs.iter().rev())
        .map(|output| output.script)
        .find(|script| script.len() >= COMMITMENT_BYTES && script.starts_with(&COMMITMENT_PREFIX));
    let Some(commitment) = commitment else {
        return if has_witness { Err(Fault::UnexpectedWitness) } else { Ok(()) };
    };
    let witness: Vec<&[u8]> = coinbase.inputs[0].witness_items().collect();
    match witness[..] {
        // Miners wrote commitments before the rule was in force, and blocks had no witnesses.
        [] if !has_witness && !network.has_segwit(height) => Ok(()),
        [] => Err(Fault::WitnessMissing),
        [reserved] if reserved.len() == 32 => {
            // The coinbase counts as zero in the tree of witnesses (BIP 141).
            let mut leaves = ids.wtxids.clone();
            leaves[0] = [0; 32];
            let root = merkle_root(leaves).ok_or(Fault::WitnessCommitment)?;
            let committed = &commitment[COMMITMENT_PREFIX.len()..COMMITMENT_BYTES];
            let found = sha256d(&[&root, reserved]);
            if found == committed { Ok(()) } else { Err(Fault::WitnessCommitment) }
        }
        _ => Err(Fault::WitnessCommitment),
    }
}

fn totals(block: &Block<'_>, sums: &[Sums]) -> Result<Totals, Fault> {
    let spending = &block.transactions[1..];
    let mut fees = Sats::ZERO;
    for (tx_index, sums) in sums.iter().enumerate() {
        fees = fees.checked_add(sums.fee).ok_or(Fault::ValueTooLarge { tx_index })?;
    }
    Ok(Totals {
        input_count: spending.iter().map(|transaction| transaction.inputs.len()).sum(),
        output_count: block.transactions.iter().map(|transaction| transaction.outputs.len()).sum(),
        output_value: sums.iter().map(|sums| sums.output_value.to_i64()).sum(),
        fees,
        coinbase_value: sums[0].output_value,
    })
}

/// Checks that `spent` is of a block with `transaction_count` transactions.
fn spent_count(spent: &SpentOutputs, transaction_count: usize) -> Result<(), Fault> {
    let found = transaction_count - 1;
    match spent.transaction_count() {
        count if count == found => Ok(()),
        count => Err(Fault::SpentTransactions { found, spent: count }),
    }
}

/// The values of the transaction at `tx_index`, checked.
fn sums(
    tx_index: usize,
    transaction: &Transaction<'_>,
    spent: &SpentOutputs,
) -> Result<Sums, Fault> {
    let too_large = Fault::ValueTooLarge { tx_index };
    let outputs = transaction.outputs.iter().map(|output| output.value);
    let output_value = total(outputs).ok_or_else(|| too_large.clone())?;
    if tx_index == 0 {
        return Ok(Sums { input_value: Sats::ZERO, output_value, fee: Sats::ZERO });
    }
    let spent = spent.of_transaction(tx_index);
    if spent.len() != transaction.inputs.len() {
        let found = transaction.inputs.len();
        return Err(Fault::SpentInputs { tx_index, found, spent: spent.len() });
    }
    let input_value = total(spent.map(|output| output.value)).ok_or(too_large)?;
    let fee = input_value.checked_sub(output_value).ok_or(Fault::NegativeFee {
        tx_index,
        input: input_value.get(),
        output: output_value.get(),
    })?;
    Ok(Sums { input_value, output_value, fee })
}

/// The sum of `values`; `None` if one of them or the sum is above the supply.
fn total(mut values: impl Iterator<Item = u64>) -> Option<Sats> {
    values.try_fold(Sats::ZERO, |sum, value| sum.checked_add(Sats::new(value)?))
}
