//! Where ClickHouse servers are.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The database, if none is named.
const DATABASE: &str = "assay";
/// ClickHouse's port for HTTP.
const HTTP_PORT: u16 = 8123;
/// ClickHouse's port for HTTPS.
const HTTPS_PORT: u16 = 8443;

/// One or several servers that share a database, and who asks:
/// `clickhouse://[USER@]HOST[:PORT][,HOST[:PORT]…][/DATABASE]`, or `clickhouses://…` over TLS; with
/// `?compression=lz4` or `none` where the default is not right.
///
/// Invariants: it holds no secret; its text is the whole of it. It names a server, and none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    is_tls: bool,
    nodes: Vec<Node>,
    user: Option<String>,
    database: String,
    is_compressed: bool,
}

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    host: Host<String>,
    port: u16,
}

/// A text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{shown}' is no address like clickhouse://user@host:8123/assay: {reason}")]
pub struct AddressError {
    shown: String,
    reason: &'static str,
}

impl Address {
    /// The URLs of its servers, for the client.
    pub(crate) fn urls(&self) -> impl Iterator<Item = String> {
        let scheme = if self.is_tls { "https" } else { "http" };
        self.nodes.iter().map(move |node| format!("{scheme}://{node}"))
    }

    /// The addresses of its servers, each by itself.
    pub(crate) fn each(&self) -> impl Iterator<Item = Address> {
        self.nodes.iter().map(|node| Address { nodes: vec![node.clone()], ..self.clone() })
    }

    /// Who asks; the server's default user if `None`.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The database: letters, digits and `_`.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Whether it names several servers.
    pub fn is_several(&self) -> bool {
        self.nodes.len() > 1
    }

    /// Whether rows are compressed on their way (LZ4): by default unless all servers are on this
    /// machine.
    pub(crate) fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// The address in `url`, which names one server, and `others`.
    fn of(url: &Url, others: &[&str]) -> Result<Address, &'static str> {
        let is_tls = match url.scheme() {
            "clickhouse" => false,
            "clickhouses" => true,
            _ => return Err("it begins with clickhouse:// or, over TLS, clickhouses://"),
        };
        if url.password().is_some() {
            return Err("a password belongs into a file, which --store-password-file names");
        }
        let mut nodes = vec![Node::of(url, is_tls)?];
        for other in others {
            let url = Url::parse(&format!("{}://{other}", url.scheme()));
            let node =
                Node::of(&url.map_err(|_| "a host's port is a number up to 65535")?, is_tls)?;
            if nodes.contains(&node) {
                return Err("it names a host twice");
            }
            nodes.push(node);
        }
        let user = match url.username() {
            "" => None,
            name if name.contains(['%', ',']) => return Err("a user's name has plain letters"),
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
        let mut is_compressed = !nodes.iter().all(|node| is_loopback(&node.host));
        for (key, value) in url.query_pairs() {
            is_compressed = match (&*key, &*value) {
                ("compression", "lz4") => true,
                ("compression", "none") => false,
                _ => return Err("after '?' there may be compression=lz4 or compression=none"),
            };
        }
        Ok(Address { is_tls, nodes, user, database: database.to_owned(), is_compressed })
    }
}

impl Node {
    fn of(url: &Url, is_tls: bool) -> Result<Node, &'static str> {
        // Other schemes than those of the web have hosts that are not looked into.
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
        let host = Host::parse(host).map_err(|_| "its host is no name of one")?;
        let port = url.port().unwrap_or(if is_tls { HTTPS_PORT } else { HTTP_PORT });
        Ok(Node { host, port })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// `text` with the first server only, which is a URL, and the other servers.
fn split(text: &str) -> (String, Vec<&str>) {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    let start = text[start..end].rfind('@').map_or(start, |at| start + at + 1);
    let mut hosts = text[start..end].split(',');
    let first = hosts.next().unwrap_or_default();
    (format!("{}{first}{}", &text[..start], &text[end..]), hosts.collect())
}

/// `text` without a password that it may hold.
fn redacted(text: &str) -> String {
    let scheme = ["clickhouse://", "clickhouses://"].into_iter().find(|s| text.starts_with(s));
    let start = scheme.map_or(0, str::len);
    let Some((login, after)) = text[start..].rsplit_once('@') else { return text.to_owned() };
    match login.split_once(':') {
        Some((user, _)) => format!("{}{user}:***@{after}", &text[..start]),
        None => text.to_owned(),
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let (first, others) = split(text);
        let url = Url::parse(&first).map_err(|_| "it is no URL");
        url.and_then(|url| Address::of(&url, &others))
            .map_err(|reason| AddressError { shown: redacted(text), reason })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "clickhouses" } else { "clickhouse" };
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let nodes: Vec<_> = self.nodes.iter().map(Node::to_string).collect();
        write!(f, "{scheme}://{user}{}/{}", nodes.join(","), self.database)
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
        assert_eq!(address.urls().collect::<Vec<_>>(), ["http://[::1]:9"]);
    }

    #[test]
    fn several_servers_share_the_rest() {
        let text = "clickhouses://me@h1,h2:9,[::1]:10/db";
        assert_eq!(shown(text).as_deref(), Ok("clickhouses://me@h1:8443,h2:9,[::1]:10/db"));
        let address: Address = text.parse().expect("an address");
        let urls: Vec<_> = address.urls().collect();
        assert_eq!(urls, ["https://h1:8443", "https://h2:9", "https://[::1]:10"]);
        let each: Vec<_> = address.each().map(|address| address.to_string()).collect();
        assert_eq!(each[1], "clickhouses://me@h2:9/db");
        assert!(address.is_several() && each.len() == 3);
    }

    #[test]
    fn rows_are_compressed_unless_they_stay_on_the_machine() {
        for (text, is_compressed) in [
            ("clickhouse://localhost", false),
            ("clickhouse://127.0.0.1", false),
            ("clickhouse://[::1]", false),
            ("clickhouse://10.0.0.1", true),
            ("clickhouse://127.0.0.1?compression=lz4", true),
            ("clickhouse://127.0.0.1,localhost", false),
            ("clickhouse://127.0.0.1,10.0.0.1", true),
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
            ("clickhouse://me:geheim@h1,h2/db", "--store-password-file"),
            ("clickhouse://me:ge/geheim@h1,h2/db", "no URL"),
            ("clickhouse://h1,/db", "no host"),
            ("clickhouse://,h1/db", "no host"),
            ("clickhouse://h1,h2:x/db", "port is a number"),
            ("clickhouse://h1,h2:8123,h2/db", "twice"),
            ("clickhouse://h1,me@h2/db", "plain letters"),
        ] {
            let error = shown(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}
