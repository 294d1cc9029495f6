//! `assay serve`, `assay user` and `assay audit`.

use std::net::SocketAddr;
use std::path::PathBuf;

use assay_serve::Role;
use clap::{Args as ClapArgs, Subcommand};

const SERVE_EXAMPLES: &str = "\
Examples:
  assay serve
  assay serve --pg 127.0.0.1:5433 --lake /data/lake
  assay serve --http 127.0.0.1:8080 --flight 127.0.0.1:8081
  assay user add alice --role analyst --users users.toml
  assay serve --pg 0.0.0.0:5432 --users users.toml --tls-cert server.pem --tls-key server.key

Then:
  psql \"host=127.0.0.1 dbname=assay\"
  curl 127.0.0.1:8080/api/holdings

All statements only read. Without --users anybody on this machine is an analyst. Every statement is
written down in the audit log. Ctrl-C ends the server. docs/serving.md tells more.";

/// `assay serve`.
#[derive(Debug, ClapArgs)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// Where clients of PostgreSQL are answered [environment: ASSAY_PG] [default: 127.0.0.1:5432 if
    /// no address is named for any]
    #[arg(long, value_name = "ADDR")]
    pub pg: Option<SocketAddr>,
    /// Where HTTP is answered [environment: ASSAY_HTTP]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Where Flight SQL is answered [environment: ASSAY_FLIGHT]
    #[arg(long, value_name = "ADDR")]
    pub flight: Option<SocketAddr>,
    /// File of users, as `assay user` makes it [environment: ASSAY_USERS]
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,
    /// Log of what was asked [environment: ASSAY_AUDIT] [default: ./audit.jsonl]
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// Certificates in PEM form, the server's own first [environment: ASSAY_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Key of that certificate in PEM form [environment: ASSAY_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Clients that may be connected at once [default: 600]
    #[arg(long, value_name = "N")]
    pub connections: Option<usize>,
    /// What everybody may do where there is no file of users: regulator, analyst, compliance or
    /// operator [default: analyst]
    #[arg(long, value_name = "ROLE")]
    pub role_without_users: Option<Role>,
    /// Answer other machines although anybody may then ask, or although nothing is encrypted
    #[arg(long)]
    pub insecure_listen_without_tls_or_users: bool,
}

const USER_EXAMPLES: &str = "\
Examples:
  assay user add alice --role analyst --users users.toml
  assay user add grafana --role regulator --users users.toml --password-file grafana.password
  assay user list --users users.toml
  assay user passwd alice --users users.toml
  assay user remove alice --users users.toml

A server that runs sees the changes at once.";

/// `assay user`.
#[derive(Debug, ClapArgs)]
#[command(after_help = USER_EXAMPLES)]
pub struct UserArgs {
    /// File of users [environment: ASSAY_USERS]
    #[arg(long, global = true, value_name = "FILE")]
    pub users: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: UserCommand,
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; the password is asked for
    Add(UserAddArgs),
    /// Remove a user
    Remove(UserNameArgs),
    /// Give a user another password
    Passwd(UserNameArgs),
    /// List users and their roles
    List,
}

/// `assay user add`.
#[derive(Debug, ClapArgs)]
pub struct UserAddArgs {
    /// The user's name
    pub name: String,
    /// What they may do: regulator (views), analyst (all tables), compliance (and exports),
    /// operator (and the audit log)
    #[arg(long)]
    pub role: Role,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// `assay user remove` and `assay user passwd`.
#[derive(Debug, ClapArgs)]
pub struct UserNameArgs {
    /// The user's name
    pub name: String,
    /// File whose first line is the new password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

const AUDIT_EXAMPLES: &str = "\
Examples:
  assay audit verify
  assay audit verify --audit /var/log/assay/audit.jsonl

Prints how many lines the log has and the hash of the last: noted elsewhere, they show later whether
lines are missing at its end. Exit code 1 says that the log was changed.";

/// `assay audit`.
#[derive(Debug, ClapArgs)]
#[command(after_help = AUDIT_EXAMPLES)]
pub struct AuditArgs {
    /// The log [environment: ASSAY_AUDIT] [default: ./audit.jsonl]
    #[arg(long, global = true, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What to do with the log.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that every line follows the one before it
    Verify,
}
