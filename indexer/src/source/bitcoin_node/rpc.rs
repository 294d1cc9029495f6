//! JSON-RPC: requests, and reading the answers to them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::{NodeError, NodeFault};
use super::http::Reply;
use super::trouble::{self, Trouble};
use crate::source::endpoint::Endpoint;

/// One call of a method.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: &'static str,
    pub params: Value,
    /// The block that it is for.
    pub height: Option<u64>,
}

/// A result as the node wrote it.
pub(super) type Answer = Result<Box<RawValue>, NodeFault>;
/// A result, or why there is none this time.
pub(super) type Outcome = Result<Box<RawValue>, Trouble>;

/// The answer to a call. Nodes before Bitcoin Core 28 write both result and error, one of them null.
#[derive(Deserialize)]
struct Response {
    result: Option<Box<RawValue>>,
    error: Option<ErrorObject>,
    id: Option<Value>,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl Call {
    /// The error that calling, or reading the answer, had.
    pub fn error(&self, endpoint: &Endpoint, fault: NodeFault) -> Box<NodeError> {
        error(endpoint, self.method, self.height, fault)
    }
}

/// The error that `method` has at `endpoint`.
pub(super) fn error(
    endpoint: &Endpoint,
    method: &'static str,
    height: Option<u64>,
    fault: NodeFault,
) -> Box<NodeError> {
    // What does not fit is quoted, however long it is.
    let fault = match fault {
        NodeFault::Malformed { what, reason } => {
            NodeFault::Malformed { what, reason: endpoint.clean(&reason) }
        }
        fault => fault,
    };
    Box::new(NodeError { url: endpoint.shown.clone(), method, height, fault })
}

/// The request for `calls`, whose ids count from `first_id`.
pub(super) fn request(calls: &[Call], first_id: u64) -> Value {
    let one = |(call, id): (&Call, u64)| json!({ "jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params });
    match calls {
        [call] => one((call, first_id)),
        calls => calls.iter().zip(first_id..).map(one).collect(),
    }
}

/// The results of `count` calls, whose ids count from `first_id`, in their order.
pub(super) fn results(reply: &Reply, first_id: u64, count: usize) -> Vec<Outcome> {
    let all = |trouble: Trouble| vec![Err(trouble); count];
    let body = reply.body.trim_ascii_start();
    if body.starts_with(b"[") && count > 1 {
        return match serde_json::from_slice(body) {
            Ok(responses) => in_order(&reply.endpoint, responses, first_id, count),
            Err(error) => all(unreadable(reply, &error)),
        };
    }
    match serde_json::from_slice::<Response>(body) {
        Ok(response) if response.error.is_none() && !reply.is_success() => all(of_status(reply)),
        Ok(response) if count == 1 => vec![result(reply, response, first_id)],
        // Not a batch: the node could not do anything with it.
        Ok(Response { error: Some(error), .. }) => all(of_error(&reply.endpoint, error)),
        Ok(_) => all(not_json(reply, "one answer came for several calls")),
        Err(error) => all(unreadable(reply, &error)),
    }
}

fn in_order(
    endpoint: &Endpoint,
    responses: Vec<Response>,
    first_id: u64,
    count: usize,
) -> Vec<Outcome> {
    let by_id = |response: Response| Some((response.id.as_ref()?.as_u64()?, response));
    let mut by_id: HashMap<u64, Response> = responses.into_iter().filter_map(by_id).collect();
    let outcome = |id| match by_id.remove(&id) {
        Some(Response { error: Some(error), .. }) => Err(of_error(endpoint, error)),
        Some(response) => response.result.ok_or(Trouble::Lasting(NodeFault::Null)),
        None => Err(Trouble::no_answer("the node left the call out of its answer")),
    };
    (first_id..).take(count).map(outcome).collect()
}

/// The result of the single call with `id`.
fn result(reply: &Reply, response: Response, id: u64) -> Outcome {
    let Response { result, error, id: found } = response;
    match (error, found) {
        (Some(error), _) => Err(of_error(&reply.endpoint, error)),
        (None, Some(found)) if found == json!(id) => {
            result.ok_or(Trouble::Lasting(NodeFault::Null))
        }
        (None, Some(_)) if result.is_some() => {
            Err(Trouble::no_answer("the answer is one to another call"))
        }
        (None, _) => Err(not_json(reply, "it has no id and no result")),
    }
}

fn of_error(endpoint: &Endpoint, error: ErrorObject) -> Trouble {
    trouble::of_error(endpoint, error.code, &error.message)
}

pub(super) fn of_status(reply: &Reply) -> Trouble {
    trouble::of_status(&reply.endpoint, reply.status, &reply.text(), reply.after)
}

fn not_json(reply: &Reply, reason: &str) -> Trouble {
    trouble::not_json(&reply.endpoint, &reply.text(), reason)
}

fn unreadable(reply: &Reply, error: &serde_json::Error) -> Trouble {
    match reply.is_success() {
        true => trouble::of_text(&reply.endpoint, error, &reply.text()),
        false => of_status(reply),
    }
}

/// Reads a result that is a `what`.
pub(super) fn read<'a, T: Deserialize<'a>>(
    what: &'static str,
    text: &'a RawValue,
) -> Result<T, NodeFault> {
    serde_json::from_str(text.get()).map_err(|error| NodeFault::malformed(what, error))
}
