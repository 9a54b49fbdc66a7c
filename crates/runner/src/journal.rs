//! An append-only file of lines that several processes share and that survives a kill at any moment and a full
//! disk. It knows lines, not what they say.
//!
//! Every access holds an exclusive `flock(2)`, which the kernel lets go of when its owner dies. A line counts once
//! its line feed is on disk; what stands behind the last line feed is the rest of a write that was cut short, and
//! is dropped by whoever takes the lock next.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::atomic;

/// The largest journal that is read.
const LIMIT: u64 = 64 << 20;
/// How long another process may hold the lock; it holds it for milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The border to the disk, which tests replace to cut writes short.
pub(crate) trait Disk: Send {
    /// Writes all of `bytes` at the file's position.
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
    /// Waits until everything written is on the disk.
    fn sync(&mut self, file: &File) -> io::Result<()>;
    /// Shortens the file.
    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()>;
}

/// The real disk.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }
}

/// The file, and how much of it was read.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    read: u64,
    disk: Box<dyn Disk>,
}

/// What the file holds that was not read before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fresh {
    /// The lines, without their line feeds.
    pub(crate) lines: Vec<Vec<u8>>,
    /// How many bytes of an unfinished line were dropped.
    pub(crate) torn: u64,
    /// The file is another one, or shorter than what was read: `lines` starts at its beginning.
    pub(crate) anew: bool,
}

/// The file while this process holds its lock.
pub(crate) struct Locked<'a> {
    journal: &'a mut Journal,
}

impl Journal {
    /// Opens the file, creating it (mode 0600) where there is none. Nothing is read yet.
    pub(crate) fn open(path: &Path, disk: Box<dyn Disk>) -> io::Result<Journal> {
        Ok(Journal { path: path.to_owned(), file: atomic::open(path)?, read: 0, disk })
    }

    /// Takes the lock. `changed` tells whether the file in place is still the one that was read.
    pub(crate) fn lock(&mut self) -> io::Result<Locked<'_>> {
        loop {
            take(&self.file)?;
            // The file may have been replaced or removed meanwhile: a lock on the old one protects nothing.
            let held = self.file.metadata()?;
            match std::fs::symlink_metadata(&self.path) {
                Ok(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            self.file = atomic::open(&self.path)?;
            // Longer than any file: the next read starts anew.
            self.read = u64::MAX;
        }
        Ok(Locked { journal: self })
    }
}

impl Locked<'_> {
    /// Reads what was added since the last read, and drops the rest of a write that was cut short.
    pub(crate) fn fresh(&mut self) -> io::Result<Fresh> {
        let Journal { file, read, disk, .. } = &mut *self.journal;
        let length = file.metadata()?.len();
        let anew = length < *read;
        let start = if anew { 0 } else { *read };
        if length - start > LIMIT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {LIMIT} bytes")));
        }
        file.seek(SeekFrom::Start(start))?;
        let mut content = Vec::new();
        Read::by_ref(file).take(length - start).read_to_end(&mut content)?;
        let complete = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let torn = (content.len() - complete) as u64;
        if torn > 0 {
            disk.truncate(file, start + complete as u64)?;
        }
        *read = start + complete as u64;
        content.truncate(complete);
        let mut lines: Vec<Vec<u8>> = content.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        // What follows the last line feed is empty.
        lines.pop();
        Ok(Fresh { lines, torn, anew })
    }

    /// Adds one line and waits until it is on disk. On failure the file is as before.
    ///
    /// Everything that others added must have been read by [`Locked::fresh`].
    pub(crate) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        debug_assert!(!line.contains(&b'\n'), "a line has no line feed inside");
        let Journal { file, read, disk, .. } = &mut *self.journal;
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        file.seek(SeekFrom::Start(*read))?;
        if let Err(error) = disk.write(file, &bytes).and_then(|()| disk.sync(file)) {
            // A full disk still lets a file shrink. Where even that fails, the next reader drops the torn line.
            drop(disk.truncate(file, *read));
            return Err(error);
        }
        *read += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Closing the file would let go of the lock all the same.
        drop(self.journal.file.unlock());
    }
}

fn take(file: &File) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::ResourceBusy.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
