//! A source whose chain goes on when a test says so: folders of blocks, of which it shows some.

use std::ops::Range;
use std::path::Path;

use assay_indexer::attempt::Attempt;
use assay_indexer::raw::bitcoin::RawBlock;
use assay_indexer::source::block_files::BlockFiles;
use assay_indexer::source::ethereum_rpc::{RpcError, RpcFault};
use assay_indexer::source::{Finality, Live, Source, SourceError};
use assay_model::BlockRef;
use async_trait::async_trait;
use tokio::sync::{Mutex, watch};

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Which of the chains.
    pub chain: usize,
    /// Up to which height.
    pub tip: u64,
    /// Whether blocks are given, or those who ask wait.
    pub gives: bool,
    /// Whether the source can be asked at all.
    pub is_there: bool,
}

/// The source.
pub struct Growing {
    chains: Vec<BlockFiles>,
    view: watch::Receiver<View>,
    changes: Mutex<watch::Receiver<View>>,
}

impl Growing {
    /// Shows of the folders `dirs` what `view` says.
    pub fn new(dirs: &[&Path], view: watch::Receiver<View>) -> Growing {
        let open = |dir: &&Path| crate::common::open(dir, false).expect("a folder of block files");
        let changes = Mutex::new(view.clone());
        Growing { chains: dirs.iter().map(open).collect(), view, changes }
    }

    fn view(&self) -> View {
        *self.view.borrow()
    }

    fn chain(&self) -> &BlockFiles {
        &self.chains[self.view().chain]
    }
}

#[async_trait]
impl Source for Growing {
    type Block = RawBlock;

    async fn tip(&self) -> Result<Option<BlockRef>, SourceError> {
        if !self.view().is_there {
            let fault = RpcFault::Unreachable { attempts: 1, reason: "gone".to_owned() };
            let url = "http://node".to_owned();
            return Err(Box::new(RpcError { url, method: "tip", height: None, fault }).into());
        }
        self.block_at(self.view().tip).await
    }

    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        if height > self.view().tip {
            return Ok(None);
        }
        self.chain().block_at(height).await
    }

    fn plan(&self, heights: Range<u64>, bytes: u64) -> u64 {
        self.chain().plan(heights, bytes)
    }

    fn bytes_of(&self, heights: Range<u64>) -> u64 {
        self.chain().bytes_of(heights)
    }

    async fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<RawBlock>, SourceError> {
        let mut view = self.view.clone();
        view.wait_for(|view| view.gives).await.expect("the test goes on");
        self.chain().fetch(heights).await
    }
}

#[async_trait]
impl Live for Growing {
    async fn changed(&self) {
        self.changes.lock().await.changed().await.expect("the test goes on");
    }

    async fn finality(&self) -> Result<Finality, SourceError> {
        Ok(Finality::default())
    }
}
