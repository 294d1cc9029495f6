//! The wish that work ends soon.

use tokio::sync::watch;

/// Says that work is to end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Is told that work is to end. Work that is under way is finished first.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// A wish that can be made, and those who are told of it.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks all work to end; returns whether it was asked before.
    pub fn stop(&self) -> bool {
        self.0.send_replace(true)
    }
}

impl Stop {
    /// Of work that nobody asks to end.
    pub fn never() -> Stop {
        stop().1
    }

    /// Whether work is to end.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until work is to end.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            // Nobody is there who could ask.
            std::future::pending::<()>().await;
        }
    }
}
