//! What a long run says of itself over HTTP, and what clients can do to it.

#[path = "common/client.rs"]
mod client;
mod common;
#[path = "common/growing.rs"]
mod growing;
#[path = "common/sim.rs"]
mod sim;

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::metrics::{ALL, Kind};
use assay_indexer::pipeline::{Nothing, Options, Pause, Pipeline, PipelineError, Summary};
use assay_indexer::progress::{Position, Progress, Silent, Unit};
use assay_indexer::service::{Limits, Service, Tolerance};
use assay_indexer::sink::Wanted;
use assay_indexer::sink::lake::{LakeSink, LocalDisk};
use assay_indexer::sink::{Cuts, Sink};
use assay_indexer::stop::{self, Stop};
use assay_model::{Chain, Network};
use client::{Scrape, ask, connect, get, rest};
use growing::{Growing, View};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Where a service listens in tests: on any free port.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// What a test waits for.
#[derive(Debug)]
enum Event {
    Seen(Position),
    Trouble(String),
}

/// Tells a test.
struct Told(mpsc::UnboundedSender<Event>);

impl Progress for Told {
    fn begin(&self, _: &'static str, _: u64, _: Unit) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}
    fn end(&self) {}
    fn trouble(&self, error: &dyn Error, _: Duration) {
        let _ = self.0.send(Event::Trouble(error.to_string()));
    }
    fn committed(&self, _: u64, _: u64, _: u64) {}
    fn seen(&self, position: &Position) {
        let _ = self.0.send(Event::Seen(*position));
    }
}

/// A run that follows what a test shows it.
struct Follower {
    view: watch::Sender<View>,
    events: mpsc::UnboundedReceiver<Event>,
    run: JoinHandle<Result<Summary, PipelineError>>,
    sink: Arc<LakeSink>,
}

impl Follower {
    fn start(dirs: &[&Path], lake: &Path, service: &Service, view: View, stop: Stop) -> Follower {
        let (view, receiver) = watch::channel(view);
        let (told, events) = mpsc::unbounded_channel();
        let network = Network::Regtest;
        let wanted = Wanted {
            chain: Chain::Bitcoin,
            network: network.to_string(),
            from: None,
            extras: Default::default(),
        };
        let cuts = Cuts { batch_bytes: 4_000, segment_bytes: 20_000 };
        let sink = LakeSink::open_on(Arc::new(LocalDisk), lake, &wanted, cuts).expect("a lake");
        let sink = Arc::new(sink);
        let pause = Pause { first: Duration::from_millis(1), longest: Duration::from_millis(1) };
        let pipeline = Pipeline {
            source: Arc::new(Growing::new(dirs, receiver)),
            completer: Arc::new(Nothing.into()),
            decoder: Decoder { network, with_scripts: false },
            sink: Arc::clone(&sink),
            options: Options { pause, ..Options::new(2) },
            progress: service.watch(Arc::new(Told(told))),
            stop,
        };
        let run = tokio::spawn(async move { pipeline.follow().await });
        Follower { view, events, run, sink }
    }

    fn show(&self, change: impl FnOnce(&mut View)) {
        self.view.send_modify(change);
    }

    /// Waits until lake and source are seen where `is_it` wants them.
    async fn wait(&mut self, is_it: impl Fn(&Position) -> bool) {
        loop {
            match self.events.recv().await.expect("the run goes on") {
                Event::Seen(position) if is_it(&position) => return,
                _ => {}
            }
        }
    }

