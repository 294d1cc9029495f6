//! What may go wrong between assay and a ClickHouse server, and what of it passes.

use arrow::error::ArrowError;
use clickhouse::error::Error as ClientError;

/// What a server answers when it cannot now, and may later: names and numbers as in ClickHouse's
/// `src/Common/ErrorCodes.cpp`.
const PASSING: [i32; 23] = [
    159, // TIMEOUT_EXCEEDED
    198, // DNS_ERROR
    202, // TOO_MANY_SIMULTANEOUS_QUERIES
    203, // NO_FREE_CONNECTION
    209, // SOCKET_TIMEOUT
    210, // NETWORK_ERROR
    225, // NO_ZOOKEEPER
    236, // ABORTED
    241, // MEMORY_LIMIT_EXCEEDED
    242, // TABLE_IS_READ_ONLY: a replica that has lost its keeper
    243, // NOT_ENOUGH_SPACE
    252, // TOO_MANY_PARTS
    279, // ALL_CONNECTION_TRIES_FAILED
    285, // TOO_FEW_LIVE_REPLICAS
    286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319, // UNKNOWN_STATUS_OF_INSERT
    341, // UNFINISHED
    373, // SESSION_IS_LOCKED
    394, // QUERY_WAS_CANCELLED
    425, // SYSTEM_ERROR
    439, // CANNOT_SCHEDULE_TASK
    473, // DEADLOCK_AVOIDED
    999, // KEEPER_EXCEPTION
];

/// Longest text of a server that is shown, characters.
const SHOWN_CHARS: usize = 400;

/// A server did not do what it was to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It refused.
    #[error("{place}: cannot {action}: ClickHouse answers with code {code}: {message}{}", hint(*.code))]
    Server {
        /// The server's address.
        place: String,
        /// What was being done.
        action: String,
        /// ClickHouse's number of the error.
        code: i32,
        /// What it says.
        message: String,
    },
    /// There is no connection to it, so it was not asked.
    #[error("{place}: cannot {action}: {reason}")]
    Unreachable {
        /// The server's address.
        place: String,
        /// What was to be done.
        action: String,
        /// Why.
        reason: String,
    },
    /// It went away when it was asked.
    #[error("{place}: cannot {action}: {reason}")]
    Network {
        /// The server's address.
        place: String,
        /// What was being done.
        action: String,
        /// Why.
        reason: String,
    },
    /// It did not answer in time.
    #[error("{place}: cannot {action}: no answer within {seconds} s")]
    TimedOut {
        /// The server's address.
        place: String,
        /// What was being done.
        action: String,
        /// How long was waited, seconds.
        seconds: u64,
    },
    /// It answered something that cannot be understood.
    #[error("{place}: cannot {action}: the answer is not what was asked for")]
    Answer {
        /// The server's address.
        place: String,
        /// What was being done.
        action: String,
        /// What is wrong with it.
        #[source]
        source: ArrowError,
    },
    /// It answered rows that cannot be understood.
    #[error("{place}: cannot {action}: the answer is not what was asked for")]
    Json {
        /// The server's address.
        place: String,
        /// What was being done.
        action: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Another writer has begun.
    #[error(
        "{place}: another assay has begun to write {chain}: only the last that begins may; stop one \
         of them"
    )]
    Taken {
        /// The server's address.
        place: String,
        /// The chain.
        chain: &'static str,
    },
    /// What was written is not there.
    #[error("{place}: the log does not keep what is written to it")]
    Lost {
        /// The server's address.
        place: String,
    },
    /// The tables are not there, or are older than this program's.
    #[error(
        "{place} has {}, and this assay needs migration {wanted}: run \
         `assay store migrate --store {place}`", had(*.found)
    )]
    OldSchema {
        /// The server's address.
        place: String,
        /// The last migration that was applied; 0 if none was.
        found: u32,
        /// The last that this program knows.
        wanted: u32,
    },
    /// The tables are newer than this program's.
    #[error("{place} has migration {found}, and this assay knows {known}: use a newer one")]
    NewSchema {
        /// The server's address.
        place: String,
        /// The last migration that was applied.
        found: u32,
        /// The last that this program knows.
        known: u32,
    },
    /// Somebody changed the tables.
    #[error("{place}: {what}: somebody changed it; put it back, or begin with another database")]
    Drift {
        /// The server's address.
        place: String,
        /// What is not as the migrations made it.
        what: String,
    },
    /// The tables were made for another cluster, or for none.
    #[error(
        "{place} was made for {found}, and {wanted} is asked for: name the same cluster, or begin \
         with another database"
    )]
    OtherCluster {
        /// The server's address.
        place: String,
        /// For which it was made.
        found: String,
        /// Which one is asked for.
        wanted: String,
    },
    /// The servers that the address names are not the cluster that is to hold the tables.
    #[error("{place}: {what}")]
    Cluster {
        /// The server's address, or all of them.
        place: String,
        /// What is wrong with them.
        what: String,
    },
    /// The client cannot be set up.
    #[error("cannot set up TLS for {place}")]
    Tls {
        /// The server's address.
        place: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Which migration there is.
fn had(found: u32) -> String {
    match found {
        0 => "no tables of assay".to_owned(),
        found => format!("migration {found}"),
    }
}

/// What else is to be said of an error of the server.
fn hint(code: i32) -> &'static str {
    match code {
        81 => "; `assay store migrate` makes the database and its tables",
        164 => {
            "; the user may only read: indexing needs one that may insert, reading one whose \
                profile has readonly = 2 or less"
        }
        192 | 193 | 194 | 516 => {
            "; say who asks in the address (clickhouse://user@host), and the password with \
             --store-password-file"
        }
        497 => {
            "; the user may not: indexing needs one with the rights of the role assay_writer, and \
                `assay store migrate` an administrator (docs/clickhouse.md)"
        }
        243 => "; the server's disk is full",
        252 => "; the server merges more slowly than it is written to",
        _ => "",
    }
}

