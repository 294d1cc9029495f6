//! Source: files of Ethereum blocks, as clients write and archives offer them.
//!
//! Two forms are read, also side by side in one folder: era1 archives, which hold blocks with their
//! receipts up to the merge, and plain RLP, such as `geth export` writes.
//!
//! # Invariants
//!
//! * Files are only read. One that is cut, misnamed, out of place, or damaged at its ends is
//!   refused when the folder is opened, before anything is indexed; damage within a block between
//!   them is found when the block is fetched, and those before come out.
//! * Of each block only its place in the file stays in memory: eight bytes, and eight for the place
//!   of its receipts if they are in a file of their own; of blocks of an archive that is being read
//!   also what links them.
//! * Every block that comes out is the child of the one before it.

mod accumulator;
mod chain;
mod e2store;
mod era1;
mod error;
mod file;
mod items;
mod link;
mod rlp_files;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use assay_model::BlockRef;
use assay_model::ethereum::Network;
use async_trait::async_trait;
use tokio::task::spawn_blocking;

use self::chain::FileChain;
pub use self::error::{FileError, FileFault};
use crate::attempt::Attempt;
use crate::progress::Progress;
use crate::raw::ethereum::RawBlock;
use crate::source::{Source, SourceError};
use crate::task::join;

/// How files of blocks are read.
#[derive(Clone, Debug)]
pub struct EthereumFilesOptions {
    /// The folder with the files, or one file.
    pub dir: PathBuf,
}

/// Files of blocks whose places are known.
#[derive(Debug)]
pub struct EthereumFiles {
    chain: Arc<FileChain>,
}

impl EthereumFiles {
    /// Finds the files and the places of the blocks in them.
    ///
    /// # Errors
    ///
    /// If there are none, one of them is damaged, or they do not make one chain.
    pub fn open(
        options: EthereumFilesOptions,
        progress: &dyn Progress,
    ) -> Result<EthereumFiles, SourceError> {
        let chain = FileChain::open(&options.dir, progress)?;
        Ok(EthereumFiles { chain: Arc::new(chain) })
    }

    /// Height of the first block.
    pub fn first_height(&self) -> u64 {
        self.chain.heights().start
    }

    /// The network whose blocks they are, if names of files tell.
    pub fn network(&self) -> Option<Network> {
        self.chain.network().and_then(|name| name.parse().ok())
    }
}

#[async_trait]
impl Source for EthereumFiles {
    type Block = RawBlock;

    async fn tip(&self) -> Result<Option<BlockRef>, SourceError> {
        Ok(Some(self.chain.tip()))
    }

    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        let chain = Arc::clone(&self.chain);
        join(spawn_blocking(move || chain.block_at(height))).await
    }

    /// Cuts where the bytes of the files from the first block on pass a multiple of `bytes`: equal
    /// files are cut at equal heights.
    fn plan(&self, heights: Range<u64>, bytes: u64) -> u64 {
        let portion = |height| self.chain.bytes_below(height) / bytes;
        let first = portion(heights.start);
        let mut rest = heights.start + 1..heights.end;
        rest.find(|&height| portion(height) != first).unwrap_or(heights.end)
    }

    fn bytes_of(&self, heights: Range<u64>) -> u64 {
        let below = |height| self.chain.bytes_below(height);
        below(heights.end).saturating_sub(below(heights.start))
    }

    async fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<RawBlock>, SourceError> {
        let chain = Arc::clone(&self.chain);
        join(spawn_blocking(move || chain.fetch(heights))).await
    }
}
