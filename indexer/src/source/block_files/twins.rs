//! Tells the undo records of twins apart: blocks of one file with the same parent and the same
//! number of transactions, whose records prove no more than that.

use crate::raw::bitcoin::SpentOutputs;
use crate::wire::Block;

/// How well undo data fits a block; the greater the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It is another block's.
    None,
    /// Every transaction has what it spends, and pays no more than that.
    Possible,
    /// And the coinbase claims subsidy and fees to the satoshi, as nearly all do.
    Exact,
}

/// The one of `candidates` that fits the block in `bytes` best; of equals the first.
pub fn choose(
    bytes: &[u8],
    subsidy: u64,
    mut candidates: Vec<SpentOutputs>,
) -> Option<SpentOutputs> {
    // A block that is damaged is reported when it is decoded.
    let best = Block::read(bytes).ok().and_then(|block| {
        let fit = |at: &usize| fit(&block, subsidy, &candidates[*at]);
        (0..candidates.len()).rev().max_by_key(fit)
    });
    (!candidates.is_empty()).then(|| candidates.swap_remove(best.unwrap_or(0)))
}

fn fit(block: &Block<'_>, subsidy: u64, spent: &SpentOutputs) -> Fit {
    let mut allowed = u128::from(subsidy);
    let mut claimed = 0;
    for (tx_index, transaction) in block.transactions.iter().enumerate() {
        let paid = transaction.outputs.iter().map(|output| u128::from(output.value)).sum();
        if tx_index == 0 {
            claimed = paid;
            continue;
        }
        let spent = spent.of_transaction(tx_index);
        let is_whole = spent.len() == transaction.inputs.len();
        match spent.map(|output| u128::from(output.value)).sum::<u128>().checked_sub(paid) {
            Some(fee) if is_whole => allowed += fee,
            _ => return Fit::None,
        }
    }
    match claimed.cmp(&allowed) {
        std::cmp::Ordering::Less => Fit::Possible,
        std::cmp::Ordering::Equal => Fit::Exact,
        std::cmp::Ordering::Greater => Fit::None,
    }
}
