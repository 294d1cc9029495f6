//! What the indexer tells of its progress, and to whom.

use std::error::Error;
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
