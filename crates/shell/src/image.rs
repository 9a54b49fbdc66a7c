//! Images: what a container's root holds before anything runs, who uses it, and what runs by itself.
//!
//! A [`Builder`] starts from one of three userlands and adds files, users and programs. What it makes is shared by
//! all containers of the image.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::errno::Errno;
use crate::files::{Access, Credentials, Files, Follow, Opened, Walker, mount};
use crate::tree::{Allowance, Content, Device, Flavour, Ino, Inode, Kind, Program, ROOT, Tree};

mod userland;

/// An image.
#[derive(Debug, Clone)]
pub struct Image {
    pub(crate) tree: Arc<BTreeMap<Ino, Inode>>,
    /// What its configuration says.
    pub config: Config,
}

/// The part of an image that is not files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// The user: a name, a number, or either with a group; empty for root.
    pub user: String,
    /// The folder where its processes begin; empty for `/`.
    pub workdir: String,
    /// What runs, before its arguments.
    pub entrypoint: Vec<String>,
    /// The arguments, or all that runs if there is no entrypoint.
    pub cmd: Vec<String>,
}

/// When the files of images seem to have been made: 2024-09-26.
const MADE: Duration = Duration::from_secs(1_727_308_800);

/// Makes an image.
pub struct Builder {
    files: Files,
    flavour: Flavour,
    config: Config,
}

impl Builder {
    fn empty(flavour: Flavour) -> Self {
        let tree = Tree::empty(Allowance::new(64 << 20, None), 0o755, (0, 0), MADE);
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned();
        let config = Config { env: vec![("PATH".to_owned(), path)], ..Config::default() };
        Self { files: Files { mounts: vec![mount("/", tree, "overlay", "overlay")], proc: None }, flavour, config }
    }

    /// Returns the userland of `busybox`.
    pub fn busybox() -> Self {
        userland::busybox(Self::empty(Flavour::Busybox))
    }

    /// Returns the userland of `alpine`, of this version.
    pub fn alpine(version: &str) -> Self {
        userland::alpine(Self::empty(Flavour::Busybox), version)
    }

    /// Returns the userland of `debian` in its slim form, of this version: `12`.
    pub fn debian(version: &str) -> Self {
        userland::debian(Self::empty(Flavour::Gnu), version)
    }

    /// Returns the userland of `ubuntu`, of this version: `24.04`.
    pub fn ubuntu(version: &str) -> Self {
        userland::ubuntu(Self::empty(Flavour::Gnu), version)
    }

    fn root<T>(&self, act: impl FnOnce(&Files, Walker<'_>) -> Result<T, Errno>) -> Option<T> {
        let root = Credentials::root();
        act(&self.files, Walker { who: &root, cwd: "/", pid: 1, now: MADE }).ok()
    }

    /// Adds a folder with those above it.
    pub fn folder(mut self, path: &str, mode: u32, owner: (u32, u32)) -> Self {
        self.make_folder(path, mode, owner);
        self
    }

    fn make_folder(&mut self, path: &str, mode: u32, owner: (u32, u32)) {
        let mut at = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = format!("{at}/{name}");
            self.root(|files, walker| files.make_directory(walker, &at, 0o755));
        }
        self.own(path, mode, owner);
    }

    fn own(&self, path: &str, mode: u32, owner: (u32, u32)) {
        use crate::files::Owner;
        let owner = Owner { uid: Some(owner.0), gid: Some(owner.1) };
        self.root(|files, walker| files.set_owner(walker, (path, Follow::No), owner));
        self.root(|files, walker| files.set_mode(walker, path, mode));
    }

    fn above(&mut self, path: &str) {
        if let Some((folder, _)) = path.rsplit_once('/')
            && !folder.is_empty()
            && self.root(|files, walker| files.stat(walker, folder, Follow::Yes)).is_none()
        {
            self.make_folder(folder, 0o755, (0, 0));
        }
    }

