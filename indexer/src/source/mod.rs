//! Where blocks come from.

pub mod bitcoin_node;
pub mod block_files;
mod disk;
mod endpoint;
pub mod ethereum_files;
pub mod ethereum_rpc;
mod http;
mod retry;

use std::ops::Range;
use std::path::PathBuf;

pub use assay_model::lake::Finality;
use assay_model::{BlockHash, BlockRef, Network};
use async_trait::async_trait;

use self::bitcoin_node::NodeError;
use self::ethereum_files::FileError;
use self::ethereum_rpc::RpcError;
pub use self::retry::Retry;
use crate::attempt::Attempt;
use crate::raw::Raw;
use crate::wire::WireError;

/// A place that blocks of one chain are read from.
///
/// # Contract
///
/// * `block_at` describes one chain up to `tip`, each block the child of the one before.
/// * The blocks that `fetch` returns follow each other. Whether they follow those fetched before is
///   seen by whoever puts them together: a chain may change under a source, and none is mixed,
///   because every block names its parent.
/// * `plan` depends on the chain alone, not on where it is called from: equal chains are cut at
///   equal heights however often a run is resumed.
#[async_trait]
pub trait Source: Send + Sync {
    /// A block with all that decoding it needs.
    type Block: Raw;

    /// The last block of the best chain; `None` while there is none.
    async fn tip(&self) -> Result<Option<BlockRef>, SourceError>;

    /// The block of the best chain at `height`; `None` above the tip.
    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError>;

    /// The end of those of `heights` that are best fetched together with the first: of about
    /// `bytes` of data. `heights` is not empty.
    fn plan(&self, heights: Range<u64>, bytes: u64) -> u64;

    /// Bytes of block data of `heights`, for progress; an estimate will do.
    fn bytes_of(&self, heights: Range<u64>) -> u64;

    /// The blocks of `heights`, in order, up to the first that cannot be had.
    async fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<Self::Block>, SourceError>;
}

/// A source whose chain goes on, and which says so.
#[async_trait]
pub trait Live: Source {
    /// Returns when the chain may have changed since the call before: a block was announced, or it
    /// is time to look again. A source that cannot be asked just now is looked at later.
    async fn changed(&self);

    /// How far the chain is settled, as far as the source says so.
    async fn finality(&self) -> Result<Finality, SourceError>;
}

/// A source cannot give what was asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The operating system could not read a file.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The folder holds no block files.
    #[error(
        "{} has no block files (blk00000.dat and so on): give the 'blocks' folder of a Bitcoin \
         Core data directory",
        .path.display()
    )]
    NoBlockFiles {
        /// The folder.
        path: PathBuf,
    },
    /// Blocks of another network.
    #[error(
        "{}, offset {offset}: blocks of {found}, where {wanted} is expected: give the right \
         folder, or the right --network",
        .path.display()
    )]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// Offset of the magic.
        offset: u64,
        /// The network of the magic.
        found: Network,
        /// The network that was asked for.
        wanted: Network,
    },
    /// The first bytes are no network's magic.
    #[error(
        "{}, offset 0: {} is no network's magic: is this a block file, and is the xor.dat that \
         belongs to it in the same folder? Blocks of a custom signet are read with --network signet",
        .path.display(), assay_model::hex::encode(.found)
    )]
    UnknownMagic {
        /// The file.
        path: PathBuf,
        /// The bytes.
        found: [u8; 4],
    },
    /// The obfuscation key has another length.
    #[error(
        "{}: an obfuscation key has 8 bytes, this file has {length}: copy it again from the data \
         directory", .path.display()
    )]
    BadKey {
        /// The file.
        path: PathBuf,
        /// Its length.
        length: usize,
    },
    /// No genesis block, so no heights.
    #[error(
        "{}: the genesis block of {network} is not there, so heights cannot be known; files of a \
         pruned node lack it: give the folder of a node that keeps all blocks{damages}",
        .path.display()
    )]
    NoGenesis {
        /// The folder.
        path: PathBuf,
        /// The network.
        network: Network,
        /// What was found damaged on the way, one line each.
        damages: String,
    },
    /// Blocks whose parents are in no file.
    #[error(transparent)]
    Unlinked(Box<Unlinked>),
    /// The bytes of a block are not those that were there when the files were scanned.
    #[error("block {height} ({place}) changed while it was read: run again")]
    Changed {
        /// Height.
        height: u64,
        /// File and offset.
        place: String,
    },
    /// The block is not in the source.
    #[error("block {height} is not in the source")]
    Unknown {
        /// Height.
        height: u64,
    },
    /// The undo record of a block is damaged.
    #[error(
        "block {height} ({block}): its undo record at {place} does not match its checksum: restore \
         the file, or have the spent outputs computed from the chain itself with --ignore-undo"
    )]
    UndoMismatch {
        /// Height.
        height: u64,
        /// File and offset of the block.
        block: String,
        /// File and offset of the undo record.
        place: String,
    },
    /// The undo record of a block has a good checksum and is not understood.
    #[error("block {height}: its undo record at {place} cannot be read")]
    BadUndo {
        /// Height.
        height: u64,
        /// File and offset of the undo record.
        place: String,
        /// What is wrong in it.
        #[source]
        source: WireError,
    },
    /// A file of Ethereum blocks cannot be used.
    #[error(transparent)]
    EthereumFile(Box<FileError>),
    /// An Ethereum node does not give what was asked of it.
    #[error(transparent)]
    Rpc(#[from] Box<RpcError>),
    /// A Bitcoin node does not give what was asked of it.
    #[error(transparent)]
    Node(#[from] Box<NodeError>),
}

impl SourceError {
    /// Whether the same may be had later, if nobody does anything but wait: a node does not answer
    /// just now, or is about to change its mind. What is wrong with files, with settings or with
    /// what a node says stays wrong.
    pub fn is_passing(&self) -> bool {
        match self {
            SourceError::Rpc(error) => error.fault.is_passing(),
            SourceError::Node(error) => error.fault.is_passing(),
            _ => false,
        }
    }
}

/// Blocks whose parents are in no file.
#[derive(Debug, thiserror::Error)]
#[error(
    "{count} blocks in {} hang in the air, the first of them {hash} (at {place}): its parent \
     {parent} is in no file. All blocks up to height {tip} are indexed. If the node is still \
     downloading, run again later; if a file is missing or damaged, restore it; with \
     --ignore-unlinked such blocks are left out{damages}", .path.display()
)]
pub struct Unlinked {
    /// The folder.
    pub path: PathBuf,
    /// Number of such blocks.
    pub count: usize,
    /// The first of them in file order.
    pub hash: BlockHash,
    /// Its file and offset.
    pub place: String,
    /// The parent that is missing.
    pub parent: BlockHash,
    /// Height of the last block that hangs together with the genesis block.
    pub tip: u64,
    /// What was found damaged on the way, one line each.
    pub damages: String,
}

