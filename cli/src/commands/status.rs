//! `assay status`: what the lake holds, and how fast the last run was.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use assay_model::lake::{Extra, FileInfo, RunInfo};
use assay_model::{BlockHash, Chain};
use assay_query::Session;
use assay_query::output::text;
use serde::Serialize;

use super::rows;
use crate::args::{ReportFormat, StatusArgs};
use crate::config::Config;
use crate::exit::Outcome;
use crate::human;
use crate::output::table::Table;
use crate::output::target::Target;
use crate::stored::{self, StoredChain};

/// `assay status`.
pub async fn run(config: &Config, args: &StatusArgs) -> anyhow::Result<Outcome> {
    let chains = stored::chains(config).await?;
    let session = Session::open(config.session_options()?).await?;
    let mut status = Vec::new();
    for chain in &chains {
        let time = time_of_last_block(&session, chain).await?;
        status.push(ChainStatus::of(chain, time));
    }
    let mut target = Target::stdout();
    match args.format {
        ReportFormat::Json => writeln!(target, "{}", serde_json::to_string_pretty(&status)?)?,
        ReportFormat::Table => {
            for (place, chain) in status.iter().enumerate() {
                if place > 0 {
                    writeln!(target)?;
                }
                chain.print(&mut target)?;
            }
        }
    }
    target.finish()?;
    Ok(Outcome::Done)
}

/// What there is to know about one chain of the lake.
#[derive(Debug, Serialize)]
struct ChainStatus {
    #[serde(serialize_with = "by_name")]
    chain: Chain,
    network: String,
    from_height: u64,
    /// What the lake holds beyond what every lake of the chain holds.
    extras: BTreeSet<Extra>,
    /// The last block; none before the first run has committed something.
    last_block: Option<LastBlock>,
    /// Height of the last block that is never taken back, as far as the node says so.
    finalized_height: Option<u64>,
    /// Reorganisations that the lake went along with.
    reorgs: usize,
    /// Segments of a lake, parts of a server's tables.
    segments: u64,
    /// Bytes of raw block data that the rows were made from.
    block_bytes: u64,
    /// Bytes of all tables' files.
    lake_bytes: u64,
    /// `block_bytes` / `lake_bytes`.
    compression_ratio: Option<f64>,
    tables: Vec<TableStatus>,
    last_run: Option<RunStatus>,
    /// Whether an indexer is at work; none if that cannot be told.
    writer_active: Option<bool>,
}

/// Writes a chain as its name.
fn by_name<S: serde::Serializer>(chain: &Chain, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(chain.name())
}

#[derive(Debug, Serialize)]
struct LastBlock {
    height: u64,
    hash: BlockHash,
    /// Header time, ISO 8601, UTC.
    time: Option<String>,
}

#[derive(Debug, Serialize)]
struct TableStatus {
    name: String,
    rows: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct RunStatus {
    program_version: String,
    /// Unix time, seconds.
    started: u64,
    seconds: f64,
    from_height: u64,
    blocks: u64,
    block_bytes: u64,
    blocks_per_second: Option<f64>,
    /// Block data, decimal megabytes.
    megabytes_per_second: Option<f64>,
}

impl ChainStatus {
    fn of(stored: &StoredChain, time: Option<String>) -> ChainStatus {
        let tables: Vec<_> =
            stored.chain.tables().iter().map(|table| sum(stored, table.name)).collect();
        let block_bytes = stored.segments.iter().map(|segment| segment.info.block_bytes).sum();
        let lake_bytes = tables.iter().map(|table| table.bytes).sum();
        ChainStatus {
            chain: stored.chain,
            network: stored.info.network.clone(),
            from_height: stored.info.from,
            extras: stored.info.extras.clone(),
            last_block: stored.segments.last().map(|segment| LastBlock {
                height: segment.heights.end - 1,
                hash: segment.info.last,
                time,
            }),
            finalized_height: stored.finality.finalized.map(|block| block.height),
            reorgs: stored.reorgs.len(),
            segments: stored.pieces,
            block_bytes,
            lake_bytes,
            compression_ratio: ratio(block_bytes as f64, lake_bytes as f64),
            tables,
            last_run: stored.last_run.as_ref().map(RunStatus::of),
            writer_active: stored.has_writer,
        }
    }

