//! Ethereum: its tables and networks.

mod blocks;
mod logs;
mod network;
mod token_transfers;
mod traces;
mod transactions;
mod value_flows;
mod withdrawals;

pub use blocks::BLOCKS;
pub use logs::LOGS;
pub use network::{DAO_FORK_HEIGHT, Network, UnknownNetwork};
pub use token_transfers::TOKEN_TRANSFERS;
pub use traces::TRACES;
pub use transactions::TRANSACTIONS;
pub use value_flows::VALUE_FLOWS;
pub use withdrawals::WITHDRAWALS;

use crate::Table;

/// Every table, in the order in which they are written.
pub static TABLES: [&Table; 7] =
    [&BLOCKS, &TRANSACTIONS, &LOGS, &TOKEN_TRANSFERS, &TRACES, &WITHDRAWALS, &VALUE_FLOWS];
