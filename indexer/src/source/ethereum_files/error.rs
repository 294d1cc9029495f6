//! What can be wrong with files of Ethereum blocks.

use std::path::PathBuf;

use alloy_primitives::{B256, U256};
use assay_model::hex;

use crate::rlp::RlpError;
use crate::source::SourceError;

/// A file of blocks cannot be used: which, where in it, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {fault}: {}", .path.display(), self.place(), .fault.advice())]
pub struct FileError {
    /// The file, or the folder if no file is to blame.
    pub path: PathBuf,
    /// Where in the file, if the fault has a place.
    pub offset: Option<u64>,
    /// The block, if the fault is one block's.
    pub height: Option<u64>,
    /// What is wrong.
    pub fault: FileFault,
}

impl FileError {
    fn place(&self) -> String {
        let offset = self.offset.map(|offset| format!(", offset {offset}"));
        let height = self.height.map(|height| format!(", block {height}"));
        offset.unwrap_or_default() + &height.unwrap_or_default()
    }

    /// The same, of the block at `height`.
    pub(super) fn of_block(mut self, height: u64) -> FileError {
        self.height = Some(height);
        self
    }
}

impl From<FileError> for SourceError {
    fn from(error: FileError) -> SourceError {
        SourceError::EthereumFile(Box::new(error))
    }
}

