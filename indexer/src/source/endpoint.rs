//! A node's URL, and what of it may be shown.
//!
//! # Invariants
//!
//! * What is shown holds scheme, host and port alone: user, password, path and query are often keys.

use std::fmt;

use url::Url;

/// Longest text of a node that is shown, characters.
const SHOWN_CHARS: usize = 200;
/// A part of a path shorter than this is no key.
const SECRET_CHARS: usize = 8;

/// Where a node is.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// The whole URL: secret.
    pub url: Url,
    /// What may be shown of it.
    pub shown: String,
    /// Texts that must not be shown, longest first.
    secrets: Vec<String>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Endpoint {
    /// The place that `text` means, whose scheme is one of `schemes`; or why it is none.
    pub fn parse(text: &str, schemes: &[&str]) -> Result<Endpoint, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        if !schemes.contains(&url.scheme()) {
            return Err("it has another scheme".to_owned());
        }
        let host = url.host_str().ok_or("it names no host")?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let shown = format!("{}://{host}{port}", url.scheme());
        let parts = url.path().split('/').chain(url.query());
        let long = parts.filter(|part| part.len() >= SECRET_CHARS);
        let login = [url.username(), url.password().unwrap_or("")];
        let secrets: Vec<String> = long.chain(login).map(str::to_owned).collect();
        Ok(Endpoint { url, shown, secrets: Vec::new() }.hiding(secrets))
    }

    /// The same place, of which `secrets` are not shown either.
    pub fn hiding(mut self, secrets: impl IntoIterator<Item = String>) -> Endpoint {
        self.secrets.extend(secrets.into_iter().filter(|secret| !secret.is_empty()));
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        self
    }

    /// A text of the node, or about it, as it may be shown: in one line, not long, without secrets.
    pub fn clean(&self, text: &str) -> String {
        self.cut(text, SHOWN_CHARS)
    }

    /// The first `chars` characters of `text`, as they may be shown.
    pub fn cut(&self, text: &str, chars: usize) -> String {
        let mut text = text.replace(self.url.as_str(), &self.shown);
        for secret in &self.secrets {
            text = text.replace(secret, "…");
        }
        let mut words = text.split(|c: char| c.is_whitespace() || c.is_control());
        let mut line = String::new();
        while let Some(word) = words.next().filter(|_| line.len() <= 4 * chars) {
            if !line.is_empty() && !word.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        match line.char_indices().nth(chars) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_url_are_not_shown() {
        let url = "https://user:pass@node.example:8545/v3/0123456789abcdef?token=fedcba9876";
        let endpoint = Endpoint::parse(url, &["https"]).expect("a URL");
        assert_eq!(endpoint.shown, "https://node.example:8545");
        assert_eq!(format!("{endpoint:?}"), "https://node.example:8545");
        let text = format!("no {url}\nfor project 0123456789abcdef of user");
        let cleaned = endpoint.clean(&text);
        assert_eq!(cleaned, "no https://node.example:8545 for project … of …");
        let hiding = endpoint.hiding(["cookie".to_owned(), String::new()]);
        assert_eq!(hiding.clean("a cookie"), "a …");
    }

    #[test]
    fn texts_of_nodes_are_cut() {
        let endpoint = Endpoint::parse("ws://localhost", &["ws"]).expect("a URL");
        assert_eq!(endpoint.cut("<html>\r\n  <ä>", 8), "<html> <…");
        assert_eq!(endpoint.cut("short", 8), "short");
    }

    #[test]
    fn what_is_no_url_of_a_node_is_refused() {
        for text in ["localhost:8545", "ftp://localhost", "", "http://", "/path"] {
            assert!(Endpoint::parse(text, &["http", "ws"]).is_err(), "{text}");
        }
    }
}
