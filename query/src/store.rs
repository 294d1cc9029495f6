//! Where the rows are that a session reads: in a lake's folder, or on a ClickHouse server; and where results
//! are kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use assay_clickhouse::Address;

use crate::QueryError;
use crate::catalog::snapshot::Snapshot;
use crate::clickhouse::server::Server;
use crate::lake::Lake;
use crate::lake::derived::read_series;
use crate::reference::Reference;

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
        /// Folder for what analyses compute, which a lake keeps in its own.
        results: PathBuf,
    },
}

impl fmt::Debug for Store {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Store::Lake(dir) => f.debug_tuple("Lake").field(dir).finish(),
            Store::ClickHouse { address, results, .. } => f
                .debug_struct("ClickHouse")
                .field("address", address)
                .field("results", results)
                .finish_non_exhaustive(),
        }
    }
}

/// A store that was found to be one.
pub(crate) struct Opened {
    pub(crate) chains: Chains,
    results: PathBuf,
    /// What was last seen of the tables that are imported.
    reference: Mutex<Arc<Reference>>,
}

/// Where the rows of chains are.
pub(crate) enum Chains {
    Lake(Arc<Lake>),
    ClickHouse(Server),
}

impl Opened {
    /// Opens `store`; an error if it holds no chain, and nothing else that can be asked, but `needs_chain`.
    pub(crate) async fn open(store: Store, needs_chain: bool) -> Result<Opened, QueryError> {
        match store {
            Store::Lake(dir) => {
                let results = dir.clone();
                let lake = blocking(move || Lake::open(&dir, needs_chain)).await?;
                Ok(Opened::new(Chains::Lake(Arc::new(lake)), results))
            }
            Store::ClickHouse { address, password, results } => {
                let server = Server::open(&address, password.as_deref()).await?;
                Ok(Opened::new(Chains::ClickHouse(server), results))
            }
        }
    }

    fn new(chains: Chains, results: PathBuf) -> Opened {
        Opened { chains, results, reference: Mutex::default() }
    }

    /// The folder that holds what analyses compute.
    pub(crate) fn results(&self) -> &Path {
        &self.results
    }

    /// What it holds now.
    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>, QueryError> {
        let chains = match &self.chains {
            Chains::Lake(lake) => {
                let lake = Arc::clone(lake);
                blocking(move || lake.chains()).await?
            }
            Chains::ClickHouse(server) => server.chains().await?,
        };
        let results = self.results.clone();
        let read = move || Ok((read_series(&results)?, Reference::open(&results)?));
        let (series, reference) = blocking(read).await?;
        let reference = self.last_if_same(reference);
        Ok(Arc::new(Snapshot { chains, series, reference }))
    }

    /// `reference`, or what was read of it before if nothing was imported since.
    fn last_if_same(&self, reference: Reference) -> Arc<Reference> {
        let mut last = self.reference.lock().unwrap_or_else(PoisonError::into_inner);
        if !last.is_as(&reference) {
            *last = Arc::new(reference);
        }
        Arc::clone(&last)
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
