//! Decodes Bitcoin's blocks.
//!
//! # Invariants
//!
//! * A block whose rows come out has its proof of work, its transactions are those of its merkle
//!   root and witness commitment, and its values balance: inputs = outputs + fee in every
//!   transaction but the coinbase, which claims at most subsidy + fees.

mod blocks;
mod check;
mod error;
mod inputs;
mod outputs;
mod transactions;

use arrow::record_batch::RecordBatch;
use assay_model::{Batch, BlockHash, Chain, Network};

use self::blocks::BlockRows;
use self::check::Checked;
pub use self::error::{DecodeError, Fault};
use self::inputs::InputRows;
use self::outputs::OutputRows;
use self::transactions::TransactionRows;
use super::Decode;
use super::columns::micros;
use crate::raw::bitcoin::RawBlock;
use crate::wire::Transaction;

/// How blocks are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoder {
    /// The network: its addresses and its rules.
    pub network: Network,
    /// Whether script signatures and witnesses are kept.
    pub with_scripts: bool,
}

impl Decode for Decoder {
    type Block = RawBlock;
    type Error = Box<DecodeError>;

    fn decode(&self, blocks: &[RawBlock]) -> Result<Batch, (usize, Box<DecodeError>)> {
        let bytes = blocks.iter().map(|raw| raw.bytes.len()).sum();
        let mut rows = Rows::new(*self, bytes);
        for (at, raw) in blocks.iter().enumerate() {
            rows.add(raw).map_err(|fault| (at, Box::new(DecodeError::new(raw, fault))))?;
        }
        let (first, last) = (blocks[0].block, blocks[blocks.len() - 1].block);
        Ok(Batch::new(Chain::Bitcoin, first, last, bytes as u64, rows.finish()))
    }
}

/// Bytes of block data for each input, and for each output, in blocks like today's, about.
const BYTES_PER_ROW: usize = 250;

/// The rows of all tables.
struct Rows {
    decoder: Decoder,
    blocks: BlockRows,
    transactions: TransactionRows,
    inputs: InputRows,
    outputs: OutputRows,
}

/// What the rows of one block have in common.
#[derive(Clone, Copy)]
struct BlockContext {
    decoder: Decoder,
    height: u64,
    /// Header time, as tables hold it.
    time: i64,
}

/// What the rows of one transaction have in common.
#[derive(Clone, Copy)]
struct TransactionContext<'a> {
    block: BlockContext,
    tx_index: usize,
    /// Transaction id, display order.
    txid: BlockHash,
    transaction: &'a Transaction<'a>,
}

impl BlockContext {
    /// The height as tables hold it.
    fn height(self) -> i64 {
        self.height as i64 // blocks are counted in millions
    }
}

impl Rows {
    /// No rows yet, with room for those of `bytes` of block data.
    fn new(decoder: Decoder, bytes: usize) -> Rows {
        let rows = bytes / BYTES_PER_ROW;
        Rows {
            decoder,
            blocks: BlockRows::default(),
            transactions: TransactionRows::default(),
            inputs: InputRows::new(decoder.network, rows),
            outputs: OutputRows::new(decoder.network, rows),
        }
    }

    /// Adds the rows of one block, or none if it is not valid.
    fn add(&mut self, raw: &RawBlock) -> Result<(), Fault> {
        let network = self.decoder.network;
        let spent = raw.spent.as_ref().expect("spent outputs are looked up before decode");
        let checked = Checked::new(network, raw, spent)?;
        let height = raw.block.height;
        let time = micros(checked.block.header.time);
        let block = BlockContext { decoder: self.decoder, height, time };
        for (tx_index, transaction) in checked.block.transactions.iter().enumerate() {
            let txid = BlockHash::from_wire(checked.ids.txids[tx_index]);
            let context = TransactionContext { block, tx_index, txid, transaction };
            let wtxid = BlockHash::from_wire(checked.ids.wtxids[tx_index]);
            self.transactions.add(context, wtxid, checked.sums[tx_index]);
            self.inputs.add(context, spent);
            self.outputs.add(context);
        }
        self.blocks.add(raw, &checked, network.subsidy(height));
        Ok(())
    }

    /// The rows, in the order of the chain's tables.
    fn finish(self) -> Vec<RecordBatch> {
        vec![
            self.blocks.finish(),
            self.transactions.finish(),
            self.inputs.finish(),
            self.outputs.finish(),
        ]
    }
}
