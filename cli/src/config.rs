//! What is run: `assay.toml`, then the environment, then the command line; the later wins.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anyhow::Context;
use assay_query::{DEFAULT_MEMORY_LIMIT_BYTES, SessionOptions};

use crate::args::{GlobalArgs, IndexChain, LogFormat};
use crate::layer::{BitcoinLayer, EthereumLayer, Layer, ServeLayer, Size};
use crate::progress::{Verbosity, is_watched};
use crate::store::{Server, Store};

/// The configuration file that is read if no other is named.
const DEFAULT_FILE: &str = "assay.toml";
const DEFAULT_LAKE: &str = "./lake";

/// Everything that commands need to know, decided.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the lake.
    pub lake_dir: PathBuf,
    /// Where rows are kept.
    pub store: Store,
    /// File with the password of the server's user.
    pub store_password_file: Option<PathBuf>,
    /// Memory that SQL may hold.
    pub memory_bytes: usize,
    /// Folder for what SQL does not keep in memory; the system's for temporary files if absent.
    pub spill_dir: Option<PathBuf>,
    /// What is said on stderr.
    pub verbosity: Verbosity,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Where Bitcoin comes from.
    pub bitcoin: BitcoinLayer,
    /// Where Ethereum comes from.
    pub ethereum: EthereumLayer,
    /// Who is answered, and where.
    pub serve: ServeLayer,
}

impl Config {
    /// The configuration of a command: reads the file and the environment.
    pub fn load(global: &GlobalArgs, chain: Option<&IndexChain>) -> anyhow::Result<Config> {
        let environment = Layer::from_env(|name| env::var_os(name))?;
        let typed = Layer::from_args(global, chain)?;
        let layer = typed.over(environment).over(file_layer(global)?);
        let verbosity = match (global.quiet, global.verbose) {
            (true, _) => Verbosity::Quiet,
            // A service is watched by its log.
            (false, 0) if chain.is_some_and(IndexChain::follows) && !is_watched() => {
                Verbosity::Logs(1)
            }
            // Programs that read the log are to find nothing else there.
            (false, 0) if layer.log_format == Some(LogFormat::Json) => Verbosity::Logs(0),
            (false, 0) => Verbosity::Normal,
            (false, level) => Verbosity::Logs(level),
        };
        Ok(Config::finish(layer, verbosity))
    }

    fn finish(layer: Layer, verbosity: Verbosity) -> Config {
        Config {
            lake_dir: layer.lake.unwrap_or_else(|| DEFAULT_LAKE.into()),
            store: match layer.store {
                Some(address) => Store::ClickHouse(Server {
                    address,
                    password_file: layer.store_password_file.clone(),
                }),
                None => Store::Lake,
            },
            store_password_file: layer.store_password_file,
            memory_bytes: layer.memory.map_or(DEFAULT_MEMORY_LIMIT_BYTES, |Size(bytes)| bytes),
            spill_dir: layer.spill_dir,
            verbosity,
            log_format: layer.log_format.unwrap_or_default(),
            bitcoin: layer.bitcoin,
            ethereum: layer.ethereum,
            serve: layer.serve,
        }
    }

    /// What a SQL session over the store needs to know.
    pub fn session_options(&self) -> anyhow::Result<SessionOptions> {
        let store = match &self.store {
            Store::Lake => assay_query::Store::Lake(self.lake_dir.clone()),
            Store::ClickHouse(server) => assay_query::Store::ClickHouse {
                address: server.address.clone(),
                password: server.password()?,
                results: self.lake_dir.clone(),
            },
        };
        Ok(SessionOptions {
            store,
            memory_limit_bytes: self.memory_bytes,
            spill_dir: self.spill_dir.clone(),
            ..SessionOptions::default()
        })
    }
}

/// What the configuration file says; nothing if none is named and the default one is not there.
fn file_layer(global: &GlobalArgs) -> anyhow::Result<Layer> {
    let variable = || env::var_os("ASSAY_CONFIG").filter(|value| !value.is_empty());
    let named = global.config.clone().or_else(|| variable().map(PathBuf::from));
    let path = named.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Layer::default());
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot read the configuration '{}'", path.display()));
        }
    };
    let home = env::var_os("HOME").map(PathBuf::from);
    Layer::from_toml(&text, path, home.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_layer_says_has_a_default() {
        let config = Config::finish(Layer::default(), Verbosity::Normal);
        assert_eq!(config.lake_dir, Path::new("./lake"));
        assert_eq!(config.memory_bytes, DEFAULT_MEMORY_LIMIT_BYTES);
        assert_eq!(config.bitcoin.blocks_dir, None);
        assert!(!config.bitcoin.with_scripts() && !config.bitcoin.ignore_unlinked());
    }
}
