//! `assay serve`: answers SQL clients until it is interrupted.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, bail};
use assay_serve::service::{DEFAULT_CONCURRENCY, ServiceOptions};
use assay_serve::{DEFAULT_CONNECTIONS, Role, Server, ServerOptions, Tls};

use super::interrupt::{interruption, unless_interrupted};
use crate::args::ServeArgs;
use crate::config::Config;
use crate::exit::Outcome;
use crate::layer::ServeLayer;

/// The audit log if no other is named.
pub const DEFAULT_AUDIT: &str = "audit.jsonl";
/// Where clients of PostgreSQL are answered if nothing else is said.
const DEFAULT_PG: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5432);

/// `assay serve`.
pub async fn run(config: &Config, args: &ServeArgs) -> anyhow::Result<Outcome> {
    let layer = typed(args).over(config.serve.clone());
    let tls = match (&layer.tls_cert, &layer.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::load(certificate, key)?),
        (None, None) => None,
        _ => bail!("a certificate and its key go together: name both --tls-cert and --tls-key"),
    };
    let role = layer.role_without_users.unwrap_or(Role::Analyst);
    let limits = layer.limits();
    let audit = layer.audit.unwrap_or_else(|| Path::new(DEFAULT_AUDIT).to_owned());
    let has_users = layer.users.is_some();
    let service = ServiceOptions {
        users: layer.users,
        limits,
        concurrency: layer.concurrency.map_or(DEFAULT_CONCURRENCY, std::num::NonZeroUsize::get),
        role_without_users: role,
        ..ServiceOptions::new(config.session_options()?, audit.clone())
    };
    let options = ServerOptions {
        service,
        // Who asks for another protocol alone gets that alone.
        pg: layer.pg.or((layer.http.or(layer.flight)).is_none().then_some(DEFAULT_PG)),
        http: layer.http,
        flight: layer.flight,
        tls,
        connections: layer.connections.unwrap_or(DEFAULT_CONNECTIONS),
        insecure: args.insecure_listen_without_tls_or_users,
    };
    let is_encrypted = options.tls.is_some();
    let start = async { Server::start(options).await.context("the server does not start") };
    let server = unless_interrupted(start).await?;
    let interrupted = interruption().context("cannot listen for interruptions")?;
    if let Some(address) = server.pg() {
        let mode = if is_encrypted { " sslmode=require" } else { "" };
        let user = if has_users { " user=NAME" } else { "" };
        println!("PostgreSQL on {address}");
        println!(
            "  psql \"host={} port={} dbname=assay{user}{mode}\"",
            address.ip(),
            address.port()
        );
    }
    let user = if has_users { " -u NAME" } else { "" };
    if let Some(address) = server.http() {
        let scheme = if is_encrypted { "https" } else { "http" };
        println!("HTTP on {address}");
        println!("  curl{user} {scheme}://{address}/api/status");
    }
    if let Some(address) = server.flight() {
        let scheme = if is_encrypted { "grpc+tls" } else { "grpc" };
        println!("Flight SQL on {address}");
        println!(
            "  adbc_driver_flightsql.dbapi.connect(\"{scheme}://{address}\", autocommit=True)"
        );
    }
    if !has_users {
        println!("Without a file of users: everybody who connects is {role}");
    }
    println!("Statements are written down in {}", audit.display());
    println!("Ctrl-C ends the server");
    interrupted.await;
    server.stop().await;
    Ok(Outcome::Done)
}

/// What the command line says.
fn typed(args: &ServeArgs) -> ServeLayer {
    ServeLayer {
        pg: args.pg,
        http: args.http,
        flight: args.flight,
        users: args.users.clone(),
        audit: args.audit.clone(),
        tls_cert: args.tls_cert.clone(),
        tls_key: args.tls_key.clone(),
        connections: args.connections,
        role_without_users: args.role_without_users,
        ..ServeLayer::default()
    }
}
