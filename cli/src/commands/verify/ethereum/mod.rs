//! What verify checks of Ethereum.
//!
//! | file | what it checks |
//! |---|---|
//! | `rules.rs` | tables against each other, in SQL: a rule is a query that finds what breaks it |
//! | `commitments.rs` | rows against the hashes and roots in their headers |

mod commitments;
mod rules;

use std::ops::Range;

use arrow::array::{Array, AsArray};
use assay_model::BlockHash;
use assay_query::Session;
use assay_query::output::text;

use self::commitments::Commitments;
use super::check::Check;
use super::segments::Segments;
use crate::commands::rows::{self, bytes, for_each, ints, texts};
use crate::config::Config;
use crate::stored::StoredChain;

/// Blocks over which rules in SQL are applied at a time: each statement has a price of its own.
const WINDOW_BLOCKS: u64 = 50_000;
/// Blocks that are written anew at a time: all of their rows are in memory.
const REBUILT_BLOCKS: u64 = 1_000;

/// Checks all rows.
pub async fn check_rows(
    session: &Session,
    folder: &StoredChain,
    mut segments: Segments<'_>,
    config: &Config,
) -> anyhow::Result<Vec<Check>> {
    let heights = folder.heights();
    let mut links =
        Check::new("links", "heights have no gap, and each block follows the one below");
    let mut checks: Vec<Check> = rules::ALL.iter().map(rules::Rule::check).collect();
    let mut commitments = Commitments::new();
    let blocks = heights.end - heights.start;
    let bar = config.verbosity.bar("checking blocks", blocks, "blocks");
    let mut below = None;
    for start in heights.clone().step_by(WINDOW_BLOCKS as usize) {
        let window = start..heights.end.min(start + WINDOW_BLOCKS);
        below = follow(session, &window, below, &mut links, &mut segments).await?;
        for (place, table) in folder.chain.tables().iter().enumerate().skip(1) {
            count(session, &window, table.name, place, &mut segments).await?;
        }
        for (rule, check) in rules::ALL.iter().zip(&mut checks) {
            rule.apply(session, &window, check).await?;
        }
        for start in window.clone().step_by(REBUILT_BLOCKS as usize) {
            let rebuilt = start..window.end.min(start + REBUILT_BLOCKS);
            commitments.check(session, &rebuilt).await?;
            bar.inc(rebuilt.end - rebuilt.start);
        }
    }
    bar.finish_and_clear();
    let mut all = vec![segments.finish(), links];
    all.extend(commitments.finish());
    all.extend(checks);
    if is_whole(session).await? {
        let mut balances = rules::BALANCES.check();
        rules::BALANCES.apply(session, &heights, &mut balances).await?;
        all.push(balances);
    }
    Ok(all)
}

/// Whether no flow is missing, so that balances are whole.
async fn is_whole(session: &Session) -> anyhow::Result<bool> {
    let mut is_whole = false;
    for_each(session, "select ethereum_missing_flows() is null", |batch| {
        is_whole = batch.column(0).as_boolean().true_count() == 1;
        Ok(())
    })
    .await?;
    Ok(is_whole)
}

/// A block that others follow: its height and hash.
type Below = Option<(u64, BlockHash)>;

/// Checks that the blocks of `window` follow each other and the one `below`; returns the last.
async fn follow(
    session: &Session,
    window: &Range<u64>,
    mut below: Below,
    links: &mut Check,
    segments: &mut Segments<'_>,
) -> anyhow::Result<Below> {
    let sql = format!(
        "select height, hash, parent_hash from ethereum.blocks where {} order by height",
        within(window)
    );
    let mut next = window.start;
    for_each(session, &sql, |batch| {
        let (heights, hashes, parents) = (ints(batch, 0)?, bytes(batch, 1)?, bytes(batch, 2)?);
        for row in 0..batch.num_rows() {
            let hash = |column: &[u8]| BlockHash(column.try_into().unwrap_or_default());
            let (height, hash, parent) =
                (heights.value(row) as u64, hash(hashes.value(row)), hash(parents.value(row)));
            links.compare(height, format_args!("height"), next, height);
            if let Some((_, expected)) = below.filter(|(lower, _)| lower + 1 == height) {
                links.compare(height, format_args!("parent hash"), expected, parent);
            }
            segments.add_block(height, hash, parent);
            below = Some((height, hash));
            next = height + 1;
        }
        Ok(())
    })
    .await?;
    links.compare(window.end, format_args!("height"), window.end, next);
    Ok(below)
}

/// Counts the rows of `table`, the chain's table at `place`, by height.
async fn count(
    session: &Session,
    window: &Range<u64>,
    table: &str,
    place: usize,
    segments: &mut Segments<'_>,
) -> anyhow::Result<()> {
    let sql = format!(
        "select height, count(*) from ethereum.{table} where {} group by height",
        within(window)
    );
    for_each(session, &sql, |batch| {
        let (heights, counts) = (ints(batch, 0)?, ints(batch, 1)?);
        for row in 0..batch.num_rows() {
            segments.add_rows(heights.value(row) as u64, place, counts.value(row) as u64);
        }
        Ok(())
    })
    .await
}

/// The rows of `heights`.
fn within(heights: &Range<u64>) -> String {
    format!("height >= {} and height < {}", heights.start, heights.end)
}

/// Calls `difference` for each row of `sql`: a height, and three texts.
async fn for_each_difference(
    session: &Session,
    sql: &str,
    mut difference: impl FnMut(u64, [&str; 3]),
) -> anyhow::Result<()> {
    for_each(session, sql, |batch| {
        let heights = ints(batch, 0)?;
        let batch = text::flat(batch)?;
        let columns = [texts(&batch, 1)?, texts(&batch, 2)?, texts(&batch, 3)?];
        for row in 0..batch.num_rows() {
            let words =
                columns.each_ref().map(|column| rows::text_at(column, row).unwrap_or("nothing"));
            difference(if heights.is_valid(row) { heights.value(row) as u64 } else { 0 }, words);
        }
        Ok(())
    })
    .await
}
