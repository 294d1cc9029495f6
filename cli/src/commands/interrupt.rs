//! Ctrl-C and requests to terminate, seen however busy the threads of queries are.
//!
//! Once somebody listens here, such a signal no longer ends the program by itself; it ends the work
//! that is waited for. One that comes while nothing is waited for is forgotten.

use std::future::Future;
use std::io;
use std::sync::{OnceLock, mpsc};
use std::thread;

use anyhow::{Context, bail};
use tokio::runtime::Builder;
use tokio::sync::Notify;

/// Does `work` unless it is interrupted; what it holds is then dropped.
pub async fn unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let signals = signals().context("cannot listen for interruptions")?;
    tokio::select! {
        result = work => result,
        () = signals.notified() => bail!("interrupted"),
    }
}

/// Ends at the next signal. Listening has begun when this returns.
pub fn interruption() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(signals()?.notified())
}

/// What is notified at each signal; the first call starts to listen.
fn signals() -> io::Result<&'static Notify> {
    static SIGNALS: OnceLock<Notify> = OnceLock::new();
    if let Some(signals) = SIGNALS.get() {
        return Ok(signals);
    }
    let signals = SIGNALS.get_or_init(Notify::new);
    // A thread of its own: a query that keeps all of the runtime's threads busy would also keep
    // the runtime from looking for signals.
    let (sender, started) = mpsc::channel();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let listening = Builder::new_current_thread().enable_all().build();
        match listening {
            Ok(runtime) => runtime.block_on(listen(signals, &sender)),
            // The receiver waits right below.
            Err(error) => _ = sender.send(Err(error)),
        }
    })?;
    started.recv().map_err(io::Error::other)??;
    Ok(signals)
}

/// Tells `started` that signals are caught from now on, and then `signals` of each.
#[cfg(unix)]
async fn listen(signals: &Notify, started: &mpsc::Sender<io::Result<()>>) {
    use tokio::signal::unix::{SignalKind, signal};
    let both = signal(SignalKind::interrupt())
        .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
    let (mut interrupt, mut terminate) = match both {
        Ok(both) => both,
        Err(error) => {
            _ = started.send(Err(error));
            return;
        }
    };
    _ = started.send(Ok(()));
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        signals.notify_waiters();
    }
}

#[cfg(not(unix))]
async fn listen(signals: &Notify, started: &mpsc::Sender<io::Result<()>>) {
    _ = started.send(Ok(()));
    while tokio::signal::ctrl_c().await.is_ok() {
        signals.notify_waiters();
    }
}