impl Error {
    /// What `error` means, that came while `action` was done at `place`, with so much patience.
    pub(crate) fn of(place: &str, action: &str, seconds: u64, error: ClientError) -> Error {
        let (place, action) = (place.to_owned(), action.to_owned());
        match error {
            ClientError::BadResponse(text) => match code_of(&text) {
                Some(code) => Error::Server { place, action, code, message: cut(&text) },
                None => Error::Network { place, action, reason: cut(&text) },
            },
            ClientError::TimedOut => Error::TimedOut { place, action, seconds },
            other if is_unconnected(&other) => {
                Error::Unreachable { place, action, reason: innermost(&other) }
            }
            other => Error::Network { place, action, reason: innermost(&other) },
        }
    }

    /// ClickHouse's number of the error, if it is the server's.
    pub fn code(&self) -> Option<i32> {
        match self {
            Error::Server { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether it may be gone if the same is tried again later.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Server { code, .. } => PASSING.contains(code),
            Error::Unreachable { .. } | Error::Network { .. } | Error::TimedOut { .. } => true,
            _ => false,
        }
    }
}

/// Whether there was no connection yet when `error` came.
fn is_unconnected(error: &ClientError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let client = error.downcast_ref::<hyper_util::client::legacy::Error>();
        if client.is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The number in "Code: 60. DB::Exception: …".
fn code_of(text: &str) -> Option<i32> {
    let (_, rest) = text.split_once("Code: ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// What the server says, in one line and not too long.
fn cut(text: &str) -> String {
    let text = text.split_once("DB::Exception: ").map_or(text, |(_, message)| message);
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The cause behind all others: "connection refused" says more than "client error".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cut(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_code_decides_whether_to_try_again() {
        let error = |text: &str| {
            Error::of("clickhouse://h:1/d", "insert", 1, ClientError::BadResponse(text.to_owned()))
        };
        let full = error("Code: 252. DB::Exception: Too many parts\n(300). (TOO_MANY_PARTS)");
        assert!(full.is_passing());
        assert_eq!(full.code(), Some(252));
        let text = full.to_string();
        assert!(text.contains("code 252: Too many parts (300). (TOO_MANY_PARTS); "), "{text}");
        let refused = error("Code: 164. DB::Exception: Cannot execute query in readonly mode");
        assert!(!refused.is_passing() && refused.to_string().contains("may only read"));
        assert!(error("502 Bad Gateway").is_passing());
    }
}
