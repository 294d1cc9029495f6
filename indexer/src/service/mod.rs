//! Says over HTTP how a long run is doing, to whoever watches services.
//!
//! | path | what it answers |
//! |---|---|
//! | `/metrics` | all of [`metrics`](crate::metrics), in Prometheus's text format |
//! | `/livez` | 200 as long as the program can answer at all |
//! | `/readyz` | 200 when the lake is at the tip; 503 and a reason when it is not |
//!
//! # Invariants
//!
//! * Nothing that a client does stops the work, or the answers to other clients for longer than
//!   [`Limits`] say.
//! * Nothing is changed by a request, and no answer holds an address, a path or a key.

mod health;
mod http;
mod watched;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use assay_model::Chain;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::health::Health;
pub use self::health::Tolerance;
use self::http::Endpoint;
pub use self::http::Limits;
use self::watched::Watched;
use crate::metrics::{COMMIT_BUCKETS, COMMIT_SECONDS, Meter};
use crate::progress::Progress;

/// How often what was recorded is folded together when nobody asks for it: it takes memory until
/// then.
const UPKEEP: Duration = Duration::from_secs(5);

/// The endpoint cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Something else in this program records metrics.
    #[error("metrics are recorded by something else in this program")]
    Recorder,
}

/// A running endpoint; it ends with the value.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    health: Arc<Health>,
    tasks: [JoinHandle<()>; 2],
}

impl Service {
    /// Starts to record what happens to `chain`, and to say so on `address`.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    pub async fn start(address: SocketAddr, chain: Chain) -> Result<Service, ServiceError> {
        Service::start_with(address, chain, Tolerance::default(), Limits::default()).await
    }

    /// The same, with other limits.
    ///
    /// # Errors
    ///
    /// Those of [`Service::start`].
    pub async fn start_with(
        address: SocketAddr,
        chain: Chain,
        tolerance: Tolerance,
        limits: Limits,
    ) -> Result<Service, ServiceError> {
        let metrics = exporter().ok_or(ServiceError::Recorder)?;
        let listen = |source| ServiceError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Meter::new(chain).register();
        let health = Arc::new(Health::new(chain, tolerance));
        let endpoint = Endpoint { health: Arc::clone(&health), metrics: metrics.clone() };
        let tasks = [
            tokio::spawn(http::serve(listener, Arc::new(endpoint), limits)),
            tokio::spawn(keep_up(metrics)),
        ];
        Ok(Service { address, health, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells this service what `progress` is told.
    pub fn watch(&self, progress: Arc<dyn Progress>) -> Arc<dyn Progress> {
        Arc::new(Watched::new(progress, Arc::clone(&self.health)))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What was recorded in this process; `None` if something else records.
fn exporter() -> Option<&'static PrometheusHandle> {
    static EXPORTER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let buckets = Matcher::Full(COMMIT_SECONDS.name.to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(buckets, &COMMIT_BUCKETS)
            .expect("there are buckets")
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok().map(|()| handle)
    };
    EXPORTER.get_or_init(install).as_ref()
}

async fn keep_up(metrics: &'static PrometheusHandle) {
    let mut time = tokio::time::interval(UPKEEP);
    loop {
        time.tick().await;
        metrics.run_upkeep();
    }
}
