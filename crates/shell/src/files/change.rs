//! Changing the tree: folders, links, names, owners, modes, times.

use std::time::Duration;

use super::{Capability, Files, Follow, Found, MountAccess, Right, Walker, allows, lock};
use crate::errno::Errno;
use crate::tree::{Content, Ino, Inode, Kind};

/// An owner to be: what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

impl Files {
    /// Adds a new inode where a walk ended.
    pub(super) fn add(&self, walker: Walker<'_>, found: &Found, mut inode: Inode) -> Result<Ino, Errno> {
        let (mount, directory) = found.parent;
        self.writable(walker, mount, directory)?;
        let mut tree = lock(&self.mounts[mount].tree);
        let parent = tree.get(directory)?;
        // The group of a set-group-id folder, as `fsGroup` makes them, goes to what is made in it.
        if parent.mode & 0o2000 != 0 {
            inode.gid = parent.gid;
            if inode.is_directory() {
                inode.mode |= 0o2000;
            }
        }
        tree.add(directory, &found.name, inode)
    }

    /// Returns whether names may be added to and taken from a folder.
    fn writable(&self, walker: Walker<'_>, mount: usize, directory: Ino) -> Result<(), Errno> {
        match self.mounts[mount].access {
            MountAccess::ReadWrite => {}
            MountAccess::ReadOnly => return Err(Errno::ReadOnly),
            MountAccess::Proc => return Err(Errno::NoEntry),
        }
        let tree = lock(&self.mounts[mount].tree);
        let inode = tree.get(directory)?;
        if allows(inode, walker.who, Right::Write) && allows(inode, walker.who, Right::Execute) {
            Ok(())
        } else {
            Err(Errno::Denied)
        }
    }

    /// Returns whether a name may be taken away: the folder may be written to, and is not sticky for others.
    fn removable(&self, walker: Walker<'_>, found: &Found) -> Result<Ino, Errno> {
        let ino = found.ino.ok_or(Errno::NoEntry)?;
        if found.name.is_empty() || found.mount != found.parent.0 {
            return Err(Errno::Busy);
        }
        self.writable(walker, found.parent.0, found.parent.1)?;
        let tree = lock(&self.mounts[found.mount].tree);
        let (parent, inode) = (tree.get(found.parent.1)?, tree.get(ino)?);
        let is_owner = [parent.uid, inode.uid].contains(&walker.who.uid) || walker.who.has(Capability::Fowner);
        if parent.mode & 0o1000 != 0 && !is_owner {
            return Err(Errno::NotPermitted);
        }
        Ok(ino)
    }

    fn make(&self, walker: Walker<'_>, path: &str, kind: Kind, mode: u32) -> Result<(), Errno> {
        let found = self.walk(walker, path.trim_end_matches('/'), Follow::No)?;
        if found.ino.is_some() {
            return Err(Errno::Exists);
        }
        let inode = Inode::new(kind, mode, (walker.who.uid, walker.who.gid), walker.now);
        self.add(walker, &found, inode).map(|_| ())
    }

    /// Makes a folder.
    pub(crate) fn make_directory(&self, walker: Walker<'_>, path: &str, mode: u32) -> Result<(), Errno> {
        if path.bytes().all(|byte| byte == b'/') && !path.is_empty() {
            return Err(Errno::Exists);
        }
        self.make(walker, path, Kind::Directory(Default::default()), mode)
    }

    /// Makes a symbolic link.
    pub(crate) fn make_link(&self, walker: Walker<'_>, target: &str, path: &str) -> Result<(), Errno> {
        self.make(walker, path, Kind::Link(target.to_owned()), 0o777)
    }

    /// Gives a file a second name.
    pub(crate) fn link(&self, walker: Walker<'_>, from: &str, to: &str) -> Result<(), Errno> {
        let (from, ino) = self.find(walker, from, Follow::No)?;
        let to = self.walk(walker, to, Follow::No)?;
        if to.ino.is_some() {
            return Err(Errno::Exists);
        }
        if from.mount != to.mount {
            return Err(Errno::OtherDevice);
        }
        self.writable(walker, to.parent.0, to.parent.1)?;
        lock(&self.mounts[to.mount].tree).link(to.parent.1, &to.name, ino, walker.now)
    }

    /// Takes a name away that is not a folder's.
    pub(crate) fn unlink(&self, walker: Walker<'_>, path: &str) -> Result<(), Errno> {
        let found = self.walk(walker, path, Follow::No)?;
        let ino = self.removable(walker, &found)?;
        let mut tree = lock(&self.mounts[found.mount].tree);
        if tree.get(ino)?.is_directory() {
            return Err(Errno::IsDirectory);
        }
        tree.remove(found.parent.1, &found.name, walker.now)
    }

    /// Takes an empty folder away.
    pub(crate) fn remove_directory(&self, walker: Walker<'_>, path: &str) -> Result<(), Errno> {
        let found = self.walk(walker, path, Follow::No)?;
        let ino = found.ino.ok_or(Errno::NoEntry)?;
        if !self.stat_of(found.mount, ino)?.is_directory() {
            return Err(Errno::NotDirectory);
        }
        self.removable(walker, &found)?;
        let below = format!("{}/", found.path);
        if self.mounts.iter().any(|mount| mount.at.starts_with(&below)) {
            return Err(Errno::NotEmpty);
        }
        lock(&self.mounts[found.mount].tree).remove(found.parent.1, &found.name, walker.now)
    }

