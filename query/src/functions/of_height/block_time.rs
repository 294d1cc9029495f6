//! `block_time(chain, height)`: when a block was made.

use super::Function;

pub(super) const FUNCTION: Function = Function {
    name: "block_time",
    doc: "Header time of the block at a height, UTC; null above the last indexed block.",
    example: "select block_time('bitcoin', 170)",
    answer: |chain, height| chain.time_at(height),
};
