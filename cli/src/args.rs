//! What was typed: the command line as clap reads it. `config.rs` makes of it what is run.

mod energy;
mod reference;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;

use assay_fixtures::simulate::options::{Options, Scale};
use assay_query::analyses::holdings::At;
use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

pub use self::energy::{AnalyzeEnergyArgs, EnergyArgs};
pub use self::reference::{ImportArgs, ReferenceAction, ReferenceArgs};
pub use self::serve::{AuditArgs, AuditCommand, ServeArgs, UserArgs, UserCommand};
use crate::human;
use crate::output::Format;

const EXAMPLES: &str = "\
Examples:
  assay demo
  assay index bitcoin --blocks-dir ~/.bitcoin/blocks
  assay index ethereum --rpc http://127.0.0.1:8545
  assay sql \"select script_type, count(*), sum(value) from bitcoin.outputs group by 1\"
  assay status --lake /data/lake
  assay serve
  assay index bitcoin --blocks-dir ~/.bitcoin/blocks --store clickhouse://localhost/assay

Options may stand before or after the command. They come from assay.toml in the working
directory (or --config FILE), then from the environment, then from the command line; the
later wins. Exit codes: 0 done, 1 verify found differences, 2 could not do it.";

/// Indexes blockchains into a lake of Parquet files and answers SQL about them.
#[derive(Debug, Parser)]
#[command(name = "assay", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    /// Options of all commands.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of all commands.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Folder of the lake; with --store, of what analyses compute [environment: ASSAY_LAKE]
    /// [default: ./lake]
    #[arg(long, global = true, value_name = "DIR")]
    pub lake: Option<PathBuf>,
    /// ClickHouse server to keep rows in instead of the lake, like
    /// clickhouse://user@host:8123/assay; over TLS clickhouses://; the nodes of a cluster with ','
    /// between them [environment: ASSAY_STORE]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub store: Option<String>, // clap would show it whole if it were wrong, a password included
    /// File with the password of that user [environment: ASSAY_STORE_PASSWORD_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub store_password_file: Option<PathBuf>,
    /// Configuration file [environment: ASSAY_CONFIG] [default: ./assay.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Memory that SQL may hold, like 512MiB; beyond it queries spill to disk or fail
    /// [environment: ASSAY_MEMORY] [default: 4GiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = human::parse_bytes)]
    pub memory: Option<usize>,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log what happens to stderr; -vv logs more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// How log lines are written [environment: ASSAY_LOG_FORMAT] [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See all of it at work on simulated chains, with nothing else installed
    Demo(DemoArgs),
    /// Read blocks, decode them and add them to the lake
    Index(IndexArgs),
    /// Run SQL, or start a prompt for it
    Sql(SqlArgs),
    /// List tables, or the columns of one
    Tables(TablesArgs),
    /// List the SQL functions that assay adds, or explain one
    Functions(FunctionsArgs),
    /// Compute balances, and histories of holdings and networks, and keep them for dashboards and SQL
    Analyze(AnalyzeArgs),
    /// Show how unequally an asset is held, at any height
    Holdings(HoldingsArgs),
    /// Show what a chain burns: energy and emissions, with bounds, by year
    Energy(EnergyArgs),
    /// Say what figures rest on that no chain knows: prices, machines, power grids
    Reference(ReferenceArgs),
    /// Show what the store holds and how fast the last run was
    Status(StatusArgs),
    /// Check that the store agrees with itself and with the rules of the chain
    Verify(VerifyArgs),
    /// Prepare a ClickHouse server, or copy a lake to it
    Store(StoreArgs),
    /// Answer psql, dashboards and other SQL clients
    Serve(ServeArgs),
    /// Say who may ask a server, and what
    User(UserArgs),
    /// Check the log of what was asked
    Audit(AuditArgs),
}

const DEMO_EXAMPLES: &str = "\
Examples:
  assay demo
  assay demo --keep /data/demo
  assay demo --scale 1000000 --keep /data/demo

Five years of Bitcoin and Ethereum are simulated, with people, exchanges, mixers and thieves, and
indexed into a lake; then there is a prompt for SQL, if this is a terminal.";

