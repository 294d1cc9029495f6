//! Decodes raw blocks into table rows, and checks that they are what they claim to be.
//!
//! # Invariants
//!
//! * Equal bytes give equal rows: no I/O, no clock, no global state.
//! * Rows come in chain order: the key strictly increases in every table.

pub mod bitcoin;
mod columns;
pub mod ethereum;

use assay_model::Batch;

use crate::raw::Raw;

/// How the blocks of one chain become rows.
pub trait Decode: Clone + Send + Sync + 'static {
    /// A block with all that decoding it needs.
    type Block: Raw;
    /// What can be wrong with a block.
    type Error: Send;

    /// Decodes `blocks`, which follow each other, into one batch.
    ///
    /// # Errors
    ///
    /// At the first block that is not valid, with its place in `blocks`.
    ///
    /// # Panics
    ///
    /// If `blocks` is empty, or one is not complete: a bug of the caller.
    fn decode(&self, blocks: &[Self::Block]) -> Result<Batch, (usize, Self::Error)>;
}
