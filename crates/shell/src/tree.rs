//! One file system as a table of inodes: a shared image below, what was changed above it, and a bound on both bytes
//! and files. It knows nothing of paths or rights: `files` walks and asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::errno::Errno;

/// The number of an inode.
pub(crate) type Ino = u64;

/// The number of a root directory.
pub(crate) const ROOT: Ino = 1;

/// What one changed inode costs besides its bytes.
const INODE: u64 = 256;
/// The longest name of a file.
const LONGEST_NAME: usize = 255;

/// Whose words a program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Busybox, as in `busybox` and `alpine` images.
    Busybox,
    /// The GNU tools, as in Debian-like images.
    Gnu,
}

/// A file that is a program: one of this crate's commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    /// The command.
    pub(crate) name: &'static str,
    /// Its words.
    pub(crate) flavour: Flavour,
    /// The bytes that the file seems to have.
    pub(crate) size: u64,
}

/// The bytes of a file.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Shared with an image or a volume; copied when written to.
    Shared(Arc<[u8]>),
    /// Written here.
    Own(Vec<u8>),
    /// A program.
    Program(Program),
}

impl Content {
    /// Returns how long the file is.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Content::Shared(bytes) => bytes.len() as u64,
            Content::Own(bytes) => bytes.len() as u64,
            Content::Program(program) => program.size,
        }
    }

    /// Returns at most `most` bytes from an offset on. A program reads as an ELF header and nothing.
    pub(crate) fn read(&self, offset: u64, most: usize) -> Vec<u8> {
        let slice = |bytes: &[u8]| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            bytes[from..bytes.len().min(from.saturating_add(most))].to_vec()
        };
        match self {
            Content::Shared(bytes) => slice(bytes),
            Content::Own(bytes) => slice(bytes),
            Content::Program(program) => {
                let left = program.size.saturating_sub(offset);
                let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(most)];
                for (index, byte) in
                    b"\x7fELF\x02\x01\x01".iter().enumerate().skip(usize::try_from(offset).unwrap_or(7))
                {
                    if let Some(place) = bytes.get_mut(index - usize::try_from(offset).unwrap_or(0)) {
                        *place = *byte;
                    }
                }
                bytes
            }
        }
    }
}

/// A device file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// `/dev/null`.
    Null,
    /// `/dev/zero`.
    Zero,
    /// `/dev/full`.
    Full,
    /// `/dev/random`, `/dev/urandom`.
    Random,
    /// `/dev/tty`, `/dev/console`, `/dev/ptmx`.
    Terminal,
}

impl Device {
    /// Returns the major and minor number.
    pub(crate) fn numbers(self) -> (u32, u32) {
        match self {
            Device::Null => (1, 3),
            Device::Zero => (1, 5),
            Device::Full => (1, 7),
            Device::Random => (1, 9),
            Device::Terminal => (5, 0),
        }
    }
}

/// What an inode is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A regular file.
    File(Content),
    /// A directory.
    Directory(BTreeMap<String, Ino>),
    /// A symbolic link.
    Link(String),
    /// A character device.
    Device(Device),
}

/// A file of whatever kind, without its name.
#[derive(Debug, Clone)]
pub(crate) struct Inode {
    /// What it is.
    pub(crate) kind: Kind,
    /// The permission bits, with set-id and sticky.
    pub(crate) mode: u32,
    /// The owner.
    pub(crate) uid: u32,
    /// The group.
    pub(crate) gid: u32,
    /// When it was last changed, since 1970.
    pub(crate) modified: Duration,
    /// How many names it has.
    pub(crate) links: u32,
}

impl Inode {
    /// Returns a new inode that no name leads to yet.
    pub(crate) fn new(kind: Kind, mode: u32, owner: (u32, u32), modified: Duration) -> Self {
        Self { kind, mode, uid: owner.0, gid: owner.1, modified, links: 0 }
    }

