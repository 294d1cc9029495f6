//! What one layer of configuration says about the server.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use assay_serve::{Limits, Role};
use serde::Deserialize;

use super::{Env, Size};

/// What one layer says about the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeLayer {
    /// Where clients of PostgreSQL are answered.
    pub pg: Option<SocketAddr>,
    /// Where HTTP is answered.
    pub http: Option<SocketAddr>,
    /// Where Flight SQL is answered.
    pub flight: Option<SocketAddr>,
    /// File of users.
    pub users: Option<PathBuf>,
    /// The audit log.
    pub audit: Option<PathBuf>,
    /// Certificates in PEM form.
    pub tls_cert: Option<PathBuf>,
    /// Key of the first of them.
    pub tls_key: Option<PathBuf>,
    /// Clients that may be connected at once.
    pub connections: Option<usize>,
    /// Statements that run at once, of all roles.
    pub concurrency: Option<NonZeroUsize>,
    /// The role of everybody where there is no file of users.
    pub role_without_users: Option<Role>,
    /// Limits of roles that have others than the usual ones.
    pub limits: BTreeMap<Role, LimitsLayer>,
}

/// What one layer says about the limits of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsLayer {
    /// The longest that a statement runs.
    pub timeout_seconds: Option<u64>,
    /// What its operators may hold in memory.
    pub memory: Option<Size>,
    /// The most rows of an answer.
    pub rows: Option<u64>,
    /// Statements of the role that run at once.
    pub concurrency: Option<NonZeroUsize>,
}

impl ServeLayer {
    /// What this layer says, and where it is silent what `below` says.
    pub fn over(self, below: ServeLayer) -> ServeLayer {
        // Who names a certificate does not mean the key of another one.
        let (tls_cert, tls_key) = match self.tls_cert {
            Some(_) => (self.tls_cert, self.tls_key),
            None => (below.tls_cert, self.tls_key.or(below.tls_key)),
        };
        let mut limits = below.limits;
        for (role, layer) in self.limits {
            let known = limits.remove(&role).unwrap_or_default();
            limits.insert(role, layer.over(known));
        }
        ServeLayer {
            pg: self.pg.or(below.pg),
            http: self.http.or(below.http),
            flight: self.flight.or(below.flight),
            users: self.users.or(below.users),
            audit: self.audit.or(below.audit),
            tls_cert,
            tls_key,
            connections: self.connections.or(below.connections),
            concurrency: self.concurrency.or(below.concurrency),
            role_without_users: self.role_without_users.or(below.role_without_users),
            limits,
        }
    }

    /// The limits of each role, where they differ from the usual ones.
    pub fn limits(&self) -> BTreeMap<Role, Limits> {
        self.limits.iter().map(|(role, layer)| (*role, layer.finish(*role))).collect()
    }

    /// What the environment says.
    pub(super) fn from_env<F: Fn(&str) -> Option<OsString>>(
        env: &Env<F>,
    ) -> anyhow::Result<ServeLayer> {
        let address =
            |text: &str| text.parse().map_err(|_| format!("'{text}' is not like 127.0.0.1:5432"));
        Ok(ServeLayer {
            pg: env.parse("ASSAY_PG", address)?,
            http: env.parse("ASSAY_HTTP", address)?,
            flight: env.parse("ASSAY_FLIGHT", address)?,
            users: env.path("ASSAY_USERS"),
            audit: env.path("ASSAY_AUDIT"),
            tls_cert: env.path("ASSAY_TLS_CERT"),
            tls_key: env.path("ASSAY_TLS_KEY"),
            ..ServeLayer::default()
        })
    }

    /// Its paths, which in a file are meant from its folder.
    pub(super) fn paths(&mut self) -> [&mut Option<PathBuf>; 4] {
        [&mut self.users, &mut self.audit, &mut self.tls_cert, &mut self.tls_key]
    }
}

impl LimitsLayer {
    fn over(self, below: LimitsLayer) -> LimitsLayer {
        LimitsLayer {
            timeout_seconds: self.timeout_seconds.or(below.timeout_seconds),
            memory: self.memory.or(below.memory),
            rows: self.rows.or(below.rows),
            concurrency: self.concurrency.or(below.concurrency),
        }
    }

    fn finish(&self, role: Role) -> Limits {
        let usual = role.limits();
        Limits {
            timeout: self.timeout_seconds.map_or(usual.timeout, Duration::from_secs),
            memory_bytes: self.memory.map_or(usual.memory_bytes, |Size(bytes)| bytes),
            rows: self.rows.unwrap_or(usual.rows),
            concurrency: self.concurrency.map_or(usual.concurrency, NonZeroUsize::get),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Layer;
    use super::*;

    #[test]
    fn a_file_says_who_is_answered() {
        let text = "
            [serve]
            pg = '127.0.0.1:5433'
            users = 'users.toml'
            [serve.limits.regulator]
            timeout_seconds = 5
            memory = '64MiB'
        ";
        let path = Path::new("/etc/assay/assay.toml");
        let layer = Layer::from_toml(text, path, None).expect("valid").serve;
        assert_eq!(layer.users, Some(PathBuf::from("/etc/assay/users.toml")));
        let limits = layer.limits()[&Role::Regulator];
        assert_eq!((limits.timeout, limits.memory_bytes), (Duration::from_secs(5), 64 << 20));
        assert_eq!(limits.rows, Role::Regulator.limits().rows);
        let typed = ServeLayer { audit: Some("x".into()), ..ServeLayer::default() };
        let both = typed.over(layer.clone());
        assert_eq!((both.audit, both.pg), (Some("x".into()), layer.pg));
    }
}
