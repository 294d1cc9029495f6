//! How many rows a chain has, counted the same way whoever makes them.

use arrow::array::AsArray;

use super::chain::MadeChain;

/// Numbers of rows, one of each kind for what `ethereum-etl` writes in five files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Blocks.
    pub blocks: usize,
    /// Transactions.
    pub transactions: usize,
    /// Receipts: here columns of the transactions.
    pub receipts: usize,
    /// Logs.
    pub logs: usize,
    /// Transfers of ERC-20 and ERC-721 tokens, and others of their shape: not those of ERC-1155.
    pub token_transfers: usize,
}

impl RowCounts {
    /// The rows of `chain`.
    pub fn of(chain: &MadeChain) -> RowCounts {
        let counts: Vec<RowCounts> =
            chain.real.iter().map(|raw| of_block(std::slice::from_ref(raw))).collect();
        let mut sum = RowCounts::default();
        for place in 0..chain.blocks.len() {
            let of = counts[chain.real_of(place)];
            sum.blocks += of.blocks;
            sum.transactions += of.transactions;
            sum.receipts += of.receipts;
            sum.logs += of.logs;
            sum.token_transfers += of.token_transfers;
        }
        sum
    }

    /// All of them.
    pub fn all(&self) -> usize {
        self.blocks + self.transactions + self.receipts + self.logs + self.token_transfers
    }
}

fn of_block(block: &[assay_indexer::raw::ethereum::RawBlock]) -> RowCounts {
    let batch = super::decode(block);
    let mut counts = RowCounts::default();
    for (table, rows) in batch.tables() {
        match table.name {
            "blocks" => counts.blocks = rows.num_rows(),
            "transactions" => counts.transactions = rows.num_rows(),
            "logs" => counts.logs = rows.num_rows(),
            "token_transfers" => {
                let standards = rows.column_by_name("standard").expect("a column of the table");
                let standards = standards.as_string::<i32>().iter().flatten();
                counts.token_transfers = standards.filter(|name| *name != "erc1155").count();
            }
            _ => {}
        }
    }
    counts.receipts = counts.transactions;
    counts
}