    /// Returns whether it is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    /// Returns how long it is, as `ls -l` shows.
    pub(crate) fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(content) => content.len(),
            Kind::Directory(_) => 4096,
            Kind::Link(target) => target.len() as u64,
            Kind::Device(_) => 0,
        }
    }

    fn charge(&self) -> u64 {
        INODE
            + match &self.kind {
                Kind::File(Content::Own(bytes)) => bytes.len() as u64,
                Kind::File(Content::Shared(_) | Content::Program(_)) | Kind::Device(_) => 0,
                Kind::Directory(entries) => entries.keys().map(|name| name.len() as u64 + 64).sum(),
                Kind::Link(target) => target.len() as u64,
            }
    }
}

/// How many bytes may be written, at most; shared by those who share a disk. Clones of the `Arc` count together.
#[derive(Debug)]
pub struct Allowance {
    limit: u64,
    used: AtomicU64,
    above: Option<Arc<Allowance>>,
}

impl Allowance {
    /// Returns an allowance of so many bytes, itself taken out of another one if given.
    pub fn new(limit: u64, above: Option<Arc<Allowance>>) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0), above })
    }

    /// Returns the bytes that are taken.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Returns the bytes that may be taken at most.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    fn take(&self, bytes: u64) -> Result<(), Errno> {
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| *sum <= self.limit)
        });
        taken.map_err(|_| Errno::NoSpace)?;
        if let Some(above) = &self.above {
            above.take(bytes).inspect_err(|_| self.give_here(bytes))?;
        }
        Ok(())
    }

    fn give_here(&self, bytes: u64) {
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| Some(used.saturating_sub(bytes))).ok();
    }

    fn give(&self, bytes: u64) {
        self.give_here(bytes);
        if let Some(above) = &self.above {
            above.give(bytes);
        }
    }
}

/// The inodes of one file system. A clone shares the image, not what was changed.
#[derive(Debug)]
pub(crate) struct Tree {
    base: Arc<BTreeMap<Ino, Inode>>,
    changed: BTreeMap<Ino, Inode>,
    next: Ino,
    charged: u64,
    allowance: Arc<Allowance>,
    /// Inodes that processes have open, which outlive their last name.
    open: BTreeMap<Ino, u32>,
}

impl Tree {
    /// Returns an empty file system with a root directory.
    pub(crate) fn empty(allowance: Arc<Allowance>, mode: u32, owner: (u32, u32), now: Duration) -> Self {
        let mut root = Inode::new(Kind::Directory(BTreeMap::new()), mode, owner, now);
        root.links = 2;
        Self::over(Arc::new(BTreeMap::from([(ROOT, root)])), allowance)
    }

    /// Returns a file system over an image.
    pub(crate) fn over(base: Arc<BTreeMap<Ino, Inode>>, allowance: Arc<Allowance>) -> Self {
        let next = base.last_key_value().map_or(ROOT, |(last, _)| *last) + 1;
        Self { base, changed: BTreeMap::new(), next, charged: 0, allowance, open: BTreeMap::new() }
    }

    /// Freezes what was made into an image.
    pub(crate) fn freeze(mut self) -> Arc<BTreeMap<Ino, Inode>> {
        let mut all = BTreeMap::clone(&self.base);
        for (ino, mut inode) in std::mem::take(&mut self.changed) {
            if let Kind::File(Content::Own(bytes)) = &mut inode.kind {
                inode.kind = Kind::File(Content::Shared(std::mem::take(bytes).into()));
            }
            if inode.links == 0 && ino != ROOT {
                all.remove(&ino);
            } else {
                all.insert(ino, inode);
            }
        }
        Arc::new(all)
    }

    /// Returns an inode.
    pub(crate) fn get(&self, ino: Ino) -> Result<&Inode, Errno> {
        self.changed.get(&ino).or_else(|| self.base.get(&ino)).ok_or(Errno::NoEntry)
    }

