//! One layer of configuration: what a file, the environment or the command line says. Absent means
//! that the layer below decides.

mod serve;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use assay_clickhouse::{Address, AddressError};
use assay_model::{Network, ethereum};
use clap::ValueEnum;
use serde::{Deserialize, Deserializer, de};

pub use self::serve::ServeLayer;
use crate::args::{GlobalArgs, IndexChain, LogFormat};
use crate::human;

/// What one layer says. Its fields are the keys of `assay.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// Folder of the lake.
    pub lake: Option<PathBuf>,
    /// Address of a ClickHouse server, instead of the lake.
    #[serde(deserialize_with = "address")]
    pub store: Option<Address>,
    /// File with the password of the user in that address.
    pub store_password_file: Option<PathBuf>,
    /// Memory that SQL may hold.
    pub memory: Option<Size>,
    /// Folder for what SQL does not keep in memory.
    pub spill_dir: Option<PathBuf>,
    /// How log lines are written.
    pub log_format: Option<LogFormat>,
    /// Where Bitcoin comes from.
    pub bitcoin: BitcoinLayer,
    /// Where Ethereum comes from.
    pub ethereum: EthereumLayer,
    /// Who is answered, and where.
    pub serve: ServeLayer,
}

/// What one layer says about Bitcoin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BitcoinLayer {
    /// Folder of the block files.
    pub blocks_dir: Option<PathBuf>,
    /// Address of a node.
    pub node: Option<String>,
    /// The node's cookie file.
    pub cookie: Option<PathBuf>,
    /// The node's user, instead.
    pub user: Option<String>,
    /// File with that user's password.
    pub password_file: Option<PathBuf>,
    /// Where the node announces blocks.
    pub zmq: Option<String>,
    /// Where a run that follows the tip answers over HTTP.
    pub listen: Option<SocketAddr>,
    /// Network.
    pub network: Option<Network>,
    /// Whether script signatures and witnesses are kept.
    pub with_scripts: Option<bool>,
    /// Threads that decode.
    pub threads: Option<NonZeroUsize>,
    /// Whether blocks without a parent are passed over.
    pub ignore_unlinked: Option<bool>,
}

/// What one layer says about Ethereum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EthereumLayer {
    /// Address of a node.
    pub rpc: Option<String>,
    /// Folder of files with blocks.
    pub era_dir: Option<PathBuf>,
    /// Network, by name or chain id.
    #[serde(deserialize_with = "ethereum_network")]
    pub network: Option<ethereum::Network>,
    /// Genesis file.
    pub genesis: Option<PathBuf>,
    /// Whether traces are left out.
    pub without_traces: Option<bool>,
    /// Threads that decode.
    pub threads: Option<NonZeroUsize>,
    /// Where a run that follows the tip answers over HTTP.
    pub listen: Option<SocketAddr>,
}

/// The address of a server.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
}

/// A network of Ethereum, by name or chain id.
fn ethereum_network<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ethereum::Network>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        ChainId(u64),
        Name(String),
    }
    let text = match Written::deserialize(deserializer)? {
        Written::ChainId(chain_id) => chain_id.to_string(),
        Written::Name(name) => name,
    };
    text.parse().map(Some).map_err(de::Error::custom)
}

