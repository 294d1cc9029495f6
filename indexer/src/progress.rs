//! What the indexer tells of its progress, and to whom.

/// Someone who is told how far the work is: a progress bar, or nobody.
///
/// Steps follow each other and do not nest.
pub trait Progress: Send + Sync {
    /// A step of `total` units begins; `what` says it in a few words.
    fn begin(&self, what: &str, total: u64);
    /// `units` more of the step are done.
    fn advance(&self, units: u64);
    /// What goes on within the step, when it is not the step itself.
    fn note(&self, what: &str);
    /// The step is done.
    fn end(&self);
    /// Blocks up to `height` are committed, made from `bytes` more of block data.
    fn committed(&self, height: u64, blocks: u64, bytes: u64);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}
    fn end(&self) {}
    fn committed(&self, _: u64, _: u64, _: u64) {}
}
