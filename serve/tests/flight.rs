//! The server by Flight SQL, as clients see it.

mod flight {
    pub mod client;

    mod bad_input;
    mod catalog;
    mod python;
    mod statements;
    mod tls;
}
#[path = "support/server.rs"]
mod server;
#[path = "support/tls.rs"]
mod tls;
