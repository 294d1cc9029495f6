//! Texts of JSON that are the same in many blocks but for the block's hash, parent and height.

use assay_model::{BlockRef, hex};
use serde_json::Value;

/// What stands in JSON for the block's hash.
pub(super) const HASH: &str = "«hash»";
/// What stands in JSON for the hash of its parent.
pub(super) const PARENT: &str = "«parent»";
/// What stands in JSON for its height.
pub(super) const HEIGHT: &str = "«height»";

/// A text with gaps.
#[derive(Debug)]
pub(super) struct Template {
    /// What is before each gap, and what belongs there.
    parts: Vec<(String, Gap)>,
    end: String,
}

#[derive(Clone, Copy, Debug)]
enum Gap {
    Hash,
    Parent,
    Height,
}

impl Template {
    /// The text of `json`.
    pub fn new(json: &Value) -> Template {
        let text = json.to_string();
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find('«') {
            let (before, gap) = rest.split_at(at);
            let gaps = [(HASH, Gap::Hash), (PARENT, Gap::Parent), (HEIGHT, Gap::Height)];
            let found = gaps.into_iter().find(|(name, _)| gap.starts_with(name));
            let (name, gap) = found.expect("no other text has such quotation marks");
            parts.push((before.to_owned(), gap));
            rest = &rest[at + name.len()..];
        }
        Template { parts, end: rest.to_owned() }
    }

    /// Appends the text for `block`.
    pub fn write(&self, block: &BlockRef, out: &mut Vec<u8>) {
        let hash = format!("0x{}", hex::encode(&block.hash.0));
        let parent = format!("0x{}", hex::encode(&block.parent.0));
        let height = format!("{:#x}", block.height);
        for (before, gap) in &self.parts {
            out.extend_from_slice(before.as_bytes());
            let text = match gap {
                Gap::Hash => &hash,
                Gap::Parent => &parent,
                Gap::Height => &height,
            };
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(self.end.as_bytes());
    }
}