/// `assay demo`.
#[derive(Debug, ClapArgs)]
#[command(after_help = DEMO_EXAMPLES)]
pub struct DemoArgs {
    /// Folder that the data goes to and stays in [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// How large the chains are: tiny, small, medium, large or a number of outputs of Bitcoin's
    #[arg(long, default_value_t = Options::default().scale)]
    pub scale: Scale,
    /// What everything random follows from
    #[arg(long, default_value_t = Options::default().seed)]
    pub seed: u64,
}

/// `assay index`.
#[derive(Debug, ClapArgs)]
pub struct IndexArgs {
    /// The chain.
    #[command(subcommand)]
    pub chain: IndexChain,
}

/// The chain that `assay index` reads.
#[derive(Debug, Subcommand)]
pub enum IndexChain {
    /// Read Bitcoin from the block files of Bitcoin Core, from a node, or from both
    Bitcoin(IndexBitcoinArgs),
    /// Read Ethereum from a node or from files
    Ethereum(IndexEthereumArgs),
}

const INDEX_BITCOIN_EXAMPLES: &str = "\
Examples:
  assay index bitcoin --blocks-dir ~/.bitcoin/blocks
  assay index bitcoin --blocks-dir /node/regtest/blocks --network regtest --lake /data/lake
  assay index bitcoin --blocks-dir ~/.bitcoin/blocks --to 100000 --threads 4
  assay index bitcoin --node http://127.0.0.1:8332 --cookie ~/.bitcoin/.cookie --follow
  assay index bitcoin --blocks-dir ~/.bitcoin/blocks --node http://127.0.0.1:8332 \\
      --cookie ~/.bitcoin/.cookie --zmq tcp://127.0.0.1:28332 --follow

The same settings in assay.toml:
  lake = \"/data/lake\"
  [bitcoin]
  blocks_dir = \"~/.bitcoin/blocks\"
  node = \"http://127.0.0.1:8332\"
  cookie = \"~/.bitcoin/.cookie\"

Running it again adds the blocks that are new. A run that was stopped resumes where it was.";

/// `assay index bitcoin`.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(after_help = INDEX_BITCOIN_EXAMPLES)]
pub struct IndexBitcoinArgs {
    /// Folder with Bitcoin Core's blk*.dat and rev*.dat files
    /// [environment: ASSAY_BLOCKS_DIR]
    #[arg(long, value_name = "DIR")]
    pub blocks_dir: Option<PathBuf>,
    /// A running node's address, http:// or https://: alone, or for what block files do not have yet
    /// [environment: ASSAY_NODE]
    #[arg(long, value_name = "URL")]
    pub node: Option<String>,
    /// The node's cookie file, which says who may ask [environment: ASSAY_NODE_COOKIE]
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    pub cookie: Option<PathBuf>,
    /// Name of the node's user, instead of a cookie [environment: ASSAY_NODE_USER]
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// File with that user's password [environment: ASSAY_NODE_PASSWORD_FILE]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Where the node announces blocks (zmqpubhashblock or zmqpubsequence), tcp://; else it is asked
    /// now and then [environment: ASSAY_NODE_ZMQ]
    #[arg(long, value_name = "ADDRESS", requires = "node")]
    pub zmq: Option<String>,
    /// Stay at the tip of the node's chain until stopped (Ctrl-C, SIGTERM)
    #[arg(long)]
    pub follow: bool,
    /// While following, answer /metrics, /livez and /readyz over HTTP here, like 127.0.0.1:9464; to
    /// anyone who can connect [environment: ASSAY_LISTEN]
    #[arg(long, value_name = "ADDRESS", requires = "follow")]
    pub listen: Option<SocketAddr>,
    /// Network: mainnet, testnet3, testnet4, signet or regtest; told from the source if absent
    /// [environment: ASSAY_NETWORK]
    #[arg(long, value_name = "NAME")]
    pub network: Option<assay_model::Network>,
    /// Keep script signatures and witnesses, too; they more than double the lake
    /// [environment: ASSAY_WITH_SCRIPTS]
    #[arg(long)]
    pub with_scripts: bool,
    /// Last height to index, inclusive [default: the tip of the best chain]
    #[arg(long, value_name = "HEIGHT")]
    pub to: Option<u64>,
    /// Threads that decode [environment: ASSAY_THREADS] [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Go on although some blocks lack a parent: index the best chain of the others
    /// [environment: ASSAY_IGNORE_UNLINKED]
    #[arg(long)]
    pub ignore_unlinked: bool,
    /// Compute what blocks spend from the chain itself, not from rev*.dat files: slow, for damaged
    /// files
    #[arg(long)]
    pub ignore_undo: bool,
    /// Most blocks that a reorganisation may take away from the lake
    #[arg(long, value_name = "BLOCKS", default_value_t = 100)]
    pub max_reorg: u64,
}

