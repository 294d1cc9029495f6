//! A server of HTTP and Flight SQL over the small lake, on ports that are free.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use assay_query::analyses::{ChainOptions, energy, holdings, network};
use assay_query::reference::{self, Columns};
use assay_query::{Asset, Session, SessionOptions, Store};
use assay_serve::audit::{self, Entry};
use assay_serve::flight::Flight;
use assay_serve::http::{Http, Patience};
use assay_serve::listen::{Places, Shutdown, accept};
use assay_serve::service::{Protocol, Service, ServiceOptions};
use assay_serve::{Limits, Metrics, Role, Tls, users};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The password of all users.
pub const PASSWORD: &str = "correct horse";

/// How a server is to be.
pub struct Setup {
    /// Whether each role has a user of its name.
    pub users: bool,
    /// How many clients it takes.
    pub places: usize,
    /// How long it waits for them.
    pub patience: Patience,
    /// Limits that differ.
    pub limits: BTreeMap<Role, Limits>,
    /// Memory of all statements.
    pub memory_bytes: usize,
    /// Certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            users: false,
            places: 600,
            patience: Patience::default(),
            limits: BTreeMap::new(),
            memory_bytes: 256 << 20,
            tls: None,
        }
    }
}

/// A server that runs.
pub struct Server {
    /// Of HTTP and of Flight SQL.
    addresses: [SocketAddr; 2],
    /// Its lake, users and log.
    dir: TempDir,
    service: Arc<Service>,
    end: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts one.
    pub async fn start(setup: Setup) -> Server {
        let dir = tempfile::tempdir().expect("a folder");
        assay_fixtures::lake::write(&dir.path().join("lake"));
        let session = SessionOptions {
            store: Store::Lake(dir.path().join("lake")),
            memory_limit_bytes: setup.memory_bytes,
            spill_dir: Some(dir.path().join("spill")),
            ..SessionOptions::default()
        };
        let mut options = ServiceOptions::new(session, dir.path().join("audit.jsonl"));
        options.limits = setup.limits;
        if setup.users {
            let path = dir.path().join("users.toml");
            for role in Role::ALL {
                users::add(&path, role.name(), role, PASSWORD).expect("added");
            }
            options.users = Some(path);
        }
        let service = Service::open(options).await.expect("a service");
        let tls =
            setup.tls.map(|(certificate, key)| Tls::load(&certificate, &key).expect("a pair"));
        let (end, shutdown) = Shutdown::new();
        let places = Places::new(setup.places);
        let (http, flight) = (listener().await, listener().await);
        let addresses = [&http, &flight].map(|listener| listener.local_addr().expect("bound"));
        let metrics = Metrics::record().expect("nothing else records");
        let patience = setup.patience;
        let by_http =
            Http::new(Arc::clone(&service), tls.as_ref(), addresses[0], metrics, patience);
        let by_flight = Flight::new(Arc::clone(&service), tls.as_ref());
        let tasks = vec![
            tokio::spawn(accept(http, places.clone(), shutdown.clone(), Arc::new(by_http))),
            tokio::spawn(accept(flight, places, shutdown, Arc::new(by_flight))),
        ];
        Server { addresses, dir, service, end, tasks }
    }

    /// Computes what is kept of its lake.
    #[allow(dead_code, reason = "not every test program asks for it")]
    pub async fn analyze(&self) {
        let lake = self.dir.path().join("lake");
        // Its blocks are older than any price, and took no work.
        let rates = self.dir.path().join("rates.csv");
        let rate = "chain,day,hash_rate_ehs,source\nbitcoin,2020-01-01,100,test\n";
        std::fs::write(&rates, rate).expect("written");
        reference::import(&lake, "hash_rates", &rates, &Columns::default()).expect("imported");
        let options = SessionOptions { store: Store::Lake(lake), ..SessionOptions::default() };
        let session = Session::open(options).await.expect("a session");
        let asset = Asset::named("bitcoin").expect("a coin");
        let chain = asset.chain();
        let on = |_| ControlFlow::Continue(());
        let options = ChainOptions { chain, confirmations: Some(1) };
        network::run(&session, &options, on).await.expect("what it did");
        let options = energy::Options { confirmations: Some(1), ..energy::Options::new(chain) };
        energy::run(&session, &options).await.expect("what it burnt");
        let options = holdings::Options {
            asset,
            decimals: None,
            confirmations: Some(1),
            entities: None,
            threads: NonZeroUsize::MIN,
        };
        holdings::run(&session, &options, on).await.expect("how it was held");
    }

    /// Where `protocol` is spoken.
    pub fn address(&self, protocol: Protocol) -> SocketAddr {
        match protocol {
            Protocol::Http => self.addresses[0],
            Protocol::Flight => self.addresses[1],
            Protocol::Postgres => panic!("this server does not speak it"),
        }
    }

    /// What the audit log says, as soon as it is of `count` entries.
    pub async fn log_of(&self, count: usize) -> Vec<Entry> {
        let until = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let log = log(self.dir.path());
            if log.len() >= count {
                return log;
            }
            assert!(tokio::time::Instant::now() < until, "{} entries: {log:#?}", log.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it, and returns what the audit log says.
    pub async fn stop(self) -> Vec<Entry> {
        self.end.send_replace(true);
        self.service.finish().await;
        for task in self.tasks {
            task.await.expect("no panic");
        }
        log(self.dir.path())
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

/// What the audit log in `dir` says, after it was found whole.
fn log(dir: &Path) -> Vec<Entry> {
    let path = dir.join("audit.jsonl");
    audit::verify(&path).expect("lines that follow each other");
    let text = std::fs::read_to_string(&path).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect()
}
