//! Progress that health hears of, too.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use super::Health;
use crate::progress::{Position, Progress, Unit};

/// Passes on what it is told, and notes what matters for health.
pub struct Watched {
    progress: Arc<dyn Progress>,
    health: Arc<Health>,
}

impl Watched {
    /// Tells `progress` and `health`.
    pub fn new(progress: Arc<dyn Progress>, health: Arc<Health>) -> Watched {
        Watched { progress, health }
    }
}

impl Progress for Watched {
    fn begin(&self, what: &'static str, total: u64, unit: Unit) {
        self.progress.begin(what, total, unit);
    }

    fn advance(&self, units: u64) {
        self.progress.advance(units);
    }

    fn note(&self, what: &str) {
        self.progress.note(what);
    }

    fn end(&self) {
        self.progress.end();
    }

    fn trouble(&self, error: &dyn Error, pause: Duration) {
        self.progress.trouble(error, pause);
    }

    fn committed(&self, height: u64, blocks: u64, bytes: u64) {
        self.progress.committed(height, blocks, bytes);
    }

    fn seen(&self, position: &Position) {
        self.health.note(position);
        self.progress.seen(position);
    }
}
