//! Segments that were replaced: they stay for a while, for those who began to read them before.

use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use assay_model::lake::{REPLACED_DIR, SegmentInfo, segment_heights};

use super::{Disk, KEEP_REPLACED};
use crate::sink::SinkError;

/// The segments that are kept aside.
pub(super) struct ReplacedSegments {
    /// Their names, and since when, the oldest first.
    since: Vec<(String, SystemTime)>,
}

impl ReplacedSegments {
    /// Puts aside whatever lies in the chain's folder `dir` and is not one of `current`: a run ended
    /// between publishing it and naming it, or between replacing it and putting it aside.
    pub fn open(
        disk: &dyn Disk,
        dir: &Path,
        current: &[String],
    ) -> Result<ReplacedSegments, SinkError> {
        let aside = match disk.list(&dir.join(REPLACED_DIR)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            names => names.map_err(SinkError::io("read", dir.join(REPLACED_DIR)))?,
        };
        // Since when is not known: from now on at most.
        let now = disk.now();
        let mut replaced =
            ReplacedSegments { since: aside.into_iter().map(|name| (name, now)).collect() };
        let names = disk.list(dir).map_err(SinkError::io("read", dir))?;
        for name in names {
            if segment_heights(&name).is_some() && !current.contains(&name) {
                replaced.put_aside(disk, dir, name);
            }
        }
        Ok(replaced)
    }

    /// Puts `segments` aside, and removes those whose time is over.
    ///
    /// Trouble with that costs disk alone: it is told, and the next opening tries again.
    pub fn retire(&mut self, disk: &dyn Disk, dir: &Path, segments: &[SegmentInfo]) {
        for segment in segments {
            self.put_aside(disk, dir, segment.dir());
        }
        let now = disk.now();
        let is_over = |since: &SystemTime| {
            now.duration_since(*since).is_ok_and(|duration| duration > KEEP_REPLACED)
        };
        let over = self.since.partition_point(|(_, since)| is_over(since));
        for (name, _) in self.since.drain(..over) {
            let path = dir.join(REPLACED_DIR).join(name);
            if let Err(error) = disk.remove_dir(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove a replaced segment");
            }
        }
    }

    fn put_aside(&mut self, disk: &dyn Disk, dir: &Path, name: String) {
        let aside = dir.join(REPLACED_DIR);
        let (from, to) = (dir.join(&name), aside.join(&name));
        // The same segment was replaced before, and had come back: it has the same rows.
        self.since.retain(|(known, _)| *known != name);
        let moved = disk
            .remove_dir(&to)
            .and_then(|()| disk.create_dir(&aside))
            .and_then(|()| disk.rename(&from, &to));
        match moved {
            Ok(()) => self.since.push((name, disk.now())),
            Err(error) => {
                tracing::warn!(path = %from.display(), %error, "cannot put a segment aside");
            }
        }
    }
}
