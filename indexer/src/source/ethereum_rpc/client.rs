//! Asks a node, and asks it again where that helps.
//!
//! # Invariants
//!
//! * No more requests are under way than allowed; each ends within the timeout.
//! * The node is asked again only for what may pass, and only as often as allowed.
//! * What is too large for the node is asked for in halves, down to single requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use alloy_json_rpc::{Id, Request, RequestPacket, Response, ResponsePacket, ResponsePayload};
use alloy_pubsub::PubSubFrontend;
use alloy_transport::{TransportError, TransportErrorKind};
use futures::future::join_all;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{RwLock, Semaphore};
use tower_service::Service;

use super::error::{RpcError, RpcFault};
use super::transport::{self, Connection};
use super::trouble::{self, Trouble};
use super::{METER, RpcOptions};
use crate::metrics;
use crate::source::Retry;
use crate::source::endpoint::Endpoint;

/// Most calls in one request at first: what common limits of providers allow.
const BATCH_CALLS: usize = 100;

/// One call of a method.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: &'static str,
    pub params: Value,
    /// The block that it is for.
    pub height: Option<u64>,
}

/// A result as the node wrote it.
pub(super) type Answer = Result<Box<RawValue>, RpcFault>;

/// A node that is asked.
#[derive(Debug)]
pub(super) struct Client {
    pub endpoint: Endpoint,
    pub retry: Retry,
    timeout: Duration,
    connection: RwLock<Connection>,
    answer_bytes: usize,
    permits: Semaphore,
    next_id: AtomicU64,
    /// Most calls in one request, as far as is known.
    batch_calls: AtomicUsize,
}

/// How far the calls of one `ask` are.
struct Asking {
    /// By call.
    answers: Vec<Option<Answer>>,
    /// Of those without an answer, what was wrong the last time.
    troubles: HashMap<usize, Trouble>,
}

impl Call {
    /// The error that calling, or reading the answer, had.
    pub fn error(&self, endpoint: &Endpoint, fault: RpcFault) -> Box<RpcError> {
        let (method, height) = (self.method, self.height);
        // What does not fit is quoted, however long it is.
        let fault = match fault {
            RpcFault::Malformed { what, reason } => {
                RpcFault::Malformed { what, reason: endpoint.clean(&reason) }
            }
            fault => fault,
        };
        Box::new(RpcError { url: endpoint.shown.clone(), method, height, fault })
    }
}

impl Client {
    /// Connects to the node at `endpoint`, to be asked as `options` say.
    pub async fn connect(endpoint: Endpoint, options: &RpcOptions) -> Result<Client, RpcFault> {
        let &RpcOptions { requests, timeout, answer_bytes, retry, .. } = options;
        let mut done = 0;
        let connection = loop {
            let error = match transport::open(&endpoint, timeout, answer_bytes, retry).await {
                Ok(connection) => break connection,
                Err(error) => error,
            };
            done += 1;
            match trouble::of_transport(&endpoint, error) {
                Trouble::Passing { after, .. } if done < retry.attempts => {
                    METER.retried(metrics::REQUEST);
                    tokio::time::sleep(retry.pause(done, after)).await;
                }
                trouble => return Err(fault(trouble, done)),
            }
        };
        Ok(Client {
            endpoint,
            retry,
            timeout,
            connection: RwLock::new(connection),
            answer_bytes,
            permits: Semaphore::new(requests.clamp(1, Semaphore::MAX_PERMITS)),
            next_id: AtomicU64::new(1),
            batch_calls: AtomicUsize::new(BATCH_CALLS),
        })
    }

    /// Makes a single call.
    pub async fn ask_one(&self, call: Call) -> Answer {
        let calls = [call];
        let mut answers = self.ask(&calls).await;
        answers.pop().unwrap_or(Err(RpcFault::Null { what: "answer" }))
    }

    /// Makes a single call, once: for what is done without if it does not come at once.
    pub async fn ask_once(&self, call: Call) -> Option<Box<RawValue>> {
        let answer = self.request(&[call], &[0]).await.pop();
        answer.and_then(Result::ok)
    }

    /// What announcements come through, if the node can make any.
    pub async fn socket(&self) -> Option<PubSubFrontend> {
        self.connection.read().await.socket.clone()
    }

    /// Opens the connection anew, after it was given up for lost while it was `lost`.
    async fn reconnect(&self, lost: u64) {
        let mut connection = self.connection.write().await;
        if connection.number != lost {
            return; // somebody else was faster
        }
        let opened =
            transport::open(&self.endpoint, self.timeout, self.answer_bytes, self.retry).await;
        // If it cannot be opened now, the next request finds it lost again.
        if let Ok(opened) = opened {
            *connection = Connection { number: lost + 1, ..opened };
        }
    }

