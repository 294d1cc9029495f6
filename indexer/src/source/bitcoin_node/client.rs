//! Asks a node, and asks it again where that helps.
//!
//! # Invariants
//!
//! * The node is asked again only for what may pass, and only as often as allowed; while it starts,
//!   as long as allowed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::error::NodeFault;
use super::http::{Http, Reply};
use super::rpc::{self, Answer, Call, Outcome};
use super::trouble::Trouble;
use super::{METER, NodeOptions};
use crate::metrics;
use crate::source::Retry;
use crate::source::endpoint::Endpoint;

/// The longest pause between two looks at a node that starts.
const WARM_UP_PAUSE: Duration = Duration::from_secs(2);

/// A node that is asked.
#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    pub retry: Retry,
    warm_up: Duration,
    next_id: AtomicU64,
}

/// How often and how long something was asked for.
struct Patience<'a> {
    client: &'a Client,
    since: Instant,
    attempts: u32,
}

impl Client {
    /// A client of the node at `endpoint`, to be asked as `options` say.
    pub fn new(endpoint: Endpoint, options: &NodeOptions) -> Result<Client, NodeFault> {
        let &NodeOptions { retry, warm_up, .. } = options;
        let http = Http::new(endpoint, options)?;
        Ok(Client { http, retry, warm_up, next_id: AtomicU64::new(1) })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.http.endpoint
    }

    /// Makes a single call.
    pub async fn ask_one(&self, call: &Call) -> Answer {
        let mut answers = self.ask(std::slice::from_ref(call)).await;
        answers.pop().unwrap_or(Err(NodeFault::Null))
    }

    /// Makes `calls` in one request. The answers are in their order.
    pub async fn ask(&self, calls: &[Call]) -> Vec<Answer> {
        let mut patience = self.patience();
        while !calls.is_empty() {
            let outcomes = self.request(calls).await;
            if is_too_large(&outcomes) {
                let (left, right) = calls.split_at(calls.len() / 2);
                let mut answers = Box::pin(self.ask(left)).await;
                answers.extend(Box::pin(self.ask(right)).await);
                return answers;
            }
            let troubles = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
            match patience.pause(troubles) {
                Some(pause) => again_after(pause).await,
                None => {
                    return outcomes.into_iter().map(|outcome| patience.told(outcome)).collect();
                }
            }
        }
        Vec::new()
    }

    /// Gets what REST has at `path`.
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, NodeFault> {
        let mut patience = self.patience();
        loop {
            let outcome = match self.http.get(path).await {
                Ok(reply) if reply.is_success() => Ok(reply.body),
                Ok(reply) => Err(rpc::of_status(&reply)),
                Err(trouble) => Err(trouble),
            };
            match patience.pause(outcome.as_ref().err()) {
                Some(pause) => again_after(pause).await,
                None => return patience.told(outcome),
            }
        }
    }

    async fn request(&self, calls: &[Call]) -> Vec<Outcome> {
        let count = calls.len();
        let first_id = self.next_id.fetch_add(count as u64, Ordering::Relaxed);
        let reply: Result<Reply, Trouble> = self.http.post(&rpc::request(calls, first_id)).await;
        match reply {
            Ok(reply) => rpc::results(&reply, first_id, count),
            Err(trouble) => vec![Err(trouble); count],
        }
    }

    fn patience(&self) -> Patience<'_> {
        Patience { client: self, since: Instant::now(), attempts: 0 }
    }
}

/// Whether several calls had more of an answer together than is read.
fn is_too_large(outcomes: &[Outcome]) -> bool {
    let too_large =
        |outcome: &Outcome| matches!(outcome, Err(Trouble::Lasting(NodeFault::TooLarge { .. })));
    outcomes.len() > 1 && outcomes.iter().all(too_large)
}

/// Waits for the next attempt, which there will be.
async fn again_after(pause: Duration) {
    METER.retried(metrics::REQUEST);
    tokio::time::sleep(pause).await;
}

impl Patience<'_> {
    /// The pause before the next attempt, if one of `troubles` may pass by then.
    fn pause<'a>(&mut self, troubles: impl IntoIterator<Item = &'a Trouble>) -> Option<Duration> {
        let Client { retry, warm_up, .. } = self.client;
        self.attempts += 1;
        let mut pause = None;
        for trouble in troubles {
            match trouble {
                Trouble::WarmUp { message } => {
                    let wait = retry.longest_pause.min(WARM_UP_PAUSE);
                    let is_over = self.since.elapsed() + wait > *warm_up;
                    tracing::info!(%message, "the node is starting");
                    return (!is_over).then_some(wait);
                }
                Trouble::Passing { after, .. } if self.attempts < retry.attempts => {
                    let wait = retry.pause(self.attempts, *after);
                    pause = pause.max(Some(wait));
                }
                _ => {}
            }
        }
        pause
    }

    /// What is told of the last attempt.
    fn told<T>(&self, outcome: Result<T, Trouble>) -> Result<T, NodeFault> {
        outcome.map_err(|trouble| trouble.into_fault(self.attempts, self.since.elapsed()))
    }
}
