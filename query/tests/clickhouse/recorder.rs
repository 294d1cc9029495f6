//! Writes down what is sent to a server, on its way there.

use std::sync::{Arc, Mutex};

use assay_clickhouse::Address;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::database::Database;

/// A way to a database that writes down what goes there.
pub struct Recorder {
    /// Its address, in the place of the database's.
    pub address: Address,
    sent: Arc<Mutex<String>>,
}

impl Recorder {
    /// A way to `database`.
    pub async fn before(database: &Database) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let there = database.server.port();
        let address = database.address.to_string().replace(&there.to_string(), &port.to_string());
        let sent = Arc::<Mutex<String>>::default();
        let shared = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", there)).await else { return };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(passed_on(from_client, to_server, Some(Arc::clone(&shared))));
                tokio::spawn(passed_on(from_server, to_client, None));
            }
        });
        Recorder { address: address.parse().expect("an address"), sent }
    }

    /// The questions for rows that were sent since it was asked last.
    pub fn take(&self) -> Vec<String> {
        let text = std::mem::take(&mut *self.sent.lock().expect("no panic"));
        // The body of a request is its SQL.
        let bodies = text.split("\r\n\r\n").skip(1);
        let questions = bodies.map(|body| body.split("POST /").next().unwrap_or_default());
        let is_asked = |sql: &&str| sql.contains(".bitcoin_") || sql.contains(".ethereum_");
        questions.filter(is_asked).map(str::to_owned).collect()
    }
}

async fn passed_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    sent: Option<Arc<Mutex<String>>>,
) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if let Some(sent) = &sent {
            sent.lock().expect("no panic").push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
}
