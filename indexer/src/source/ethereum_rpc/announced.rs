//! New blocks as a node announces them; where it does not, it is time to look again now and then.

use std::time::Duration;

use alloy_primitives::B256;
use alloy_pubsub::{PubSubFrontend, RawSubscription};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::json::read;
use super::methods;

/// How long a node that announces blocks may be silent before it is asked: a subscription can be lost
/// without a word.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// Waits for new blocks.
#[derive(Debug)]
pub(super) struct Announced {
    poll: Duration,
    subscription: Option<RawSubscription>,
}

impl Announced {
    /// Waits by asking every `poll`, until there is a subscription.
    pub fn new(poll: Duration) -> Announced {
        Announced { poll, subscription: None }
    }

    /// Returns when there may be a new block.
    pub async fn next(&mut self, client: &Client) {
        let Some(socket) = client.socket().await else { return sleep(self.poll).await };
        let Some(subscription) = &mut self.subscription else {
            self.subscription = subscribe(client, &socket).await;
            // What was announced until now, nobody heard.
            if self.subscription.is_none() {
                sleep(self.poll).await;
            }
            return;
        };
        match timeout(LONGEST_SILENCE, subscription.recv()).await {
            Ok(Ok(_)) | Ok(Err(RecvError::Lagged(_))) | Err(_) => {}
            Ok(Err(RecvError::Closed)) => {
                self.subscription = None;
                sleep(self.poll).await;
            }
        }
        // One look finds all that is new.
        if let Some(subscription) = &mut self.subscription {
            while subscription.try_recv().is_ok() {}
        }
    }
}

/// Asks the node to announce new blocks; `None` if it does not.
async fn subscribe(client: &Client, socket: &PubSubFrontend) -> Option<RawSubscription> {
    let id = client.ask_once(methods::new_heads()).await?;
    let id: B256 = read("subscription", &id).ok()?;
    socket.get_subscription(id).await.ok()
}
