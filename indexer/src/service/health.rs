//! Whether the lake is where its readers want it: at the tip.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use assay_model::Chain;

use crate::metrics::Meter;
use crate::progress::Position;

/// What still counts as being at the tip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// Most blocks that the lake may lack.
    pub lag_blocks: u64,
    /// How long the source may not have been seen.
    pub unseen: Duration,
}

impl Default for Tolerance {
    /// A block that is being added, and one that came meanwhile; and several times as long as a
    /// source may wait before it looks at its node again.
    fn default() -> Tolerance {
        Tolerance { lag_blocks: 2, unseen: Duration::from_secs(60) }
    }
}

/// Why the lake is not at the tip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It is not known where the tip is.
    #[error("the source has not been seen yet")]
    Unseen,
    /// It is not known where the tip is by now.
    #[error("the source was last seen {seconds} seconds ago")]
    Silent {
        /// How long ago.
        seconds: u64,
    },
    /// Blocks are missing.
    #[error("the lake lacks {blocks} blocks up to height {tip}")]
    Behind {
        /// How many.
        blocks: u64,
        /// Height of the source's last block.
        tip: u64,
    },
}

/// What is known of a run.
#[derive(Debug)]
pub struct Health {
    meter: Meter,
    tolerance: Tolerance,
    seen: Mutex<Option<(Instant, Position)>>,
}

impl Health {
    /// Nothing is known of the run over `chain` yet.
    pub fn new(chain: Chain, tolerance: Tolerance) -> Health {
        Health { meter: Meter::new(chain), tolerance, seen: Mutex::new(None) }
    }

    /// Notes that lake and source were seen at `position` just now.
    pub fn note(&self, position: &Position) {
        *self.seen() = Some((Instant::now(), *position));
    }

    /// Whether the lake is at the tip, as its position.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub fn check(&self) -> Result<Position, NotReady> {
        let (when, position) = self.seen().ok_or(NotReady::Unseen)?;
        judge(self.tolerance, when.elapsed(), position)
    }

    /// Records what changes by time alone.
    pub fn record_age(&self) {
        let time = self.seen().and_then(|(_, position)| position.time);
        if let Some(time) = time {
            let made = UNIX_EPOCH + Duration::from_secs(time.max(0) as u64);
            // Clocks differ: a header may be ahead of ours.
            self.meter.is_old(SystemTime::now().duration_since(made).unwrap_or_default());
        }
    }

    fn seen(&self) -> MutexGuard<'_, Option<(Instant, Position)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decides for a `position` that was seen `ago`.
fn judge(tolerance: Tolerance, ago: Duration, position: Position) -> Result<Position, NotReady> {
    let blocks = position.lag_blocks();
    if ago > tolerance.unseen {
        return Err(NotReady::Silent { seconds: ago.as_secs() });
    }
    if blocks > tolerance.lag_blocks {
        return Err(NotReady::Behind { blocks, tip: position.tip });
    }
    Ok(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_who_lacks_little_and_looked_lately() {
        let tolerance = Tolerance { lag_blocks: 2, unseen: Duration::from_secs(60) };
        let judge = |tip, height, seconds| {
            let position = Position { tip, height, time: None };
            judge(tolerance, Duration::from_secs(seconds), position).err()
        };
        assert_eq!(judge(10, Some(10), 0), None);
        assert_eq!(judge(10, Some(8), 60), None);
        // A node that is behind us has nothing that we lack.
        assert_eq!(judge(10, Some(12), 0), None);
        assert_eq!(judge(10, Some(7), 0), Some(NotReady::Behind { blocks: 3, tip: 10 }));
        assert_eq!(judge(10, None, 0), Some(NotReady::Behind { blocks: 11, tip: 10 }));
        assert_eq!(judge(10, Some(10), 61), Some(NotReady::Silent { seconds: 61 }));
    }
}
