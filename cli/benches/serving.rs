//! How fast a lake is asked: the statements of the README and of the dashboards, a million rows over
//! PostgreSQL's protocol against in process, and many readers of dashboards at once.
//!
//! `cargo bench -p assay --bench serving -- LAKE [ROUNDS]`. `benches/holdings.sh` makes a lake to ask. What is
//! cold is asked of a server that has just started, after the kernel was told to forget what it had read,
//! which it does for root only.

#[path = "../tests/dashboards/dashboard.rs"]
#[expect(dead_code, reason = "the test of dashboards reads more of them")]
mod dashboard;
#[path = "../tests/dashboards/grafana.rs"]
mod grafana;

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assay_query::{Session, SessionOptions, Store, Terms};
use assay_serve::service::ServiceOptions;
use assay_serve::{DEFAULT_CONNECTIONS, Role, Server, ServerOptions};
use dashboard::Dashboard;
use futures::{StreamExt, TryStreamExt, future};
use grafana::{ALL_TIMES, Chosen, Variables, expand};
use tempfile::TempDir;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls};

/// Repetitions of what is warm, for each round of what is cold.
const WARM: usize = 5;
/// Readers of dashboards.
const READERS: usize = 50;
/// Statements that answer with a million rows.
const MILLION: [(&str, &str); 3] = [
    (
        "columns of outputs",
        "select height, tx_index, output_index, value from bitcoin.outputs limit 1000000",
    ),
    ("rows of outputs", "select * from bitcoin.outputs limit 1000000"),
    (
        "a million groups",
        "select address, count(*) as outputs, sum(value) as received from bitcoin.outputs where height < 20000 group by address limit 1000000",
    ),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let lake = PathBuf::from(arguments.next().ok_or("usage: LAKE [ROUNDS]")?);
    let rounds = arguments.next().map_or(Ok(10), |rounds| rounds.parse())?;
    let place = Place { lake, scratch: TempDir::new()? };
    place.latencies(rounds).await?;
    place.million(rounds).await?;
    place.readers().await
}

struct Place {
    lake: PathBuf,
    scratch: TempDir,
}

/// A server, and a way to it.
struct Served {
    server: Server,
    address: SocketAddr,
}

impl Served {
    async fn client(&self) -> Result<Client, Box<dyn Error>> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.address.port()).user("bench").dbname("assay");
        let (client, connection) = config.connect(NoTls).await?;
        // How it ends, the client is told.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }
}

impl Place {
    fn session(&self) -> SessionOptions {
        SessionOptions { store: Store::Lake(self.lake.clone()), ..SessionOptions::default() }
    }

    async fn serve(&self, role: Role) -> Result<Served, Box<dyn Error>> {
        let audit = self.scratch.path().join("audit.jsonl");
        let mut service = ServiceOptions::new(self.session(), audit);
        service.role_without_users = role;
        let server = Server::start(ServerOptions {
            service,
            pg: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            http: None,
            flight: None,
            tls: None,
            connections: DEFAULT_CONNECTIONS,
            insecure: false,
        });
        let server = server.await?;
        let address = server.pg().ok_or("it does not listen")?;
        Ok(Served { server, address })
    }

    /// Times each statement, cold and warm.
    async fn latencies(&self, rounds: usize) -> Result<(), Box<dyn Error>> {
        println!("| asked by | p95 cold | p95 warm | median warm |\n|---|---|---|---|");
        for (by, sql) in readme().into_iter().chain(asked_by_dashboards()?) {
            let (mut cold, mut warm) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                forget_files()?;
                let served = self.serve(Role::Operator).await?;
                let client = served.client().await?;
                cold.push(time(&client, &sql).await?);
                for _ in 0..WARM {
                    warm.push(time(&client, &sql).await?);
                }
                drop(client);
                served.server.stop().await;
            }
            println!(
                "| {by} | {} | {} | {} |",
                shown(quantile(&mut cold, 0.95)),
                shown(quantile(&mut warm, 0.95)),
                shown(quantile(&mut warm, 0.5)),
            );
        }
        Ok(())
    }

    /// Times statements of a million rows in process and over the wire, by turns.
    async fn million(&self, rounds: usize) -> Result<(), Box<dyn Error>> {
        println!("\n| a million rows | in process | over the wire | more |\n|---|---|---|---|");
        let session = Session::open(self.session()).await?;
        let served = self.serve(Role::Operator).await?;
        let client = served.client().await?;
        for (name, sql) in MILLION {
            let (mut inside, mut outside) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                inside.push(in_process(&session, sql).await?);
                outside.push(over_the_wire(&client, sql).await?);
            }
            let (inside, outside) = (quantile(&mut inside, 0.5), quantile(&mut outside, 0.5));
            let more = 100.0 * (outside.as_secs_f64() / inside.as_secs_f64() - 1.0);
            println!("| {name} | {} | {} | {more:.0} % |", shown(inside), shown(outside));
        }
        drop(client);
        served.server.stop().await;
        Ok(())
    }

    /// Has many regulators open all dashboards at once.
    async fn readers(&self) -> Result<(), Box<dyn Error>> {
        let served = self.serve(Role::Regulator).await?;
        let statements: Vec<String> =
            asked_by_dashboards()?.into_iter().map(|(_, sql)| sql).collect();
        let started = Instant::now();
        let readers = (0..READERS).map(|_| read_all(&served, &statements));
        let mut times = Vec::new();
        for read in future::join_all(readers).await {
            times.extend(read?);
        }
        println!(
            "\n{READERS} readers: {} statements without an error in {}, median {}, p95 {}",
            times.len(),
            shown(started.elapsed()),
            shown(quantile(&mut times, 0.5)),
            shown(quantile(&mut times, 0.95)),
        );
        served.server.stop().await;
        Ok(())
    }
}