    fn print(&self, out: &mut Target) -> anyhow::Result<()> {
        let mut line = |name: &str, value: String| writeln!(out, "{name:<18}{value}");
        line("chain", format!("{} ({})", self.chain, self.network))?;
        match &self.last_block {
            Some(block) => {
                line("height", human::count(block.height))?;
                line("block", block.hash.to_string())?;
                line("time", block.time.clone().unwrap_or_else(|| "unknown".into()))?;
            }
            None => line("height", "none yet".into())?,
        }
        if let Some(height) = self.finalized_height {
            line("finalized height", human::count(height))?;
        }
        if self.reorgs > 0 {
            line("reorganisations", human::count(self.reorgs as u64))?;
        }
        line("segments", human::count(self.segments))?;
        for extra in self.chain.extras() {
            let is_kept = self.extras.contains(extra);
            line(extra.name(), if is_kept { "kept" } else { "not kept" }.into())?;
        }
        line("block data", human::bytes(self.block_bytes))?;
        let ratio = self
            .compression_ratio
            .map_or(String::new(), |ratio| format!(", block data is {ratio:.2} times as large"));
        line("lake", format!("{}{ratio}", human::bytes(self.lake_bytes)))?;
        line("last run", self.last_run.as_ref().map_or("none yet".into(), RunStatus::words))?;
        if let Some(active) = self.writer_active {
            line("indexer", if active { "running" } else { "not running" }.into())?;
        }
        writeln!(out)?;
        let mut table = Table::of_text(&["table", ">rows", ">size"], out);
        for row in &self.tables {
            let name = format!("{}.{}", self.chain, row.name);
            table.push(vec![name, human::count(row.rows), human::bytes(row.bytes)]);
        }
        Ok(table.print()?)
    }
}

impl RunStatus {
    fn of(run: &RunInfo) -> RunStatus {
        let blocks = run.to.saturating_sub(run.from);
        RunStatus {
            program_version: run.program_version.clone(),
            started: run.started,
            seconds: run.seconds,
            from_height: run.from,
            blocks,
            block_bytes: run.block_bytes,
            blocks_per_second: ratio(blocks as f64, run.seconds),
            megabytes_per_second: ratio(run.block_bytes as f64 / 1e6, run.seconds),
        }
    }

    fn words(&self) -> String {
        let elapsed = Duration::try_from_secs_f64(self.seconds).unwrap_or_default();
        let mut words =
            format!("{} in {}", human::counted(self.blocks, "block"), human::duration(elapsed));
        if let (Some(blocks), Some(megabytes)) = (self.blocks_per_second, self.megabytes_per_second)
        {
            words += &format!(", {blocks:.0} blocks/s, {megabytes:.1} MB/s of block data");
        }
        words
    }
}

/// Rows and bytes of `table` in all segments.
fn sum(stored: &StoredChain, table: &str) -> TableStatus {
    let files = stored.segments.iter().filter_map(|segment| segment.info.tables.get(table));
    let zero = FileInfo { rows: 0, bytes: 0 };
    let sum = files.fold(zero, |sum, file| FileInfo {
        rows: sum.rows + file.rows,
        bytes: sum.bytes + file.bytes,
    });
    TableStatus { name: table.to_owned(), rows: sum.rows, bytes: sum.bytes }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Header time of the last block as text; `None` if there is no block.
async fn time_of_last_block(
    session: &Session,
    stored: &StoredChain,
) -> anyhow::Result<Option<String>> {
    let Some(height) = stored.heights().last() else { return Ok(None) };
    let sql = format!("select time from {}.blocks where height = {height}", stored.chain);
    let mut time = None;
    rows::for_each(session, &sql, |batch| {
        let batch = text::plain(batch)?;
        if batch.num_rows() > 0 {
            time = rows::text_at(&rows::texts(&batch, 0)?, 0).map(str::to_owned);
        }
        Ok(())
    })
    .await?;
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_of_a_run_is_said_only_where_time_passed() {
        let run = RunInfo {
            program_version: "1".into(),
            started: 0,
            seconds: 2.0,
            from: 10,
            to: 30,
            block_bytes: 5_000_000,
        };
        let words = RunStatus::of(&run).words();
        assert_eq!(words, "20 blocks in 2.00 s, 10 blocks/s, 2.5 MB/s of block data");
        let words = RunStatus::of(&RunInfo { seconds: 0.0, ..run }).words();
        assert_eq!(words, "20 blocks in 0.00 s");
    }
}
