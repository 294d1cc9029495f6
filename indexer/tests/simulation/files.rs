//! Files and folders in memory, and what of them survives when the power fails.
//!
//! # Invariants
//!
//! * What was finished, and every name whose folder was synchronised since it last changed, survives.
//! * Of everything else, any part may be lost: files keep some beginning of what was written to them,
//!   and of the names' changes some are undone, but none alone that a later one rests on.
//! * A rename survives as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use assay_fixtures::rng::Rng;
use bytes::Bytes;

/// Place of a node; the first is the root folder.
type Inode = usize;

const ROOT: Inode = 0;

/// A file system.
pub struct Files {
    nodes: Vec<Node>,
    /// Changes of names that are not durable yet, in the order in which they were made.
    pending: Vec<Change>,
    /// How often a name was taken away from one thing or given to another.
    pub moves: u64,
}

enum Node {
    Folder(Folder),
    File(File),
}

#[derive(Default)]
struct Folder {
    now: BTreeMap<String, Inode>,
    durable: BTreeMap<String, Inode>,
}

#[derive(Default)]
struct File {
    written: Vec<u8>,
    /// What was written, once no more is.
    finished: Option<Bytes>,
    /// What is there after the power failed, at least if nothing was written since.
    durable: Bytes,
}

/// A name in a folder.
type Slot = (Inode, String);

/// What names stand for after a change: both of a rename, or one. They change together.
struct Change(Vec<(Slot, Option<Inode>)>);

impl Change {
    fn touches(&self, slots: &BTreeSet<Slot>) -> bool {
        self.0.iter().any(|(slot, _)| slots.contains(slot))
    }

    fn is_in(&self, folder: Inode) -> bool {
        self.0.iter().any(|((of, _), _)| *of == folder)
    }
}

impl Default for Files {
    fn default() -> Files {
        let root = Node::Folder(Folder::default());
        Files { nodes: vec![root], pending: Vec::new(), moves: 0 }
    }
}

