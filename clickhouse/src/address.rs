//! Where a ClickHouse server is.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The database, if none is named.
const DATABASE: &str = "assay";
/// ClickHouse's port for HTTP.
const HTTP_PORT: u16 = 8123;
/// ClickHouse's port for HTTPS.
const HTTPS_PORT: u16 = 8443;

/// A server, a database on it, and who asks: `clickhouse://[USER@]HOST[:PORT][/DATABASE]`, or
/// `clickhouses://…` over TLS; with `?compression=lz4` or `none` where the default is not right.
///
/// Invariant: it holds no secret; its text is the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    is_tls: bool,
    host: Host<String>,
    port: u16,
    user: Option<String>,
    database: String,
    is_compressed: bool,
}

/// A text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{shown}' is no address like clickhouse://user@host:8123/assay: {reason}")]
pub struct AddressError {
    shown: String,
    reason: &'static str,
}

impl Address {
    /// The server's URL, for the client.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    /// Who asks; the server's default user if `None`.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The database: letters, digits and `_`.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Whether rows are compressed on their way (LZ4): by default unless the server is on this
    /// machine.
    pub(crate) fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    fn of(url: &Url) -> Result<Address, &'static str> {
        let is_tls = match url.scheme() {
            "clickhouse" => false,
            "clickhouses" => true,
            _ => return Err("it begins with clickhouse:// or, over TLS, clickhouses://"),
        };
        if url.password().is_some() {
            return Err("a password belongs into a file, which --store-password-file names");
        }
        // Other schemes than those of the web have hosts that are not looked into.
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
        let host = Host::parse(host).map_err(|_| "its host is no name of one")?;
        let user = match url.username() {
            "" => None,
            name if name.contains('%') => return Err("a user's name has plain letters"),
            name => Some(name.to_owned()),
        };
        let database = match url.path().trim_start_matches('/') {
            "" => DATABASE,
            name => name,
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !database.chars().all(is_plain) || database.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("a database's name has letters, digits and '_'");
        }
        let mut is_compressed = !is_loopback(&host);
        for (key, value) in url.query_pairs() {
            is_compressed = match (&*key, &*value) {
                ("compression", "lz4") => true,
                ("compression", "none") => false,
                _ => return Err("after '?' there may be compression=lz4 or compression=none"),
            };
        }
        let port = url.port().unwrap_or(if is_tls { HTTPS_PORT } else { HTTP_PORT });
        Ok(Address { is_tls, host, port, user, database: database.to_owned(), is_compressed })
    }
}

fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let url = Url::parse(text);
        let parsed = url.as_ref().map_err(|_| "it is no URL").and_then(Address::of);
        parsed.map_err(|reason| {
            let mut shown = text.to_owned();
            if let Ok(mut url) = url
                && url.password().is_some()
            {
                let _ = url.set_password(Some("***"));
                shown = url.to_string();
            } else if let Some((before, _)) = text.rsplit_once('@')
                && before.contains(':')
            {
                "***".clone_into(&mut shown);
            }
            AddressError { shown, reason }
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "clickhouses" } else { "clickhouse" };
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        write!(f, "{scheme}://{user}{}:{}/{}", self.host, self.port, self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        text.parse::<Address>()
            .map(|address| address.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(shown("clickhouse://host").as_deref(), Ok("clickhouse://host:8123/assay"));
        let tls = shown("clickhouses://me@host/other?compression=none");
        assert_eq!(tls.as_deref(), Ok("clickhouses://me@host:8443/other"));
        let address: Address = "clickhouse://[::1]:9/a".parse().expect("an address");
        assert_eq!(address.url(), "http://[::1]:9");
    }

    #[test]
    fn rows_are_compressed_unless_they_stay_on_the_machine() {
        for (text, is_compressed) in [
            ("clickhouse://localhost", false),
            ("clickhouse://127.0.0.1", false),
            ("clickhouse://[::1]", false),
            ("clickhouse://10.0.0.1", true),
            ("clickhouse://127.0.0.1?compression=lz4", true),
        ] {
            let address: Address = text.parse().expect("an address");
            assert_eq!(address.is_compressed(), is_compressed, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_a_password_is_not_repeated() {
        for (text, reason) in [
            ("http://host", "begins with clickhouse://"),
            ("clickhouse://", "no host"),
            ("clickhouse:///db", "no host"),
            ("host:8123", "begins with clickhouse://"),
            ("what", "no URL"),
            ("clickhouse://host/a-b", "letters, digits"),
            ("clickhouse://host/a/b", "letters, digits"),
            ("clickhouse://host/db?compression=zip", "compression=lz4"),
            ("clickhouse://me:geheim@host/db", "--store-password-file"),
            ("me:geheim@host", "clickhouse://"),
        ] {
            let error = shown(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}
