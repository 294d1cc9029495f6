//! Bitcoin: blocks as they came, and the outputs that they spend.

use assay_model::{BlockRef, Chain};

use super::Raw;

/// A block as it came from its source, with what decoding it needs and the block does not hold.
#[derive(Clone, Debug)]
pub struct RawBlock {
    /// Which block it is.
    pub block: BlockRef,
    /// The block in wire format.
    pub bytes: Vec<u8>,
    /// The outputs that its inputs spend, the coinbase's left out, in block order; `None` until
    /// they are found.
    pub spent: Option<SpentOutputs>,
    /// Median time of this block and the ten before it (BIP 113), Unix seconds.
    pub median_time: u32,
    /// Hashes expected to make the chain up to this block, most significant byte first.
    pub chain_work: [u8; 32],
    /// Where the bytes are kept, for messages.
    pub place: String,
}

impl Raw for RawBlock {
    const CHAIN: Chain = Chain::Bitcoin;

    fn block(&self) -> BlockRef {
        self.block
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// An output that an input spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpentOutput<'a> {
    /// Value, satoshi.
    pub value: u64,
    /// Height at which it was created.
    pub height: u64,
    /// Output script.
    pub script: &'a [u8],
}

/// The outputs that a block spends, in the order of its inputs.
///
/// Kept in three vectors for all of them, not in one for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpentOutputs {
    outputs: Vec<Place>,
    scripts: Vec<u8>,
    /// For each transaction after the coinbase, the number of outputs that came before it.
    transactions: Vec<usize>,
}

/// Bytes that a spent output takes up in undo data, about: a hash and some numbers.
const UNDO_BYTES_PER_OUTPUT: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    value: u64,
    height: u32,
    script_start: usize,
    script_end: usize,
}

impl SpentOutputs {
    /// No outputs yet, with room for those of an undo record of `bytes`.
    pub fn with_capacity(bytes: usize) -> SpentOutputs {
        SpentOutputs {
            outputs: Vec::with_capacity(bytes / UNDO_BYTES_PER_OUTPUT),
            scripts: Vec::with_capacity(bytes),
            transactions: Vec::new(),
        }
    }

    /// Begins the next transaction: what is pushed from here on is spent by it.
    pub fn begin_transaction(&mut self) {
        self.transactions.push(self.outputs.len());
    }

    /// Adds an output whose script `write_script` appends.
    ///
    /// # Errors
    ///
    /// Those of `write_script`.
    pub fn push_with<E>(
        &mut self,
        value: u64,
        height: u32,
        write_script: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let script_start = self.scripts.len();
        write_script(&mut self.scripts)?;
        let script_end = self.scripts.len();
        self.outputs.push(Place { value, height, script_start, script_end });
        Ok(())
    }

    /// Number of transactions, the coinbase left out.
    pub fn transaction_count(&self) -> usize {
        self.transactions.len()
    }

    /// What the transaction at `tx_index` of the block spends; nothing for the coinbase and for
    /// transactions that are not there.
    pub fn of_transaction(
        &self,
        tx_index: usize,
    ) -> impl ExactSizeIterator<Item = SpentOutput<'_>> {
        let at = |place: usize| self.transactions.get(place).copied();
        let range = match tx_index.checked_sub(1).and_then(at) {
            Some(start) => start..at(tx_index).unwrap_or(self.outputs.len()),
            None => 0..0,
        };
        self.outputs[range].iter().map(|place| SpentOutput {
            value: place.value,
            height: u64::from(place.height),
            script: &self.scripts[place.script_start..place.script_end],
        })
    }
}
