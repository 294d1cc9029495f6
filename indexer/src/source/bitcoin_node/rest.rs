//! Blocks over REST, which sends them as they are: half as long as in JSON, and nothing to convert.

use assay_model::BlockHash;

use super::client::Client;
use super::error::NodeError;
use super::rpc;
use crate::wire::Header;

/// The path of the block `hash`.
pub(super) fn path(hash: BlockHash) -> String {
    format!("/rest/block/{hash}.bin")
}

/// Whether the node serves blocks over REST: it does so only if it was started with `-rest`.
///
/// # Errors
///
/// If it does not answer just now.
pub(super) async fn is_served(client: &Client, hash: BlockHash) -> Result<bool, Box<NodeError>> {
    match client.get(&path(hash)).await {
        Ok(bytes) => Ok(is_block(hash, &bytes)),
        Err(fault) if fault.is_passing() => {
            Err(rpc::error(client.endpoint(), "/rest/block", None, fault))
        }
        Err(_) => Ok(false),
    }
}

/// The block `hash`, if it comes.
pub(super) async fn block(client: &Client, hash: BlockHash) -> Option<Vec<u8>> {
    client.get(&path(hash)).await.ok().filter(|bytes| is_block(hash, bytes))
}

/// Whether `bytes` begin as the block `hash` does: not as some page does.
fn is_block(hash: BlockHash, bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|header| Header::hash_of(header) == hash.to_wire())
}
