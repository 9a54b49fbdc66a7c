//! `/proc`: the processes of the container and a little about its machine, made anew at each look.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Surroundings;
use crate::files::{Credentials, Mount, MountAccess};
use crate::table::{Entry, Table};
use crate::tree::{Allowance, Content, Ino, Inode, Kind, ROOT, Tree};

/// What `/proc` is made of.
pub(crate) struct View {
    pub(crate) table: Arc<Table>,
    pub(crate) hostname: String,
    pub(crate) memory: Option<u64>,
    pub(crate) started: Duration,
    pub(crate) mounts: Vec<MountLine>,
    pub(crate) credentials: Credentials,
    pub(crate) surroundings: Arc<dyn Surroundings>,
}

/// One line of `/proc/mounts`.
#[derive(Debug, Clone)]
pub(crate) struct MountLine(String);

impl MountLine {
    pub(crate) fn of(mount: &Mount) -> MountLine {
        let access = if mount.access == MountAccess::ReadOnly { "ro" } else { "rw" };
        MountLine(format!("{} {} {} {access},relatime 0 0\n", mount.source, mount.at, mount.kind))
    }
}

/// The memory of a simulated node, in bytes.
pub(crate) const NODE_MEMORY: u64 = 4 << 30;

/// The kernel that simulated nodes run.
pub(crate) const RELEASE: &str = "6.1.0-26-amd64";

struct Maker {
    tree: Tree,
    now: Duration,
}

impl Maker {
    fn folder(&mut self, parent: Ino, name: &str) -> Ino {
        self.put(parent, name, Kind::Directory(Default::default()), 0o555)
    }

    fn file(&mut self, parent: Ino, name: &str, text: impl Into<String>, mode: u32) {
        self.put(parent, name, Kind::File(Content::Shared(text.into().into_bytes().into())), mode);
    }

    fn link(&mut self, parent: Ino, name: &str, target: &str) {
        self.put(parent, name, Kind::Link(target.to_owned()), 0o777);
    }

    fn put(&mut self, parent: Ino, name: &str, kind: Kind, mode: u32) -> Ino {
        let inode = Inode::new(kind, mode, (0, 0), self.now);
        // Names are made here and never twice.
        self.tree.add(parent, name, inode).unwrap_or(ROOT)
    }
}

/// Makes the tree as the process with this number sees it.
pub(crate) fn tree(view: &View, pid: u32) -> Tree {
    let now = view.surroundings.now();
    let mut made = Maker { tree: Tree::empty(Allowance::new(1 << 22, None), 0o555, (0, 0), now), now };
    for entry in view.table.all() {
        process(&mut made, view, &entry);
    }
    made.link(ROOT, "self", &pid.to_string());
    made.link(ROOT, "mounts", "self/mounts");
    made.link(ROOT, "net", "self/net");
    let total = NODE_MEMORY / 1024;
    made.file(
        ROOT,
        "meminfo",
        format!(
            "MemTotal:       {total:>8} kB\nMemFree:        {:>8} kB\nMemAvailable:   {:>8} kB\nBuffers:           65536 kB\n\
             Cached:           524288 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n",
            total / 2,
            total * 3 / 4
        ),
        0o444,
    );
    let up = now.saturating_sub(view.started).as_secs_f64() + 3600.0;
    made.file(ROOT, "uptime", format!("{up:.2} {up:.2}\n"), 0o444);
    made.file(ROOT, "loadavg", "0.08 0.03 0.01 1/120 42\n", 0o444);
    made.file(
        ROOT,
        "version",
        format!("Linux version {RELEASE} (atelier) #1 SMP PREEMPT_DYNAMIC (simulated)\n"),
        0o444,
    );
    let cpu = |number: u32| {
        format!("processor\t: {number}\nvendor_id\t: Simulated\nmodel name\t: Simulated CPU\ncpu MHz\t\t: 2400.000\n\n")
    };
    made.file(ROOT, "cpuinfo", cpu(0) + &cpu(1), 0o444);
    made.file(ROOT, "cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet\n", 0o444);
    made.file(ROOT, "filesystems", "nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\n\text4\n", 0o444);
    let sys = made.folder(ROOT, "sys");
    let kernel = made.folder(sys, "kernel");
    made.file(kernel, "hostname", format!("{}\n", view.hostname), 0o644);
    made.file(kernel, "osrelease", format!("{RELEASE}\n"), 0o444);
    made.file(kernel, "ostype", "Linux\n", 0o444);
    made.file(kernel, "core_pattern", "core\n", 0o644);
    let net = made.folder(sys, "net");
    let ipv4 = made.folder(net, "ipv4");
    made.file(ipv4, "ip_forward", "1\n", 0o644);
    made.tree
}

fn process(made: &mut Maker, view: &View, entry: &Entry) {
    let argv = entry.argv();
    let name = argv.first().map_or("", |first| first.rsplit('/').next().unwrap_or(first));
    let name: String = name.chars().take(15).collect();
    let folder = made.folder(ROOT, &entry.pid.to_string());
    let owner = (entry.uid, entry.gid);
    made.tree.change(folder, 0, |inode| (inode.uid, inode.gid) = owner).ok();
    made.file(folder, "cmdline", argv.iter().map(|word| format!("{word}\0")).collect::<String>(), 0o444);
    made.file(folder, "comm", format!("{name}\n"), 0o644);
    let memory = entry.memory.load(Ordering::Relaxed);
    let capabilities: u64 = if entry.uid == view.credentials.uid {
        view.credentials.capabilities.iter().map(|capability| 1_u64 << capability.bit()).sum()
    } else {
        0
    };
    let bounding: u64 = crate::Capability::DEFAULT.iter().map(|capability| 1_u64 << capability.bit()).sum();
    made.file(
        folder,
        "status",
        format!(
            "Name:\t{name}\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t{parent}\n\
             Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nVmSize:\t{:>8} kB\nVmRSS:\t{memory:>8} kB\n\
             Threads:\t1\nCapInh:\t0000000000000000\nCapPrm:\t{capabilities:016x}\nCapEff:\t{capabilities:016x}\n\
             CapBnd:\t{bounding:016x}\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\n",
            memory * 3,
            pid = entry.pid,
            parent = entry.parent,
            uid = entry.uid,
            gid = entry.gid,
        ),
        0o444,
    );
    let start = entry.started.saturating_sub(view.started).as_secs() * 100;
    made.file(
        folder,
        "stat",
        format!(
            "{} ({name}) S {} {} {} 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 {start} {} {} 0\n",
            entry.pid,
            entry.parent,
            entry.pid,
            entry.pid,
            u64::from(memory) * 3072,
            memory / 4
        ),
        0o444,
    );
    // The environment of a process is in the process, which is not reached from here: only the owner may ask anyway.
    let lines: String = view.mounts.iter().map(|line| line.0.as_str()).collect();
    made.file(folder, "mounts", lines, 0o444);
    made.file(folder, "cgroup", "0::/\n", 0o444);
    let limit = view.memory.unwrap_or(NODE_MEMORY);
    made.file(
        folder,
        "limits",
        format!("Limit                     Soft Limit           Hard Limit           Units\nMax address space         {limit:<20} {limit:<20} bytes\n"),
        0o444,
    );
    made.link(folder, "cwd", "/");
    made.link(folder, "root", "/");
    let fds = made.folder(folder, "fd");
    for number in ["0", "1", "2"] {
        made.link(fds, number, "/dev/null");
    }
    let net = made.folder(folder, "net");
    made.file(net, "dev", "Inter-|   Receive\n face |bytes\n    lo:       0\n  eth0:       0\n", 0o444);
}