/// What is wrong with a file of blocks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// The folder has no file of blocks.
    #[error("there are no Ethereum block files here")]
    NoFiles,
    /// The name is not one that an archive has.
    #[error("this is no name of an era1 file, which is like mainnet-00000-5ec1ffb8.era1")]
    BadName,
    /// The name says another epoch than the index.
    #[error("the name says that the file begins with block {wanted}, its index says {found}")]
    NameEpoch {
        /// By the name.
        wanted: u64,
        /// By the index.
        found: u64,
    },
    /// The name has the hash of another archive.
    #[error(
        "the name says that its accumulator begins with {}, which is {found}",
        hex::encode(.wanted)
    )]
    NameHash {
        /// In the name.
        wanted: [u8; 4],
        /// In the file.
        found: B256,
    },
    /// Archives of two networks.
    #[error("this is a file of {found}, and there are files of {wanted} beside it")]
    TwoNetworks {
        /// As other files are named.
        wanted: String,
        /// As this one is named.
        found: String,
    },
    /// Blocks between two files are missing.
    #[error(
        "the file begins with block {found}, and blocks {missing} to {} are in no file",
        .found - 1
    )]
    Gap {
        /// The first missing height.
        missing: u64,
        /// The first height of the file.
        found: u64,
    },
    /// Two files hold the same height.
    #[error("block {height} is in {} too", .other.display())]
    Overlap {
        /// The height.
        height: u64,
        /// The other file.
        other: PathBuf,
    },
    /// The file holds no block.
    #[error("the file holds no block")]
    Empty,
    /// The file ends too early.
    #[error("the file ends at {length}, within the {what}, which ends at {end}")]
    Truncated {
        /// What is cut.
        what: &'static str,
        /// Where it would end.
        end: u64,
        /// Length of the file.
        length: u64,
    },
    /// The file begins with something else than an archive does.
    #[error(
        "an era1 file begins with a version entry (65 32 and six zeros), this with {}",
        hex::encode(.found)
    )]
    NoVersion {
        /// The first bytes.
        found: [u8; 8],
    },
    /// The file does not end as an archive does.
    #[error("the file does not end with a block index: it is cut, or no era1 file")]
    NoIndex,
    /// The index counts more blocks than an archive may hold, or none.
    #[error("the index counts {count} blocks, where 1 to 8192 are")]
    IndexCount {
        /// The count.
        count: u64,
    },
    /// The index points outside of the blocks, or backwards.
    #[error("the index says that block {height} is at {found}, where no block can be")]
    IndexOffset {
        /// The block.
        height: u64,
        /// Its offset by the index.
        found: i128,
    },
    /// The index does not point where blocks begin.
    #[error("the block's entries end at {found}, where the index says {wanted}")]
    IndexElsewhere {
        /// Where the next block begins by the index.
        wanted: u64,
        /// Where the entries end.
        found: u64,
    },
    /// An entry of a type that archives do not have.
    #[error("entries of type {kind:#06x} are not known")]
    UnknownEntry {
        /// The type.
        kind: u16,
    },
    /// Bytes that must be zero are not.
    #[error("the reserved bytes of an entry are {found:#06x}, not zero")]
    Reserved {
        /// The bytes.
        found: u16,
    },
    /// An entry stands where another belongs.
    #[error("there is a {found} entry where a {wanted} entry belongs")]
    EntryOrder {
        /// What belongs there.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// An entry has another length than its type.
    #[error("the {what} entry has {found} bytes, not {wanted}")]
    EntryLength {
        /// Which entry.
        what: &'static str,
        /// Its length.
        found: u64,
        /// That of its type.
        wanted: u64,
    },
    /// Something is larger than any block can be.
    #[error("the {what} has more than {max} bytes, which no block has")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large it may be.
        max: u64,
    },
    /// A frame's checksum is not that of its content.
    #[error("the {what} does not match its checksum")]
    Checksum {
        /// Which entry.
        what: &'static str,
    },
    /// An entry cannot be unpacked.
    #[error("the {what} cannot be unpacked ({error})")]
    Snappy {
        /// Which entry.
        what: &'static str,
        /// What the unpacker said.
        error: String,
    },
    /// An item is not what its place asks for.
    #[error("the {what} is damaged: {error}")]
    Rlp {
        /// Which item.
        what: &'static str,
        /// What is wrong in it.
        error: RlpError,
    },
    /// A block of another height.
    #[error("this is block {found}, where block {wanted} belongs")]
    WrongHeight {
        /// What belongs there.
        wanted: u64,
        /// By its header.
        found: u64,
    },
    /// A block that does not follow the one before it.
    #[error("its parent is {found}, the block before it is {wanted}")]
    WrongParent {
        /// The block before it.
        wanted: B256,
        /// By its header.
        found: B256,
    },
    /// Total difficulty does not grow by the difficulty.
    #[error("its total difficulty is {found}, the headers make {wanted}")]
    TotalDifficulty {
        /// By the block before it and the header.
        wanted: U256,
        /// By the file.
        found: U256,
    },
    /// The blocks are not those that the archive is known by.
    #[error("its blocks make the accumulator {found}, the file says {wanted}")]
    Accumulator {
        /// In the file.
        wanted: B256,
        /// Of the blocks.
        found: B256,
    },
    /// A block whose receipts are in no file.
    #[error(
        "the block has transactions, and what they did is in no file: {} is missing",
        .wanted.display()
    )]
    NoReceipts {
        /// The file that would hold the receipts.
        wanted: PathBuf,
    },
    /// A file of receipts that belongs to other blocks.
    #[error("the file has {found} lists of receipts, {} has {wanted} blocks", .blocks.display())]
    ReceiptLists {
        /// The file of blocks.
        blocks: PathBuf,
        /// Its blocks.
        wanted: u64,
        /// Lists of receipts.
        found: u64,
    },
}

impl FileFault {
    /// What to do about it.
    fn advice(&self) -> &'static str {
        match self {
            FileFault::NoFiles => {
                "give a folder with era1 files, or with chain exports (.rlp, .blocks), or one such \
                 file; packed exports (.gz) have to be unpacked first"
            }
            FileFault::BadName => "give the file the name that it was published under",
            FileFault::TwoNetworks { .. } => "keep each network in a folder of its own",
            FileFault::Gap { .. } => {
                "add the files that are missing, or move away those behind the gap"
            }
            FileFault::Overlap { .. } => "move one of the two files away",
            FileFault::NoReceipts { .. } => {
                "write the receipts of all blocks, one RLP list for each, into that file; or read \
                 era1 files or a node instead, which have them"
            }
            FileFault::ReceiptLists { .. } => "put the receipts of these very blocks beside them",
            _ => "restore the file from where it came, then run again",
        }
    }
}
