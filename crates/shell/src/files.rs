//! What a container sees as its files: file systems mounted on one another, walked and changed as a user may.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::errno::Errno;
use crate::tree::{Content, Device, Ino, Inode, Kind, Program, ROOT, Tree};

mod change;
mod open;

pub(crate) use change::Owner;
pub(crate) use open::{Access, Opened, OpenedFile};

/// The longest path.
const LONGEST_PATH: usize = 4096;
/// How many symbolic links one path may lead through.
const LINKS: u32 = 40;

/// A file system that more than one container may have mounted.
pub(crate) type Shared = Arc<Mutex<Tree>>;

/// Makes the tree of `/proc` as one process sees it.
pub(crate) type Proc = Arc<dyn Fn(u32) -> Tree + Send + Sync>;

/// Where a file system is mounted.
#[derive(Clone)]
pub(crate) struct Mount {
    /// The path, absolute and without links.
    pub(crate) at: String,
    /// The inodes.
    pub(crate) tree: Shared,
    /// Which inode of it is the root here (another than the root where one file or a sub-path is mounted).
    pub(crate) root: Ino,
    /// Whether nothing can be written.
    pub(crate) access: MountAccess,
    /// What `mount` calls it: `overlay`, `tmpfs`, `ext4`, `proc`.
    pub(crate) kind: &'static str,
    /// What `mount` says is mounted.
    pub(crate) source: String,
}

/// What a mount allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountAccess {
    /// Reads and writes.
    ReadWrite,
    /// Reads only.
    ReadOnly,
    /// Made anew whenever it is looked at.
    Proc,
}

/// The file systems of a container.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) mounts: Vec<Mount>,
    pub(crate) proc: Option<Proc>,
}

/// A right that root has and others may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// To own and give away files.
    Chown,
    /// To read and write whatever the modes say.
    DacOverride,
    /// To change what belongs to others.
    Fowner,
    /// To signal processes of others.
    Kill,
    /// To become another user.
    SetUid,
    /// To listen on ports below 1024.
    NetBindService,
    /// To send raw packets, as `ping` does.
    NetRaw,
    /// To configure the network.
    NetAdmin,
    /// To mount, and much more.
    SysAdmin,
    /// To set the clock.
    SysTime,
    /// To change the root folder.
    SysChroot,
}

impl Capability {
    /// Those that a container has unless it is told otherwise.
    pub const DEFAULT: [Capability; 8] = [
        Capability::Chown,
        Capability::DacOverride,
        Capability::Fowner,
        Capability::Kill,
        Capability::SetUid,
        Capability::NetBindService,
        Capability::NetRaw,
        Capability::SysChroot,
    ];

    /// All.
    pub const ALL: [Capability; 11] = [
        Capability::Chown,
        Capability::DacOverride,
        Capability::Fowner,
        Capability::Kill,
        Capability::SetUid,
        Capability::NetBindService,
        Capability::NetRaw,
        Capability::NetAdmin,
        Capability::SysAdmin,
        Capability::SysTime,
        Capability::SysChroot,
    ];

    /// Reads a name of a Pod's `capabilities`: `NET_ADMIN`, with or without `CAP_`; `None` for one that nothing
    /// here asks for.
    pub fn from_name(name: &str) -> Option<Capability> {
        match name.strip_prefix("CAP_").unwrap_or(name) {
            "CHOWN" => Some(Capability::Chown),
            "DAC_OVERRIDE" => Some(Capability::DacOverride),
            "FOWNER" => Some(Capability::Fowner),
            "KILL" => Some(Capability::Kill),
            "SETUID" => Some(Capability::SetUid),
            "NET_BIND_SERVICE" => Some(Capability::NetBindService),
            "NET_RAW" => Some(Capability::NetRaw),
            "NET_ADMIN" => Some(Capability::NetAdmin),
            "SYS_ADMIN" => Some(Capability::SysAdmin),
            "SYS_TIME" => Some(Capability::SysTime),
            "SYS_CHROOT" => Some(Capability::SysChroot),
            _ => None,
        }
    }

