//! What is mounted into containers: folders in memory, shared by the containers of a Pod, and files from objects.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::container::Writable;
use crate::files::{Access, Credentials, Files, Follow, Opened, Shared, Walker, lock, mount};
use crate::tree::{Allowance, Ino, ROOT, Tree};

/// A volume. Clones are the same volume.
#[derive(Clone)]
pub struct Volume {
    tree: Shared,
    writable: Writable,
    kind: &'static str,
    source: String,
}

/// A file of a volume that shows an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeFile {
    /// Its path in the volume, relative.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

impl Volume {
    /// Returns an empty folder that all may write to, as `emptyDir` is, of the group given by `fsGroup`.
    pub fn folder(allowance: Arc<Allowance>, group: Option<u32>, now: Duration) -> Volume {
        let mode = if group.is_some() { 0o2777 } else { 0o777 };
        let tree = Tree::empty(allowance, mode, (0, group.unwrap_or(0)), now);
        Volume {
            tree: Arc::new(Mutex::new(tree)),
            writable: Writable::Yes,
            kind: "ext4",
            source: "/dev/sda1".to_owned(),
        }
    }

    /// Returns the files of a `ConfigMap`, a `Secret` or a projection, laid out as the kubelet does: a folder named by
    /// the time, the link `..data` to it, and a link for each file.
    pub fn projected(files: &[VolumeFile], group: Option<u32>, now: Duration) -> Volume {
        let allowance = Allowance::new(8 << 20, None);
        let tree = Tree::empty(allowance, if group.is_some() { 0o3777 } else { 0o1777 }, (0, group.unwrap_or(0)), now);
        let volume = Volume {
            tree: Arc::new(Mutex::new(tree)),
            writable: Writable::No,
            kind: "tmpfs",
            source: "tmpfs".to_owned(),
        };
        volume.replace(files, now);
        volume
    }

    /// Gives a projected volume other files, at once for those who read through `..data`.
    pub fn replace(&self, files: &[VolumeFile], now: Duration) {
        let group = lock(&self.tree).get(ROOT).map_or(0, |root| root.gid);
        let root = Credentials { gid: group, ..Credentials::root() };
        let view = self.view();
        let walker = Walker { who: &root, cwd: "/", pid: 1, now };
        let stamp = jiff::Timestamp::from_second(i64::try_from(now.as_secs()).unwrap_or_default())
            .map_or_else(|_| "0".to_owned(), |time| time.strftime("%Y_%m_%d_%H_%M_%S").to_string());
        let folder = (0..)
            .map(|turn| format!("/..{stamp}.{:09}", now.subsec_nanos() + turn))
            .find(|name| view.stat(walker, name, Follow::No).is_err());
        let Some(folder) = folder else { return };
        view.make_directory(walker, &folder, 0o755).ok();
        let mut names: Vec<&str> = Vec::new();
        for file in files {
            let path = format!("{folder}/{}", file.path);
            let mut at = folder.clone();
            let parts: Vec<&str> = file.path.split('/').filter(|part| !part.is_empty()).collect();
            if parts.iter().any(|part| *part == ".." || *part == ".") {
                continue;
            }
            for part in parts.iter().take(parts.len().saturating_sub(1)) {
                at = format!("{at}/{part}");
                view.make_directory(walker, &at, 0o755).ok();
            }
            let mode = if group == 0 { file.mode } else { file.mode | 0o040 };
            if let Ok(Opened::File(open)) = view.open(walker, &path, Access::Write, mode) {
                open.write(&file.bytes, now).ok();
            }
            names.extend(parts.first());
        }
        let old = view.list(walker, "/").unwrap_or_default();
        view.unlink(walker, "/..data").ok();
        view.make_link(walker, folder.trim_start_matches('/'), "/..data").ok();
        for (name, stat) in &old {
            if format!("/{name}") == folder {
                continue;
            }
            if name.starts_with("..") && stat.is_directory() {
                remove(&view, walker, &format!("/{name}"));
            } else if !name.starts_with("..") && !names.contains(&name.as_str()) {
                view.unlink(walker, &format!("/{name}")).ok();
            }
        }
        for name in names {
            view.make_link(walker, &format!("..data/{name}"), &format!("/{name}")).ok();
        }
    }