    /// Makes `calls`, several in one request. The answers are in their order.
    pub async fn ask(&self, calls: &[Call]) -> Vec<Answer> {
        let mut asking =
            Asking { answers: calls.iter().map(|_| None).collect(), troubles: HashMap::new() };
        let mut done = 0;
        let mut most = self.batch_calls.load(Ordering::Relaxed);
        loop {
            let open = asking.open();
            if open.is_empty() {
                break;
            }
            let parts = open.chunks(most.max(1));
            let rounds = join_all(parts.clone().map(|part| self.request(calls, part))).await;
            let mut is_passing = false;
            let mut after = None;
            for (part, results) in parts.zip(rounds) {
                for (&place, result) in part.iter().zip(results) {
                    let trouble = match result {
                        Ok(result) => {
                            asking.answers[place] = Some(Ok(result));
                            continue;
                        }
                        Err(trouble) => trouble,
                    };
                    match &trouble {
                        Trouble::TooLarge { .. } if part.len() > 1 => {
                            most = most.min(part.len().div_ceil(2));
                        }
                        Trouble::Passing { after: wish, .. } => {
                            is_passing = true;
                            after = after.max(*wish);
                            asking.troubles.insert(place, trouble);
                        }
                        _ => asking.answers[place] = Some(Err(fault(trouble, done + 1))),
                    }
                }
            }
            self.batch_calls.fetch_min(most, Ordering::Relaxed);
            if is_passing {
                done += 1;
                if done >= self.retry.attempts {
                    asking.give_up(done);
                } else {
                    METER.retried(metrics::REQUEST);
                    tokio::time::sleep(self.retry.pause(done, after)).await;
                }
            }
        }
        asking.answers.into_iter().flatten().collect()
    }

    /// Makes those of `calls` that are at `places`, in one request.
    async fn request(
        &self,
        calls: &[Call],
        places: &[usize],
    ) -> Vec<Result<Box<RawValue>, Trouble>> {
        let count = places.len();
        let first_id = self.next_id.fetch_add(count as u64, Ordering::Relaxed);
        let requests = places.iter().zip(first_id..).map(|(&place, id)| {
            let call = &calls[place];
            Request::new(call.method, Id::Number(id), call.params.clone()).serialize()
        });
        let packet = match requests.collect::<Result<Vec<_>, _>>() {
            Ok(mut requests) if count == 1 => requests.pop().map(RequestPacket::Single),
            Ok(requests) => Some(RequestPacket::Batch(requests)),
            Err(_) => None,
        };
        let Some(packet) = packet else {
            let fault = RpcFault::malformed("request", "it cannot be written");
            return vec![Err(Trouble::Lasting(fault)); count];
        };
        match self.send(packet).await {
            Ok(ResponsePacket::Single(response)) if count == 1 => {
                vec![self.result(response)]
            }
            Ok(ResponsePacket::Single(response)) => {
                // Not a batch: the node could not do anything with it.
                let trouble = self.result(response).err().unwrap_or_else(|| {
                    Trouble::Lasting(RpcFault::malformed("answer", "one came for a batch of calls"))
                });
                vec![Err(trouble); count]
            }
            Ok(ResponsePacket::Batch(responses)) => {
                let mut results: HashMap<Id, _> =
                    responses.into_iter().map(|response| (response.id.clone(), response)).collect();
                let mut result = |id| match results.remove(&Id::Number(id)) {
                    Some(response) => self.result(response),
                    None => Err(Trouble::passing("the node left the call out of its answer")),
                };
                (first_id..).take(count).map(&mut result).collect()
            }
            Err(trouble) => vec![Err(trouble); count],
        }
    }

    /// Sends a request, when it is its turn.
    async fn send(&self, packet: RequestPacket) -> Result<ResponsePacket, Trouble> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await.ok();
        let (mut transport, number) = {
            let connection = self.connection.read().await;
            (connection.transport.clone(), connection.number)
        };
        let answer = async {
            std::future::poll_fn(|context| transport.poll_ready(context)).await?;
            transport.call(packet).await
        };
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(packet)) => Ok(packet),
            Ok(Err(error)) => {
                if matches!(error, TransportError::Transport(TransportErrorKind::BackendGone)) {
                    self.reconnect(number).await;
                }
                Err(trouble::of_transport(&self.endpoint, error))
            }
            Err(_) => {
                let seconds = self.timeout.as_secs_f32();
                Err(Trouble::passing(format!("no answer within {seconds} seconds")))
            }
        }
    }

    fn result(&self, response: Response) -> Result<Box<RawValue>, Trouble> {
        match response.payload {
            ResponsePayload::Success(result) => Ok(result),
            ResponsePayload::Failure(payload) => Err(trouble::of_payload(&self.endpoint, &payload)),
        }
    }
}

impl Asking {
    /// The places of calls without an answer.
    fn open(&self) -> Vec<usize> {
        (0..self.answers.len()).filter(|&place| self.answers[place].is_none()).collect()
    }

    /// Answers calls that had passing trouble with it.
    fn give_up(&mut self, attempts: u32) {
        for (place, trouble) in self.troubles.drain() {
            self.answers[place].get_or_insert_with(|| Err(fault(trouble, attempts)));
        }
    }
}

/// What is told of `trouble` after `attempts`.
fn fault(trouble: Trouble, attempts: u32) -> RpcFault {
    match trouble {
        Trouble::Passing { reason, is_limit: true, .. } => RpcFault::Limited { attempts, reason },
        Trouble::Passing { reason, .. } => RpcFault::Unreachable { attempts, reason },
        Trouble::TooLarge { message } => RpcFault::TooLarge { message },
        Trouble::Lasting(fault) => fault,
    }
}