    async fn wait_for_trouble(&mut self) -> String {
        loop {
            if let Event::Trouble(error) = self.events.recv().await.expect("the run goes on") {
                return error;
            }
        }
    }
}

fn is_at(tip: u64) -> impl Fn(&Position) -> bool {
    move |position| position.tip == tip && position.height == Some(tip)
}

async fn scrape(service: &Service) -> Scrape {
    let (status, text) = get(service.address(), "/metrics").await;
    assert_eq!(status, 200, "{text}");
    Scrape::parse(&text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_what_it_does() {
    let chain = sim::chain(7, 60);
    let mut other = chain.branch(55, 1);
    sim::grow(&mut other, 8);
    let ((dir, _), (other_dir, _)) = (sim::folder(&chain), sim::folder(&other));
    let lake = tempfile::tempdir().expect("a folder");
    let service = Service::start(ANY, Chain::Bitcoin).await.expect("a free port");
    let ready = async || get(service.address(), "/readyz").await;
    assert_eq!(ready().await, (503, "not ready: the source has not been seen yet\n".to_owned()));

    let (stopper, stop) = stop::stop();
    let view = View { chain: 0, tip: 40, gives: true, is_there: true };
    let dirs = [dir.path(), other_dir.path()];
    let mut follower = Follower::start(&dirs, lake.path(), &service, view, stop);
    follower.wait(is_at(40)).await;
    assert_eq!(ready().await, (200, "ready: height 40 of 40\n".to_owned()));

    follower.show(|view| (view.tip, view.gives) = (60, false));
    follower.wait(|position| position.tip == 60).await;
    let reason = "not ready: the lake lacks 20 blocks up to height 60\n";
    assert_eq!(ready().await, (503, reason.to_owned()));
    let at_work = scrape(&service).await;
    assert_eq!(at_work.value("assay_lag_blocks", &[]), 20.0);
    follower.show(|view| view.gives = true);
    follower.wait(is_at(60)).await;
    assert_eq!(ready().await.0, 200);

    follower.show(|view| view.is_there = false);
    let trouble = follower.wait_for_trouble().await;
    assert!(trouble.contains("http://node"), "{trouble}");
    follower.show(|view| (view.chain, view.tip, view.is_there) = (1, 63, true));
    follower.wait(is_at(63)).await;
    stopper.stop();
    let summary = follower.run.await.expect("no panic").expect("no lasting trouble");
    assert_eq!((summary.to, summary.reverted), (64, 5));
    follower.sink.compact(1).await.expect("merged");
    check_metrics(&scrape(&service).await);
}

/// What metrics say after `a_run_says_what_it_does`.
fn check_metrics(scrape: &Scrape) {
    for metric in ALL {
        let name = metric.name;
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        assert_eq!(scrape.types.get(name).map(String::as_str), Some(kind), "{name}");
        assert_eq!(scrape.docs.get(name).map(String::as_str), Some(metric.doc), "{name}");
        let values = metric.label.map_or(&[][..], |(_, values)| values);
        for &value in values {
            let (label, _) = metric.label.expect("it has values");
            let suffix = if kind == "histogram" { "_count" } else { "" };
            scrape.value(&format!("{name}{suffix}"), &[(label, value)]);
        }
        if metric.label.is_none() {
            scrape.value(name, &[]);
        }
    }
    // Nothing is measured that is not described.
    assert_eq!(scrape.types.len(), ALL.len(), "{:?}", scrape.types);
    for (name, expected) in [
        ("assay_height", 63.0),
        ("assay_source_height", 63.0),
        ("assay_lag_blocks", 0.0),
        ("assay_blocks_total", 69.0),
        ("assay_reorgs_total", 1.0),
        ("assay_reverted_blocks_total", 5.0),
    ] {
        assert_eq!(scrape.value(name, &[]), expected, "{name}");
    }
    for name in ["assay_rows_total", "assay_block_bytes_total", "assay_lag_seconds"] {
        assert!(scrape.value(name, &[]) > 69.0, "{name}");
    }
    for name in ["assay_compactions_total", "assay_segments"] {
        assert!(scrape.value(name, &[]) >= 1.0, "{name}");
    }
    for stage in ["fetch", "cut", "encode"] {
        assert_eq!(scrape.value("assay_queue_depth", &[("stage", stage)]), 0.0, "{stage}");
    }
    assert!(scrape.value("assay_errors_total", &[("kind", "source")]) >= 1.0);
    assert_eq!(scrape.value("assay_errors_total", &[("kind", "sink")]), 0.0);
    assert!(scrape.value("assay_retries_total", &[("of", "step")]) >= 1.0);
    assert!(scrape.value("assay_commit_seconds_count", &[("step", "publish")]) >= 3.0);
}

#[tokio::test]
async fn who_has_not_looked_for_long_is_not_ready() {
    let tolerance = Tolerance { lag_blocks: 0, unseen: Duration::ZERO };
    let service =
        Service::start_with(ANY, Chain::Ethereum, tolerance, Limits::default()).await.expect("one");
    let position = Position { tip: 5, height: Some(5), time: None };
    service.watch(Arc::new(Silent)).seen(&position);
    let (status, reason) = get(service.address(), "/readyz").await;
    assert_eq!((status, &*reason), (503, "not ready: the source was last seen 0 seconds ago\n"));
}

#[tokio::test]
async fn only_questions_are_answered() {
    let service = Service::start(ANY, Chain::Ethereum).await.expect("a free port");
    let status = async |request: &str| ask(service.address(), request).await.0;
    for (request, expected) in [
        ("GET /livez HTTP/1.1\r\nhost: a\r\n\r\n", 200),
        ("GET /livez?x HTTP/1.0\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        ("GET /metrics/ HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        ("GET /../livez HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        ("POST /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n", 405),
        ("DELETE /metrics HTTP/1.1\r\nhost: a\r\n\r\n", 405),
        ("GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 9999999\r\n\r\n", 413),
        ("GET /livez HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", 413),
        ("\x16\x03\x01\x02\r\n\r\n", 400),
    ] {
        assert_eq!(status(request).await, expected, "{request:?}");
    }
    // Nobody else can have the place.
    let taken = Service::start(service.address(), Chain::Ethereum).await;
    let error = taken.expect_err("it is taken").to_string();
    assert!(error.contains(&service.address().to_string()), "{error}");
}

/// A service that is soon tired of its clients.
async fn impatient() -> Service {
    let limits = Limits {
        connections: 4,
        time: Duration::from_secs(2),
        header_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let started = Service::start_with(ANY, Chain::Ethereum, Tolerance::default(), limits);
    started.await.expect("a free port")
}

#[tokio::test]
async fn who_never_ends_a_question_is_cut_off() {
    let service = impatient().await;
    let mut slow = connect(service.address()).await;
    // More than any one of them may take, byte by byte.
    let talk = async {
        let (mut from, mut to) = slow.split();
        let write = async {
            let mut time = tokio::time::interval(Duration::from_millis(10));
            while to.write_all(b"G").await.is_ok() {
                time.tick().await;
            }
        };
        let read = rest(&mut from);
        tokio::select! { () = write => {}, _ = read => {} }
    };
    let cut_off = tokio::time::timeout(Duration::from_secs(20), talk).await;
    cut_off.expect("it ends although the client goes on");
    assert_eq!(get(service.address(), "/livez").await.0, 200);
}

#[tokio::test]
async fn who_asks_too_much_is_cut_off() {
    let service = impatient().await;
    for headers in [format!("x: {}\r\n", "x".repeat(1 << 20)), "x: y\r\n".repeat(1000)] {
        let mut stream = connect(service.address()).await;
        let head = format!("GET /livez HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        // It may not be read to its end, and the answer may be lost with what is not.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = rest(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    assert_eq!(get(service.address(), "/livez").await.0, 200);
}

#[tokio::test]
async fn many_who_say_nothing_keep_nobody_waiting() {
    let service = impatient().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(connect(service.address()).await);
        assert_eq!(get(service.address(), "/livez").await.0, 200);
    }
    // All but the last few were put out long ago, and those will be.
    for stream in &mut silent {
        assert_eq!(rest(stream).await, "");
    }
}

#[test]
fn every_metric_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/service.md");
    let docs = std::fs::read_to_string(path).expect("the documentation is there");
    for metric in ALL {
        let row = docs.lines().find(|line| line.starts_with(&format!("| `{}` |", metric.name)));
        let row = row.unwrap_or_else(|| panic!("{} is not in docs/service.md", metric.name));
        let (label, values) = metric.label.unwrap_or_default();
        for word in values.iter().chain([&label]) {
            assert!(row.contains(word), "{word} is not in: {row}");
        }
    }
}
