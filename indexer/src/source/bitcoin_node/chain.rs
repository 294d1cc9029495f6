//! What a node says of its chain: which it is, how far it goes, its headers.

use assay_model::{BlockHash, BlockRef, Network, hex};
use serde::{Deserialize, Deserializer, de};
use serde_json::json;

use super::client::Client;
use super::error::{NodeError, NodeFault};
use super::rpc::{Call, read};

/// The error of JSON-RPC for a height above the tip (`RPC_INVALID_PARAMETER`).
const INVALID_PARAMETER: i64 = -8;

/// The answer to `getblockchaininfo`.
#[derive(Debug, Deserialize)]
pub(super) struct ChainInfo {
    pub chain: String,
    pub blocks: u64,
    #[serde(rename = "bestblockhash")]
    pub best: BlockHash,
    #[serde(rename = "initialblockdownload", default)]
    pub is_synchronising: bool,
    #[serde(rename = "pruneheight", default)]
    pub first_kept: u64,
    /// Bytes of all block and undo files.
    #[serde(default)]
    pub size_on_disk: u64,
}

/// The answer to `getblockheader`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct HeaderInfo {
    pub hash: BlockHash,
    pub height: u64,
    #[serde(rename = "previousblockhash", default)]
    pub parent: BlockHash,
    #[serde(rename = "mediantime")]
    pub median_time: u32,
    #[serde(rename = "chainwork", deserialize_with = "work")]
    pub chain_work: [u8; 32],
    /// The number of its transactions; nodes before Bitcoin Core 0.17 do not say it.
    #[serde(rename = "nTx")]
    pub transactions: Option<u64>,
}

impl HeaderInfo {
    pub fn block(&self) -> BlockRef {
        BlockRef { height: self.height, hash: self.hash, parent: self.parent }
    }
}

/// A number of 256 bits in hex.
fn work<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(deserializer)?;
    hex::decode(&text)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| de::Error::custom(format_args!("chainwork is '{text}'")))
}

fn info_call() -> Call {
    Call { method: "getblockchaininfo", params: json!([]), height: None }
}

/// Asks for the hash of the block at `height`.
pub(super) fn hash_call(height: u64) -> Call {
    Call { method: "getblockhash", params: json!([height]), height: Some(height) }
}

/// Asks for the header of the block `hash`, which is at `height` if that is known.
pub(super) fn header_call(hash: BlockHash, height: Option<u64>) -> Call {
    Call { method: "getblockheader", params: json!([hash, true]), height }
}

/// What the node says of its chain.
pub(super) async fn info(client: &Client) -> Result<ChainInfo, Box<NodeError>> {
    ask(client, info_call(), "state of the chain").await
}

/// The network of a node that says `info`, which must be `wanted` if that is given.
pub(super) async fn network(
    client: &Client,
    info: &ChainInfo,
    wanted: Option<Network>,
) -> Result<Network, Box<NodeError>> {
    let error = |fault| info_call().error(client.endpoint(), fault);
    let network = match &*info.chain {
        "main" => Network::Mainnet,
        "test" => Network::Testnet3,
        "testnet4" => Network::Testnet4,
        "signet" => Network::Signet,
        "regtest" => Network::Regtest,
        name => {
            let name = client.endpoint().clean(name);
            return Err(error(NodeFault::UnknownNetwork { name }));
        }
    };
    // Other chains were made from the same program, and kept its names.
    let found: BlockHash = ask(client, hash_call(0), "hash").await?;
    if found != network.genesis() {
        return Err(error(NodeFault::OtherChain { network, found }));
    }
    match wanted {
        Some(wanted) if wanted != network => {
            Err(error(NodeFault::OtherNetwork { found: network, wanted }))
        }
        _ => Ok(network),
    }
}

/// The last block of the node's chain.
pub(super) async fn tip(client: &Client) -> Result<BlockRef, Box<NodeError>> {
    let call = Call { method: "getbestblockhash", params: json!([]), height: None };
    let hash = ask(client, call, "hash").await?;
    header(client, hash, None).await
}

/// The block at `height`; `None` above the tip.
pub(super) async fn block_at(
    client: &Client,
    height: u64,
) -> Result<Option<BlockRef>, Box<NodeError>> {
    let call = hash_call(height);
    let error = |fault| call.error(client.endpoint(), fault);
    let hash = match client.ask_one(&call).await {
        Ok(text) => read("hash", &text).map_err(error)?,
        Err(fault) if is_above_tip(&fault) => return Ok(None),
        Err(fault) => return Err(error(fault)),
    };
    Ok(Some(header(client, hash, Some(height)).await?))
}

/// Whether the node says that its chain does not go so far.
pub(super) fn is_above_tip(fault: &NodeFault) -> bool {
    matches!(fault, NodeFault::Refused { code: INVALID_PARAMETER, .. })
}

async fn header(
    client: &Client,
    hash: BlockHash,
    height: Option<u64>,
) -> Result<BlockRef, Box<NodeError>> {
    let call = header_call(hash, height);
    let header: HeaderInfo = ask(client, call.clone(), "header").await?;
    check(&header, hash, height).map_err(|fault| call.error(client.endpoint(), fault))?;
    Ok(header.block())
}

/// Nothing, if `header` is that of the block `hash` at `height`.
pub(super) fn check(
    header: &HeaderInfo,
    hash: BlockHash,
    height: Option<u64>,
) -> Result<(), NodeFault> {
    if header.hash != hash {
        return Err(NodeFault::OtherBlock { found: header.hash });
    }
    match height {
        Some(height) if height != header.height => {
            let reason = format!("it is at height {}", header.height);
            Err(NodeFault::malformed("header", reason))
        }
        _ => Ok(()),
    }
}

/// The result of `call`, a `what`.
async fn ask<T: de::DeserializeOwned>(
    client: &Client,
    call: Call,
    what: &'static str,
) -> Result<T, Box<NodeError>> {
    let error = |fault| call.error(client.endpoint(), fault);
    let text = client.ask_one(&call).await.map_err(error)?;
    read(what, &text).map_err(error)
}
