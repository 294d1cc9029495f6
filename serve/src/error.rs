//! Why there is no answer, with what each protocol calls that: one table for all of them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use arrow::error::ArrowError;
use assay_query::QueryError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use tonic::Code;

/// Why a statement or a client is not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The statement is wrong, or failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Name or password are wrong; which of them is not said.
    #[error("wrong name or password")]
    BadPassword,
    /// Too many wrong passwords came from there.
    #[error("too many wrong passwords: try again in {} s", .retry_after.as_secs().max(1))]
    TooManyAttempts {
        /// When another attempt is heard.
        retry_after: Duration,
    },
    /// The user was removed, or has another role by now.
    #[error("'{name}' is not a user any more, or has another role by now: log in again")]
    UserChanged {
        /// The user's name.
        name: String,
    },
    /// The role may not do that.
    #[error("{what} is not for the role {role}")]
    NotAllowed {
        /// What was asked for.
        what: String,
        /// The role of who asked.
        role: &'static str,
    },
    /// Too many clients are connected.
    #[error("the server takes {limit} connections, and has them: try again later")]
    TooManyConnections {
        /// The most that are taken.
        limit: usize,
    },
    /// Too many statements wait for others to end.
    #[error("too many statements run or wait: try again later")]
    TooManyStatements,
    /// The statement took longer than it may.
    #[error("the statement was stopped after {} s, the most that it may take", .after.as_secs_f64())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The client asked to stop the statement, or has gone.
    #[error("the statement was cancelled")]
    Cancelled,
    /// The server ends.
    #[error("the server shuts down")]
    ShuttingDown,
    /// The answer has more rows than it may.
    #[error(
        "the answer has more than the {limit} rows that the role may get: ask for fewer, or for sums"
    )]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// The protocol, or PostgreSQL, has something that assay has not.
    #[error("{0}")]
    Unsupported(String),
    /// There is no such setting.
    #[error("there is no setting '{name}'")]
    UnknownSetting {
        /// Its name.
        name: String,
    },
    /// A value cannot be read as what it is to be.
    #[error("{0}")]
    BadValue(String),
    /// A prepared statement, cursor or portal that is not there, or is there already.
    #[error("{text}")]
    Name {
        /// What is wrong with it.
        text: String,
        /// What PostgreSQL calls that.
        sqlstate: &'static str,
    },
    /// An earlier statement of the transaction has failed.
    #[error("the transaction has failed: nothing is done until it is rolled back")]
    FailedTransaction,
    /// The client said something that cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// The audit log cannot be written: nothing is answered that is not written down.
    #[error("the audit log '{}' cannot be written", path.display())]
    Audit {
        /// The log.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file of users cannot be used.
    #[error("the file of users '{}' cannot be used: {reason}", path.display())]
    Users {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The server failed in a way it should not have.
    #[error("the server failed on this statement: {0}")]
    Internal(String),
}

/// What kind of failure it is, as all protocols can tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The text is not SQL.
    Syntax,
    /// No such table or schema.
    UndefinedTable,
    /// No such column.
    UndefinedColumn,
    /// No such function, or none of these arguments.
    UndefinedFunction,
    /// More than one column of that name.
    AmbiguousColumn,
    /// Types do not go together.
    Type,
    /// The statement cannot be planned for another reason.
    Plan,
    /// A value is out of its type's range.
    Range,
    /// A division by zero.
    DivisionByZero,
    /// A value cannot be read as its type.
    Value,
    /// The statement would write.
    ReadOnly,
    /// Who asks may not.
    NotAllowed,
    /// Wrong name or password.
    BadPassword,
    /// Stopped by a limit of time or by the client.
    Stopped,
    /// The limit of time was reached.
    TimedOut,
    /// Too many clients or statements.
    TooMany,
    /// Not enough memory.
    Memory,
    /// Not enough disk to spill to.
    Disk,
    /// More rows or bytes than allowed.
    Limit,
    /// The statement is too long or nests too deeply.
    TooComplex,
    /// Something that assay has not.
    Unsupported,
    /// The client does not keep to the protocol.
    Protocol,
    /// Rows were taken back by the chain: it can be run again.
    Retry,
    /// The server ends.
    ShuttingDown,
    /// The server or its store fails.
    Internal,
}