const INDEX_ETHEREUM_EXAMPLES: &str = "\
Examples:
  assay index ethereum --rpc http://127.0.0.1:8545
  assay index ethereum --rpc ws://127.0.0.1:8546 --from 19000000 --to 19001000
  assay index ethereum --rpc ws://127.0.0.1:8546 --follow
  assay index ethereum --era-dir ~/era1 --lake /data/lake
  assay index ethereum --era-dir chain.rlp --network 1337 --genesis genesis.json

The same settings in assay.toml:
  [ethereum]
  rpc = \"http://127.0.0.1:8545\"

A lake holds one run of blocks without a gap: --from says where a new one begins. Balances are whole
only in lakes that begin with the genesis block and have traces, which files do not hold; `assay
status` says what a lake has. Running it again adds the blocks that are new.";

/// `assay index ethereum`.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(after_help = INDEX_ETHEREUM_EXAMPLES)]
pub struct IndexEthereumArgs {
    /// A node's JSON-RPC address, http://, https://, ws:// or wss:// [environment: ASSAY_RPC]
    #[arg(long, value_name = "URL", conflicts_with = "era_dir")]
    pub rpc: Option<String>,
    /// Folder with era1 archives, or with blocks and receipts in RLP; or one such file
    /// [environment: ASSAY_ERA_DIR]
    #[arg(long, value_name = "DIR")]
    pub era_dir: Option<PathBuf>,
    /// Network: mainnet, sepolia, holesky, hoodi or a chain id; told by the source if absent
    /// [environment: ASSAY_ETHEREUM_NETWORK]
    #[arg(long, value_name = "NAME")]
    pub network: Option<assay_model::ethereum::Network>,
    /// Genesis file of the network, as go-ethereum reads it: its accounts and its forks; mainnet's
    /// is built in [environment: ASSAY_GENESIS]
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// Leave out traces although the node has them: much faster, but transfers between contracts
    /// are not known then [environment: ASSAY_WITHOUT_TRACES]
    #[arg(long)]
    pub without_traces: bool,
    /// First height of a new lake [default: 0]
    #[arg(long, value_name = "HEIGHT")]
    pub from: Option<u64>,
    /// Last height to index, inclusive [default: the tip]
    #[arg(long, value_name = "HEIGHT")]
    pub to: Option<u64>,
    /// Threads that decode [environment: ASSAY_THREADS] [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Stay at the tip of the node's chain until stopped (Ctrl-C, SIGTERM)
    #[arg(long)]
    pub follow: bool,
    /// While following, answer /metrics, /livez and /readyz over HTTP here, like 127.0.0.1:9464; to
    /// anyone who can connect [environment: ASSAY_LISTEN]
    #[arg(long, value_name = "ADDRESS", requires = "follow")]
    pub listen: Option<SocketAddr>,
    /// Most blocks that a reorganisation may take away from the lake
    #[arg(long, value_name = "BLOCKS", default_value_t = 64)]
    pub max_reorg: u64,
}

const SQL_EXAMPLES: &str = "\
Examples:
  assay sql \"select count(*) from bitcoin.blocks\"
  assay sql -f csv \"select * from bitcoin.outputs where height = 170\" > outputs.csv
  assay sql --file report.sql -o report.parquet
  echo \"select max(height) from bitcoin.blocks\" | assay sql -f json
  assay sql                                   (a prompt; \\? there shows its commands)