    /// Moves a name, over a file that may be there.
    pub(crate) fn rename(&self, walker: Walker<'_>, from: &str, to: &str) -> Result<(), Errno> {
        let from = self.walk(walker, from, Follow::No)?;
        let ino = self.removable(walker, &from)?;
        let to = self.walk(walker, to.trim_end_matches('/'), Follow::No)?;
        if from.mount != to.mount || from.mount != to.parent.0 {
            return Err(Errno::OtherDevice);
        }
        if to.path == from.path {
            return Ok(());
        }
        if to.path.starts_with(&format!("{}/", from.path)) {
            return Err(Errno::Invalid);
        }
        self.writable(walker, to.parent.0, to.parent.1)?;
        if to.ino.is_some() {
            let old = self.removable(walker, &to)?;
            let mut tree = lock(&self.mounts[to.mount].tree);
            match (tree.get(ino)?.is_directory(), tree.get(old)?.is_directory()) {
                (true, false) => return Err(Errno::NotDirectory),
                (false, true) => return Err(Errno::IsDirectory),
                (true, true) | (false, false) => tree.remove(to.parent.1, &to.name, walker.now)?,
            }
        }
        lock(&self.mounts[from.mount].tree).rename((from.parent.1, &from.name), (to.parent.1, &to.name), walker.now)
    }

    fn change(
        &self,
        walker: Walker<'_>,
        (path, follow): (&str, Follow),
        allowed: impl Fn(&Inode) -> bool,
        change: impl FnOnce(&mut Inode),
    ) -> Result<(), Errno> {
        let (found, ino) = self.find(walker, path, follow)?;
        match self.mounts[found.mount].access {
            MountAccess::ReadWrite => {}
            MountAccess::ReadOnly => return Err(Errno::ReadOnly),
            MountAccess::Proc => return Err(Errno::NotPermitted),
        }
        let mut tree = lock(&self.mounts[found.mount].tree);
        if !allowed(tree.get(ino)?) {
            return Err(Errno::NotPermitted);
        }
        tree.change(ino, 0, change)
    }

    /// Sets a file's permission bits.
    pub(crate) fn set_mode(&self, walker: Walker<'_>, path: &str, mode: u32) -> Result<(), Errno> {
        let who = walker.who;
        let owns = |inode: &Inode| inode.uid == who.uid || who.has(Capability::Fowner);
        self.change(walker, (path, Follow::Yes), owns, |inode| inode.mode = mode & 0o7777)
    }

    /// Sets a file's owner.
    pub(crate) fn set_owner(
        &self,
        walker: Walker<'_>,
        (path, follow): (&str, Follow),
        owner: Owner,
    ) -> Result<(), Errno> {
        let who = walker.who;
        let allowed = |inode: &Inode| {
            who.has(Capability::Chown)
                || (inode.uid == who.uid
                    && owner.uid.is_none_or(|uid| uid == who.uid)
                    && owner.gid.is_none_or(|gid| who.is_in(gid)))
        };
        self.change(walker, (path, follow), allowed, |inode| {
            inode.uid = owner.uid.unwrap_or(inode.uid);
            inode.gid = owner.gid.unwrap_or(inode.gid);
            if !inode.is_directory() {
                inode.mode &= 0o1777;
            }
        })
    }

    /// Sets a file's time.
    pub(crate) fn set_time(&self, walker: Walker<'_>, path: &str, time: Duration) -> Result<(), Errno> {
        let who = walker.who;
        let allowed =
            |inode: &Inode| inode.uid == who.uid || who.has(Capability::Fowner) || allows(inode, who, Right::Write);
        self.change(walker, (path, Follow::Yes), allowed, |inode| inode.modified = time)
    }

    /// Copies the content of a file onto another that is there, sharing what can be shared (programs stay programs).
    pub(crate) fn share_content(&self, walker: Walker<'_>, from: &str, to: &str) -> Result<(), Errno> {
        self.may(walker, from, Right::Read)?;
        self.may(walker, to, Right::Write)?;
        let (from, ino) = self.find(walker, from, Follow::Yes)?;
        let content = match &lock(&self.mounts[from.mount].tree).get(ino)?.kind {
            Kind::File(content) => content.clone(),
            Kind::Directory(_) => return Err(Errno::IsDirectory),
            Kind::Link(_) | Kind::Device(_) => return Err(Errno::Invalid),
        };
        let (to, ino) = self.find(walker, to, Follow::Yes)?;
        lock(&self.mounts[to.mount].tree).replace(ino, content, walker.now)
    }

    /// Makes a device file, which only root may.
    pub(crate) fn is_program(&self, walker: Walker<'_>, path: &str) -> bool {
        self.find(walker, path, Follow::Yes).is_ok_and(|(found, ino)| {
            matches!(
                lock(&self.mounts[found.mount].tree).get(ino).map(|inode| &inode.kind),
                Ok(Kind::File(Content::Program(_)))
            )
        })
    }
}
