//! Opening files, and reading and writing what is open.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use super::{Files, Follow, MountAccess, Right, Shared, Walker, allows, lock};
use crate::errno::Errno;
use crate::tree::{Content, Device, Ino, Inode, Kind};

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// To be read.
    Read,
    /// To be written from its start; made if it is not there, emptied if it is.
    Write,
    /// To be written at its end; made if it is not there.
    Append,
    /// To be read and written; made if it is not there.
    ReadWrite,
    /// To be written; must not be there.
    CreateNew,
}

/// What was opened.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A regular file.
    File(OpenedFile),
    /// A device.
    Device(Device),
    /// The content of a file of `/proc` at this moment.
    Fixed(Vec<u8>),
}

/// An open regular file, with its place.
pub(crate) struct OpenedFile {
    tree: Shared,
    ino: Ino,
    access: Access,
    offset: Mutex<u64>,
    /// The path that it was opened by.
    pub(crate) path: String,
}

impl std::fmt::Debug for OpenedFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OpenedFile").field("path", &self.path).field("access", &self.access).finish()
    }
}

impl Drop for OpenedFile {
    fn drop(&mut self) {
        lock(&self.tree).release(self.ino);
    }
}

impl OpenedFile {
    /// Reads at most so many bytes from its place on; none at its end.
    pub(crate) fn read(&self, most: usize) -> Result<Vec<u8>, Errno> {
        if !matches!(self.access, Access::Read | Access::ReadWrite) {
            return Err(Errno::BadDescriptor);
        }
        let mut offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        let tree = lock(&self.tree);
        let bytes = match &tree.get(self.ino)?.kind {
            Kind::File(content) => content.read(*offset, most),
            Kind::Directory(_) => return Err(Errno::IsDirectory),
            Kind::Link(_) | Kind::Device(_) => return Err(Errno::Invalid),
        };
        *offset += bytes.len() as u64;
        Ok(bytes)
    }

    /// Writes at its place, or at the end.
    pub(crate) fn write(&self, bytes: &[u8], now: Duration) -> Result<(), Errno> {
        if self.access == Access::Read {
            return Err(Errno::BadDescriptor);
        }
        let mut offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tree = lock(&self.tree);
        if self.access == Access::Append {
            *offset = tree.get(self.ino)?.size();
        }
        let written = tree.write(self.ino, *offset, bytes, now)?;
        *offset += written as u64;
        Ok(())
    }

    /// Moves its place; returns the new one.
    pub(crate) fn seek(&self, to: u64) {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    /// Goes back by so many bytes, which were read too far.
    pub(crate) fn give_back(&self, bytes: u64) {
        let mut offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        *offset = offset.saturating_sub(bytes);
    }

    /// Returns how long the file is.
    pub(crate) fn len(&self) -> u64 {
        lock(&self.tree).get(self.ino).map_or(0, Inode::size)
    }

    /// Cuts the file.
    pub(crate) fn truncate(&self, length: u64, now: Duration) -> Result<(), Errno> {
        lock(&self.tree).truncate(self.ino, length, now)
    }
}

impl Files {
    /// Opens what a path leads to. A new file has `mode`, from which the caller took the mask.
    pub(crate) fn open(&self, walker: Walker<'_>, path: &str, access: Access, mode: u32) -> Result<Opened, Errno> {
        let follow = if access == Access::CreateNew { Follow::No } else { Follow::Yes };
        let found = self.walk(walker, path, follow)?;
        let mount = &self.mounts[found.mount];
        let writes = access != Access::Read;
        let ino = match found.ino {
            Some(_) if access == Access::CreateNew => return Err(Errno::Exists),
            Some(ino) => {
                let mut tree = lock(&mount.tree);
                let inode = tree.get(ino)?;
                if inode.is_directory() && writes {
                    return Err(Errno::IsDirectory);
                }
                if let Kind::Device(device) = inode.kind {
                    return check(inode, walker, access).map(|()| Opened::Device(device));
                }
                if writes && mount.access == MountAccess::ReadOnly {
                    return Err(Errno::ReadOnly);
                }
                check(inode, walker, access)?;
                if mount.access == MountAccess::Proc {
                    return match &inode.kind {
                        Kind::File(_) if writes => Err(Errno::Io),
                        Kind::File(content) => Ok(Opened::Fixed(content.read(0, usize::MAX))),
                        Kind::Directory(_) | Kind::Link(_) | Kind::Device(_) => Err(Errno::IsDirectory),
                    };
                }
                if access == Access::Write {
                    tree.truncate(ino, 0, walker.now)?;
                }
                tree.hold(ino);
                ino
            }
            None if !writes => return Err(Errno::NoEntry),
            None if path.ends_with('/') => return Err(Errno::IsDirectory),
            None => {
                let ino = self.add(
                    walker,
                    &found,
                    Inode::new(
                        Kind::File(Content::Own(Vec::new())),
                        mode,
                        (walker.who.uid, walker.who.gid),
                        walker.now,
                    ),
                )?;
                lock(&mount.tree).hold(ino);
                ino
            }
        };
        Ok(Opened::File(OpenedFile {
            tree: Shared::clone(&mount.tree),
            ino,
            access,
            offset: Mutex::new(0),
            path: found.path,
        }))
    }
}

fn check(inode: &Inode, walker: Walker<'_>, access: Access) -> Result<(), Errno> {
    let rights: &[Right] = match access {
        Access::Read => &[Right::Read],
        Access::Write | Access::Append | Access::CreateNew => &[Right::Write],
        Access::ReadWrite => &[Right::Read, Right::Write],
    };
    if rights.iter().all(|right| allows(inode, walker.who, *right)) { Ok(()) } else { Err(Errno::Denied) }
}