    /// Returns its number in `CapEff` of `/proc/self/status`.
    pub(crate) fn bit(self) -> u32 {
        match self {
            Capability::Chown => 0,
            Capability::DacOverride => 1,
            Capability::Fowner => 3,
            Capability::Kill => 5,
            Capability::SetUid => 7,
            Capability::NetBindService => 10,
            Capability::NetAdmin => 12,
            Capability::NetRaw => 13,
            Capability::SysChroot => 18,
            Capability::SysAdmin => 21,
            Capability::SysTime => 25,
        }
    }
}

/// In whose name a process acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's number.
    pub uid: u32,
    /// The first group's number.
    pub gid: u32,
    /// The other groups' numbers.
    pub groups: Vec<u32>,
    /// The rights that hold; none but for root, as on Linux.
    pub capabilities: Vec<Capability>,
}

impl Credentials {
    /// Returns root with a container's usual rights.
    pub fn root() -> Self {
        Self { uid: 0, gid: 0, groups: vec![0], capabilities: Capability::DEFAULT.to_vec() }
    }

    /// Returns whether a right holds.
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    pub(crate) fn is_in(&self, group: u32) -> bool {
        self.gid == group || self.groups.contains(&group)
    }
}

/// Who walks, from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walker<'a> {
    pub(crate) who: &'a Credentials,
    pub(crate) cwd: &'a str,
    pub(crate) pid: u32,
    pub(crate) now: Duration,
}

/// Whether the last name of a path is followed if it is a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// It is.
    Yes,
    /// The link itself is meant.
    No,
}

/// What a file allows to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    Read = 4,
    Write = 2,
    Execute = 1,
}

/// Where a path leads.
#[derive(Clone)]
pub(crate) struct Found {
    /// The mount of the file, or of the directory that it would be in.
    pub(crate) mount: usize,
    /// The file; `None` if there is only a directory for it.
    pub(crate) ino: Option<Ino>,
    /// The directory that holds it: its mount and inode.
    pub(crate) parent: (usize, Ino),
    /// Its name there; empty for a root.
    pub(crate) name: String,
    /// The path without links.
    pub(crate) path: String,
}

/// What `stat` tells.
#[derive(Debug, Clone)]
pub(crate) struct Stat {
    pub(crate) kind: StatKind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) modified: Duration,
    pub(crate) links: u32,
    pub(crate) ino: Ino,
    pub(crate) mount: usize,
}

/// What a file is, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StatKind {
    File,
    Directory,
    Link(String),
    Device(Device),
}

impl Stat {
    pub(crate) fn is_directory(&self) -> bool {
        self.kind == StatKind::Directory
    }

    /// Returns the letter and permissions as `ls -l` shows them.
    pub(crate) fn letters(&self) -> String {
        let first = match self.kind {
            StatKind::File => '-',
            StatKind::Directory => 'd',
            StatKind::Link(_) => 'l',
            StatKind::Device(_) => 'c',
        };
        let mut shown = String::from(first);
        for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
            let bits = self.mode >> shift;
            shown.push(if bits & 4 == 0 { '-' } else { 'r' });
            shown.push(if bits & 2 == 0 { '-' } else { 'w' });
            shown.push(match (bits & 1 != 0, self.mode & special != 0) {
                (true, true) => letter,
                (false, true) => letter.to_ascii_uppercase(),
                (true, false) => 'x',
                (false, false) => '-',
            });
        }
        shown
    }
}

pub(crate) fn lock(tree: &Shared) -> MutexGuard<'_, Tree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Decides on a file's mode bits.
pub(crate) fn allows(inode: &Inode, who: &Credentials, right: Right) -> bool {
    let bit = right as u32;
    if who.has(Capability::DacOverride) {
        return right != Right::Execute || inode.is_directory() || inode.mode & 0o111 != 0;
    }
    let shift = match () {
        () if inode.uid == who.uid => 6,
        () if who.is_in(inode.gid) => 3,
        () => 0,
    };
    (inode.mode >> shift) & bit != 0
}