How values are written:
  table, csv   hashes and scripts as hex, times as 2009-01-03T18:15:05Z, lists and structs as
               JSON; csv has a header, quotes as in RFC 4180, ends lines with LF, and leaves NULL
               empty
  json, ndjson as csv, except that lists stay lists, NULL is null, whole numbers are numbers with
               all their digits, and decimals are strings, because most readers would round them;
               a float that is not a number or infinite is null
  parquet, arrow, arrow-stream
               keep the types of SQL; parquet is compressed with zstd

A table shows at most --max-rows rows and shortens long cells; the other formats write
everything and hold little in memory. A file appears under its name only when it is complete.
Several statements, separated by ';', give one result after the other in table, csv, json and
ndjson; csv puts an empty line between them.";

/// `assay sql`.
#[derive(Debug, Default, ClapArgs)]
#[command(after_help = SQL_EXAMPLES)]
pub struct SqlArgs {
    /// The SQL text; from standard input, or from a prompt on a terminal, if absent
    #[arg(value_name = "SQL", conflicts_with = "file")]
    pub sql: Option<String>,
    /// Read the SQL text from FILE; '-' is standard input
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Format of the result [default: told from the file's extension, else table]
    #[arg(short, long, value_enum)]
    pub format: Option<Format>,
    /// Write the result to FILE in place of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Rows that a table shows at most; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub max_rows: u64,
}

const TABLES_EXAMPLES: &str = "\
Examples:
  assay tables
  assay tables bitcoin.outputs
  assay tables -f json";

/// `assay tables`.
#[derive(Debug, ClapArgs)]
#[command(after_help = TABLES_EXAMPLES)]
pub struct TablesArgs {
    /// Show the columns of this table
    #[arg(value_name = "TABLE")]
    pub name: Option<String>,
    /// Format of the answer
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
}

const FUNCTIONS_EXAMPLES: &str = "\
Examples:
  assay functions
  assay functions gini
  assay functions -f markdown > functions.md";

/// `assay functions`.
#[derive(Debug, ClapArgs)]
#[command(after_help = FUNCTIONS_EXAMPLES)]
pub struct FunctionsArgs {
    /// Explain this function
    #[arg(value_name = "FUNCTION")]
    pub name: Option<String>,
    /// Format of the answer
    #[arg(short, long, value_enum, default_value_t = FunctionsFormat::Table)]
    pub format: FunctionsFormat,
}

const STATUS_EXAMPLES: &str = "\
Examples:
  assay status
  assay status --lake /data/lake -f json";

/// `assay status`.
#[derive(Debug, ClapArgs)]
#[command(after_help = STATUS_EXAMPLES)]
pub struct StatusArgs {
    /// Format of the answer
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  assay verify
  assay verify bitcoin --prevouts
  assay verify -f json --quiet > verify.json

Exits with 1 if anything differs. --prevouts looks up the output that every input spends: on a
whole chain this takes many times as long as the other checks together.";

/// `assay verify`.
#[derive(Debug, ClapArgs)]
#[command(after_help = VERIFY_EXAMPLES)]
pub struct VerifyArgs {
    /// The chain [default: every chain in the store]
    #[arg(value_enum)]
    pub chain: Option<ChainArg>,
    /// Also check every input against the output that it spends
    #[arg(long)]
    pub prevouts: bool,
    /// Format of the answer
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
}

const STORE_EXAMPLES: &str = "\
Examples:
  assay store migrate --store clickhouse://writer@host:8123/assay --store-password-file pw
  assay store migrate --store clickhouse://writer@host/assay --cluster main
  assay store migrate --store clickhouse://writer@h1,h2,h3/assay --cluster main --without-keeper
  assay store copy lake clickhouse://writer@host:8123/assay
  assay store copy /data/lake clickhouse://localhost/assay

migrate makes the database and its tables, or brings them up to date; it may be run again at any
time. copy goes on where it was stopped, and adds what is new when it is run again.";

/// `assay store`.
#[derive(Debug, ClapArgs)]
#[command(after_help = STORE_EXAMPLES)]
pub struct StoreArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// What `assay store` does.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Make the database and its tables, or bring them up to date
    #[command(after_help = STORE_EXAMPLES)]
    Migrate(MigrateArgs),
    /// Copy a lake to a server
    #[command(after_help = STORE_EXAMPLES)]
    Copy(CopyArgs),
}

/// `assay store migrate`.
#[derive(Debug, ClapArgs)]
pub struct MigrateArgs {
    /// Make the tables on all nodes of this cluster, distributed over its shards
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// The cluster has no Keeper, so no replicas either: the address names all of its nodes
    #[arg(long, requires = "cluster")]
    pub without_keeper: bool,
}

/// `assay store copy`.
#[derive(Debug, ClapArgs)]
pub struct CopyArgs {
    /// Folder of the lake; the word 'lake' means the one that --lake names
    #[arg(value_name = "LAKE")]
    pub from: PathBuf,
    /// The server, like clickhouse://user@host:8123/assay
    #[arg(value_name = "ADDRESS")]
    pub to: String,
    /// The chain [default: every chain in the lake]
    #[arg(long, value_enum)]
    pub chain: Option<ChainArg>,
}

/// A chain by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChainArg {
    /// Bitcoin and its test networks
    Bitcoin,
    /// Ethereum and its test networks
    Ethereum,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line, for programs
    Json,
}