/// The end of those of `heights` up to the next multiple of `step`.
fn cut(heights: Range<u64>, step: u64) -> u64 {
    let next = (heights.start / step).saturating_add(1).saturating_mul(step);
    next.min(heights.end)
}

#[cfg(test)]
mod tests {
    use super::bitcoin_node::NodeFault;
    use super::ethereum_rpc::RpcFault;
    use super::*;

    #[test]
    fn cuts_stand_at_multiples() {
        assert_eq!(cut(0..100, 32), 32);
        assert_eq!(cut(31..100, 32), 32);
        assert_eq!(cut(32..100, 32), 64);
        assert_eq!(cut(96..100, 32), 100);
        assert_eq!(cut(u64::MAX - 1..u64::MAX, 32), u64::MAX);
    }

    #[test]
    fn what_may_pass_is_told_from_what_stays() {
        let rpc = |fault| {
            let url = "http://localhost".to_owned();
            SourceError::from(Box::new(RpcError { url, method: "eth_call", height: None, fault }))
        };
        let node = |fault| {
            let url = "http://localhost".to_owned();
            SourceError::from(Box::new(NodeError { url, method: "getblock", height: None, fault }))
        };
        let reason = String::new;
        for error in [
            rpc(RpcFault::Unreachable { attempts: 3, reason: reason() }),
            rpc(RpcFault::Limited { attempts: 3, reason: reason() }),
            rpc(RpcFault::Null { what: "block" }),
            rpc(RpcFault::Mixed { what: "receipts" }),
            node(NodeFault::NoCookie { path: PathBuf::new() }),
            node(NodeFault::Unreachable { attempts: 3, reason: reason() }),
            node(NodeFault::Busy { attempts: 3, reason: reason() }),
            node(NodeFault::WarmingUp { seconds: 900, message: reason() }),
            node(NodeFault::NotYet { attempts: 3, message: reason() }),
            node(NodeFault::Reorganised),
        ] {
            assert!(error.is_passing(), "{error}");
        }
        let read = std::io::Error::other("the disk is gone");
        for error in [
            rpc(RpcFault::Denied { status: 401 }),
            rpc(RpcFault::Pruned { message: reason() }),
            rpc(RpcFault::TooLarge { message: reason() }),
            node(NodeFault::Denied { status: 401, hint: reason() }),
            node(NodeFault::Pruned { first_kept: Some(7) }),
            node(NodeFault::Null),
            node(NodeFault::BadLogin { path: PathBuf::new(), reason: reason() }),
            SourceError::Unknown { height: 7 },
            SourceError::Changed { height: 7, place: reason() },
            SourceError::Read { path: PathBuf::new(), source: read },
        ] {
            assert!(!error.is_passing(), "{error}");
        }
    }
}
