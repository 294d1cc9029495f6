//! `assay store copy`: brings the rows of a lake to a server.
//!
//! # Invariants
//!
//! * What arrives is what a run over the same blocks would have stored, in the same batches.
//! * The lake may be written to meanwhile: a batch whose rows were read before and after a
//!   reorganisation is read again.
//! * A copy that was stopped goes on where it was, and one of another chain is refused.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, sum};
use assay_indexer::progress::{Progress, Unit};
use assay_indexer::sink::clickhouse::ClickHouseSink;
use assay_indexer::sink::{Cuts, Sink, Wanted};
use assay_model::lake::RunInfo;
use assay_model::{Batch, BlockHash, BlockRef, Chain, Table};
use assay_query::{Session, SessionOptions};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::args::CopyArgs;
use crate::commands::rows::{bytes, for_each, ints};
use crate::commands::run::Began;
use crate::config::Config;
use crate::exit::Outcome;
use crate::human;
use crate::progress::IndexBars;
use crate::store::Server;
use crate::stored::{self, StoredChain};

/// The word for the lake that is configured.
const CONFIGURED: &str = "lake";
/// Batches that are read and encoded at the same time.
const AHEAD: usize = 2;
/// How often a batch is read again because the lake was reorganised meanwhile.
const READ_ATTEMPTS: usize = 5;

/// `assay store copy`.
pub async fn run(config: &Config, args: &CopyArgs) -> anyhow::Result<Outcome> {
    let lake_dir = match args.from.to_str() {
        Some(CONFIGURED) => &config.lake_dir,
        _ => &args.from,
    };
    let password_file = config.store_password_file.clone();
    let server = Server { address: args.to.parse()?, password_file };
    let mut chains = stored::lake_chains(lake_dir)?;
    if let Some(chain) = args.chain {
        chains.retain(|stored| stored.chain == chain.chain());
        ensure!(!chains.is_empty(), "the lake in '{}' does not have it", lake_dir.display());
    }
    let lake = Arc::new(Session::open(lake_options(config, lake_dir)).await?);
    for stored in &chains {
        let copying = format!("copying {} from '{}'", stored.chain, lake_dir.display());
        copy(config, &lake, stored, &server).await.with_context(|| copying)?;
    }
    Ok(Outcome::Done)
}

fn lake_options(config: &Config, lake_dir: &Path) -> SessionOptions {
    SessionOptions {
        store: assay_query::Store::Lake(lake_dir.to_owned()),
        memory_limit_bytes: config.memory_bytes,
        spill_dir: config.spill_dir.clone(),
        ..SessionOptions::default()
    }
}

async fn copy(
    config: &Config,
    lake: &Arc<Session>,
    stored: &StoredChain,
    server: &Server,
) -> anyhow::Result<()> {
    let began = Began::now();
    let (chain, info) = (stored.chain, &stored.info);
    let (network, extras) = (info.network.clone(), info.extras.clone());
    let wanted = Wanted { chain, network, from: Some(info.from), extras };
    let sink = Arc::new(ClickHouseSink::open(server.connect()?, &wanted).await?);
    let watermark = sink.watermark().await?;
    let end = stored.heights().end;
    let next = watermark.map_or(info.from, |block| block.height + 1);
    match watermark {
        Some(block) if block.height < end => same_chain(lake, chain, block).await?,
        Some(_) => {}
        None => sink.remember(&stored.reorgs).await?,
    }
    sink.settle(stored.finality).await?;
    let ends = batch_ends(lake, chain, next, sink.block_bytes().await?).await?;
    let progress = IndexBars::new(config.verbosity);
    progress.begin("copying", ends.iter().map(|(_, size)| size).sum(), Unit::Bytes);
    let starts = std::iter::once(next).chain(ends.iter().map(|(end, _)| *end));
    let batches = starts.zip(&ends).map(|(start, (end, _))| start..*end);
    let mut encoded = stream::iter(batches.collect::<Vec<_>>())
        .map(|heights| {
            let (lake, sink) = (Arc::clone(lake), Arc::clone(&sink));
            async move {
                let batch = read(&lake, chain, heights).await?;
                tokio::task::spawn_blocking(move || {
                    anyhow::Ok((batch.heights(), batch.block_bytes, sink.encode(&batch)?))
                })
                .await?
            }
        })
        .buffered(AHEAD);
    let (mut to, mut block_bytes) = (next, 0);
    while let Some((heights, size, batch)) = encoded.try_next().await? {
        sink.commit(batch).await?;
        to = heights.end;
        block_bytes += size;
        progress.committed(heights.end - 1, heights.end - heights.start, size);
    }
    sink.flush().await?;
    progress.end();
    report(config, &sink, &began.ends(next..to, block_bytes), chain).await
}

