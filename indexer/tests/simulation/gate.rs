//! Keeps the pipeline's own work on other threads from racing it: what it gives away is done between
//! two of its polls, all of it and in order.

use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::runtime::Handle;

/// Occupies the one thread for blocking work of a runtime.
pub struct Gate<'a> {
    runtime: &'a Handle,
    /// The thread is occupied until this is dropped.
    _hold: Sender<()>,
}

impl<'a> Gate<'a> {
    /// Closes the way for work that is given to `runtime` from now on.
    pub fn close(runtime: &'a Handle) -> Gate<'a> {
        let (hold, begun) = occupy(runtime);
        wait(&begun);
        Gate { runtime, _hold: hold }
    }

    /// Lets all work that was given pass; returns when it is done.
    pub fn pass(&mut self) {
        let (hold, begun) = occupy(self.runtime);
        self._hold = hold;
        wait(&begun);
    }
}

/// Occupies the thread after all work that was given before; says when that is so.
fn occupy(runtime: &Handle) -> (Sender<()>, Receiver<()>) {
    let (hold, held) = channel::<()>();
    let (begin, begun) = channel();
    runtime.spawn_blocking(move || {
        // Nobody waits if the runtime has ended.
        let _unheard = begin.send(());
        let _released = held.recv();
    });
    (hold, begun)
}

fn wait(begun: &Receiver<()>) {
    begun.recv().expect("the thread lives as long as the runtime");
}
