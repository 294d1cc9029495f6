//! What a run did, for people who ask later.

use std::ops::Range;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use assay_model::lake::RunInfo;

/// The moment at which a run began.
pub struct Began(SystemTime, Instant);

impl Began {
    /// A run that begins now.
    pub fn now() -> Began {
        Began(SystemTime::now(), Instant::now())
    }

    /// The run that ends now and added the blocks of `heights`, with `block_bytes` of block data.
    pub fn ends(&self, heights: Range<u64>, block_bytes: u64) -> RunInfo {
        RunInfo {
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.0.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            seconds: self.1.elapsed().as_secs_f64(),
            from: heights.start,
            to: heights.end,
            block_bytes,
        }
    }
}
