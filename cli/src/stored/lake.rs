//! What a lake's folder says without a query.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};
use assay_model::Chain;
use assay_model::lake::{
    LAKE_FILE, LOCK_FILE, LakeInfo, LakeInfoError, MANIFEST_FILE, Manifest, RUN_FILE,
    SCHEMA_VERSION, SEGMENT_FILE,
};
use assay_query::QueryError;
use serde::de::DeserializeOwned;

use super::{Segment, StoredChain};

/// How often the manifest is read again because the indexer replaced a segment meanwhile.
const READ_ATTEMPTS: usize = 5;

/// Every chain of the lake in `lake_dir`; an error if there is none.
pub fn chains(lake_dir: &Path) -> anyhow::Result<Vec<StoredChain>> {
    let mut chains = Vec::new();
    for chain in Chain::ALL {
        let dir = lake_dir.join(chain.name());
        let path = dir.join(LAKE_FILE);
        let Some(text) = read(&path)? else { continue };
        let info = match LakeInfo::read(&text) {
            Ok(info) => info,
            Err(LakeInfoError::SchemaVersion(found)) => {
                let (path, expected) = (dir, SCHEMA_VERSION);
                return Err(QueryError::SchemaVersion { path, found, expected }.into());
            }
            Err(LakeInfoError::Json(error)) => return Err(damaged(&path, error.into())),
        };
        let (Manifest { finality, reorgs, .. }, segments) = segments(&dir, info.from)?;
        let last_run = read_json(&dir.join(RUN_FILE))?;
        let (pieces, has_writer) = (segments.len() as u64, has_writer(&dir));
        let (log, dir) = (SEGMENT_FILE, Some(dir));
        chains.push(StoredChain {
            chain,
            dir,
            info,
            finality,
            reorgs,
            segments,
            pieces,
            log,
            last_run,
            has_writer,
        });
    }
    if chains.is_empty() {
        return Err(QueryError::NoLake { path: lake_dir.to_owned() }.into());
    }
    Ok(chains)
}

/// What the manifest in `dir` says of a lake that begins at height `from`, and its segments.
fn segments(dir: &Path, from: u64) -> anyhow::Result<(Manifest, Vec<Segment>)> {
    for _ in 0..READ_ATTEMPTS {
        let path = dir.join(MANIFEST_FILE);
        let Some(text) = read(&path)? else { return Ok(Default::default()) };
        let (manifest, heights) =
            Manifest::read(&text, from).map_err(|error| damaged(&path, error.into()))?;
        let segments = manifest.segments.iter().zip(heights).map(|(name, heights)| {
            let dir = dir.join(name);
            let info = read_json(&dir.join(SEGMENT_FILE))?;
            Ok(info.map(|info| Segment { heights, dir: Some(dir), info }))
        });
        match segments.collect::<anyhow::Result<Option<Vec<_>>>>()? {
            Some(segments) => return Ok((manifest, segments)),
            None if read(&path)? == Some(text) => {
                bail!("the lake is damaged: '{}' names segments that are not there", path.display())
            }
            None => {}
        }
    }
    bail!("the lake in '{}' kept changing while it was read: try again", dir.display())
}

/// Whether an indexer holds the lock of the chain's folder `dir`; `None` where this cannot be told
/// without taking it, which would get in the way of one that starts.
fn has_writer(dir: &Path) -> Option<bool> {
    let inode = inode(&dir.join(LOCK_FILE))?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    Some(is_locked(&locks, inode))
}

/// What the file `path` says; `None` if it does not exist.
fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let Some(text) = read(path)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|error| damaged(path, error.into()))
}

/// The content of the file `path`; `None` if it does not exist.
fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read '{}'", path.display())),
    }
}

fn damaged(path: &Path, error: anyhow::Error) -> anyhow::Error {
    error.context(format!("the lake is damaged: '{}'", path.display()))
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|file| std::os::unix::fs::MetadataExt::ino(&file))
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Option<u64> {
    None
}

/// Whether Linux' table of file locks, `locks`, lists `inode` as locked for writing.
fn is_locked(locks: &str, inode: u64) -> bool {
    let suffix = format!(":{inode}");
    locks.lines().any(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.contains(&"WRITE")
            && !words.contains(&"->")
            && words.iter().any(|word| word.ends_with(&suffix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writers_lock_is_recognised_in_the_systems_table() {
        let locks = "1: FLOCK  ADVISORY  WRITE 77 08:01:4711 0 EOF\n\
                     2: POSIX  ADVISORY  READ 78 08:01:4712 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 79 08:01:4713 0 EOF";
        assert!(is_locked(locks, 4711));
        assert!(!is_locked(locks, 711));
        assert!(!is_locked(locks, 4712));
        assert!(!is_locked(locks, 4713));
    }
}
