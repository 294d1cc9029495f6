//! What the indexer tells of its progress, and to whom.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Someone who is told how far the work is: a progress bar, or nobody.
///
/// Steps follow each other and do not nest.
pub trait Progress: Send + Sync {
    /// A step of `total` units begins; `what` says it in a word or two.
    fn begin(&self, what: &'static str, total: u64, unit: Unit);
    /// `units` more of the step are done.
    fn advance(&self, units: u64);
    /// What goes on within the step, when it is not the step itself.
    fn note(&self, what: &str);
    /// The step is done.
    fn end(&self);
    /// Something failed that may go well after the `pause`.
    fn trouble(&self, error: &dyn Error, pause: Duration);
    /// `blocks` more blocks are committed, up to `height`, made from `bytes` of block data.
    fn committed(&self, height: u64, blocks: u64, bytes: u64);
    /// The source was asked where its chain ends, or gave blocks of it, and the sink showed some:
    /// they are where `position` says. Only who watches over a service wants to know.
    fn seen(&self, position: &Position) {
        let _ = position;
    }
}

/// How far the sink is behind its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Height of the source's last block.
    pub tip: u64,
    /// Height of the last visible block; `None` while there is none.
    pub height: Option<u64>,
    /// Time in the header of that block, Unix seconds, if it is known.
    pub time: Option<i64>,
}

impl Position {
    /// Blocks that the source has and the sink does not show.
    pub fn lag_blocks(&self) -> u64 {
        let next = self.height.map_or(0, |height| height + 1);
        (self.tip + 1).saturating_sub(next)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.height {
            Some(height) => write!(f, "height {height} of {}", self.tip),
            None => write!(f, "no block of {}", self.tip + 1),
        }
    }
}

/// What a step is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Files.
    Files,
    /// Bytes of block data.
    Bytes,
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &'static str, _: u64, _: Unit) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}
    fn end(&self) {}
    fn trouble(&self, _: &dyn Error, _: Duration) {}
    fn committed(&self, _: u64, _: u64, _: u64) {}
}
