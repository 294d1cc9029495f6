//! Reads blocks from a source, decodes them into rows and commits them to a sink.
//!
//! ```text
//! source ──► decode ──► batch ──► sink        pipeline/ runs them, in parallel and in order
//!    └───── wire, raw: what both know ──────┘
//! ```
//!
//! # Invariants
//!
//! * `source`, `decode` and `sink` do not know each other; `pipeline` sees sources and sinks as
//!   traits.
//! * Blocks are fetched and decoded in parallel and committed in order of height.
//! * Foreign bytes never panic: they give an error that names block, file and offset.

pub mod attempt;
pub mod decode;
pub mod metrics;
pub mod pipeline;
pub mod progress;
pub mod raw;
pub mod rlp;
pub mod service;
pub mod sink;
pub mod source;
pub mod stop;
mod task;
pub mod utxo_store;
pub mod wire;
