//! A client of HTTP that sends what a test says, byte for byte.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The status and the body of the answer to `GET path`.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n")).await
}

/// The status and the body of the answer to `request`.
pub async fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = connect(address).await;
    stream.write_all(request.as_bytes()).await.expect("written");
    let text = rest(&mut stream).await;
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("it listens")
}

/// What comes until the connection ends, however it does.
pub async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut bytes).await {}
    String::from_utf8(bytes).expect("text")
}

/// Metrics in Prometheus's text format.
#[derive(Debug, Default)]
pub struct Scrape {
    /// The type of each metric.
    pub types: BTreeMap<String, String>,
    /// The description of each metric.
    pub docs: BTreeMap<String, String>,
    /// Each value, by name and labels as they stand.
    pub values: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads `text`, every line of which must be understood.
    pub fn parse(text: &str) -> Scrape {
        let mut scrape = Scrape::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let added = if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, doc) = rest.split_once(' ').expect(line);
                scrape.docs.insert(name.to_owned(), doc.to_owned()).is_none()
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect(line);
                scrape.types.insert(name.to_owned(), kind.to_owned()).is_none()
            } else {
                let (name, value) = line.rsplit_once(' ').expect(line);
                let value = value.parse().expect(line);
                scrape.values.insert(name.to_owned(), value).is_none()
            };
            assert!(added, "twice: {line}");
        }
        scrape
    }

    /// The value of the metric `name` of Bitcoin, with further `labels`.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let further = labels.iter().map(|(label, value)| format!(",{label}=\"{value}\""));
        let name = format!("{name}{{chain=\"bitcoin\"{}}}", further.collect::<String>());
        *self.values.get(&name).unwrap_or_else(|| panic!("{name} is not in {:#?}", self.values))
    }
}