impl Class {
    /// SQLSTATE, status of HTTP, status of gRPC.
    fn codes(self) -> (&'static str, u16, Code) {
        match self {
            Class::Syntax => ("42601", 400, Code::InvalidArgument),
            Class::UndefinedTable => ("42P01", 400, Code::NotFound),
            Class::UndefinedColumn => ("42703", 400, Code::InvalidArgument),
            Class::UndefinedFunction => ("42883", 400, Code::InvalidArgument),
            Class::AmbiguousColumn => ("42702", 400, Code::InvalidArgument),
            Class::Type => ("42804", 400, Code::InvalidArgument),
            Class::Plan => ("42000", 400, Code::InvalidArgument),
            Class::Range => ("22003", 400, Code::OutOfRange),
            Class::DivisionByZero => ("22012", 400, Code::InvalidArgument),
            Class::Value => ("22000", 400, Code::InvalidArgument),
            Class::ReadOnly => ("25006", 403, Code::PermissionDenied),
            Class::NotAllowed => ("42501", 403, Code::PermissionDenied),
            Class::BadPassword => ("28P01", 401, Code::Unauthenticated),
            Class::Stopped => ("57014", 499, Code::Cancelled),
            Class::TimedOut => ("57014", 504, Code::DeadlineExceeded),
            Class::TooMany => ("53300", 503, Code::ResourceExhausted),
            Class::Memory => ("53200", 413, Code::ResourceExhausted),
            Class::Disk => ("53100", 507, Code::ResourceExhausted),
            Class::Limit => ("54000", 413, Code::ResourceExhausted),
            Class::TooComplex => ("54001", 413, Code::InvalidArgument),
            Class::Unsupported => ("0A000", 400, Code::Unimplemented),
            Class::Protocol => ("08P01", 400, Code::InvalidArgument),
            Class::Retry => ("40001", 409, Code::Aborted),
            Class::ShuttingDown => ("57P01", 503, Code::Unavailable),
            Class::Internal => ("XX000", 500, Code::Internal),
        }
    }
}

impl ServeError {
    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            ServeError::Query(error) => of_query(error),
            ServeError::BadPassword | ServeError::TooManyAttempts { .. } => Class::BadPassword,
            ServeError::UserChanged { .. } | ServeError::NotAllowed { .. } => Class::NotAllowed,
            ServeError::TooManyConnections { .. } | ServeError::TooManyStatements => Class::TooMany,
            ServeError::TimedOut { .. } => Class::TimedOut,
            ServeError::Cancelled => Class::Stopped,
            ServeError::ShuttingDown => Class::ShuttingDown,
            ServeError::TooManyRows { .. } => Class::Limit,
            ServeError::Unsupported(_) => Class::Unsupported,
            ServeError::UnknownSetting { .. }
            | ServeError::Name { .. }
            | ServeError::FailedTransaction => Class::Plan,
            ServeError::BadValue(_) => Class::Value,
            ServeError::BadRequest(_) => Class::Protocol,
            ServeError::Audit { .. } | ServeError::Users { .. } | ServeError::Internal(_) => {
                Class::Internal
            }
        }
    }

    /// The five letters by which PostgreSQL's clients know it.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            ServeError::UnknownSetting { .. } => "42704",
            ServeError::BadValue(_) => "22P02",
            ServeError::Name { sqlstate, .. } => sqlstate,
            ServeError::FailedTransaction => "25P02",
            _ => self.class().codes().0,
        }
    }

    /// The status of an answer by HTTP.
    pub fn http_status(&self) -> u16 {
        self.class().codes().1
    }

    /// The status of an answer by gRPC.
    pub fn grpc_code(&self) -> Code {
        self.class().codes().2
    }

    /// Where in `sql` a syntax error is, counted in letters from 1; `None` if that is not known.
    pub fn position(&self, sql: &str) -> Option<usize> {
        if self.class() != Class::Syntax {
            return None;
        }
        // The engine wraps its parser's errors in more than one way; all keep its words.
        let text = self.to_string();
        let (_, place) = text.rsplit_once("Line: ")?;
        let (line, column) = place.split_once(", Column: ")?;
        let digits = column.find(|c: char| !c.is_ascii_digit()).unwrap_or(column.len());
        let (line, column): (usize, usize) = (line.parse().ok()?, column[..digits].parse().ok()?);
        let before = sql.split_inclusive('\n').take(line.checked_sub(1)?);
        let position = before.map(|line| line.chars().count()).sum::<usize>() + column;
        (position <= sql.chars().count() + 1).then_some(position)
    }
}

impl From<DataFusionError> for ServeError {
    fn from(error: DataFusionError) -> ServeError {
        ServeError::Query(error.into())
    }
}