impl Files {
    /// Makes the folder at `path` and those above it.
    pub fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        let mut at = ROOT;
        for name in names(path) {
            at = match self.folder(at)?.now.get(name) {
                Some(&child) => child,
                None => self.add(at, name, Node::Folder(Folder::default())),
            };
        }
        self.folder(at).map(|_| ())
    }

    /// An empty file at `path`, in place of what was in it.
    pub fn create(&mut self, path: &Path) -> io::Result<Inode> {
        let (folder, name) = self.slot(path)?;
        match self.folder(folder)?.now.get(&name) {
            Some(&inode) => {
                let file = self.file(inode)?;
                (file.written, file.finished) = (Vec::new(), None);
                Ok(inode)
            }
            None => Ok(self.add(folder, &name, Node::File(File::default()))),
        }
    }

    /// Appends to a file.
    pub fn write(&mut self, inode: Inode, bytes: &[u8]) -> io::Result<()> {
        self.file(inode)?.written.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends a file and makes it durable, if that `is_kept`; returns its length.
    pub fn finish(&mut self, inode: Inode, is_kept: bool) -> io::Result<u64> {
        let file = self.file(inode)?;
        let content = Bytes::from(std::mem::take(&mut file.written));
        if is_kept {
            file.durable = content.clone();
        }
        let length = content.len() as u64;
        file.finished = Some(content);
        Ok(length)
    }

    /// The content of the file at `path`.
    pub fn read(&self, path: &Path) -> io::Result<Bytes> {
        match &self.nodes[self.find(path)?] {
            Node::File(File { finished: Some(content), .. }) => Ok(content.clone()),
            Node::File(file) => Ok(Bytes::copy_from_slice(&file.written)),
            Node::Folder(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    /// The names in the folder at `path`.
    pub fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Ok(self.folder(self.find(path)?)?.now.keys().cloned().collect())
    }

    /// Gives `from` the name `to`.
    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (inode, from, to) = (self.find(from)?, self.slot(from)?, self.slot(to)?);
        if let Some(&there) = self.folder(to.0)?.now.get(&to.1) {
            match (&self.nodes[inode], &self.nodes[there]) {
                (Node::File(_), Node::File(_)) => {}
                (Node::Folder(_), Node::Folder(folder)) if folder.now.is_empty() => {}
                (Node::Folder(_), Node::Folder(_)) => {
                    return Err(ErrorKind::DirectoryNotEmpty.into());
                }
                _ => return Err(ErrorKind::AlreadyExists.into()),
            }
        }
        self.change(vec![(from, None), (to, Some(inode))]);
        Ok(())
    }

    /// Removes the folder at `path` with what is in it; of that no more than `most` names.
    pub fn remove_dir(&mut self, path: &Path, most: usize) -> io::Result<()> {
        let slot = match self.find(path) {
            Ok(_) => self.slot(path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut left = most;
        self.remove(slot, &mut left)
    }

    fn remove(&mut self, slot: Slot, left: &mut usize) -> io::Result<()> {
        let inode = self.folder(slot.0)?.now[&slot.1];
        if let Node::Folder(folder) = &self.nodes[inode] {
            for name in folder.now.keys().cloned().collect::<Vec<_>>() {
                self.remove((inode, name), left)?;
            }
        }
        *left = left.checked_sub(1).ok_or(ErrorKind::Interrupted)?;
        self.change(vec![(slot, None)]);
        Ok(())
    }

    /// Makes the names in the folder at `path` durable.
    pub fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let folder = self.find(path)?;
        self.folder(folder)?;
        self.keep(|change, _| change.is_in(folder));
        Ok(())
    }

    /// Loses what is not durable, or a part of it.
    pub fn lose_power(&mut self, rng: &mut Rng) {
        if rng.chance(500) {
            let kept = rng.index(self.pending.len() + 1);
            self.keep(|_, place| place < kept);
        } else {
            let per_mille = rng.below(1001);
            self.keep(|_, _| rng.chance(per_mille));
        }
        self.pending.clear();
        for node in &mut self.nodes {
            match node {
                Node::Folder(folder) => folder.now = folder.durable.clone(),
                Node::File(file) => file.lose_power(rng),
            }
        }
    }

    /// Makes those changes durable that are `wanted`, and all before them that they rest on.
    fn keep(&mut self, mut wanted: impl FnMut(&Change, usize) -> bool) {
        let mut slots = BTreeSet::new();
        let mut kept = vec![false; self.pending.len()];
        for (place, change) in self.pending.iter().enumerate().rev() {
            if wanted(change, place) || change.touches(&slots) {
                slots.extend(change.0.iter().map(|(slot, _)| slot.clone()));
                kept[place] = true;
            }
        }
        let pending = std::mem::take(&mut self.pending);
        for (change, is_kept) in pending.into_iter().zip(kept) {
            if !is_kept {
                self.pending.push(change);
                continue;
            }
            for ((folder, name), inode) in change.0 {
                if let Node::Folder(folder) = &mut self.nodes[folder] {
                    set(&mut folder.durable, name, inode);
                }
            }
        }
    }

    fn change(&mut self, slots: Vec<(Slot, Option<Inode>)>) {
        for ((folder, name), inode) in &slots {
            if let Node::Folder(folder) = &mut self.nodes[*folder] {
                set(&mut folder.now, name.clone(), *inode);
            }
            self.moves += u64::from(inode.is_none());
        }
        self.pending.push(Change(slots));
    }

    fn add(&mut self, folder: Inode, name: &str, node: Node) -> Inode {
        let inode = self.nodes.len();
        self.nodes.push(node);
        self.change(vec![((folder, name.to_owned()), Some(inode))]);
        inode
    }

    fn find(&self, path: &Path) -> io::Result<Inode> {
        let mut at = ROOT;
        for name in names(path) {
            at = *self.folder(at)?.now.get(name).ok_or(ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    /// The name at the end of `path`, in its folder.
    fn slot(&self, path: &Path) -> io::Result<Slot> {
        let folder = self.find(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
        let name = names(path).last().ok_or(ErrorKind::InvalidInput)?;
        Ok((folder, name.to_owned()))
    }

    fn folder(&self, inode: Inode) -> io::Result<&Folder> {
        match &self.nodes[inode] {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&mut self, inode: Inode) -> io::Result<&mut File> {
        match &mut self.nodes[inode] {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }
}

impl File {
    fn lose_power(&mut self, rng: &mut Rng) {
        let written = match &self.finished {
            Some(content) if *content == self.durable => return,
            Some(content) => content.clone(),
            None => Bytes::from(std::mem::take(&mut self.written)),
        };
        if rng.chance(500) {
            self.durable = written.slice(..rng.index(written.len() + 1));
        }
        self.finished = Some(self.durable.clone());
    }
}

fn set(names: &mut BTreeMap<String, Inode>, name: String, inode: Option<Inode>) {
    match inode {
        Some(inode) => names.insert(name, inode),
        None => names.remove(&name),
    };
}

/// The names on the way to `path` from the root.
fn names(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    })
}

#[test]
fn what_is_durable_survives_and_nothing_else_must() {
    let folder = Path::new("/a/b");
    let mut lost = 0;
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut files = Files::default();
        files.create_dir(folder).expect("made");
        files.sync_dir(Path::new("/")).expect("durable");
        files.sync_dir(Path::new("/a")).expect("durable");
        let inode = files.create(&folder.join("x")).expect("made");
        files.write(inode, b"words").expect("written");
        files.finish(inode, true).expect("durable");
        files.rename(&folder.join("x"), &folder.join("y")).expect("renamed");
        files.sync_dir(folder).expect("durable");
        let loose = files.create(&folder.join("z")).expect("made");
        files.write(loose, b"more").expect("written");
        files.finish(loose, true).expect("durable");
        files.rename(&folder.join("z"), &folder.join("y")).expect("renamed");
        files.lose_power(&mut rng);
        let left = files.read(&folder.join("y")).expect("a rename is done or not");
        assert!(left == b"words"[..] || left == b"more"[..]);
        assert!(files.read(&folder.join("x")).is_err());
        lost += usize::from(left == b"words"[..]);
    }
    assert!((20..180).contains(&lost), "{lost} of 200 lost");
}

#[test]
fn unfinished_files_keep_a_beginning() {
    let path = Path::new("/file");
    let mut lengths = BTreeSet::new();
    for seed in 0..100 {
        let mut files = Files::default();
        let inode = files.create(path).expect("made");
        files.sync_dir(Path::new("/")).expect("durable");
        files.write(inode, b"abc").expect("written");
        files.lose_power(&mut Rng::new(seed));
        let left = files.read(path).expect("its name is durable");
        assert!(b"abc".starts_with(&left));
        lengths.insert(left.len());
    }
    assert_eq!(lengths.len(), 4);
}

#[test]
fn a_folder_that_is_in_the_way_is_not_renamed_over() {
    let mut files = Files::default();
    for folder in ["/a/x", "/b"] {
        files.create_dir(Path::new(folder)).expect("made");
    }
    let result = files.rename(Path::new("/b"), Path::new("/a"));
    assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::DirectoryNotEmpty));
    files.remove_dir(Path::new("/a"), usize::MAX).expect("removed");
    files.rename(Path::new("/b"), Path::new("/a")).expect("renamed");
}
