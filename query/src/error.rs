//! What can go wrong between a statement and its rows, each as one line for people.

use std::io;
use std::path::PathBuf;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The folder holds no lake.
    #[error("no lake in '{}': run `assay index` first, or name another folder with --lake", path.display())]
    NoLake {
        /// The folder that was to hold it.
        path: PathBuf,
    },
    /// The database holds no chain.
    #[error("{place} holds no chain: run `assay index --store {place}` first")]
    NoChain {
        /// The server's address.
        place: String,
    },
    /// The database's rows are of another version than this program's.
    #[error(
        "{place} has schema version {found}, this program reads version {expected}: index it anew, or use the program that made it"
    )]
    StoreVersion {
        /// The server's address.
        place: String,
        /// Version that the database states.
        found: u32,
        /// Version that this program reads.
        expected: u32,
    },
    /// Rows were taken back while a statement read them.
    #[error("{chain} was reorganised while the statement ran: run it again")]
    Reorganised {
        /// Name of the chain.
        chain: &'static str,
    },
    /// Blocks are missing that the log says are there.
    #[error("{place} lacks blocks of {chain} that its log says are there")]
    Gap {
        /// The server's address.
        place: String,
        /// Name of the chain.
        chain: &'static str,
    },
    /// The server refuses, or cannot be reached.
    #[error(transparent)]
    ClickHouse(#[from] assay_clickhouse::Error),
    /// The lake's tables are of another version than this program's.
    #[error(
        "the lake in '{}' has schema version {found}, this program reads version {expected}: index it anew, or use the program that made it",
        path.display()
    )]
    SchemaVersion {
        /// The chain's folder.
        path: PathBuf,
        /// Version that the lake states.
        found: u64,
        /// Version that this program reads.
        expected: u32,
    },
    /// A file or folder of the lake cannot be read.
    #[error("cannot read '{}'", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file of the lake does not hold what it must.
    #[error("the lake is damaged: '{}': {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder for spilled data cannot be used.
    #[error("cannot spill to '{}': {reason}", path.display())]
    SpillDir {
        /// The folder.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The text is not SQL.
    #[error("syntax error: {0}")]
    Syntax(String),
    /// The text is longer than a session takes.
    #[error("the SQL text has {bytes} bytes, more than the {limit} that are taken")]
    TooLong {
        /// Length of the text.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The statement is nested deeper than a session takes.
    #[error("the statement chains more than {limit} operators: use IN (…) or a join instead")]
    TooDeep {
        /// The most that is taken.
        limit: usize,
    },
    /// The statement reads from more tables than a session takes.
    #[error("the statement reads from more than {limit} tables and subqueries")]
    TooMany {
        /// The most that is taken.
        limit: usize,
    },
    /// The statement would do something other than read.
    #[error(
        "{statement} is refused: a session only reads (SELECT, WITH, VALUES, EXPLAIN, SHOW, DESCRIBE)"
    )]
    Refused {
        /// The statement's first words.
        statement: String,
    },
    /// Who asks may not read the table.
    #[error("{table} may not be read: you may read views and results, which `assay tables` lists")]
    Forbidden {
        /// Schema and name.
        table: String,
    },
    /// Nothing is known by the name.
    #[error("unknown asset '{name}': use bitcoin, ethereum, or the address of a token's contract")]
    UnknownAsset {
        /// The name.
        name: String,
    },
    /// Amounts of the asset are larger than what can be summed.
    #[error("{asset} moves amounts of more than 38 digits, which cannot be summed")]
    TooMuch {
        /// Name of the asset.
        asset: String,
    },
    /// A file does not say which addresses are whose.
    #[error("'{}' is no table of entities: {reason}", path.display())]
    Entities {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Nothing is known by the name.
    #[error("there is no table reference.{name}: it is one of {known}")]
    UnknownReference {
        /// The name.
        name: String,
        /// The names of all.
        known: String,
    },
    /// What is imported has no such column.
    #[error("{of} has no column '{name}': it has {known}")]
    UnknownColumn {
        /// The name.
        name: String,
        /// Name of the table, or headers.
        of: String,
        /// The columns of it.
        known: String,
    },
    /// Nothing says how much a chain is mined.
    #[error(
        "nothing says how much {chain} was mined: index a day of it or more (`assay index {chain}`), or import hash rates (`assay reference import hash_rates FILE`)"
    )]
    NoHashRates {
        /// Name of the chain.
        chain: &'static str,
    },
    /// Nothing was computed yet of what a chain burns.
    #[error("there is no energy of {chain} yet: run `assay analyze energy` first")]
    NotAnalysed {
        /// Name of the chain.
        chain: &'static str,
    },
    /// A parameter of a method is none, or cannot be what it is to be.
    #[error("{reason}")]
    Parameter {
        /// Why.
        reason: String,
    },
    /// A file holds a row that cannot be.
    #[error("'{}', line {line}: {reason}", path.display())]
    Reference {
        /// The file.
        path: PathBuf,
        /// The line in it, from 1.
        line: u64,
        /// Why not.
        reason: String,
    },
    /// The chain has no block there.
    #[error("{chain} is not indexed at {asked}: `assay status` says how far it is")]
    NotReached {
        /// Name of the chain.
        chain: &'static str,
        /// The height or moment.
        asked: String,
    },
    /// The chain is not there.
    #[error("{chain} is not indexed: run `assay index {chain}` first")]
    NotIndexed {
        /// Name of the chain.
        chain: &'static str,
    },
    /// Another process computes analyses into the same folder.
    #[error("another process computes analyses here: it holds '{}'", path.display())]
    Busy {
        /// The file that it holds locked.
        path: PathBuf,
    },
    /// A file of an analysis cannot be written.
    #[error("cannot write '{}'", path.display())]
    Write {
        /// What was written.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// One statement was asked for.
    #[error("expected exactly one statement, got {count}")]
    NotOne {
        /// How many there were.
        count: usize,
    },
    /// The statement cannot be planned or executed.
    #[error("{}", one_line(.0))]
    Sql(DataFusionError),
    /// The query engine failed in a way it should not have.
    #[error("the query engine failed on this statement: {0}")]
    Engine(String),
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> QueryError {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<QueryError>() {
                Ok(error) => *error,
                Err(inner) => QueryError::Sql(DataFusionError::External(inner)),
            },
            DataFusionError::SQL(error, _) => QueryError::Syntax(parser_message(&error)),
            error => QueryError::Sql(error),
        }
    }
}

