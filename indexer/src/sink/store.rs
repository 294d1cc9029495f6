//! Either store: which of them, a user says when the program starts.

use assay_model::lake::{Finality, LakeInfo, RunInfo};
use assay_model::{Batch, BlockRef};
use async_trait::async_trait;

use super::clickhouse::{self, ClickHouseSink};
use super::lake::{self, LakeSink};
use super::{Cuts, Sink, SinkError};

/// One of the stores that there are.
pub enum StoreSink {
    /// A folder of Parquet files.
    Lake(LakeSink),
    /// Tables of a ClickHouse server.
    ClickHouse(Box<ClickHouseSink>),
}

/// A batch in the form of one of them.
pub enum EncodedBatch {
    /// For a folder of Parquet files.
    Lake(lake::EncodedBatch),
    /// For tables of a ClickHouse server.
    ClickHouse(clickhouse::EncodedBatch),
}

#[async_trait]
impl Sink for StoreSink {
    type Encoded = EncodedBatch;

    fn info(&self) -> &LakeInfo {
        match self {
            StoreSink::Lake(sink) => sink.info(),
            StoreSink::ClickHouse(sink) => sink.info(),
        }
    }

    fn cuts(&self) -> Cuts {
        match self {
            StoreSink::Lake(sink) => sink.cuts(),
            StoreSink::ClickHouse(sink) => sink.cuts(),
        }
    }

    async fn block_bytes(&self) -> Result<u64, SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.block_bytes().await,
            StoreSink::ClickHouse(sink) => sink.block_bytes().await,
        }
    }

    async fn watermark(&self) -> Result<Option<BlockRef>, SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.watermark().await,
            StoreSink::ClickHouse(sink) => sink.watermark().await,
        }
    }

    async fn last_time(&self) -> Option<i64> {
        match self {
            StoreSink::Lake(sink) => sink.last_time().await,
            StoreSink::ClickHouse(sink) => sink.last_time().await,
        }
    }

    async fn blocks_up_to(&self, last: u64, count: u64) -> Result<Vec<BlockRef>, SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.blocks_up_to(last, count).await,
            StoreSink::ClickHouse(sink) => sink.blocks_up_to(last, count).await,
        }
    }

    fn encode(&self, batch: &Batch) -> Result<EncodedBatch, SinkError> {
        Ok(match self {
            StoreSink::Lake(sink) => EncodedBatch::Lake(sink.encode(batch)?),
            StoreSink::ClickHouse(sink) => EncodedBatch::ClickHouse(sink.encode(batch)?),
        })
    }

    async fn commit(&self, encoded: EncodedBatch) -> Result<(), SinkError> {
        match (self, encoded) {
            (StoreSink::Lake(sink), EncodedBatch::Lake(batch)) => sink.commit(batch).await,
            (StoreSink::ClickHouse(sink), EncodedBatch::ClickHouse(batch)) => {
                sink.commit(batch).await
            }
            _ => unreachable!("a store is given what it encoded itself"),
        }
    }

    async fn flush(&self) -> Result<(), SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.flush().await,
            StoreSink::ClickHouse(sink) => sink.flush().await,
        }
    }

    async fn revert(&self, to: BlockRef, by: &[BlockRef]) -> Result<(), SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.revert(to, by).await,
            StoreSink::ClickHouse(sink) => sink.revert(to, by).await,
        }
    }

    async fn settle(&self, finality: Finality) -> Result<(), SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.settle(finality).await,
            StoreSink::ClickHouse(sink) => sink.settle(finality).await,
        }
    }

    async fn finality(&self) -> Result<Finality, SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.finality().await,
            StoreSink::ClickHouse(sink) => sink.finality().await,
        }
    }

    async fn compact(&self, most: usize) -> Result<(), SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.compact(most).await,
            StoreSink::ClickHouse(sink) => sink.compact(most).await,
        }
    }

    async fn record_run(&self, run: &RunInfo) -> Result<(), SinkError> {
        match self {
            StoreSink::Lake(sink) => sink.record_run(run).await,
            StoreSink::ClickHouse(sink) => sink.record_run(run).await,
        }
    }
}
