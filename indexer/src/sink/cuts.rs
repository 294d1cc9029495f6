//! Where batches and segments end: after certain blocks of the chain, wherever runs began and ended.

use assay_model::Chain;

/// Sizes of batches and segments.
///
/// Both are counted along the chain, from the lake's first block: a batch ends with the block with
/// which the bytes of block data pass a multiple of `batch_bytes`, a segment likewise. So equal
/// chains give equal files, whichever way and in however many runs they were indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    /// Bytes of raw block data of a batch, and so of a row group; at least 1.
    pub batch_bytes: u64,
    /// Bytes of raw block data of a segment; at least 1.
    pub segment_bytes: u64,
}

impl Cuts {
    /// Those of `chain`. Ethereum's blocks have many times as many bytes of rows as of their own:
    /// logs and traces.
    pub fn of(chain: Chain) -> Cuts {
        match chain {
            Chain::Bitcoin => Cuts { batch_bytes: 16 << 20, segment_bytes: 256 << 20 },
            Chain::Ethereum => Cuts { batch_bytes: 4 << 20, segment_bytes: 32 << 20 },
        }
    }

    /// Whether a segment ends with the block before which there are `before` bytes of block data,
    /// and `after` with it.
    pub fn ends_segment(self, before: u64, after: u64) -> bool {
        before / self.segment_bytes < after / self.segment_bytes
    }

    /// Whether a batch ends there: the last of a segment does so, too.
    pub fn ends_batch(self, before: u64, after: u64) -> bool {
        before / self.batch_bytes < after / self.batch_bytes || self.ends_segment(before, after)
    }
}