    /// Changes an inode, with what it costs taken from the allowance first.
    pub(crate) fn change<T>(
        &mut self,
        ino: Ino,
        growth: u64,
        change: impl FnOnce(&mut Inode) -> T,
    ) -> Result<T, Errno> {
        let before = match self.changed.get(&ino) {
            Some(inode) => inode.charge(),
            None => {
                let inode = self.base.get(&ino).ok_or(Errno::NoEntry)?.clone();
                self.allowance.take(inode.charge())?;
                self.charged += inode.charge();
                let charge = inode.charge();
                self.changed.insert(ino, inode);
                charge
            }
        };
        self.allowance.take(growth)?;
        self.charged += growth;
        let inode = self.changed.get_mut(&ino).ok_or(Errno::NoEntry)?;
        let result = change(inode);
        let after = inode.charge();
        // What was taken ahead is set right.
        let due = before + growth;
        if after < due {
            self.allowance.give(due - after);
            self.charged = self.charged.saturating_sub(due - after);
        } else if after > due {
            // Never more than was announced, save rounding of directory entries.
            self.allowance.take(after - due).ok();
            self.charged += after - due;
        }
        Ok(result)
    }

    /// Returns the entry of a directory.
    pub(crate) fn entry(&self, directory: Ino, name: &str) -> Result<Ino, Errno> {
        match &self.get(directory)?.kind {
            Kind::Directory(entries) => entries.get(name).copied().ok_or(Errno::NoEntry),
            Kind::File(_) | Kind::Link(_) | Kind::Device(_) => Err(Errno::NotDirectory),
        }
    }

    /// Returns the entries of a directory, in order of names.
    pub(crate) fn entries(&self, directory: Ino) -> Result<Vec<(String, Ino)>, Errno> {
        match &self.get(directory)?.kind {
            Kind::Directory(entries) => Ok(entries.iter().map(|(name, ino)| (name.clone(), *ino)).collect()),
            Kind::File(_) | Kind::Link(_) | Kind::Device(_) => Err(Errno::NotDirectory),
        }
    }

    /// Adds a new inode under a name that is not taken.
    pub(crate) fn add(&mut self, directory: Ino, name: &str, mut inode: Inode) -> Result<Ino, Errno> {
        if name.len() > LONGEST_NAME {
            return Err(Errno::NameTooLong);
        }
        if self.entry(directory, name).is_ok() {
            return Err(Errno::Exists);
        }
        inode.links = if inode.is_directory() { 2 } else { 1 };
        let (now, is_directory, charge) = (inode.modified, inode.is_directory(), inode.charge());
        self.allowance.take(charge)?;
        let ino = self.next;
        self.link_entry(directory, name, ino, now).inspect_err(|_| self.allowance.give(charge))?;
        self.charged += charge;
        self.next += 1;
        self.changed.insert(ino, inode);
        if is_directory {
            self.change(directory, 0, |parent| parent.links += 1)?;
        }
        Ok(ino)
    }

    fn link_entry(&mut self, directory: Ino, name: &str, ino: Ino, now: Duration) -> Result<(), Errno> {
        self.change(directory, name.len() as u64 + 64, |parent| {
            parent.modified = now;
            match &mut parent.kind {
                Kind::Directory(entries) => {
                    entries.insert(name.to_owned(), ino);
                    Ok(())
                }
                Kind::File(_) | Kind::Link(_) | Kind::Device(_) => Err(Errno::NotDirectory),
            }
        })?
    }

    /// Gives an inode one more name.
    pub(crate) fn link(&mut self, directory: Ino, name: &str, ino: Ino, now: Duration) -> Result<(), Errno> {
        if self.get(ino)?.is_directory() {
            return Err(Errno::NotPermitted);
        }
        if self.entry(directory, name).is_ok() {
            return Err(Errno::Exists);
        }
        self.link_entry(directory, name, ino, now)?;
        self.change(ino, 0, |inode| inode.links += 1)
    }

