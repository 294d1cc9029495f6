//! What the server says about itself in numbers, in Prometheus's text format.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::ServeError;
use crate::service::Protocol;

/// Bounds of the durations of statements, seconds.
const STATEMENT_BUCKETS: [f64; 12] =
    [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];
/// How often what was recorded is folded together when nobody asks for it: it takes memory until then.
const UPKEEP: Duration = Duration::from_secs(5);

/// The metrics of the process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Begins to record, or goes on: a process has one record.
    ///
    /// # Errors
    ///
    /// If something else in this program records metrics.
    pub fn record() -> Result<Metrics, ServeError> {
        static RECORD: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        let taken = || ServeError::Internal("metrics are recorded by something else".to_owned());
        RECORD.get_or_init(install).clone().map(Metrics).ok_or_else(taken)
    }

    /// All of them as text.
    pub fn render(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            gauge!("assay_memory_bytes").set(bytes as f64);
        }
        self.0.render()
    }
}

fn install() -> Option<PrometheusHandle> {
    let durations = Matcher::Full("assay_statement_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(durations, &STATEMENT_BUCKETS);
    let handle = builder.ok()?.install_recorder().ok()?;
    describe();
    let kept = handle.clone();
    let upkeep = move || {
        loop {
            std::thread::sleep(UPKEEP);
            kept.run_upkeep();
        }
    };
    std::thread::Builder::new().name("metrics".to_owned()).spawn(upkeep).ok()?;
    Some(handle)
}

fn describe() {
    describe_counter!("assay_statements_total", "statements that ended");
    describe_counter!("assay_statement_rows_total", "rows that were delivered");
    describe_counter!("assay_logins_refused_total", "logins that were refused");
    describe_histogram!("assay_statement_seconds", Unit::Seconds, "from asking until the end");
    describe_gauge!("assay_statements_running", "statements that run or wait");
    describe_gauge!("assay_connections", "clients that are connected");
    describe_gauge!("assay_memory_bytes", Unit::Bytes, "memory that the process holds");
}

/// Counts a client as connected, until dropped.
pub(crate) struct Connected(Protocol);

impl Connected {
    pub(crate) fn by(protocol: Protocol) -> Connected {
        gauge!("assay_connections", "protocol" => protocol.name()).increment(1.0);
        Connected(protocol)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        gauge!("assay_connections", "protocol" => self.0.name()).decrement(1.0);
    }
}

/// Memory of the process, where the system says so.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_holds_some_memory() {
        let bytes = resident_bytes().expect("Linux says it");
        assert!((1 << 20..1 << 40).contains(&bytes), "{bytes}");
    }
}