async fn report(
    config: &Config,
    sink: &ClickHouseSink,
    run: &RunInfo,
    chain: Chain,
) -> anyhow::Result<()> {
    if run.from == run.to {
        let height = run.to.saturating_sub(1);
        config.verbosity.remark(format_args!("{chain}: nothing new, all is there up to {height}"));
        return Ok(());
    }
    sink.record_run(run).await?;
    config.verbosity.remark(format_args!(
        "{chain}: copied {}, heights {} to {}, {} of block data in {:.1} s",
        human::counted(run.to - run.from, "block"),
        run.from,
        run.to - 1,
        human::bytes(run.block_bytes),
        run.seconds,
    ));
    Ok(())
}

/// That the lake has `block`, too.
async fn same_chain(lake: &Session, chain: Chain, block: BlockRef) -> anyhow::Result<()> {
    let BlockRef { height, hash, .. } = block;
    match hash_at(lake, chain, height).await? {
        Some(found) if found == hash => Ok(()),
        _ => bail!(
            "the server has another block at height {height} ({hash}) than the lake: it holds another \
             chain, or one that was reorganised since; copy into another database"
        ),
    }
}

async fn hash_at(lake: &Session, chain: Chain, height: u64) -> anyhow::Result<Option<BlockHash>> {
    let sql = format!("select hash from {chain}.blocks where height = {height}");
    let mut hash = None;
    for_each(lake, &sql, |batch| {
        if batch.num_rows() > 0 {
            hash = Some(BlockHash(bytes(batch, 0)?.value(0).try_into()?));
        }
        Ok(())
    })
    .await?;
    Ok(hash)
}

/// Where the batches end that begin at height `next`, with `before` bytes of block data below: the
/// height after the last, and the bytes of each.
async fn batch_ends(
    lake: &Session,
    chain: Chain,
    next: u64,
    mut before: u64,
) -> anyhow::Result<Vec<(u64, u64)>> {
    let cuts = Cuts::of(chain);
    let sql =
        format!("select height, size from {chain}.blocks where height >= {next} order by height");
    let (mut ends, mut size, mut end) = (Vec::new(), 0, next);
    for_each(lake, &sql, |batch| {
        let (heights, sizes) = (ints(batch, 0)?, ints(batch, 1)?);
        for (height, bytes) in heights.values().iter().zip(sizes.values()) {
            let after = before + *bytes as u64;
            size += *bytes as u64;
            end = *height as u64 + 1;
            if cuts.ends_batch(before, after) {
                ends.push((end, std::mem::take(&mut size)));
            }
            before = after;
        }
        Ok(())
    })
    .await?;
    if size > 0 {
        ends.push((end, size));
    }
    Ok(ends)
}

/// The rows of `heights`, all of one chain.
async fn read(lake: &Session, chain: Chain, heights: Range<u64>) -> anyhow::Result<Batch> {
    for _ in 0..READ_ATTEMPTS {
        let mut tables = Vec::new();
        for table in chain.tables() {
            tables.push(rows(lake, table, &heights).await?);
        }
        let blocks = &tables[0];
        let Some(last_row) = blocks.num_rows().checked_sub(1) else {
            continue; // taken back, and those that take their place are yet to come
        };
        let (first, last) = (block_at(blocks, 0)?, block_at(blocks, last_row)?);
        // Its hash stands for all blocks below it.
        if hash_at(lake, chain, last.height).await? == Some(last.hash) {
            let sizes = ints(blocks, blocks.schema().index_of("size")?)?;
            let block_bytes = sum(&sizes).unwrap_or(0).try_into()?;
            return Ok(Batch::new(chain, first, last, block_bytes, tables));
        }
    }
    bail!("the lake was reorganised again and again while heights {heights:?} were read: try again")
}

async fn rows(lake: &Session, table: &Table, heights: &Range<u64>) -> anyhow::Result<RecordBatch> {
    let sql = format!(
        "select * from {} where height >= {} and height < {} order by {}",
        table.full_name(),
        heights.start,
        heights.end,
        table.key.join(", ")
    );
    let (schema, mut all) = (table.schema(), Vec::new());
    for_each(lake, &sql, |batch| {
        all.push(RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?);
        Ok(())
    })
    .await?;
    Ok(concat_batches(&schema, &all)?)
}

/// The block in `row` of `blocks`.
fn block_at(blocks: &RecordBatch, row: usize) -> anyhow::Result<BlockRef> {
    let place = |name| blocks.schema().index_of(name);
    let hash = |name| anyhow::Ok(BlockHash(bytes(blocks, place(name)?)?.value(row).try_into()?));
    let height = ints(blocks, place("height")?)?.value(row).try_into()?;
    Ok(BlockRef { height, hash: hash("hash")?, parent: hash("parent_hash")? })
}
