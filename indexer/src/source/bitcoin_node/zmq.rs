//! What a node announces over ZeroMQ: that its chain has changed.
//!
//! Nothing of what is announced is believed, it only says that it is time to look: announcements get
//! lost, and a node that is asked says the same and more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use url::Url;
use zeromq::{Socket, SocketRecv, SubSocket, ZmqError};

use super::error::NodeFault;
use crate::source::Retry;

/// Topics that say something of the chain: of its last block, and of each block that comes or goes.
const TOPICS: [&str; 2] = ["hashblock", "sequence"];
/// Bytes of a hash, before what a message of `sequence` is about.
const HASH_BYTES: usize = 32;
/// How often an address that does not answer is tried, and after which pauses; it is never given up.
const RECONNECT: Retry = Retry {
    attempts: u32::MAX,
    first_pause: Duration::from_millis(200),
    longest_pause: Duration::from_secs(10),
};

/// A node that is listened to, as long as the value is there.
#[derive(Debug)]
pub(super) struct Announcements {
    heard: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Announcements {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Announcements {
    /// Listens at `address` from now on, whether there is anybody yet or not.
    pub fn listen(address: &str) -> Result<Announcements, NodeFault> {
        check(address).map_err(|reason| NodeFault::BadZmq { reason })?;
        let heard = Arc::new(Notify::new());
        let task = tokio::spawn(keep_listening(address.to_owned(), Arc::clone(&heard)));
        Ok(Announcements { heard, task })
    }

    /// Returns when something was announced since the call before.
    pub async fn next(&self) {
        self.heard.notified().await;
    }
}

/// Nothing, if `address` is one of a publisher that blocks can be heard from.
fn check(address: &str) -> Result<(), String> {
    let url = Url::parse(address).map_err(|error| error.to_string())?;
    match (url.scheme(), url.host(), url.port()) {
        ("tcp", Some(_), Some(_)) => Ok(()),
        ("tcp", ..) => Err("it has no host and port".to_owned()),
        _ => Err("it does not begin with tcp://".to_owned()),
    }
}

/// Listens, and begins anew when that fails.
async fn keep_listening(address: String, heard: Arc<Notify>) {
    for attempt in 1.. {
        if let Err(error) = listen(&address, &heard).await {
            tracing::debug!(address, %error, "no announcements of blocks");
        }
        tokio::time::sleep(RECONNECT.pause(attempt, None)).await;
    }
}

/// Listens until that fails. A connection that breaks is opened again by the library.
async fn listen(address: &str, heard: &Notify) -> Result<(), ZmqError> {
    let mut socket = SubSocket::new();
    for topic in TOPICS {
        socket.subscribe(topic).await?;
    }
    socket.connect(address).await?;
    // What was announced until now was not heard.
    heard.notify_one();
    let mut counts = Counts::default();
    loop {
        let message = socket.recv().await?;
        let frames: Vec<&[u8]> = message.iter().map(|frame| &frame[..]).collect();
        if counts.is_time_to_look(&frames) {
            heard.notify_one();
        }
    }
}

/// The number of the last message of each topic. A node counts them, so that it can be seen when
/// some are lost.
#[derive(Debug, Default)]
struct Counts(HashMap<Vec<u8>, u32>);

impl Counts {
    /// Whether a message says that the chain has changed, or that some were lost before it.
    fn is_time_to_look(&mut self, frames: &[&[u8]]) -> bool {
        let [topic, body, count] = frames else { return false };
        if !TOPICS.iter().any(|known| known.as_bytes() == *topic) {
            return false;
        }
        let count = count.first_chunk().map(|count| u32::from_le_bytes(*count));
        let before = match count {
            Some(count) => self.0.insert(topic.to_vec(), count),
            None => None,
        };
        let is_next = match (before, count) {
            (Some(before), Some(count)) => before.wrapping_add(1) == count,
            _ => true,
        };
        // Others are about transactions that wait for a block: added, removed.
        let is_of_block = match body.get(HASH_BYTES) {
            Some(label) => matches!(label, b'C' | b'D'),
            None => true,
        };
        is_of_block || !is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(label: u8) -> Vec<u8> {
        let mut body = vec![7; HASH_BYTES];
        body.push(label);
        if label == b'A' || label == b'R' {
            body.extend(9u64.to_le_bytes());
        }
        body
    }

    #[test]
    fn blocks_and_gaps_say_that_it_is_time_to_look() {
        let mut counts = Counts::default();
        let mut hear = |topic: &str, body: &[u8], count: u32| {
            counts.is_time_to_look(&[topic.as_bytes(), body, &count.to_le_bytes()])
        };
        assert!(hear("hashblock", &[7; 32], 5), "a block");
        assert!(!hear("sequence", &sequence(b'A'), 8), "the first that is heard");
        assert!(!hear("sequence", &sequence(b'R'), 9));
        assert!(hear("sequence", &sequence(b'A'), 11), "one was lost");
        assert!(!hear("sequence", &sequence(b'A'), 12));
        assert!(hear("sequence", &sequence(b'C'), 13), "a block came");
        assert!(hear("sequence", &sequence(b'D'), 14), "a block went");
        assert!(hear("sequence", &sequence(b'A'), 0), "the node was started anew");
        assert!(hear("sequence", &sequence(b'A'), u32::MAX), "another gap");
        assert!(!hear("sequence", &sequence(b'A'), 0), "counts go round");
        assert!(hear("hashblock", &[7; 32], 6));
        assert!(!hear("rawtx", &[7; 300], 1));
    }

    #[test]
    fn what_is_no_message_is_passed_over() {
        let mut counts = Counts::default();
        let frames: [&[&[u8]]; 3] = [&[], &[b"hashblock"], &[b"sequence", b"", b"", b""]];
        for frames in frames {
            assert!(!counts.is_time_to_look(frames));
        }
        // A number that is cut says nothing; the block is announced all the same.
        assert!(counts.is_time_to_look(&[b"hashblock", &[7; 32], b""]));
    }

    #[test]
    fn addresses_are_those_of_publishers() {
        for address in ["tcp://127.0.0.1:28332", "tcp://node.example:1", "tcp://[::1]:28332"] {
            assert_eq!(check(address), Ok(()), "{address}");
        }
        for address in ["127.0.0.1:28332", "tcp://host", "ipc:///tmp/x", "http://host:1", ""] {
            assert!(check(address).is_err(), "{address}");
        }
    }
}
