//! The tables of Bitcoin, one a file.

mod blocks;
mod inputs;
mod outputs;
mod transactions;

pub use blocks::BLOCKS;
pub use inputs::INPUTS;
pub use outputs::OUTPUTS;
pub use transactions::TRANSACTIONS;

use crate::Table;

/// The tables that a Bitcoin block fills, in the order in which a batch holds them.
pub const TABLES: [&Table; 4] = [&BLOCKS, &TRANSACTIONS, &INPUTS, &OUTPUTS];