    /// Takes a name away, and the inode with its last name.
    pub(crate) fn remove(&mut self, directory: Ino, name: &str, now: Duration) -> Result<(), Errno> {
        let ino = self.entry(directory, name)?;
        let is_directory = match &self.get(ino)?.kind {
            Kind::Directory(entries) if !entries.is_empty() => return Err(Errno::NotEmpty),
            Kind::Directory(_) => true,
            Kind::File(_) | Kind::Link(_) | Kind::Device(_) => false,
        };
        self.unlink_entry(directory, name, now)?;
        if is_directory {
            self.change(directory, 0, |parent| parent.links = parent.links.saturating_sub(1))?;
        }
        let left = self.change(ino, 0, |inode| {
            inode.links = if is_directory { 0 } else { inode.links.saturating_sub(1) };
            inode.links
        })?;
        if left == 0 && !self.open.contains_key(&ino) {
            self.drop_inode(ino);
        }
        Ok(())
    }

    fn unlink_entry(&mut self, directory: Ino, name: &str, now: Duration) -> Result<(), Errno> {
        self.change(directory, 0, |parent| {
            parent.modified = now;
            if let Kind::Directory(entries) = &mut parent.kind {
                entries.remove(name);
            }
        })
    }

    /// Gives an inode another name in place of its present one. What has the new name must have been removed.
    pub(crate) fn rename(&mut self, from: (Ino, &str), to: (Ino, &str), now: Duration) -> Result<(), Errno> {
        let ino = self.entry(from.0, from.1)?;
        self.link_entry(to.0, to.1, ino, now)?;
        self.unlink_entry(from.0, from.1, now)
    }

    /// Notes that a process has a file open.
    pub(crate) fn hold(&mut self, ino: Ino) {
        *self.open.entry(ino).or_default() += 1;
    }

    /// Notes that a process has closed a file.
    pub(crate) fn release(&mut self, ino: Ino) {
        let Some(count) = self.open.get_mut(&ino) else { return };
        *count -= 1;
        if *count == 0 {
            self.open.remove(&ino);
            if self.get(ino).is_ok_and(|inode| inode.links == 0) {
                self.drop_inode(ino);
            }
        }
    }

    /// An image's inode that lost its last name stays in the image, where no name leads to it.
    fn drop_inode(&mut self, ino: Ino) {
        if let Some(inode) = self.changed.remove(&ino) {
            self.allowance.give(inode.charge());
            self.charged = self.charged.saturating_sub(inode.charge());
        }
    }

    /// Writes into a file and returns how many bytes found room.
    pub(crate) fn write(&mut self, ino: Ino, offset: u64, bytes: &[u8], now: Duration) -> Result<usize, Errno> {
        let (length, own) = match &self.get(ino)?.kind {
            Kind::File(content) => (content.len(), matches!(content, Content::Own(_))),
            Kind::Directory(_) => return Err(Errno::IsDirectory),
            Kind::Link(_) | Kind::Device(_) => return Err(Errno::Invalid),
        };
        let end = offset.checked_add(bytes.len() as u64).ok_or(Errno::NoSpace)?;
        let grown = end.max(length) - if own { length } else { 0 };
        self.change(ino, grown, |inode| {
            let mut content = own_bytes(inode);
            let (from, to) = (to_usize(offset), to_usize(end));
            if content.len() < to {
                content.resize(to, 0);
            }
            content[from..to].copy_from_slice(bytes);
            inode.kind = Kind::File(Content::Own(content));
            inode.modified = now;
        })?;
        Ok(bytes.len())
    }

    /// Cuts a file or fills it with zeros.
    pub(crate) fn truncate(&mut self, ino: Ino, length: u64, now: Duration) -> Result<(), Errno> {
        if length == 0 {
            return self.replace(ino, Content::Own(Vec::new()), now);
        }
        let held = match &self.get(ino)?.kind {
            Kind::File(Content::Own(bytes)) => bytes.len() as u64,
            Kind::File(Content::Shared(_) | Content::Program(_)) => 0,
            Kind::Directory(_) => return Err(Errno::IsDirectory),
            Kind::Link(_) | Kind::Device(_) => return Err(Errno::Invalid),
        };
        self.change(ino, length.saturating_sub(held), |inode| {
            let mut content = own_bytes(inode);
            content.resize(to_usize(length), 0);
            inode.kind = Kind::File(Content::Own(content));
            inode.modified = now;
        })
    }

