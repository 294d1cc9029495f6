//! What ethereum-etl's columns of traces are in our table, and where they differ.

use super::Source::{Empty, Made, OfBlock, Own};
use super::row::Row;
use super::tables::ITEM_TIMESTAMP;
use super::{Column, Difference, Table, same};

/// The traces of `trace_block`.
pub static TRACES: Table = Table {
    name: "traces",
    ours: "traces",
    key: &[],
    left_out: None,
    columns: &[
        BLOCK_NUMBER,
        same("transaction_hash", Own("tx_hash")),
        TX_INDEX,
        FROM,
        TO,
        VALUE,
        INPUT,
        OUTPUT,
        KIND,
        CALL_KIND,
        same("reward_type", Made(|row| kind_of(row, "reward"))),
        GAS,
        GAS_USED,
        SUBTRACES,
        PATH,
        ERROR,
        same("status", Made(status)),
        same("trace_id", Made(id)),
        same("trace_index", Own("trace_index")),
        same("block_hash", OfBlock("hash")),
        same("block_timestamp", Own("time")),
        same("type", Made(|_| "trace".to_owned())),
        same("item_id", Made(|row| format!("trace_{}", id(row)))),
        ITEM_TIMESTAMP,
    ],
};

/// The traces of `callTracer`, which it leaves without what it adds to others.
pub static CALL_TRACER: Table = Table {
    name: "traces of callTracer",
    ours: "traces",
    key: &[],
    left_out: None,
    columns: &[
        BLOCK_NUMBER,
        Column {
            theirs: "transaction_hash",
            ours: Own("tx_hash"),
            differences: &[Difference {
                name: "a trace of callTracer has no transaction_hash",
                theirs: |_| Some(String::new()),
            }],
        },
        TX_INDEX,
        FROM,
        TO,
        VALUE,
        INPUT,
        OUTPUT,
        KIND,
        CALL_KIND,
        same("reward_type", Empty),
        GAS,
        GAS_USED,
        SUBTRACES,
        PATH,
        ERROR,
        Column {
            theirs: "status",
            ours: Made(status),
            differences: &[Difference {
                name: "a trace of callTracer has no status",
                theirs: |_| Some(String::new()),
            }],
        },
        same("trace_id", Empty),
    ],
};

const BLOCK_NUMBER: Column = same("block_number", Own("height"));
const TX_INDEX: Column = same("transaction_index", Own("tx_index"));
const FROM: Column = same("from_address", Own("from_address"));
const TO: Column = same("to_address", Own("to_address"));
const INPUT: Column = same("input", Own("input"));
const OUTPUT: Column = same("output", Own("output"));
const GAS: Column = same("gas", Own("gas"));
const GAS_USED: Column = same("gas_used", Own("gas_used"));
const SUBTRACES: Column = same("subtraces", Own("subtrace_count"));
const PATH: Column = same("trace_address", Own("trace_address"));
const ERROR: Column = same("error", Own("error"));
const CALL_KIND: Column = same("call_type", Made(|row| kind_of(row, "call")));

/// Nodes tell a delegate call with the value that its code sees, which is that of the call that it
/// runs in. It moves nothing, so ours is zero.
const VALUE: Column = Column {
    theirs: "value",
    ours: Own("value"),
    differences: &[Difference {
        name: "a delegate call has the value of the call that it runs in",
        theirs: |row| (row.text("call_kind") == "delegatecall").then(|| seen_value(row.clone())),
    }],
};

/// The value that the code of `row` sees.
fn seen_value(mut row: Row<'_>) -> String {
    while row.text("call_kind") == "delegatecall" {
        let depth = depth(&row);
        // Calls come before those in them.
        while self::depth(&row) >= depth {
            row.at -= 1;
        }
    }
    row.text("value")
}

fn depth(row: &Row<'_>) -> usize {
    row.text("trace_address").split(',').filter(|place| !place.is_empty()).count()
}

const KIND: Column = Column {
    theirs: "trace_type",
    ours: Own("kind"),
    differences: &[Difference {
        name: "a self-destruction is called suicide",
        theirs: |row| (row.text("kind") == "selfdestruct").then(|| "suicide".to_owned()),
    }],
};

/// The kind of call, or of reward: one column of ours, and two of its.
fn kind_of(row: &Row<'_>, kind: &str) -> String {
    if row.text("kind") == kind { row.text("call_kind") } else { String::new() }
}

/// 0 if the step, or one that it is part of, failed.
fn status(row: &Row<'_>) -> String {
    u8::from(row.text("is_reverted") == "0").to_string()
}

/// A name made of what else is in the row; rewards are counted.
fn id(row: &Row<'_>) -> String {
    let kind = row.text("kind").replace("selfdestruct", "suicide");
    if kind != "reward" {
        let path = row.text("trace_address").replace(',', "_");
        return format!("{kind}_{}_{path}", row.text("tx_hash"));
    }
    let rewards = row.ours.rows("traces");
    let before = rewards[..row.at].iter().filter(|row| row.text("kind") == "reward").count();
    format!("reward_{}_{before}", row.text("height"))
}
