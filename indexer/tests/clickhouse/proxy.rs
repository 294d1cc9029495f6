//! A wire between the sink and the server that can be cut, and can go silent.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use assay_fixtures::rng::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Bytes that pass at once.
const PIECE: usize = 16 << 10;

/// What the wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Lets everything through, but for what is cut at random.
    Pass,
    /// Takes connections and ends them.
    Refuse,
    /// Takes connections, and nothing ever comes out again.
    Silent,
}

struct Wire {
    server: SocketAddr,
    mode: AtomicU8,
    /// How many of a thousand pieces cut their connection.
    cuts_per_mille: AtomicU64,
    rng: Mutex<Rng>,
}

/// The wire; it ends with the value.
pub struct Proxy {
    pub port: u16,
    wire: Arc<Wire>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// A wire to the server on `port` of this machine; what it cuts follows from `seed`.
    pub async fn start(port: u16, seed: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("bound").port();
        let wire = Arc::new(Wire {
            server: SocketAddr::from(([127, 0, 0, 1], port)),
            mode: AtomicU8::new(Mode::Pass as u8),
            cuts_per_mille: AtomicU64::new(0),
            rng: Mutex::new(Rng::new(seed)),
        });
        let shared = Arc::clone(&wire);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&shared).carry(client));
            }
        });
        Proxy { port: own, wire, task }
    }

    pub fn set(&self, mode: Mode) {
        self.wire.mode.store(mode as u8, Ordering::Relaxed);
    }

    pub fn cut(&self, per_mille: u64) {
        self.wire.cuts_per_mille.store(per_mille, Ordering::Relaxed);
    }
}

impl Wire {
    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::Relaxed) == mode as u8
    }

    async fn carry(self: Arc<Wire>, client: TcpStream) {
        if self.is(Mode::Refuse) {
            return;
        }
        let Ok(server) = TcpStream::connect(self.server).await else { return };
        let ((from_client, to_client), (from_server, to_server)) =
            (client.into_split(), server.into_split());
        // Whichever direction ends, both do: a wire is cut as a whole.
        tokio::select! {
            () = self.pass(from_client, to_server) => {}
            () = self.pass(from_server, to_client) => {}
        }
    }

    async fn pass(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut piece = vec![0; PIECE];
        loop {
            let Ok(count @ 1..) = from.read(&mut piece).await else { return };
            if self.is(Mode::Silent) {
                return std::future::pending().await;
            }
            let per_mille = self.cuts_per_mille.load(Ordering::Relaxed);
            let is_cut = {
                let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
                rng.chance(per_mille)
            };
            if is_cut || self.is(Mode::Refuse) || to.write_all(&piece[..count]).await.is_err() {
                return;
            }
        }
    }
}