    /// Adds a folder or a file to a volume, as a part of a simulated node's disk; `None` for a folder.
    pub fn add(&self, path: &str, bytes: Option<&[u8]>, mode: u32, now: Duration) {
        let root = Credentials::root();
        let view = self.view();
        let walker = Walker { who: &root, cwd: "/", pid: 1, now };
        let mut at = String::new();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        for (index, part) in parts.iter().enumerate() {
            at = format!("{at}/{part}");
            match bytes.filter(|_| index + 1 == parts.len()) {
                None => drop(view.make_directory(walker, &at, 0o755)),
                Some(bytes) => {
                    if let Ok(Opened::File(file)) = view.open(walker, &at, Access::Write, mode) {
                        file.write(bytes, now).ok();
                    }
                }
            }
        }
        view.set_mode(walker, &at, mode).ok();
    }

    fn view(&self) -> Files {
        let mut root = mount("/", Tree::empty(Allowance::new(0, None), 0o755, (0, 0), Duration::ZERO), "", "");
        root.tree = Arc::clone(&self.tree);
        Files { mounts: vec![root], proc: None }
    }

    /// Finds what a sub-path leads to; makes a folder of it if there is nothing, as the kubelet does.
    pub(crate) fn at(&self, sub_path: &str, now: Duration) -> Option<(Shared, Ino, bool)> {
        let view = self.view();
        let root = Credentials::root();
        let walker = Walker { who: &root, cwd: "/", pid: 1, now };
        let path = format!("/{}", sub_path.trim_matches('/'));
        if view.stat(walker, &path, Follow::Yes).is_err() {
            self.add(&path, None, 0o755, now);
        }
        let (_, ino) = view.find(walker, &path, Follow::Yes).ok()?;
        let is_directory = lock(&self.tree).get(ino).ok()?.is_directory();
        Some((Arc::clone(&self.tree), ino, is_directory))
    }

    pub(crate) fn shown(&self) -> (&'static str, String) {
        (self.kind, self.source.clone())
    }

    pub(crate) fn writable(&self) -> Writable {
        self.writable
    }
}

fn remove(files: &Files, walker: Walker<'_>, path: &str) {
    for (name, stat) in files.list(walker, path).unwrap_or_default() {
        let below = format!("{path}/{name}");
        if stat.is_directory() {
            remove(files, walker, &below);
        } else {
            files.unlink(walker, &below).ok();
        }
    }
    files.remove_directory(walker, path).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projected_volume_changes_as_a_whole() {
        let file = |path: &str, text: &str| VolumeFile { path: path.to_owned(), bytes: text.into(), mode: 0o644 };
        let volume = Volume::projected(&[file("a", "1"), file("b", "2")], None, Duration::from_secs(1));
        let root = Credentials::root();
        let (view, walker) = (volume.view(), Walker { who: &root, cwd: "/", pid: 1, now: Duration::ZERO });
        let read = |path: &str| match view.open(walker, path, Access::Read, 0) {
            Ok(Opened::File(file)) => Some(String::from_utf8(file.read(10).unwrap()).unwrap()),
            _ => None,
        };
        assert_eq!((read("/a"), read("/..data/b")), (Some("1".to_owned()), Some("2".to_owned())));
        volume.replace(&[file("a", "3")], Duration::from_secs(2));
        assert_eq!((read("/a"), read("/b")), (Some("3".to_owned()), None));
        let names: Vec<String> = view.list(walker, "/").unwrap().into_iter().map(|entry| entry.0).collect();
        assert_eq!(names, ["..1970_01_01_00_00_02.000000000", "..data", "a"]);
    }
}
