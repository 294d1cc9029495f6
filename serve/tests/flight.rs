//! The server by Flight SQL, as clients see it.

mod flight {
    pub mod client;

    mod bad_input;
    mod catalog;
    mod python;
    mod statements;
}
#[path = "support/server.rs"]
mod server;
