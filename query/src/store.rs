//! Where the rows are that a session reads: in a lake's folder, or on a ClickHouse server.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use assay_clickhouse::Address;

use crate::QueryError;
use crate::catalog::snapshot::Snapshot;
use crate::clickhouse::server::Server;
use crate::lake::Lake;

/// Where the rows are.
#[derive(Clone)]
pub enum Store {
    /// In the folder of a lake.
    Lake(PathBuf),
    /// In a database on a ClickHouse server.
    ClickHouse {
        /// The server, the database, and who asks.
        address: Address,
        /// The password of who asks.
        password: Option<String>,
    },
}

impl fmt::Debug for Store {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Store::Lake(dir) => f.debug_tuple("Lake").field(dir).finish(),
            Store::ClickHouse { address, .. } => {
                f.debug_struct("ClickHouse").field("address", address).finish_non_exhaustive()
            }
        }
    }
}

/// A store that was found to be one.
pub(crate) enum Opened {
    Lake(Arc<Lake>),
    ClickHouse(Server),
}

impl Opened {
    /// Opens `store`; an error if it holds no chain.
    pub(crate) async fn open(store: Store) -> Result<Opened, QueryError> {
        match store {
            Store::Lake(dir) => {
                let lake = blocking(move || Lake::open(&dir)).await?;
                Ok(Opened::Lake(Arc::new(lake)))
            }
            Store::ClickHouse { address, password } => {
                Server::open(&address, password.as_deref()).await.map(Opened::ClickHouse)
            }
        }
    }

    /// What it holds now.
    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>, QueryError> {
        match self {
            Opened::Lake(lake) => {
                let lake = Arc::clone(lake);
                blocking(move || lake.snapshot()).await
            }
            Opened::ClickHouse(server) => server.snapshot().await,
        }
    }
}

/// Runs what does blocking I/O where it keeps no other task waiting.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
) -> Result<T, QueryError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(QueryError::Engine(error.to_string())),
    }
}
