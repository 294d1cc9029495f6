//! Answers SQL clients: PostgreSQL wire, Flight SQL and HTTP.
//!
//! The protocols do not know each other: each turns what its clients say into calls of [`service`], and
//! what comes back into its own words.
//!
//! # Invariants
//!
//! * All read: no protocol has a way to write, or to name a file of the server.
//! * Nothing is answered that is not written down in the audit log.
//! * No client can end the server, or keep it from others for longer than its limits.

pub mod audit;
mod basic;
pub mod error;
mod expiring;
mod extension;
pub mod flight;
pub mod http;
pub mod listen;
mod metrics;
pub mod postgres;
mod role;
mod server;
pub mod service;
mod stall;
mod tls;
pub mod users;

pub use error::ServeError;
pub use metrics::Metrics;
pub use role::{Limits, Role, UnknownRole};
pub use server::{DEFAULT_CONNECTIONS, Server, ServerOptions, StartError};
pub use tls::{Tls, TlsError};
