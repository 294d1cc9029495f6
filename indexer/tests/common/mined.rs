//! Blocks that are valid and hold nothing but a coinbase: cheap to make and to decode.

use assay_indexer::wire::sha256d;

/// The block at `height` on top of the one with the hash `parent`, in the order of the wire; `extra`,
/// of up to 90 bytes, tells it from others there.
pub fn block(height: u64, parent: [u8; 32], extra: &[u8]) -> Vec<u8> {
    let coinbase = coinbase(height, extra);
    let root = sha256d(&[&coinbase]);
    let time = 1_600_000_000 + height as u32 * 600;
    let mut bytes = Vec::with_capacity(81 + coinbase.len());
    bytes.extend(0x2000_0000u32.to_le_bytes());
    bytes.extend(parent);
    bytes.extend(root);
    bytes.extend(time.to_le_bytes());
    bytes.extend(0x207f_ffffu32.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    // Half of all hashes are below the target of regtest.
    while sha256d(&[&bytes])[31] >= 0x7f {
        bytes[76] += 1;
    }
    bytes.push(1);
    bytes.extend(coinbase);
    bytes
}

fn coinbase(height: u64, extra: &[u8]) -> Vec<u8> {
    let mut script = vec![4];
    script.extend((height as u32).to_le_bytes());
    script.extend(extra);
    let mut bytes = 2u32.to_le_bytes().to_vec();
    bytes.push(1);
    bytes.extend([0; 32]);
    bytes.extend([0xff; 4]);
    bytes.push(script.len() as u8);
    bytes.extend(script);
    bytes.extend([0xff; 4]);
    bytes.push(1);
    bytes.extend((1000 + height).to_le_bytes());
    bytes.extend([1, 0x51]);
    bytes.extend([0; 4]);
    bytes
}
