//! The server by HTTP, as clients see it.

mod http {
    pub mod client;

    mod analyses;
    mod bad_input;
    mod openapi;
    mod roles;
    mod sql;
    mod tls;
}
#[path = "support/server.rs"]
mod server;
#[path = "support/tls.rs"]
mod tls;
