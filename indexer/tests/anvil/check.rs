//! Reads a whole chain and holds every row against what the node says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use assay_indexer::decode::ethereum::{Decoder, Rules};
use assay_model::Batch;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::anvil::Anvil;
use crate::cells::{compare, quantity, read, rows, wei};
use crate::ethereum_source::decode;
use crate::node::{NO_METHOD, Node, Reply, answer, calls};
use crate::{told, traced};

/// A chain that has been read.
pub struct Chain {
    pub batch: Batch,
    /// Height of the last block.
    pub last: u64,
}

impl Chain {
    /// Reads all blocks at `url`, with traces.
    async fn read(anvil: &Anvil, url: &str) -> Chain {
        let (rpc, blocks) = anvil.blocks(url).await;
        assert!(rpc.has_traces());
        let rules = Arc::new(Rules::of(rpc.network()));
        let decoder = Decoder { rules, genesis: None, with_traces: true };
        Chain { batch: decode(&decoder, &blocks), last: blocks.len() as u64 - 1 }
    }

    pub fn rows(&self, table: &str) -> Vec<Value> {
        rows(&self.batch, table)
    }

    /// What there is in a column, or in several.
    pub fn values<const N: usize>(&self, table: &str, columns: [&str; N]) -> BTreeSet<[String; N]> {
        let value = |row: &Value, column: &str| read::<Option<String>>(row, column);
        let rows = self.rows(table);
        rows.iter().map(|row| columns.map(|of| value(row, of).unwrap_or_default())).collect()
    }
}

/// Reads the chain in both ways in which its traces can be had, and checks all tables.
pub async fn all(anvil: &Anvil) -> Chain {
    let chain = Chain::read(anvil, &format!("http://{}", anvil.host)).await;
    check_blocks(anvil, &chain).await;
    compare("logs", &chain.rows("logs"), &told::logs(anvil).await);
    compare("traces", &chain.rows("traces"), &traced::steps(anvil, chain.last).await);
    check_balances(anvil, &chain).await;

    let node = without_trace_block(anvil).await;
    let other = Chain::read(anvil, &node.url).await;
    compare("frames", &other.rows("traces"), &traced::frames(anvil, chain.last).await);
    // The tracer of calls has calls of precompiled contracts besides, so traces are counted
    // differently.
    let flows = |chain: &Chain| {
        let mut flows = chain.rows("value_flows");
        for flow in &mut flows {
            flow.as_object_mut().expect("an object").remove("trace_index");
        }
        flows
    };
    assert_eq!(flows(&chain), flows(&other));
    for table in ["blocks", "transactions", "logs", "token_transfers", "withdrawals"] {
        assert_eq!(chain.rows(table), other.rows(table));
    }
    chain
}

async fn check_blocks(anvil: &Anvil, chain: &Chain) {
    let blocks = told::blocks(anvil, chain.last).await;
    compare("blocks", &chain.rows("blocks"), &blocks);
    let mut transactions = chain.rows("transactions");
    let hashes: Vec<B256> = transactions.iter().map(|row| read(row, "hash")).collect();
    let expected = told::transactions(anvil, &hashes, &blocks).await;
    // Who gave an authorisation, nodes do not say.
    for authorization in
        transactions.iter_mut().filter_map(|row| row["authorizations"].as_array_mut())
    {
        for item in authorization {
            item.as_object_mut().expect("an object").remove("authority");
        }
    }
    compare("transactions", &transactions, &expected);
}

/// A way to the node on which it has no `trace_block`.
async fn without_trace_block(anvil: &Anvil) -> Node {
    let post = anvil.poster();
    Node::start(move |_, body| {
        if calls(body, "trace_block") {
            return Reply::Json(answer(body, |_, _| NO_METHOD));
        }
        Reply::Json(block_in_place(|| Handle::current().block_on(post(body))))
    })
    .await
}

/// Every account that a row of any table names.
fn accounts(chain: &Chain) -> BTreeSet<Address> {
    let columns = [
        ("blocks", "miner"),
        ("transactions", "from_address"),
        ("transactions", "to_address"),
        ("transactions", "created_address"),
        ("traces", "from_address"),
        ("traces", "to_address"),
        ("logs", "address"),
        ("token_transfers", "from_address"),
        ("token_transfers", "to_address"),
        ("value_flows", "from_address"),
        ("value_flows", "to_address"),
    ];
    let named = columns.into_iter().flat_map(|(table, column)| {
        let rows = chain.rows(table);
        rows.into_iter().filter_map(move |row| read::<Option<Address>>(&row, column))
    });
    named.collect()
}

/// Checks at every height that what went to each account less what came from it is its balance.
async fn check_balances(anvil: &Anvil, chain: &Chain) {
    let accounts: Vec<Address> = accounts(chain).into_iter().collect();
    let told = async |height: u64| -> Vec<i128> {
        let params = accounts.iter().map(|account| json!([account, quantity(height)]));
        let balances = anvil.call_all("eth_getBalance", &params.collect::<Vec<_>>()).await;
        balances.into_iter().map(|balance| wei(&json!({ "balance": balance }), "balance")).collect()
    };
    // What the node gave to its accounts at the beginning stands in no block.
    let genesis = told(0).await;
    let mut balances: BTreeMap<Address, i128> = accounts.iter().copied().zip(genesis).collect();
    let flows = chain.rows("value_flows");
    for height in 1..=chain.last {
        for flow in flows.iter().filter(|flow| flow["height"] == quantity(height)) {
            for (column, sign) in [("from_address", -1), ("to_address", 1)] {
                if let Some(account) = read::<Option<Address>>(flow, column) {
                    *balances.entry(account).or_default() += sign * wei(flow, "value");
                }
            }
        }
        for (account, balance) in accounts.iter().zip(told(height).await) {
            assert_eq!(balances[account], balance, "{account} at {height}");
        }
    }
}
