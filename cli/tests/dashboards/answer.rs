//! Answers as text, whoever gave them.

use std::net::SocketAddr;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use assay_query::{Access, QueryError, Session, SessionOptions, Store, Terms};
use assay_serve::service::ServiceOptions;
use assay_serve::{DEFAULT_CONNECTIONS, Role, ServerOptions};
use futures::TryStreamExt;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::lake::Lake;

/// Columns by their names, and the values of each row; `None` is null.
#[derive(Debug)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    /// The place of the column called `name`.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The values of the column called `name`.
    pub fn column(&self, name: &str) -> Vec<Option<&str>> {
        let place = self.place(name).unwrap_or_else(|| panic!("{name} is not in {self:?}"));
        self.rows.iter().map(|row| row[place].as_deref()).collect()
    }
}

/// What answers, to a regulator, who may read results only.
pub enum Server {
    /// The engine itself.
    Engine(Session),
    /// A server of PostgreSQL's protocol, and a client of it.
    Wire(assay_serve::Server, Client),
}

impl Server {
    /// The engine over `lake`.
    pub async fn engine(lake: &Lake) -> Server {
        Server::Engine(Session::open(session_options(lake)).await.expect("a lake"))
    }

    /// A server over `lake`.
    pub async fn wire(lake: &Lake) -> Server {
        let audit = lake.path().join("../audit.jsonl");
        let mut service = ServiceOptions::new(session_options(lake), audit);
        service.role_without_users = Role::Regulator;
        let options = ServerOptions {
            service,
            pg: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            http: None,
            flight: None,
            tls: None,
            connections: DEFAULT_CONNECTIONS,
            insecure: false,
        };
        let server = assay_serve::Server::start(options).await.expect("a server");
        let port = server.pg().expect("it listens").port();
        let mut config = Config::new();
        config.host("127.0.0.1").port(port).user("grafana").dbname("assay");
        let (client, connection) = config.connect(NoTls).await.expect("let in");
        tokio::spawn(async move {
            // How it ends, the client is told.
            let _ = connection.await;
        });
        Server::Wire(server, client)
    }

    /// The answer to one statement.
    pub async fn ask(&self, sql: &str) -> Result<Answer, String> {
        match self {
            Server::Engine(session) => {
                in_process(session, sql).await.map_err(|error| error.to_string())
            }
            Server::Wire(_, client) => {
                over_the_wire(client, sql).await.map_err(|error| format!("{error:?}"))
            }
        }
    }

    /// Ends what was started.
    pub async fn stop(self) {
        if let Server::Wire(server, client) = self {
            drop(client);
            server.stop().await;
        }
    }
}

fn session_options(lake: &Lake) -> SessionOptions {
    SessionOptions { store: Store::Lake(lake.path()), ..SessionOptions::default() }
}

/// By the simple protocol, as Grafana asks. It reads times as such only if they are said to be.
async fn over_the_wire(client: &Client, sql: &str) -> Result<Answer, tokio_postgres::Error> {
    let described = client.prepare(sql).await?;
    for column in described.columns().iter().filter(|column| column.name() == "time") {
        assert_eq!(*column.type_(), Type::TIMESTAMPTZ, "{sql}");
    }
    let mut answer = Answer {
        columns: described.columns().iter().map(|column| column.name().to_owned()).collect(),
        rows: Vec::new(),
    };
    for message in client.simple_query(sql).await? {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
                assert_eq!(names, answer.columns, "{sql}");
            }
            SimpleQueryMessage::Row(row) => {
                let value = |place| row.get(place).map(str::to_owned);
                answer.rows.push((0..row.len()).map(value).collect());
            }
            _ => {}
        }
    }
    Ok(answer)
}

async fn in_process(session: &Session, sql: &str) -> Result<Answer, QueryError> {
    let mut statements = session.statements(sql)?;
    let statement = statements.pop().expect("a statement");
    assert!(statements.is_empty(), "one statement at a time: {sql}");
    let terms = Terms { access: Access::Results, ..Terms::default() };
    let stream = session.run_on(statement, terms).await?;
    let schema = stream.schema();
    let batches: Vec<RecordBatch> = stream.try_collect().await?;
    Ok(Answer {
        columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
        rows: batches.iter().flat_map(rows).collect(),
    })
}

fn rows(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default();
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable type"))
        .collect();
    let value = |row: usize, place: usize| {
        (!batch.column(place).is_null(row)).then(|| columns[place].value(row).to_string())
    };
    (0..batch.num_rows())
        .map(|row| (0..columns.len()).map(|place| value(row, place)).collect())
        .collect()
}
