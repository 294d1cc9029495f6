//! What the node says of the execution of transactions, as rows: in both ways in which it tells it.

use alloy_primitives::{Address, U256};
use serde_json::{Value, json};

use crate::anvil::Anvil;
use crate::cells::quantity;
use crate::told::{items, number};

/// Rows of `traces` by `trace_block`, up to the height `last`.
pub async fn steps(anvil: &Anvil, last: u64) -> Vec<Value> {
    let params: Vec<Value> = (1..=last).map(|height| json!([quantity(height)])).collect();
    let blocks = anvil.call_all("trace_block", &params).await;
    let mut rows = Vec::new();
    for told in &blocks {
        let steps = told.as_array().expect("a list");
        rows.extend(steps.iter().enumerate().map(|(place, step)| step_row(place, step)));
    }
    mark_reverted(&mut rows);
    rows
}

fn step_row(trace_index: usize, step: &Value) -> Value {
    let of_action = match step["type"].as_str() {
        Some("call") => call_step(step),
        Some("create") => creation_step(step),
        _ => destruction_step(step),
    };
    let place = json!({
        "height": counted(&step["blockNumber"]),
        "trace_index": quantity(trace_index),
        "tx_hash": step["transactionHash"],
        "tx_index": counted(&step["transactionPosition"]),
        "trace_address": items(step, "traceAddress", counted),
        "subtrace_count": counted(&step["subtraces"]),
        "error": step["error"],
    });
    joined(place, of_action)
}

fn call_step(step: &Value) -> Value {
    let (action, result) = (&step["action"], &step["result"]);
    json!({
        "kind": "call",
        "call_kind": action["callType"],
        "from_address": action["from"],
        "to_address": action["to"],
        "value": moved(action, action["callType"] == "delegatecall"),
        "input": action["input"],
        "output": result["output"],
        "gas": action["gas"],
        "gas_used": result["gasUsed"],
    })
}

fn creation_step(step: &Value) -> Value {
    let (action, result) = (&step["action"], &step["result"]);
    let created = |field: &str| unless(!step["error"].is_null(), &result[field]);
    json!({
        "kind": "create",
        "call_kind": action["creationMethod"],
        "from_address": action["from"],
        "to_address": created("address"),
        "value": action["value"],
        "input": action["init"],
        "output": created("code"),
        "gas": action["gas"],
        "gas_used": result["gasUsed"],
    })
}

fn destruction_step(step: &Value) -> Value {
    let action = &step["action"];
    json!({
        "kind": "selfdestruct",
        "call_kind": null,
        "from_address": action["address"],
        "to_address": action["refundAddress"],
        "value": action["balance"],
        "input": null,
        "output": null,
        "gas": null,
        "gas_used": null,
    })
}

/// Rows of `traces` by the tracer of calls, up to the height `last`.
pub async fn frames(anvil: &Anvil, last: u64) -> Vec<Value> {
    let options = json!({ "tracer": "callTracer" });
    let params: Vec<Value> = (1..=last).map(|height| json!([quantity(height), options])).collect();
    let blocks = anvil.call_all("debug_traceBlockByNumber", &params).await;
    let mut rows = Vec::new();
    for (height, told) in (1..=last).zip(&blocks) {
        let before = rows.len();
        for (tx_index, transaction) in told.as_array().expect("a list").iter().enumerate() {
            let place = json!({
                "height": quantity(height),
                "tx_hash": transaction["txHash"],
                "tx_index": quantity(tx_index),
            });
            add_frames(&place, &transaction["result"], &[], &mut rows);
        }
        for (trace_index, row) in rows[before..].iter_mut().enumerate() {
            row["trace_index"] = quantity(trace_index);
        }
    }
    mark_reverted(&mut rows);
    rows
}

/// Adds the rows of a `frame` and of those within; what `place` says is true of all.
fn add_frames(place: &Value, frame: &Value, address: &[usize], rows: &mut Vec<Value>) {
    let calls = frame["calls"].as_array().map_or(&[][..], Vec::as_slice);
    let path = json!({
        "trace_address": address.iter().map(|&place| quantity(place)).collect::<Value>(),
        "subtrace_count": quantity(calls.len()),
    });
    rows.push(joined(joined(place.clone(), path), frame_row(frame)));
    for (at, call) in calls.iter().enumerate() {
        add_frames(place, call, &[address, &[at]].concat(), rows);
    }
}

fn frame_row(frame: &Value) -> Value {
    let name = frame["type"].as_str().expect("a type").to_lowercase();
    let has_failed = !frame["error"].is_null();
    let (kind, is_end) = match name.as_str() {
        "create" | "create2" => ("create", false),
        "selfdestruct" => ("selfdestruct", true),
        _ => ("call", false),
    };
    let output = match (&frame["output"], has_failed) {
        (Value::Null, false) => json!("0x"),
        (output, _) => unless(has_failed && kind == "create", output),
    };
    // Of an end that moves nothing, the node does not tell the heir.
    let to = match (&frame["to"], is_end) {
        (Value::Null, true) => json!(Address::ZERO),
        (to, _) => unless(has_failed && kind == "create", to),
    };
    json!({
        "kind": kind,
        "call_kind": unless(is_end, &json!(name)),
        "from_address": frame["from"],
        "to_address": to,
        "value": moved(frame, name == "delegatecall"),
        "input": unless(is_end, &frame["input"]),
        "output": unless(is_end, &output),
        "gas": unless(is_end, &frame["gas"]),
        "gas_used": unless(is_end, &frame["gasUsed"]),
        "error": error(frame),
    })
}

/// What is said of a failure: the reason that the code gives stands behind the error.
fn error(frame: &Value) -> Value {
    match (frame["error"].as_str(), frame["revertReason"].as_str()) {
        (Some(error), Some(reason)) => json!(format!("{error}: {reason}")),
        _ => frame["error"].clone(),
    }
}

/// Says of each of `rows` whether it, or a call that it is part of, failed.
fn mark_reverted(rows: &mut [Value]) {
    let path = |row: &Value| row["trace_address"].as_array().expect("a list").clone();
    let failed = rows.iter().filter(|row| !row["error"].is_null());
    let failed: Vec<_> = failed.map(|row| (row["tx_hash"].clone(), path(row))).collect();
    for row in rows {
        let own = path(row);
        let is_part = |(tx_hash, path): &(Value, Vec<Value>)| {
            *tx_hash == row["tx_hash"] && own.starts_with(path)
        };
        row["is_reverted"] = json!(failed.iter().any(is_part));
    }
}

/// The value of a call; one by a `delegate` names that of its caller's call.
fn moved(told: &Value, is_delegate: bool) -> Value {
    quantity(if is_delegate { U256::ZERO } else { number(told, "value") })
}

/// A JSON number as nodes write others.
fn counted(number: &Value) -> Value {
    quantity(number.as_u64().expect("a number"))
}

fn unless(is_null: bool, value: &Value) -> Value {
    if is_null { Value::Null } else { value.clone() }
}

fn joined(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            one.extend(other);
            Value::Object(one)
        }
        _ => unreachable!("objects are put together"),
    }
}
