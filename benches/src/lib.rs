//! What the benches measure: the work itself, without clocks.

pub mod bitcoin;