    /// Adds a file of root's; makes the folders above it.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        self.owned_file(path, content, mode, (0, 0))
    }

    /// Adds a file; makes the folders above it.
    pub fn owned_file(mut self, path: &str, content: impl AsRef<[u8]>, mode: u32, owner: (u32, u32)) -> Self {
        self.above(path);
        let opened = self.root(|files, walker| files.open(walker, path, Access::Write, 0o644));
        if let Some(Opened::File(file)) = opened {
            // The allowance of an image is far above what its texts need.
            file.write(content.as_ref(), MADE).ok();
        }
        self.own(path, mode, owner);
        self
    }

    /// Adds a symbolic link.
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.above(path);
        self.root(|files, walker| files.make_link(walker, target, path));
        self
    }

    fn put(mut self, path: &str, kind: Kind, mode: u32) -> Self {
        self.above(path);
        let found = self.root(|files, walker| files.walk(walker, path, Follow::No));
        if let Some(found) = found.filter(|found| found.ino.is_none()) {
            let mut tree = crate::files::lock(&self.files.mounts[0].tree);
            tree.add(found.parent.1, &found.name, Inode::new(kind, mode, (0, 0), MADE)).ok();
        }
        self
    }

    fn device(self, path: &str, device: Device, mode: u32) -> Self {
        self.put(path, Kind::Device(device), mode)
    }

    /// Adds one of the programs of this crate. A name that is none gives a file that cannot be executed as such.
    pub fn program(self, path: &str, name: &str) -> Self {
        let flavour = self.flavour;
        self.flavoured(path, name, flavour)
    }

    fn flavoured(self, path: &str, name: &str, flavour: Flavour) -> Self {
        let Some(name) = crate::commands::known(name) else { return self.file(path, "", 0o755) };
        let size = match flavour {
            Flavour::Busybox => 1_131_168,
            Flavour::Gnu => 44_016 + name.len() as u64 * 8_192,
        };
        self.put(path, Kind::File(Content::Program(Program { name, flavour, size })), 0o755)
    }

    /// Adds programs to a folder, each under its own name.
    pub fn programs(mut self, folder: &str, names: &[&str]) -> Self {
        for name in names {
            self = self.program(&format!("{folder}/{name}"), name);
        }
        self
    }

    /// Adds a server: a program that this crate has no code for and that only seems to run.
    pub fn server(self, path: &str) -> Self {
        self.program(path, "server")
    }

    /// Adds a line to `/etc/passwd` and one to `/etc/group`, and the home folder unless it is `/nonexistent`.
    pub fn user(mut self, name: &str, number: u32, home: &str, shell: &str) -> Self {
        let passwd = self.text("/etc/passwd") + &format!("{name}:x:{number}:{number}:{name}:{home}:{shell}\n");
        let group = self.text("/etc/group") + &format!("{name}:x:{number}:\n");
        self = self.file("/etc/passwd", passwd, 0o644).file("/etc/group", group, 0o644);
        if !["/nonexistent", "/", "/dev/null"].contains(&home) {
            self.make_folder(home, 0o755, (number, number));
        }
        self
    }

    fn text(&self, path: &str) -> String {
        match self.root(|files, walker| files.open(walker, path, Access::Read, 0)) {
            Some(Opened::File(file)) => String::from_utf8_lossy(&file.read(1 << 20).unwrap_or_default()).into_owned(),
            Some(Opened::Device(_) | Opened::Fixed(_)) | None => String::new(),
        }
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.config.env.retain(|(known, _)| known != name);
        self.config.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the user.
    pub fn run_as(mut self, user: &str) -> Self {
        user.clone_into(&mut self.config.user);
        self
    }

    /// Sets the folder where processes begin.
    pub fn workdir(mut self, path: &str) -> Self {
        self.make_folder(path, 0o755, (0, 0));
        path.clone_into(&mut self.config.workdir);
        self
    }

    /// Sets what runs.
    pub fn entrypoint(mut self, words: &[&str]) -> Self {
        self.config.entrypoint = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Sets the arguments, or what runs if there is no entrypoint.
    pub fn cmd(mut self, words: &[&str]) -> Self {
        self.config.cmd = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Returns the image.
    pub fn build(self) -> Image {
        let Builder { mut files, config, .. } = self;
        let mount = files.mounts.remove(0);
        let tree = std::mem::replace(
            &mut *crate::files::lock(&mount.tree),
            Tree::empty(Allowance::new(0, None), 0o755, (0, 0), MADE),
        );
        Image { tree: tree.freeze(), config }
    }
}

impl Image {
    /// Returns a file's text; `None` if there is no such file.
    pub fn text(&self, path: &str) -> Option<String> {
        let mut ino = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match &self.tree.get(&ino)?.kind {
                Kind::Directory(entries) => ino = *entries.get(name)?,
                Kind::File(_) | Kind::Link(_) | Kind::Device(_) => return None,
            }
        }
        match &self.tree.get(&ino)?.kind {
            Kind::File(content) => Some(String::from_utf8_lossy(&content.read(0, 1 << 20)).into_owned()),
            Kind::Directory(_) | Kind::Link(_) | Kind::Device(_) => None,
        }
    }

    /// Finds the numbers of a user as an image or a Pod names it: `nginx`, `101`, `101:101`; `None` where the name
    /// is not in `/etc/passwd`.
    pub fn user(&self, user: &str) -> Option<(u32, u32)> {
        let (name, group) = user.split_once(':').map_or((user, None), |(name, group)| (name, Some(group)));
        let line = |file: &str, wanted: &str, column: usize| -> Option<Vec<String>> {
            self.text(file)?
                .lines()
                .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>())
                .find(|fields| fields.get(column).is_some_and(|field| field == wanted))
        };
        let (uid, own) = match name.parse::<u32>() {
            Ok(number) => {
                let group = line("/etc/passwd", name, 2).and_then(|fields| fields.get(3)?.parse().ok());
                (number, group.unwrap_or(0))
            }
            Err(_) if name.is_empty() => (0, 0),
            Err(_) => {
                let fields = line("/etc/passwd", name, 0)?;
                (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)
            }
        };
        let gid = match group {
            Some(group) => match group.parse() {
                Ok(number) => number,
                Err(_) => line("/etc/group", group, 0)?.get(2)?.parse().ok()?,
            },
            None => own,
        };
        Some((uid, gid))
    }
}