/// One reader who opens all dashboards.
async fn read_all(served: &Served, statements: &[String]) -> Result<Vec<Duration>, Box<dyn Error>> {
    let client = served.client().await?;
    let mut times = Vec::new();
    for sql in statements {
        times.push(time(&client, sql).await?);
    }
    Ok(times)
}

/// As Grafana asks.
async fn time(client: &Client, sql: &str) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    client.simple_query(sql).await.map_err(|error| format!("{error:?}: {sql}"))?;
    Ok(started.elapsed())
}

async fn in_process(session: &Session, sql: &str) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    let statement = session.statements(sql)?.pop().ok_or("no statement")?;
    let mut batches = session.run_on(statement, Terms::default()).await?;
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        rows += batch?.num_rows();
    }
    enough(rows, sql)?;
    Ok(started.elapsed())
}

async fn over_the_wire(client: &Client, sql: &str) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    let none: [&(dyn ToSql + Sync); 0] = [];
    let rows = client.query_raw(sql, none).await?;
    let rows = rows.try_fold(0, |count, _| future::ok(count + 1)).await?;
    enough(rows, sql)?;
    Ok(started.elapsed())
}

fn enough(rows: usize, sql: &str) -> Result<(), Box<dyn Error>> {
    if rows == 1_000_000 { Ok(()) } else { Err(format!("{rows} rows: {sql}").into()) }
}

/// The statements that the README has the program answer.
fn readme() -> Vec<(String, String)> {
    let commands = include_str!("../../README.md").lines().filter(|line| line.contains(" sql "));
    let quoted = commands.filter_map(|line| line.split('"').nth(1));
    quoted.map(|sql| (format!("README: `{sql}`"), sql.to_owned())).collect()
}

/// What the dashboards ask before the reader has chosen anything.
fn asked_by_dashboards() -> Result<Vec<(String, String)>, String> {
    let of = |dashboard: Dashboard| {
        let first = |values: Vec<String>, is_multi| match is_multi {
            true => Chosen::Many(values),
            false => Chosen::One(values.into_iter().next().unwrap_or_default()),
        };
        let chosen: Variables = dashboard
            .variables
            .iter()
            .map(|v| (v.name.clone(), first(v.current.clone(), v.is_multi)))
            .collect();
        let name = Path::new(&dashboard.name).with_extension("");
        let variables =
            dashboard.variables.into_iter().map(|v| (format!("variable {}", v.name), v.sql));
        let panels = dashboard.asked.into_iter().map(|asked| (asked.by, asked.sql));
        let all = variables.chain(panels).map(|(by, sql)| {
            Ok((format!("{}: {by}", name.display()), expand(&sql, &chosen, &ALL_TIMES)?))
        });
        all.collect::<Vec<_>>()
    };
    dashboard::all().into_iter().flat_map(of).collect()
}

/// Has the kernel forget what it has read of files.
fn forget_files() -> Result<(), Box<dyn Error>> {
    let forget = std::fs::write("/proc/sys/vm/drop_caches", "3");
    Ok(forget.map_err(|error| format!("files cannot be forgotten, which takes root: {error}"))?)
}

/// What so large a share of `times` is at most.
fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let place = (share * times.len() as f64).ceil() as usize;
    times[place.clamp(1, times.len()) - 1]
}

fn shown(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
