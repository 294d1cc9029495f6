//! What verify checks of Bitcoin.
//!
//! | file | what it checks |
//! |---|---|
//! | `blocks.rs` | heights, hash links, headers and their work |
//! | `sums.rs` | transactions against inputs and outputs |
//! | `heights.rs` | blocks against their rows; the supply equation |
//! | `spends.rs`, `prevouts.rs` | inputs against the outputs that they spend |

mod blocks;
mod heights;
mod prevouts;
mod queries;
mod spends;
mod sums;
mod windows;

use std::ops::Range;

use assay_model::Network;
use assay_query::Session;
use indicatif::ProgressBar;

use self::blocks::{BlockRow, Blocks};
use self::heights::Heights;
use self::queries::Queries;
use self::windows::windows;
use super::check::Check;
use super::segments::Segments;
use crate::config::Config;
use crate::stored::StoredChain;

/// Blocks whose rows of `blocks` are held at a time.
const CHUNK_BLOCKS: u64 = 10_000;
/// Rows of the other tables that are added up at a time.
const WINDOW_ROWS_MAX: u64 = 2_000_000;

/// Checks all rows; `with_prevouts` also every input against the output that it spends.
pub async fn check_rows(
    session: &Session,
    folder: &StoredChain,
    segments: Segments<'_>,
    config: &Config,
    with_prevouts: bool,
) -> anyhow::Result<Vec<Check>> {
    let queries = Queries { session, chain: folder.chain };
    let network: Network = folder.info.network.parse()?;
    let end = folder.heights().end;
    let mut rows = Rows {
        queries,
        segments,
        blocks: Blocks::new(network),
        transactions: sums::check(),
        heights: Heights::new(network),
        outputs: Vec::with_capacity(end as usize),
    };
    let bar = config.verbosity.bar("checking blocks", end, "blocks");
    for start in (0..end).step_by(CHUNK_BLOCKS as usize) {
        rows.chunk(start..end.min(start + CHUNK_BLOCKS), &bar).await?;
    }
    bar.finish_and_clear();
    let outputs = std::mem::take(&mut rows.outputs);
    let mut checks = rows.finish();
    if with_prevouts {
        let bar = config.verbosity.bar("checking spends", end, "blocks");
        checks.push(prevouts::check(queries, &outputs, config.memory_bytes, &bar).await?);
        bar.finish_and_clear();
    }
    Ok(checks)
}

/// The checks that go through all rows by height.
struct Rows<'a> {
    queries: Queries<'a>,
    segments: Segments<'a>,
    blocks: Blocks,
    transactions: Check,
    heights: Heights,
    /// Outputs of each height, as the blocks say.
    outputs: Vec<u64>,
}

impl Rows<'_> {
    /// Checks the blocks of `heights`, and then their other rows in windows.
    async fn chunk(&mut self, heights: Range<u64>, bar: &ProgressBar) -> anyhow::Result<()> {
        let rows = self.queries.blocks(&heights).await?;
        let mut blocks: Vec<Option<BlockRow>> = vec![None; (heights.end - heights.start) as usize];
        for row in rows {
            self.blocks.add(&row);
            self.segments.add_block(row.height as u64, row.hash, row.parent);
            let place = (row.height as u64 - heights.start) as usize;
            blocks[place] = Some(row);
        }
        self.blocks.skip_to(heights.end);
        let counts = blocks.iter().map(|block| block.as_ref().map_or(0, row_count));
        let counts: Vec<u64> = counts.collect();
        self.outputs.extend(
            blocks
                .iter()
                .map(|block| block.as_ref().map_or(0, |block| block.output_count.max(0) as u64)),
        );
        for window in windows(heights.start, &counts, WINDOW_ROWS_MAX) {
            let first = (window.start - heights.start) as usize;
            let last = (window.end - heights.start) as usize;
            self.window(&window, &blocks[first..last]).await?;
            bar.inc(window.end - window.start);
        }
        Ok(())
    }

    /// Checks the other rows of `heights` against their `blocks`.
    async fn window(
        &mut self,
        heights: &Range<u64>,
        blocks: &[Option<BlockRow>],
    ) -> anyhow::Result<()> {
        let transactions = self.queries.transactions(heights).await?;
        let inputs = self.queries.inputs(heights).await?;
        let outputs = self.queries.outputs(heights).await?;
        let check = &mut self.transactions;
        let sums = sums::add_up(heights, &transactions, &inputs, &outputs, check);
        for ((height, block), sums) in heights.clone().zip(blocks).zip(&sums) {
            let counts = [sums.transactions, sums.inputs, sums.outputs];
            for (table, count) in (1..).zip(counts) {
                self.segments.add_rows(height, table, count as u64);
            }
            // A missing block was already found.
            if let Some(block) = block {
                self.heights.add(block, sums);
            }
        }
        Ok(())
    }

    fn finish(self) -> Vec<Check> {
        let mut checks = vec![self.segments.finish()];
        checks.extend(self.blocks.finish());
        checks.push(self.transactions);
        checks.extend(self.heights.finish());
        checks
    }
}

/// How many rows the other tables have for `block`, as it says.
fn row_count(block: &BlockRow) -> u64 {
    let counts = [block.transaction_count, block.input_count, block.output_count];
    counts.iter().fold(0, |sum: u64, &count| sum.saturating_add(count.max(0) as u64))
}
