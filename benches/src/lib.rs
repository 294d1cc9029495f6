//! What the benches measure: the work itself, without clocks, and what a process took to do it.

pub mod bitcoin;
pub mod ethereum;
pub mod process;