    /// Gives a file another content, which is charged if it is not shared.
    pub(crate) fn replace(&mut self, ino: Ino, content: Content, now: Duration) -> Result<(), Errno> {
        if !matches!(self.get(ino)?.kind, Kind::File(_)) {
            return Err(Errno::Invalid);
        }
        let growth = if matches!(content, Content::Own(_)) { content.len() } else { 0 };
        self.change(ino, growth, |inode| {
            inode.kind = Kind::File(content);
            inode.modified = now;
        })
    }

    /// Returns the allowance that it is charged to.
    pub(crate) fn allowance(&self) -> &Allowance {
        &self.allowance
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.allowance.give(self.charged);
    }
}

fn own_bytes(inode: &mut Inode) -> Vec<u8> {
    match &mut inode.kind {
        Kind::File(Content::Own(bytes)) => std::mem::take(bytes),
        Kind::File(Content::Shared(bytes)) => bytes.to_vec(),
        Kind::File(Content::Program(_)) | Kind::Directory(_) | Kind::Link(_) | Kind::Device(_) => Vec::new(),
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(limit: u64) -> Tree {
        Tree::empty(Allowance::new(limit, None), 0o755, (0, 0), Duration::ZERO)
    }

    fn file() -> Inode {
        Inode::new(Kind::File(Content::Own(Vec::new())), 0o644, (0, 0), Duration::ZERO)
    }

    #[test]
    fn what_is_taken_is_given_back() {
        let mut tree = tree(100_000);
        let allowance = Arc::clone(&tree.allowance);
        let ino = tree.add(ROOT, "a", file()).unwrap();
        tree.write(ino, 0, &[1; 5000], Duration::ZERO).unwrap();
        assert!((5000..7000).contains(&allowance.used()), "{}", allowance.used());
        tree.truncate(ino, 10, Duration::ZERO).unwrap();
        assert!(allowance.used() < 1500);
        tree.write(ino, 0, &[1; 50_000], Duration::ZERO).unwrap();
        assert_eq!(tree.write(ino, 50_000, &[1; 60_000], Duration::ZERO), Err(Errno::NoSpace));
        assert_eq!(tree.truncate(ino, 1 << 40, Duration::ZERO), Err(Errno::NoSpace));
        assert_eq!(tree.get(ino).unwrap().size(), 50_000);
        tree.remove(ROOT, "a", Duration::ZERO).unwrap();
        assert!(allowance.used() < 1000);
        drop(tree);
        assert_eq!(allowance.used(), 0);
    }

    #[test]
    fn an_open_file_outlives_its_name() {
        let mut tree = tree(100_000);
        let ino = tree.add(ROOT, "a", file()).unwrap();
        tree.hold(ino);
        tree.remove(ROOT, "a", Duration::ZERO).unwrap();
        tree.write(ino, 0, b"x", Duration::ZERO).unwrap();
        tree.release(ino);
        assert_eq!(tree.get(ino).map(Inode::size).unwrap_err(), Errno::NoEntry);
    }

    #[test]
    fn a_container_does_not_write_into_its_image() {
        let mut made = tree(100_000);
        let ino = made.add(ROOT, "a", file()).unwrap();
        made.write(ino, 0, b"image", Duration::ZERO).unwrap();
        let image = made.freeze();
        let allowance = Allowance::new(10_000, None);
        let (mut one, two) =
            (Tree::over(Arc::clone(&image), Arc::clone(&allowance)), Tree::over(image, Arc::clone(&allowance)));
        one.write(ino, 0, b"other", Duration::ZERO).unwrap();
        let text = |tree: &Tree| match &tree.get(ino).unwrap().kind {
            Kind::File(content) => content.read(0, 10),
            Kind::Directory(_) | Kind::Link(_) | Kind::Device(_) => Vec::new(),
        };
        assert_eq!((text(&one), text(&two)), (b"other".to_vec(), b"image".to_vec()));
    }
}
