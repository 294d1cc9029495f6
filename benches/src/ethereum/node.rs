//! A node that knows a chain, asked by JSON-RPC over HTTP: what it answers is put together from
//! texts that are made once, so that it costs next to nothing beside who asks.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use assay_model::BlockRef;
use serde_json::{Value, json};

use super::chain::MadeChain;
use super::template::Template;
use super::told::Told;

/// What the node knows.
#[derive(Debug)]
pub struct Node {
    chain: MadeChain,
    /// By real block.
    texts: Vec<Texts>,
    /// Of each transaction the first block that has it, and its place there.
    transactions: HashMap<String, (usize, usize)>,
}

#[derive(Debug)]
struct Texts {
    block: Template,
    block_of_hashes: Template,
    receipts: Vec<Template>,
}

impl Node {
    /// A node that knows `chain`.
    pub fn new(chain: MadeChain) -> Node {
        let (mut texts, mut transactions) = (Vec::new(), HashMap::new());
        for (real, raw) in chain.real.iter().enumerate() {
            let told = Told::new(raw);
            for (place, receipt) in told.receipts.iter().enumerate() {
                let hash = receipt["transactionHash"].as_str().expect("a hash");
                transactions.insert(hash.to_owned(), (real, place));
            }
            texts.push(Texts {
                block: Template::new(&told.block),
                block_of_hashes: Template::new(&told.block_of_hashes),
                receipts: told.receipts.iter().map(Template::new).collect(),
            });
        }
        Node { chain, texts, transactions }
    }

    /// Answers those who connect to `listener`, each on a thread, until the process ends.
    pub fn serve(self, listener: &TcpListener) {
        let node = Arc::new(self);
        for stream in listener.incoming().flatten() {
            let node = Arc::clone(&node);
            // A connection that breaks is the other side's trouble.
            std::thread::spawn(move || node.converse(&stream).ok());
        }
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        let mut answer = Vec::new();
        while let Some(body) = read_body(&mut reader)? {
            answer.clear();
            self.answer(&serde_json::from_slice(&body)?, &mut answer);
            let length = answer.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            let mut stream = stream;
            stream.write_all(head.as_bytes())?;
            stream.write_all(&answer)?;
        }
        Ok(())
    }

    /// Appends the answer to the request `body`.
    fn answer(&self, body: &Value, out: &mut Vec<u8>) {
        match body {
            Value::Array(calls) => separated(out, calls, |call, out| self.answer(call, out)),
            call => {
                let id = &call["id"];
                out.extend(format!(r#"{{"jsonrpc":"2.0","id":{id},"#).into_bytes());
                let method = call["method"].as_str().unwrap_or_default();
                self.result(method, &call["params"], out);
                out.push(b'}');
            }
        }
    }

    fn result(&self, method: &str, params: &Value, out: &mut Vec<u8>) {
        let tip = self.chain.blocks.last().map_or(0, |block| block.height);
        let plain = match method {
            "eth_chainId" => json!("0x1"),
            "net_version" => json!("1"),
            "eth_blockNumber" => json!(format!("{tip:#x}")),
            "eth_syncing" => json!(false),
            "web3_clientVersion" => json!("replay"),
            "eth_getBlockByNumber" | "eth_getBlockReceipts" | "eth_getTransactionReceipt" => {
                out.extend_from_slice(br#""result":"#);
                if self.told(method, params, out).is_none() {
                    out.extend_from_slice(b"null");
                }
                return;
            }
            _ => {
                let error = json!({ "code": -32601, "message": "the method does not exist" });
                out.extend(format!(r#""error":{error}"#).into_bytes());
                return;
            }
        };
        out.extend(format!(r#""result":{plain}"#).into_bytes());
    }

    /// Appends what is known of a block or a transaction; nothing if there is none.
    fn told(&self, method: &str, params: &Value, out: &mut Vec<u8>) -> Option<()> {
        if method == "eth_getTransactionReceipt" {
            let &(real, place) = self.transactions.get(params[0].as_str()?)?;
            self.texts[real].receipts[place].write(self.chain.blocks.get(real)?, out);
            return Some(());
        }
        let (block, texts) = self.block(params[0].as_str()?)?;
        match (method, params[1].as_bool()) {
            ("eth_getBlockReceipts", _) => {
                separated(out, &texts.receipts, |receipt, out| receipt.write(block, out));
            }
            (_, Some(true)) => texts.block.write(block, out),
            _ => texts.block_of_hashes.write(block, out),
        }
        Some(())
    }

    /// The block that `name` means: a height or a tag.
    fn block(&self, name: &str) -> Option<(&BlockRef, &Texts)> {
        let place = match name {
            "latest" | "safe" | "finalized" | "pending" => self.chain.blocks.len() - 1,
            "earliest" => 0,
            height => {
                let height = u64::from_str_radix(height.strip_prefix("0x")?, 16).ok()?;
                usize::try_from(height.checked_sub(self.chain.blocks.first()?.height)?).ok()?
            }
        };
        Some((self.chain.blocks.get(place)?, &self.texts[self.chain.real_of(place)]))
    }
}

/// Appends a list of what `write` writes of each item.
fn separated<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// The body of the next request; `None` if there is none.
fn read_body(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(body))
}