impl From<QueryError> for DataFusionError {
    fn from(error: QueryError) -> DataFusionError {
        match error {
            QueryError::Sql(error) => error,
            error => DataFusionError::External(Box::new(error)),
        }
    }
}

/// The innermost message of `error` on one line, without the names of the engine's layers.
fn one_line(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            return one_line(inner);
        }
        DataFusionError::Shared(inner) => return one_line(inner),
        DataFusionError::Collection(errors) => {
            return errors.iter().map(one_line).collect::<Vec<_>>().join("; ");
        }
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::Configuration(text) => text.clone(),
        DataFusionError::NotImplemented(text) => format!("not supported: {text}"),
        DataFusionError::ResourcesExhausted(text) => format!("not enough memory or disk: {text}"),
        DataFusionError::SQL(error, _) => format!("syntax error: {}", parser_message(error)),
        DataFusionError::SchemaError(error, _) => schema_message(error),
        DataFusionError::ArrowError(error, _) => error.to_string(),
        DataFusionError::External(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => return one_line(inner),
            None => inner.to_string(),
        },
        other => other.strip_backtrace(),
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn parser_message(error: &ParserError) -> String {
    match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
    }
}

fn schema_message(error: &SchemaError) -> String {
    let text = error.to_string();
    text.strip_prefix("Schema error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_without_the_engines_layers() {
        let error = DataFusionError::Plan("table 'x' not found\n\n  try y".to_owned())
            .context("type_coercion");
        assert_eq!(QueryError::from(error).to_string(), "table 'x' not found try y");
    }

    #[test]
    fn our_own_errors_pass_through_the_engine_unchanged() {
        let ours = QueryError::NotOne { count: 2 };
        let text = ours.to_string();
        let back = QueryError::from(DataFusionError::from(ours));
        assert!(matches!(back, QueryError::NotOne { count: 2 }), "{back:?}");
        assert_eq!(back.to_string(), text);
    }
}