fn of_query(error: &QueryError) -> Class {
    match error {
        QueryError::Syntax(text) if text.contains("nested too deeply") => Class::TooComplex,
        QueryError::Syntax(_) | QueryError::NotOne { .. } => Class::Syntax,
        QueryError::TooLong { .. } | QueryError::TooDeep { .. } | QueryError::TooMany { .. } => {
            Class::TooComplex
        }
        QueryError::Refused { .. } => Class::ReadOnly,
        QueryError::Forbidden { .. } => Class::NotAllowed,
        QueryError::Reorganised { .. } => Class::Retry,
        QueryError::Sql(error) => of_engine(error),
        _ => Class::Internal,
    }
}

fn of_engine(error: &DataFusionError) -> Class {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            of_engine(inner)
        }
        DataFusionError::Shared(inner) => of_engine(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(Class::Internal, of_engine),
        DataFusionError::External(inner) => {
            if let Some(inner) = inner.downcast_ref::<DataFusionError>() {
                of_engine(inner)
            } else if let Some(inner) = inner.downcast_ref::<QueryError>() {
                of_query(inner)
            } else {
                Class::Internal
            }
        }
        DataFusionError::SQL(..) => Class::Syntax,
        DataFusionError::NotImplemented(_) => Class::Unsupported,
        DataFusionError::SchemaError(error, _) => match **error {
            SchemaError::FieldNotFound { .. } => Class::UndefinedColumn,
            SchemaError::AmbiguousReference { .. } => Class::AmbiguousColumn,
            _ => Class::Plan,
        },
        DataFusionError::ResourcesExhausted(text) if of_disk(text) => Class::Disk,
        DataFusionError::ResourcesExhausted(_) => Class::Memory,
        DataFusionError::IoError(error) if is_full(error) => Class::Disk,
        DataFusionError::ArrowError(error, _) => of_arrow(error),
        DataFusionError::Plan(text) => of_plan(text),
        DataFusionError::Execution(text) if text.contains("verflow") => Class::Range,
        DataFusionError::Execution(_) => Class::Value,
        _ => Class::Internal,
    }
}

fn of_arrow(error: &ArrowError) -> Class {
    match error {
        ArrowError::DivideByZero => Class::DivisionByZero,
        ArrowError::ArithmeticOverflow(_) => Class::Range,
        ArrowError::CastError(_) | ArrowError::ParseError(_) => Class::Value,
        ArrowError::InvalidArgumentError(_) | ArrowError::ComputeError(_) => Class::Value,
        ArrowError::NotYetImplemented(_) => Class::Unsupported,
        ArrowError::IoError(_, error) if is_full(error) => Class::Disk,
        ArrowError::ExternalError(inner) => {
            inner.downcast_ref::<DataFusionError>().map_or(Class::Internal, of_engine)
        }
        _ => Class::Internal,
    }
}

/// The engine tells these apart in words alone.
fn of_plan(text: &str) -> Class {
    let text = text.to_ascii_lowercase();
    let has = |words: &str| text.contains(words);
    let named = has("table") || has("schema") || has("catalog");
    if has("not found") && named || has("no table named") {
        Class::UndefinedTable
    } else if has("invalid function") || has("no function matches") || has("does not match any") {
        Class::UndefinedFunction
    } else if has("coerce") || has("coercion") || has("cannot cast") || has("data type") {
        Class::Type
    } else {
        Class::Plan
    }
}

fn of_disk(text: &str) -> bool {
    text.contains("disk") || text.contains("DiskManager") || text.contains("spill")
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_has_its_place() {
        let error = |text: &str| ServeError::Query(QueryError::Syntax(text.to_owned()));
        let sql = "select 1,\n  frm x";
        let found = error("Expected: end, found: x at Line: 2, Column: 7");
        assert_eq!(found.position(sql), Some(17));
        assert_eq!(error("unterminated").position(sql), None);
        assert_eq!(error("at Line: 9, Column: 99").position(sql), None);
        assert_eq!(ServeError::Cancelled.position(sql), None);
    }

    #[test]
    fn failures_keep_their_class_through_the_engines_wrappings() {
        let wrapped = DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None)
            .context("projection");
        assert_eq!(ServeError::from(wrapped).sqlstate(), "22012");
        let ours = DataFusionError::from(QueryError::Reorganised { chain: "bitcoin" });
        assert_eq!(ServeError::from(ours).sqlstate(), "40001");
        let table = DataFusionError::Plan("table 'x' not found".to_owned());
        assert_eq!(ServeError::from(table).sqlstate(), "42P01");
        let memory = DataFusionError::ResourcesExhausted("join needs 3 GiB more".to_owned());
        assert_eq!(ServeError::from(memory).sqlstate(), "53200");
    }
}