impl IndexChain {
    /// Whether it is to stay at the tip.
    pub fn follows(&self) -> bool {
        match self {
            IndexChain::Bitcoin(args) => args.follow,
            IndexChain::Ethereum(args) => args.follow,
        }
    }
}

impl ChainArg {
    /// The chain that is meant.
    pub fn chain(self) -> assay_model::Chain {
        match self {
            ChainArg::Bitcoin => assay_model::Chain::Bitcoin,
            ChainArg::Ethereum => assay_model::Chain::Ethereum,
        }
    }
}

const ANALYZE_EXAMPLES: &str = "\
Examples:
  assay analyze
  assay analyze holdings --asset bitcoin
  assay analyze holdings --asset 0xdac17f958d2ee523a2206206994597c13d831ec7 --decimals 6
  assay analyze holdings --asset bitcoin --entities entities.csv
  assay analyze network --chain ethereum
  assay analyze energy --set price_usd_per_kwh=0.07

What is computed stays in the lake, in the tables of the schema analytics (`assay tables`). Only blocks
that are final and only whole days are gone through; running it again adds the days that are new.";

/// `assay analyze`.
#[derive(Debug, ClapArgs)]
#[command(after_help = ANALYZE_EXAMPLES)]
pub struct AnalyzeArgs {
    /// What to compute; everything, of the coins of all chains, if absent.
    #[command(subcommand)]
    pub analysis: Option<Analysis>,
}

/// What `assay analyze` computes.
#[derive(Debug, Subcommand)]
pub enum Analysis {
    /// How unequally assets are held, day by day: measures, brackets, and the metrics of Coin Metrics
    Holdings(AnalyzeHoldingsArgs),
    /// What each address holds: brought up to the last final block
    Balances(AnalyzeBalancesArgs),
    /// What chains burn, day by day: power with bounds, energy, emissions
    Energy(AnalyzeEnergyArgs),
    /// What chains did, day by day: blocks, transactions, addresses, values, fees and supply
    Network(AnalyzeChainArgs),
}

