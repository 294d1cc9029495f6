//! Where rows go.

pub mod clickhouse;
mod cuts;
pub mod lake;
mod order;
mod store;
mod wanted;

use std::path::PathBuf;

use arrow::error::ArrowError;
use assay_model::lake::{Extra, Finality, LakeInfo, ManifestError, RunInfo};
use assay_model::{Batch, BlockRef};
use async_trait::async_trait;
use parquet::errors::ParquetError;

pub use self::cuts::Cuts;
pub use self::store::{EncodedBatch, StoreSink};
pub use self::wanted::Wanted;

/// A store that rows are committed to.
///
/// # Contract
///
/// * `commit` takes batches in order of height. What it took becomes visible and durable when the
///   sink has enough of it, or at `flush`: rows first and the watermark last, so that a crash
///   leaves nothing half visible.
/// * Committing a batch twice leaves the same rows as committing it once.
/// * A batch ends where `cuts` says, or where a run does.
/// * `revert(to)` removes every row above `to`; repeating it changes nothing.
/// * The watermark lives in the same store as the rows; only `commit` and `flush` raise it and
///   only `revert` lowers it.
#[async_trait]
pub trait Sink: Send + Sync {
    /// A batch in the store's own form.
    type Encoded: Send + 'static;

    /// What the store holds.
    fn info(&self) -> &LakeInfo;

    /// The height that the first block has, or is to have.
    fn first_height(&self) -> u64 {
        self.info().from
    }

    /// Where batches are to end.
    fn cuts(&self) -> Cuts;

    /// Bytes of raw block data of all visible blocks.
    async fn block_bytes(&self) -> Result<u64, SinkError>;

    /// The last block whose rows are visible.
    async fn watermark(&self) -> Result<Option<BlockRef>, SinkError>;

    /// Time in the header of the watermark, Unix seconds; `None` if the sink does not know it.
    async fn last_time(&self) -> Option<i64> {
        None
    }

    /// The last `count` visible blocks from height `last` downwards, the oldest first.
    async fn blocks_up_to(&self, last: u64, count: u64) -> Result<Vec<BlockRef>, SinkError>;

    /// Brings a batch into the store's form; any number of threads do so at once.
    fn encode(&self, batch: &Batch) -> Result<Self::Encoded, SinkError>;

    /// Takes the next batch.
    async fn commit(&self, encoded: Self::Encoded) -> Result<(), SinkError>;

    /// Makes all that was committed visible and durable.
    async fn flush(&self) -> Result<(), SinkError>;

    /// Removes every row above `to`, whose place the blocks `by` are to take, and keeps a record of
    /// it.
    async fn revert(&self, to: BlockRef, by: &[BlockRef]) -> Result<(), SinkError>;

    /// Notes how far the chain is settled; it is kept with the next blocks.
    async fn settle(&self, finality: Finality) -> Result<(), SinkError>;

    /// How far the chain was settled, as far as that was noted.
    async fn finality(&self) -> Result<Finality, SinkError>;

    /// Brings what many small commits left behind into as few files as one run over the same blocks
    /// makes, up to `most` pieces. Goes on beside commits; what is visible does not change.
    async fn compact(&self, most: usize) -> Result<(), SinkError>;

    /// Writes down what a run did, for people who ask later.
    async fn record_run(&self, run: &RunInfo) -> Result<(), SinkError>;
}

/// A sink cannot do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The operating system refused.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was being done: `write`, `read`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A Parquet file could not be written or read.
    #[error("cannot {action} {}", .path.display())]
    Parquet {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the library said; a full disk is reported here.
        #[source]
        source: ParquetError,
    },
    /// A JSON file of the lake is not what it should be.
    #[error("{} cannot be understood: restore it, or index anew into another lake", .path.display())]
    BadJson {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// Someone else writes.
    #[error("{} is locked: another assay is writing to this lake; wait for it or stop it", .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The store is of another network.
    #[error(
        "{place} holds {found} and these blocks are of {wanted}: give each network a store of its \
         own, with --lake or --store"
    )]
    OtherNetwork {
        /// The chain's place in the store.
        place: String,
        /// The network of the store.
        found: String,
        /// The network of the blocks.
        wanted: String,
    },
    /// The store was made by a program with other schemas.
    #[error(
        "{place} has schema version {found} and this assay writes version {wanted}: index anew into \
         another store, or use the assay that made it"
    )]
    OtherSchema {
        /// The chain's place in the store.
        place: String,
        /// Version of the store.
        found: u64,
        /// Version of this program.
        wanted: u32,
    },
    /// Something is asked for that the store was made without.
    #[error(
        "{place} was made without {}, and what was left out cannot be added: index anew into another \
         store", .missing.name()
    )]
    NoExtra {
        /// The chain's place in the store.
        place: String,
        /// What is asked for.
        missing: Extra,
    },
    /// The store begins at another height.
    #[error(
        "{place} begins at height {found}, not at {wanted}: leave out --from, or index into another \
         store"
    )]
    OtherStart {
        /// The chain's place in the store.
        place: String,
        /// First height of the store.
        found: u64,
        /// The height that was asked for.
        wanted: u64,
    },
    /// A server did not do what it was to do.
    #[error(transparent)]
    ClickHouse(#[from] assay_clickhouse::Error),
    /// Rows cannot be brought into the store's form.
    #[error("rows of {table} cannot be stored")]
    Encode {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: ArrowError,
    },
    /// A server keeps other rows than it was sent.
    #[error(
        "{place}: {table} has {found} rows at heights {first} to {last} after {expected} were stored, \
         again and again: something else writes to the table"
    )]
    Miscounted {
        /// The server's address.
        place: String,
        /// The table.
        table: String,
        /// First height.
        first: u64,
        /// Last height.
        last: u64,
        /// Rows that were stored.
        expected: u64,
        /// Rows that are there.
        found: u64,
    },
    /// A batch does not follow the last.
    #[error("rows from height {found} do not follow the watermark {expected}")]
    NotNext {
        /// The height that is next.
        expected: u64,
        /// The first height of the batch.
        found: u64,
    },
    /// The manifest is not one of this lake.
    #[error(
        "{} cannot be used: restore it, or index anew into another lake", .path.display()
    )]
    BadManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ManifestError,
    },
    /// A segment of the lake is not there.
    #[error(
        "{} is missing: put the folder back, or index anew into another lake", .path.display()
    )]
    NoSegment {
        /// The segment's folder.
        path: PathBuf,
    },
    /// A segment lacks what its name promises.
    #[error("{} does not hold its blocks: the lake is damaged; index anew into another lake", .path.display())]
    BadSegment {
        /// The segment's folder.
        path: PathBuf,
    },
}

impl SinkError {
    /// Whether it may be gone if the same is tried again later: a disk is full for a while, or away.
    pub fn is_passing(&self) -> bool {
        match self {
            SinkError::Io { .. } => true,
            // What the system said is lost in the library; but all else that can go wrong with a
            // file being written is a bug, and that shows by staying.
            SinkError::Parquet { action, .. } => *action == "write",
            SinkError::ClickHouse(error) => error.is_passing(),
            _ => false,
        }
    }

    /// Whether it is of another machine than this one.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self, SinkError::ClickHouse(_))
    }

    /// Wraps an error of the operating system: `result.map_err(SinkError::io("read", path))`.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> SinkError {
        let path = path.into();
        move |source| SinkError::Io { action, path, source }
    }

    /// Wraps an error of the Parquet library.
    pub(crate) fn parquet(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(ParquetError) -> SinkError {
        let path = path.into();
        move |source| SinkError::Parquet { action, path, source }
    }
}
