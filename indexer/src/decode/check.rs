//! The checks that a block must pass: bytes, proof of work, commitments, sums.

use assay_model::{BlockHash, Network, Sats};

use super::Fault;
use crate::raw::{RawBlock, SpentOutputs};
use crate::wire::{Hash, Header, Reader, Transaction, merkle_root, sha256d};

/// `OP_RETURN`, a push of 36 bytes, and the tag of a witness commitment (BIP 141).
const COMMITMENT_PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
/// Prefix and hash.
const COMMITMENT_BYTES: usize = 38;

/// A block whose transactions are being read and checked, one after the other.
pub(super) struct Checked<'a> {
    pub header: Header,
    pub transaction_count: usize,
    reader: Reader<'a>,
    txids: Vec<Hash>,
    wtxids: Vec<Hash>,
    has_witness: bool,
    coinbase: Coinbase<'a>,
    totals: Totals<'a>,
}

/// What is kept of the coinbase until all transactions are read.
#[derive(Default)]
struct Coinbase<'a> {
    /// The hash that its last witness commitment holds.
    commitment: Option<&'a [u8]>,
    /// The items of its witness.
    witness: Vec<&'a [u8]>,
    value: Sats,
}

/// Figures of a whole block.
pub(super) struct Totals<'a> {
    pub header: Header,
    pub size: usize,
    pub stripped_size: usize,
    pub transaction_count: usize,
    pub input_count: usize,
    pub output_count: usize,
    pub output_value: i64,
    pub fees: Sats,
    pub coinbase_value: Sats,
    pub coinbase_script: &'a [u8],
    pub coinbase_sequence: u32,
    pub coinbase_witness: Option<&'a [u8]>,
}

/// Values of one transaction. A coinbase spends nothing and pays no fee.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub input_value: Sats,
    pub output_value: Sats,
    pub fee: Sats,
}

impl<'a> Checked<'a> {
    /// Checks the header of `raw`.
    pub fn begin(network: Network, raw: &'a RawBlock) -> Result<Checked<'a>, Fault> {
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
        if !header.has_proof_of_work(&hash, network) {
            return Err(Fault::NoProofOfWork);
        }
        let transaction_count = match reader.count()? {
            0 => return Err(Fault::NoTransactions),
            // More transactions than bytes end as data that is too short.
            count => usize::try_from(count).unwrap_or(usize::MAX),
        };
        let totals = Totals {
            header,
            size: raw.bytes.len(),
            stripped_size: reader.position(),
            transaction_count,
            input_count: 0,
            output_count: 0,
            output_value: 0,
            fees: Sats::ZERO,
            coinbase_value: Sats::ZERO,
            coinbase_script: &[],
            coinbase_sequence: 0,
            coinbase_witness: None,
        };
        Ok(Checked {
            header,
            transaction_count,
            reader,
            txids: Vec::new(),
            wtxids: Vec::new(),
            has_witness: false,
            coinbase: Coinbase::default(),
            totals,
        })
    }

    /// Reads the next transaction; returns its hashes without and with witnesses.
    pub fn next_transaction(
        &mut self,
        tx_index: usize,
        transaction: &mut Transaction<'a>,
    ) -> Result<(Hash, Hash), Fault> {
        transaction.read(&mut self.reader)?;
        if transaction.is_coinbase() != (tx_index == 0) {
            return Err(Fault::Coinbase { tx_index });
        }
        let is_null = |txid: &Hash, index| index == u32::MAX && *txid == [0; 32];
        if tx_index > 0
            && (transaction.inputs.iter()).any(|i| is_null(i.spent_txid, i.spent_output_index))
        {
            return Err(Fault::NullInput { tx_index });
        }
        let txid = transaction.txid();
        let wtxid = transaction.wtxid(&txid);
        self.txids.push(txid);
        // The coinbase counts as zero in the tree of witnesses (BIP 141).
        self.wtxids.push(if tx_index == 0 { [0; 32] } else { wtxid });
        self.has_witness |= transaction.has_witness;
        if tx_index == 0 {
            self.read_coinbase(transaction);
        }
        Ok((txid, wtxid))
    }

    fn read_coinbase(&mut self, transaction: &Transaction<'a>) {
        let input = &transaction.inputs[0];
        self.coinbase.witness = input.witness_items().collect();
        self.totals.coinbase_script = input.script_sig;
        self.totals.coinbase_sequence = input.sequence;
        self.totals.coinbase_witness = self.coinbase.witness.first().copied();
        // Of several commitments the last counts (BIP 141).
        self.coinbase.commitment = (transaction.outputs.iter().rev())
            .map(|output| output.script)
            .find(|script| {
                script.len() >= COMMITMENT_BYTES && script.starts_with(&COMMITMENT_PREFIX)
            })
            .map(|script| &script[COMMITMENT_PREFIX.len()..COMMITMENT_BYTES]);
    }

    /// Adds a transaction to the block's figures.
    pub fn add(&mut self, transaction: &Transaction<'_>, sums: Sums) -> Result<(), Fault> {
        let tx_index = self.txids.len() - 1;
        let totals = &mut self.totals;
        totals.stripped_size += transaction.stripped_size();
        totals.output_count += transaction.outputs.len();
        totals.output_value += sums.output_value.to_i64();
        if tx_index == 0 {
            self.coinbase.value = sums.output_value;
            return Ok(());
        }
        totals.input_count += transaction.inputs.len();
        totals.fees = totals.fees.checked_add(sums.fee).ok_or(Fault::ValueTooLarge { tx_index })?;
        Ok(())
    }

    /// Checks what only the whole block can show.
    pub fn finish(mut self, network: Network, height: u64) -> Result<Totals<'a>, Fault> {
        self.reader.end()?;
        if merkle_root(&mut self.txids) != Some(self.header.merkle_root) {
            return Err(Fault::MerkleRoot);
        }
        self.check_witnesses(network, height)?;
        let claimed = self.coinbase.value;
        let subsidy = network.subsidy(height);
        let allowed = subsidy.get() + self.totals.fees.get();
        if claimed.get() > allowed {
            return Err(Fault::CoinbaseTooLarge { claimed: claimed.get(), allowed });
        }
        self.totals.coinbase_value = claimed;
        Ok(self.totals)
    }

    /// `CheckWitnessMalleation` of Bitcoin Core.
    fn check_witnesses(&mut self, network: Network, height: u64) -> Result<(), Fault> {
        let Some(commitment) = self.coinbase.commitment else {
            return if self.has_witness { Err(Fault::UnexpectedWitness) } else { Ok(()) };
        };
        match &self.coinbase.witness[..] {
            // Miners wrote commitments before the rule was in force, and blocks had no witnesses.
            [] if !self.has_witness && !network.has_segwit(height) => Ok(()),
            [] => Err(Fault::WitnessMissing),
            [reserved] if reserved.len() == 32 => {
                let root = merkle_root(&mut self.wtxids).ok_or(Fault::WitnessCommitment)?;
                if sha256d(&[&root, reserved]) == commitment {
                    Ok(())
                } else {
                    Err(Fault::WitnessCommitment)
                }
            }
            _ => Err(Fault::WitnessCommitment),
        }
    }
}

/// Checks that `spent` is of a block with `transaction_count` transactions.
pub(super) fn spent_count(spent: &SpentOutputs, transaction_count: usize) -> Result<(), Fault> {
    let found = transaction_count - 1;
    match spent.transaction_count() {
        count if count == found => Ok(()),
        count => Err(Fault::SpentTransactions { found, spent: count }),
    }
}

/// The values of the transaction at `tx_index`, checked.
pub(super) fn sums(
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
