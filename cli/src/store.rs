//! Where rows are kept: the lake, or a ClickHouse server.

use std::path::PathBuf;

use anyhow::Context;
use assay_clickhouse::{Address, Connection};

/// Where rows are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Store {
    /// In the folder that is the lake.
    #[default]
    Lake,
    /// On a server.
    ClickHouse(Server),
}

/// A ClickHouse server, and how to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub address: Address,
    /// File with the user's password.
    pub password_file: Option<PathBuf>,
}

impl Server {
    /// The password, if there is one.
    pub fn password(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the password in '{}'", path.display()))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// A connection to it. Nothing is sent yet.
    pub fn connect(&self) -> anyhow::Result<Connection> {
        Ok(Connection::new(&self.address, self.password()?.as_deref())?)
    }
}
