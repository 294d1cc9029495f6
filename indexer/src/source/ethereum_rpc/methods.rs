//! The methods that are called, and which of them a node has.

use alloy_primitives::{Address, B256};
use assay_model::ethereum::{DAO_FORK_HEIGHT, Network};
use serde_json::json;

use super::client::{Call, Client};
use super::error::{RpcError, RpcFault};
use super::json::is_null;
use crate::raw::dao::DAO_ACCOUNTS;

/// Which method tells what the execution of a block did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TraceMethod {
    /// `trace_block`: a list of steps.
    TraceBlock,
    /// `debug_traceBlockByNumber` with `callTracer`: trees of calls.
    CallTracer,
}

/// Which method tells receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReceiptMethod {
    /// `eth_getBlockReceipts`: those of a block.
    Block,
    /// `eth_getTransactionReceipt`: one.
    Single,
}

fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

/// Asks for the chain id.
pub(super) fn chain_id() -> Call {
    Call { method: "eth_chainId", params: json!([]), height: None }
}

/// Asks for the block with a `tag` (`latest`, `safe`, `finalized`), without its transactions.
pub(super) fn tagged_block(tag: &str) -> Call {
    Call { method: "eth_getBlockByNumber", params: json!([tag, false]), height: None }
}

/// Asks to be told of new blocks.
pub(super) fn new_heads() -> Call {
    Call { method: "eth_subscribe", params: json!(["newHeads"]), height: None }
}

/// Asks for the block at `height`, with its transactions or without.
pub(super) fn block(height: u64, with_transactions: bool) -> Call {
    let params = json!([quantity(height), with_transactions]);
    Call { method: "eth_getBlockByNumber", params, height: Some(height) }
}

/// Asks for the header of an uncle.
pub(super) fn uncle(height: u64, block: B256, place: usize) -> Call {
    let params = json!([block, quantity(place as u64)]);
    Call { method: "eth_getUncleByBlockHashAndIndex", params, height: Some(height) }
}

/// Asks what `account` had after the block at `height`.
pub(super) fn balance(account: Address, height: u64) -> Call {
    let params = json!([account, quantity(height)]);
    Call { method: "eth_getBalance", params, height: Some(height) }
}

/// Asks for all receipts of a block.
pub(super) fn block_receipts(height: u64) -> Call {
    Call { method: "eth_getBlockReceipts", params: json!([quantity(height)]), height: Some(height) }
}

/// Asks for the receipt of a transaction of the block at `height`.
pub(super) fn receipt(height: u64, transaction: B256) -> Call {
    let params = json!([transaction]);
    Call { method: "eth_getTransactionReceipt", params, height: Some(height) }
}

/// Asks what each account that lost its ether in the fork of The DAO had before.
pub(super) fn dao_balances() -> impl Iterator<Item = Call> {
    DAO_ACCOUNTS.iter().map(|&account| balance(account, DAO_FORK_HEIGHT - 1))
}

/// Whether the node can say what the fork of The DAO moved: it is in the main network, and still has
/// the balances before it.
pub(super) async fn has_dao_balances(
    client: &Client,
    network: Network,
) -> Result<bool, Box<RpcError>> {
    if network != Network::MAINNET {
        return Ok(false);
    }
    let call = balance(DAO_ACCOUNTS[0], DAO_FORK_HEIGHT - 1);
    match client.ask_one(call.clone()).await {
        Ok(balance) => Ok(!is_null(&balance)),
        Err(fault @ (RpcFault::Unreachable { .. } | RpcFault::Limited { .. })) => {
            Err(call.error(&client.endpoint, fault))
        }
        Err(_) => Ok(false),
    }
}

impl TraceMethod {
    /// Asks what the execution of a block did.
    pub fn call(self, height: u64) -> Call {
        let (method, params) = match self {
            TraceMethod::TraceBlock => ("trace_block", json!([quantity(height)])),
            TraceMethod::CallTracer => {
                // By default, geth gives up after five seconds.
                let options = json!({ "tracer": "callTracer", "timeout": "120s" });
                ("debug_traceBlockByNumber", json!([quantity(height), options]))
            }
        };
        Call { method, params, height: Some(height) }
    }

    /// The method that the node has, if it has any.
    pub async fn of(client: &Client) -> Result<Option<TraceMethod>, Box<RpcError>> {
        for method in [TraceMethod::TraceBlock, TraceMethod::CallTracer] {
            if has(client, method.call(0)).await? {
                return Ok(Some(method));
            }
        }
        Ok(None)
    }
}

impl ReceiptMethod {
    /// The method that the node has.
    pub async fn of(client: &Client) -> Result<ReceiptMethod, Box<RpcError>> {
        match has(client, block_receipts(0)).await? {
            true => Ok(ReceiptMethod::Block),
            false => Ok(ReceiptMethod::Single),
        }
    }
}

/// Whether the node, which answers other calls, has the method of `call`: an error that is not about
/// the method is one of a node that has it.
async fn has(client: &Client, call: Call) -> Result<bool, Box<RpcError>> {
    let fault = match client.ask_one(call.clone()).await {
        Ok(_) => return Ok(true),
        Err(fault) => fault,
    };
    match fault {
        RpcFault::NoMethod { .. } | RpcFault::Denied { .. } | RpcFault::Status { .. } => Ok(false),
        RpcFault::Refused { .. } | RpcFault::Pruned { .. } | RpcFault::TooLarge { .. } => Ok(true),
        fault => Err(call.error(&client.endpoint, fault)),
    }
}