/// A number of bytes, written as a number or as text with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Size;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a size like \"4GiB\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                human::parse_bytes(text).map(Size).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Size, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Layer {
    /// What this layer says, and where it is silent what `below` says.
    pub fn over(self, below: Layer) -> Layer {
        // Who names a server does not mean the password of another one.
        let (store, store_password_file) = match self.store {
            Some(_) => (self.store, self.store_password_file),
            None => (below.store, self.store_password_file.or(below.store_password_file)),
        };
        Layer {
            lake: self.lake.or(below.lake),
            store,
            store_password_file,
            memory: self.memory.or(below.memory),
            spill_dir: self.spill_dir.or(below.spill_dir),
            log_format: self.log_format.or(below.log_format),
            bitcoin: self.bitcoin.over(below.bitcoin),
            ethereum: self.ethereum.over(below.ethereum),
            serve: self.serve.over(below.serve),
        }
    }

    /// What the configuration file `path` says in `text`.
    ///
    /// Relative paths are meant from the file's folder, and `~/` from `home`.
    pub fn from_toml(text: &str, path: &Path, home: Option<&Path>) -> anyhow::Result<Layer> {
        let mut layer: Layer =
            toml::from_str(text).map_err(|error| toml_error(text, path, &error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let paths = [
            &mut layer.lake,
            &mut layer.spill_dir,
            &mut layer.store_password_file,
            &mut layer.bitcoin.blocks_dir,
            &mut layer.bitcoin.cookie,
            &mut layer.bitcoin.password_file,
            &mut layer.ethereum.era_dir,
            &mut layer.ethereum.genesis,
        ];
        for path in paths.into_iter().chain(layer.serve.paths()).flatten() {
            *path = match (path.strip_prefix("~"), home) {
                (Ok(rest), Some(home)) => home.join(rest),
                _ => folder.join(&*path),
            };
        }
        Ok(layer)
    }

    /// What the environment says; `var` looks a variable up.
    pub fn from_env(var: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Layer> {
        let env = Env { var };
        let threads = env.parse("ASSAY_THREADS", |text| {
            text.parse().map_err(|_| format!("'{text}' is not a number above zero"))
        })?;
        let listen = env.parse("ASSAY_LISTEN", |text| {
            text.parse().map_err(|_| format!("'{text}' is not like 127.0.0.1:9464"))
        })?;
        Ok(Layer {
            lake: env.path("ASSAY_LAKE"),
            store: env.parse("ASSAY_STORE", |text| {
                text.parse().map_err(|error: AddressError| error.to_string())
            })?,
            store_password_file: env.path("ASSAY_STORE_PASSWORD_FILE"),
            memory: env.parse("ASSAY_MEMORY", human::parse_bytes)?.map(Size),
            spill_dir: env.path("ASSAY_SPILL_DIR"),
            log_format: env.parse("ASSAY_LOG_FORMAT", |text| LogFormat::from_str(text, true))?,
            bitcoin: BitcoinLayer {
                blocks_dir: env.path("ASSAY_BLOCKS_DIR"),
                node: env.text("ASSAY_NODE")?,
                cookie: env.path("ASSAY_NODE_COOKIE"),
                user: env.text("ASSAY_NODE_USER")?,
                password_file: env.path("ASSAY_NODE_PASSWORD_FILE"),
                zmq: env.text("ASSAY_NODE_ZMQ")?,
                listen,
                network: env.parse("ASSAY_NETWORK", |text| {
                    text.parse()
                        .map_err(|error: assay_model::network::NetworkError| error.to_string())
                })?,
                with_scripts: env.parse("ASSAY_WITH_SCRIPTS", parse_bool)?,
                threads,
                ignore_unlinked: env.parse("ASSAY_IGNORE_UNLINKED", parse_bool)?,
            },
            ethereum: EthereumLayer {
                rpc: env.text("ASSAY_RPC")?,
                era_dir: env.path("ASSAY_ERA_DIR"),
                network: env.parse("ASSAY_ETHEREUM_NETWORK", |text| {
                    text.parse().map_err(|error: ethereum::UnknownNetwork| error.to_string())
                })?,
                genesis: env.path("ASSAY_GENESIS"),
                without_traces: env.parse("ASSAY_WITHOUT_TRACES", parse_bool)?,
                threads,
                listen,
            },
            serve: ServeLayer::from_env(&env)?,
        })
    }

    /// What the command line says.
    pub fn from_args(global: &GlobalArgs, chain: Option<&IndexChain>) -> anyhow::Result<Layer> {
        let mut layer = Layer {
            lake: global.lake.clone(),
            store: global.store.as_deref().map(str::parse).transpose()?,
            store_password_file: global.store_password_file.clone(),
            memory: global.memory.map(Size),
            log_format: global.log_format,
            ..Layer::default()
        };
        match chain {
            Some(IndexChain::Bitcoin(args)) => {
                layer.bitcoin = BitcoinLayer {
                    blocks_dir: args.blocks_dir.clone(),
                    node: args.node.clone(),
                    cookie: args.cookie.clone(),
                    user: args.user.clone(),
                    password_file: args.password_file.clone(),
                    zmq: args.zmq.clone(),
                    listen: args.listen,
                    network: args.network,
                    with_scripts: args.with_scripts.then_some(true),
                    threads: args.threads,
                    ignore_unlinked: args.ignore_unlinked.then_some(true),
                };
            }
            Some(IndexChain::Ethereum(args)) => {
                layer.ethereum = EthereumLayer {
                    rpc: args.rpc.clone(),
                    era_dir: args.era_dir.clone(),
                    network: args.network,
                    genesis: args.genesis.clone(),
                    without_traces: args.without_traces.then_some(true),
                    threads: args.threads,
                    listen: args.listen,
                };
            }
            None => {}
        }
        Ok(layer)
    }
}

impl BitcoinLayer {
    /// Whether script signatures and witnesses are kept.
    pub fn with_scripts(&self) -> bool {
        self.with_scripts.unwrap_or(false)
    }

    /// Whether blocks without a parent are passed over.
    pub fn ignore_unlinked(&self) -> bool {
        self.ignore_unlinked.unwrap_or(false)
    }

    fn over(self, below: BitcoinLayer) -> BitcoinLayer {
        // Whoever says one way to log in does not mean another of a layer below.
        let names_login = self.cookie.is_some() || self.user.is_some();
        let (cookie, user, password_file) = match names_login {
            true => (self.cookie, self.user, self.password_file),
            false => (below.cookie, below.user, below.password_file),
        };
        BitcoinLayer {
            blocks_dir: self.blocks_dir.or(below.blocks_dir),
            node: self.node.or(below.node),
            cookie,
            user,
            password_file,
            zmq: self.zmq.or(below.zmq),
            listen: self.listen.or(below.listen),
            network: self.network.or(below.network),
            with_scripts: self.with_scripts.or(below.with_scripts),
            threads: self.threads.or(below.threads),
            ignore_unlinked: self.ignore_unlinked.or(below.ignore_unlinked),
        }
    }
}

impl EthereumLayer {
    fn over(self, below: EthereumLayer) -> EthereumLayer {
        // Whoever names one source does not mean the other of a layer below.
        let names_source = self.rpc.is_some() || self.era_dir.is_some();
        let (rpc, era_dir) = match names_source {
            true => (self.rpc, self.era_dir),
            false => (below.rpc, below.era_dir),
        };
        EthereumLayer {
            rpc,
            era_dir,
            network: self.network.or(below.network),
            genesis: self.genesis.or(below.genesis),
            without_traces: self.without_traces.or(below.without_traces),
            threads: self.threads.or(below.threads),
            listen: self.listen.or(below.listen),
        }
    }
}

/// The environment. A variable that is set to nothing counts as not set.
struct Env<F> {
    var: F,
}

impl<F: Fn(&str) -> Option<OsString>> Env<F> {
    fn path(&self, name: &str) -> Option<PathBuf> {
        (self.var)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    fn text(&self, name: &str) -> anyhow::Result<Option<String>> {
        self.parse(name, |text| Ok(text.to_owned()))
    }

    fn parse<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<Option<T>> {
        let Some(value) = self.path(name) else { return Ok(None) };
        let text = value.to_string_lossy();
        parse(&text)
            .map(Some)
            .map_err(|reason| anyhow!(reason))
            .with_context(|| format!("the environment variable {name} is wrong"))
    }
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

/// `error` with the file, the line and the key that it is about.
fn toml_error(text: &str, path: &Path, error: &toml::de::Error) -> anyhow::Error {
    let reason = anyhow!("{}", error.message());
    let place = match error.span() {
        Some(span) => {
            let before = &text[..span.start.min(text.len())];
            let number = before.matches('\n').count() + 1;
            let line = text.lines().nth(number - 1).unwrap_or_default();
            let key = line.split('=').next().unwrap_or_default().trim();
            format!("'{}' line {number}, key '{key}'", path.display())
        }
        None => format!("'{}'", path.display()),
    };
    reason.context(format!("wrong configuration in {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> anyhow::Result<Layer> {
        Layer::from_toml(text, Path::new("/etc/assay.toml"), Some(Path::new("/home/ann")))
    }

    fn env(name: &'static str, value: &'static str) -> anyhow::Result<Layer> {
        Layer::from_env(|asked| (asked == name).then(|| OsString::from(value)))
    }

    #[test]
    fn every_key_of_the_file_is_read() {
        let text = "lake = 'l'\nstore = 'clickhouse://h/d'\nstore_password_file = 'w'\nmemory = '1MiB'\nspill_dir = '/s'\nlog_format = 'json'\n[bitcoin]\n\
                    blocks_dir = '~/b'\nnode = 'http://b'\ncookie = '~/c'\nuser = 'u'\n\
                    password_file = 'p'\nzmq = 'tcp://z'\nlisten = '[::1]:9464'\nnetwork = 'regtest'\nwith_scripts = true\nthreads = 3\n\
                    ignore_unlinked = false\n[ethereum]\nrpc = 'http://n'\nera_dir = 'e'\n\
                    network = 7\ngenesis = '~/g.json'\nwithout_traces = true\nthreads = 2\n\
                    listen = '127.0.0.1:9464'";
        let expected = Layer {
            lake: Some("/etc/l".into()),
            store: Some("clickhouse://h/d".parse().expect("an address")),
            store_password_file: Some("/etc/w".into()),
            memory: Some(Size(1 << 20)),
            spill_dir: Some("/s".into()),
            log_format: Some(LogFormat::Json),
            bitcoin: BitcoinLayer {
                blocks_dir: Some("/home/ann/b".into()),
                node: Some("http://b".into()),
                cookie: Some("/home/ann/c".into()),
                user: Some("u".into()),
                password_file: Some("/etc/p".into()),
                zmq: Some("tcp://z".into()),
                listen: Some("[::1]:9464".parse().expect("an address")),
                network: Some(Network::Regtest),
                with_scripts: Some(true),
                threads: NonZeroUsize::new(3),
                ignore_unlinked: Some(false),
            },
            ethereum: EthereumLayer {
                rpc: Some("http://n".into()),
                era_dir: Some("/etc/e".into()),
                network: Some(ethereum::Network { chain_id: 7 }),
                genesis: Some("/home/ann/g.json".into()),
                without_traces: Some(true),
                threads: NonZeroUsize::new(2),
                listen: Some(SocketAddr::from(([127, 0, 0, 1], 9464))),
            },
            serve: ServeLayer::default(),
        };
        assert_eq!(file(text).expect("valid"), expected);
    }

    #[test]
    fn a_mistake_in_the_file_names_file_line_and_key() {
        let cases = [
            ("lak = 'x'", "line 1, key 'lak'", "unknown field `lak`"),
            ("\n[bitcoin]\nthreads = 'two'", "line 3, key 'threads'", "invalid type"),
            ("[bitcoin]\nthreads = 0", "line 2, key 'threads'", "nonzero"),
            ("memory = '4 elephants'", "line 1, key 'memory'", "is not a size"),
            ("memory = true", "line 1, key 'memory'", "a size like"),
            ("log_format = 'xml'", "line 1, key 'log_format'", "unknown variant"),
            ("[ethereum]\nlisten = '9464'", "line 2, key 'listen'", "invalid socket address"),
            ("lake = ", "line 1, key 'lake'", ""),
        ];
        for (text, place, reason) in cases {
            let error = file(text).expect_err(text);
            assert!(error.to_string().contains("/etc/assay.toml"), "{error}");
            assert!(error.to_string().contains(place), "{error}");
            assert!(error.root_cause().to_string().contains(reason), "{text}: {error:#}");
        }
    }

    #[test]
    fn a_mistake_in_the_environment_names_the_variable() {
        for name in [
            "ASSAY_MEMORY",
            "ASSAY_NETWORK",
            "ASSAY_WITH_SCRIPTS",
            "ASSAY_THREADS",
            "ASSAY_LISTEN",
            "ASSAY_LOG_FORMAT",
        ] {
            let error = env(name, "nonsense").expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
        }
        assert_eq!(env("ASSAY_THREADS", "").expect("not set"), Layer::default());
        let threads = env("ASSAY_THREADS", "2").expect("valid").bitcoin.threads;
        assert_eq!(threads, NonZeroUsize::new(2));
    }

    #[test]
    fn each_key_of_the_layer_above_hides_the_one_below() {
        let all = file(
            "lake = '/a'\nmemory = 1\nspill_dir = '/a'\n[bitcoin]\nblocks_dir = '/a'\n\
             network = 'signet'\nwith_scripts = false\nthreads = 1\nignore_unlinked = true",
        )
        .expect("valid");
        let other = file(
            "lake = '/b'\nmemory = 2\nspill_dir = '/b'\n[bitcoin]\nblocks_dir = '/b'\n\
             network = 'mainnet'\nwith_scripts = true\nthreads = 2\nignore_unlinked = false",
        )
        .expect("valid");
        assert_eq!(all.clone().over(other), all);
        assert_eq!(all.clone().over(Layer::default()), all);
        assert_eq!(Layer::default().over(all.clone()), all);
    }
}