/// Joins a path to a folder, without walking.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if name.starts_with('/') {
        name.to_owned()
    } else if folder.ends_with('/') {
        format!("{folder}{name}")
    } else {
        format!("{folder}/{name}")
    }
}

impl Files {
    /// Follows a path. The last name need not be there.
    pub(crate) fn walk(&self, walker: Walker<'_>, path: &str, follow: Follow) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::NoEntry);
        }
        if path.len() > LONGEST_PATH {
            return Err(Errno::NameTooLong);
        }
        let mut ahead: VecDeque<String> = VecDeque::new();
        if !path.starts_with('/') {
            ahead.extend(walker.cwd.split('/').filter(|name| !name.is_empty()).map(str::to_owned));
        }
        ahead.extend(path.split('/').filter(|name| !name.is_empty()).map(str::to_owned));
        let wants_directory = path.ends_with('/');
        let mut stack: Vec<(usize, Ino, String)> = Vec::new();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            let (mount, ino) = stack.last().map_or((0, self.mounts[0].root), |top| (top.0, top.1));
            let is_last = ahead.is_empty();
            let node = {
                let tree = lock(&self.mounts[mount].tree);
                let directory = tree.get(ino)?;
                if !directory.is_directory() {
                    return Err(Errno::NotDirectory);
                }
                if !allows(directory, walker.who, Right::Execute) {
                    return Err(Errno::Denied);
                }
                match name.as_str() {
                    "." => continue,
                    ".." => {
                        drop(tree);
                        stack.pop();
                        continue;
                    }
                    _ => {}
                }
                match tree.entry(ino, &name) {
                    Ok(node) => Some((
                        node,
                        match &tree.get(node)?.kind {
                            Kind::Link(target) => Some(target.clone()),
                            Kind::File(_) | Kind::Directory(_) | Kind::Device(_) => None,
                        },
                    )),
                    Err(Errno::NoEntry) => None,
                    Err(other) => return Err(other),
                }
            };
            let here = shown(&stack, Some(&name));
            if let Some(over) = self.mounts.iter().rposition(|mount| mount.at == here) {
                if self.mounts[over].access == MountAccess::Proc
                    && let Some(make) = &self.proc
                {
                    let fresh = make(walker.pid);
                    *lock(&self.mounts[over].tree) = fresh;
                }
                stack.push((over, self.mounts[over].root, name));
                continue;
            }
            match node {
                None if is_last => {
                    return Ok(Found { mount, ino: None, parent: (mount, ino), name, path: here });
                }
                None => return Err(Errno::NoEntry),
                Some((_, Some(target))) if !is_last || follow == Follow::Yes || wants_directory => {
                    links += 1;
                    if links > LINKS {
                        return Err(Errno::Loop);
                    }
                    if target.starts_with('/') {
                        stack.clear();
                    }
                    for part in target.split('/').rev().filter(|part| !part.is_empty()) {
                        ahead.push_front(part.to_owned());
                    }
                }
                Some((node, _)) => stack.push((mount, node, name)),
            }
        }
        let path = shown(&stack, None);
        let Some((mount, ino, name)) = stack.pop() else {
            let root = self.mounts[0].root;
            return Ok(Found { mount: 0, ino: Some(root), parent: (0, root), name: String::new(), path });
        };
        if wants_directory && !lock(&self.mounts[mount].tree).get(ino)?.is_directory() {
            return Err(Errno::NotDirectory);
        }
        let parent = stack.last().map_or((0, self.mounts[0].root), |top| (top.0, top.1));
        Ok(Found { mount, ino: Some(ino), parent, name, path })
    }

    /// Follows a path to something that is there.
    pub(crate) fn find(&self, walker: Walker<'_>, path: &str, follow: Follow) -> Result<(Found, Ino), Errno> {
        let found = self.walk(walker, path, follow)?;
        let ino = found.ino.ok_or(Errno::NoEntry)?;
        Ok((found, ino))
    }

    /// Tells what a path leads to.
    pub(crate) fn stat(&self, walker: Walker<'_>, path: &str, follow: Follow) -> Result<Stat, Errno> {
        let (found, ino) = self.find(walker, path, follow)?;
        self.stat_of(found.mount, ino)
    }

    pub(crate) fn stat_of(&self, mount: usize, ino: Ino) -> Result<Stat, Errno> {
        let tree = lock(&self.mounts[mount].tree);
        let inode = tree.get(ino)?;
        Ok(Stat {
            kind: match &inode.kind {
                Kind::File(_) => StatKind::File,
                Kind::Directory(_) => StatKind::Directory,
                Kind::Link(target) => StatKind::Link(target.clone()),
                Kind::Device(device) => StatKind::Device(*device),
            },
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            size: inode.size(),
            modified: inode.modified,
            links: inode.links,
            ino,
            mount,
        })
    }

    /// Lists a folder, in order of names, without `.` and `..`.
    pub(crate) fn list(&self, walker: Walker<'_>, path: &str) -> Result<Vec<(String, Stat)>, Errno> {
        let (found, ino) = self.find(walker, path, Follow::Yes)?;
        let entries = {
            let tree = lock(&self.mounts[found.mount].tree);
            let inode = tree.get(ino)?;
            if inode.is_directory() && !allows(inode, walker.who, Right::Read) {
                return Err(Errno::Denied);
            }
            tree.entries(ino)?
        };
        let mut listed = Vec::with_capacity(entries.len());
        for (name, node) in entries {
            let at = join(&found.path, &name);
            let stat = match self.mounts.iter().rposition(|mount| mount.at == at) {
                Some(mount) => self.stat_of(mount, self.mounts[mount].root)?,
                None => self.stat_of(found.mount, node)?,
            };
            listed.push((name, stat));
        }
        Ok(listed)
    }

    /// Returns whether somebody may do something with a file.
    pub(crate) fn may(&self, walker: Walker<'_>, path: &str, right: Right) -> Result<(), Errno> {
        let (found, ino) = self.find(walker, path, Follow::Yes)?;
        if right == Right::Write && self.mounts[found.mount].access == MountAccess::ReadOnly {
            return Err(Errno::ReadOnly);
        }
        let tree = lock(&self.mounts[found.mount].tree);
        if allows(tree.get(ino)?, walker.who, right) { Ok(()) } else { Err(Errno::Denied) }
    }

    /// Finds the program that a path leads to: one of ours, or the text of a script.
    pub(crate) fn executable(&self, walker: Walker<'_>, path: &str) -> Result<Executable, Errno> {
        let (found, ino) = self.find(walker, path, Follow::Yes)?;
        let tree = lock(&self.mounts[found.mount].tree);
        let inode = tree.get(ino)?;
        match &inode.kind {
            Kind::File(content) => {
                if !allows(inode, walker.who, Right::Execute) {
                    return Err(Errno::Denied);
                }
                Ok(match content {
                    Content::Program(program) => Executable::Program(*program, found.path),
                    Content::Shared(_) | Content::Own(_) => {
                        Executable::Script(content.read(0, crate::limits::SCRIPT + 1), found.path)
                    }
                })
            }
            Kind::Directory(_) | Kind::Link(_) | Kind::Device(_) => Err(Errno::Denied),
        }
    }
}

/// What may be executed.
#[derive(Debug)]
pub(crate) enum Executable {
    /// One of our programs, with its path.
    Program(Program, String),
    /// A text, with its path.
    Script(Vec<u8>, String),
}

fn shown(stack: &[(usize, Ino, String)], last: Option<&str>) -> String {
    let mut path = String::new();
    for name in stack.iter().map(|top| top.2.as_str()).chain(last) {
        path.push('/');
        path.push_str(name);
    }
    if path.is_empty() {
        path.push('/');
    }
    path
}

/// Returns a read-write mount of a whole tree.
pub(crate) fn mount(at: &str, tree: Tree, kind: &'static str, source: &str) -> Mount {
    Mount {
        at: at.to_owned(),
        tree: Arc::new(Mutex::new(tree)),
        root: ROOT,
        access: MountAccess::ReadWrite,
        kind,
        source: source.to_owned(),
    }
}

#[cfg(test)]
mod tests;
