//! `block_day(chain, height)`: of which day a block is in daily figures.

use super::Function;

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

pub(super) const FUNCTION: Function = Function {
    name: "block_day",
    doc: "The beginning of the UTC day that a block counts to in daily figures; null above the last indexed block. A day ends with the last block, by height, whose header time is in it or before, so where header times run backwards, it may be another day than that of the block's own time.",
    example: "select block_day('bitcoin', height), count(*) from bitcoin.blocks group by 1",
    answer: |chain, height| {
        let least = chain.least_time_from(height)?;
        Ok(least.map(|time| time.div_euclid(DAY_MICROS) * DAY_MICROS))
    },
};