/// `assay analyze holdings`.
#[derive(Debug, Default, ClapArgs)]
pub struct AnalyzeHoldingsArgs {
    /// What is held: bitcoin, ethereum, or the address of a token's contract; may be given more than
    /// once [default: the coins of all chains]
    #[arg(long, value_name = "ASSET")]
    pub asset: Vec<String>,
    /// Decimal places of a token [default: 18, but for well-known ones]
    #[arg(long, value_name = "N", requires = "asset", value_parser = clap::value_parser!(u32).range(..=38))]
    pub decimals: Option<u32>,
    /// Blocks that there have to be until one counts as final, itself included [default: 6 for Bitcoin;
    /// for Ethereum what the node says, else 64]
    #[arg(long, value_name = "N")]
    pub confirmations: Option<u64>,
    /// File that says which addresses are one holder's: CSV with a header, or Parquet, with the columns
    /// address and entity
    #[arg(long, value_name = "FILE")]
    pub entities: Option<PathBuf>,
    /// Threads that keep the accounts [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
}

/// `assay analyze balances`.
#[derive(Debug, Default, ClapArgs)]
pub struct AnalyzeBalancesArgs {
    /// What is held: bitcoin, ethereum, or the address of a token's contract; may be given more than
    /// once [default: the coins of all chains]
    #[arg(long, value_name = "ASSET")]
    pub asset: Vec<String>,
    /// Blocks that there have to be until one counts as final, itself included [default: 6 for Bitcoin;
    /// for Ethereum what the node says, else 64]
    #[arg(long, value_name = "N")]
    pub confirmations: Option<u64>,
}

/// `assay analyze network`.
#[derive(Debug, Default, ClapArgs)]
pub struct AnalyzeChainArgs {
    /// Chain [default: every chain that is indexed]
    #[arg(long, value_enum)]
    pub chain: Option<ChainArg>,
    /// Blocks that there have to be until one counts as final, itself included [default: 6 for Bitcoin;
    /// for Ethereum what the node says, else 64]
    #[arg(long, value_name = "N")]
    pub confirmations: Option<u64>,
}

const HOLDINGS_EXAMPLES: &str = "\
Examples:
  assay holdings
  assay holdings --chain ethereum --at 2016-01-01
  assay holdings --at 210000 --format json
  assay holdings --basis entity --entities entities.csv
  assay holdings --asset 0xdac17f958d2ee523a2206206994597c13d831ec7

The same in SQL, for questions of one's own:
  assay sql \"select gini(balance), nakamoto(balance) from balances_at('bitcoin', 210000)\"";

/// `assay holdings`.
#[derive(Debug, ClapArgs)]
#[command(after_help = HOLDINGS_EXAMPLES)]
pub struct HoldingsArgs {
    /// Chain whose coin is held
    #[arg(
        long,
        value_enum,
        value_name = "CHAIN",
        default_value = "bitcoin",
        conflicts_with = "asset"
    )]
    pub chain: ChainArg,
    /// What is held, if not a chain's coin: the address of a token's contract
    #[arg(long, value_name = "ASSET")]
    pub asset: Option<String>,
    /// Who counts as one holder
    #[arg(long, value_enum, default_value = "address", requires_if("entity", "entities"))]
    pub basis: Basis,
    /// File that says which addresses are one entity's: CSV with a header, or Parquet, with the columns
    /// address and entity
    #[arg(long, value_name = "FILE")]
    pub entities: Option<PathBuf>,
    /// When: a height, a day like 2021-03-01 (at its end), or a moment like 2021-03-01T12:00:00 in UTC
    /// [default: the last block]
    #[arg(long, value_name = "WHEN", value_parser = human::parse_at)]
    pub at: Option<At>,
    /// Decimal places of a token [default: 18, but for well-known ones]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=38))]
    pub decimals: Option<u32>,
    /// Format
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
}

/// Two words with `=` between them.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is to be a name, =, and what it is".to_owned()),
    }
}

/// Who counts as one holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Basis {
    /// Each address
    Address,
    /// All addresses that --entities says are one's, and each other address
    Entity,
}

/// Format of the reference of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FunctionsFormat {
    /// Text for people
    Table,
    /// JSON for programs
    Json,
    /// A page for readers
    Markdown,
}

/// Format of what is not the result of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Text for people
    Table,
    /// JSON for programs
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in ["assay --lake x -q status", "assay status --lake x -q"] {
            let args = Args::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(args.global.lake, Some("x".into()), "{line}");
            assert!(args.global.quiet, "{line}");
        }
    }
}
