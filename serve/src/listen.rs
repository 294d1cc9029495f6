//! Takes connections, so many and no more, and notices when a client hangs up.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// How long a client may take from its connection to its first statement, TLS and login included.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may lie idle.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// How long the system may be unable to pass on what was written to a client.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long connections are waited for when the server ends, before they are cut.
pub const GRACE: Duration = Duration::from_secs(10);
/// Clients beyond the limit that are told so at once; more are hung up on.
const REFUSED_AT_ONCE: usize = 64;
/// How long the accept loop rests when the system has no more file handles.
const REST: Duration = Duration::from_millis(50);

/// Clients that may be connected at once, over all protocols.
#[derive(Clone, Debug)]
pub struct Places {
    semaphore: Arc<Semaphore>,
    limit: usize,
}

impl Places {
    /// `limit` places.
    pub fn new(limit: usize) -> Places {
        Places { semaphore: Arc::new(Semaphore::new(limit)), limit }
    }

    /// How many there are.
    pub fn limit(&self) -> usize {
        self.limit
    }

    fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.semaphore).try_acquire_owned().ok()
    }
}

/// What a protocol does with connections.
pub trait Connections: Send + Sync + 'static {
    /// Answers one client until it goes. `shutdown` turns true when the server ends: what runs may
    /// end, nothing new begins.
    fn serve(
        self: Arc<Self>,
        socket: TcpStream,
        peer: SocketAddr,
        shutdown: Shutdown,
    ) -> impl Future<Output = ()> + Send;

    /// Tells one client, in the protocol's words, that there is no place for it.
    fn refuse(self: Arc<Self>, socket: TcpStream) -> impl Future<Output = ()> + Send;
}

/// Turns true once, when the server ends.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// What ends the server, and what hears of it.
    pub fn new() -> (watch::Sender<bool>, Shutdown) {
        let (sender, receiver) = watch::channel(false);
        (sender, Shutdown(receiver))
    }

    /// Returns when the server ends.
    pub async fn begun(&mut self) {
        // Nobody left to end the server ends it, too.
        let _ = self.0.wait_for(|ends| *ends).await;
    }

    /// Whether it has ended.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }
}

/// Takes connections until the server ends, then waits for those that are open, but not for long.
pub async fn accept<C: Connections>(
    listener: TcpListener,
    places: Places,
    mut shutdown: Shutdown,
    protocol: Arc<C>,
) {
    let mut open = JoinSet::new();
    let refusals = Arc::new(Semaphore::new(REFUSED_AT_ONCE));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
            () = shutdown.begun() => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        // Answers are written as a whole; waiting for more to send would only delay them.
        let _ = socket.set_nodelay(true);
        match places.take() {
            Some(place) => {
                let (protocol, shutdown) = (Arc::clone(&protocol), shutdown.clone());
                open.spawn(async move {
                    protocol.serve(socket, peer, shutdown).await;
                    drop(place);
                });
            }
            None => {
                let Ok(place) = Arc::clone(&refusals).try_acquire_owned() else { continue };
                let protocol = Arc::clone(&protocol);
                open.spawn(async move {
                    let _ = tokio::time::timeout(GRACE, protocol.refuse(socket)).await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    let all = async { while open.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, all).await;
}

/// Sees that a client has hung up, also while nobody reads from it.
#[derive(Debug)]
pub struct Hangup(TcpStream);

impl Hangup {
    /// Watches the connection of `socket`.
    pub fn of(socket: &TcpStream) -> io::Result<Hangup> {
        #[cfg(unix)]
        let handle = {
            use std::os::fd::AsFd;
            std::net::TcpStream::from(socket.as_fd().try_clone_to_owned()?)
        };
        #[cfg(windows)]
        let handle = {
            use std::os::windows::io::AsSocket;
            std::net::TcpStream::from(socket.as_socket().try_clone_to_owned()?)
        };
        Ok(Hangup(TcpStream::from_std(handle)?))
    }

    /// Returns when the client will send no more, or cannot.
    pub async fn happened(&self) {
        loop {
            match self.0.ready(Interest::READABLE | Interest::ERROR).await {
                Ok(ready) if ready.is_read_closed() || ready.is_error() => return,
                // There is something to read, which is not for us: wait for the next change.
                Ok(_) => {
                    let _ = self.0.try_io(Interest::READABLE, || {
                        Err::<(), _>(io::ErrorKind::WouldBlock.into())
                    });
                }
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Says what it was asked to do.
    struct Words;

    impl Connections for Words {
        async fn serve(
            self: Arc<Self>,
            mut socket: TcpStream,
            _: SocketAddr,
            mut shutdown: Shutdown,
        ) {
            let _ = socket.write_all(b"served").await;
            let hangup = Hangup::of(&socket).expect("a second handle");
            tokio::select! {
                () = hangup.happened() => {}
                () = shutdown.begun() => {}
            }
        }

        async fn refuse(self: Arc<Self>, mut socket: TcpStream) {
            let _ = socket.write_all(b"refused").await;
        }
    }

    async fn greeting(socket: &mut TcpStream) -> String {
        let mut text = [0; 16];
        let read = socket.read(&mut text).await.expect("a greeting");
        String::from_utf8_lossy(&text[..read]).into_owned()
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_client_hangs_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (end, shutdown) = Shutdown::new();
        let server = tokio::spawn(accept(listener, Places::new(1), shutdown, Arc::new(Words)));
        let mut first = TcpStream::connect(address).await.expect("connected");
        assert_eq!(greeting(&mut first).await, "served");
        let mut second = TcpStream::connect(address).await.expect("connected");
        assert_eq!(greeting(&mut second).await, "refused");
        // What is unread must not hide that the client has gone.
        first.write_all(b"unread").await.expect("written");
        drop(first);
        loop {
            let mut next = TcpStream::connect(address).await.expect("connected");
            if greeting(&mut next).await == "served" {
                break;
            }
        }
        end.send(true).expect("the server listens");
        server.await.expect("the server ends");
    }
}
