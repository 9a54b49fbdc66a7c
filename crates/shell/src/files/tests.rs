//! Paths, modes and mounts as a process meets them.

use super::*;
use crate::tree::Allowance;

fn files() -> Files {
    let root = Tree::empty(Allowance::new(1 << 20, None), 0o755, (0, 0), Duration::ZERO);
    let volume = Tree::empty(Allowance::new(1 << 20, None), 0o1777, (0, 0), Duration::ZERO);
    let files = Files {
        mounts: vec![mount("/", root, "overlay", "overlay"), mount("/mnt", volume, "tmpfs", "tmpfs")],
        proc: None,
    };
    let who = Credentials::root();
    let only = Files { mounts: vec![files.mounts[0].clone()], proc: None };
    only.make_directory(at(&who, "/"), "/mnt", 0o755).unwrap();
    files
}

fn root() -> Credentials {
    Credentials::root()
}

fn user(uid: u32) -> Credentials {
    Credentials { uid, gid: uid, groups: vec![], capabilities: vec![] }
}

fn at<'a>(who: &'a Credentials, cwd: &'a str) -> Walker<'a> {
    Walker { who, cwd, pid: 1, now: Duration::ZERO }
}

#[test]
fn paths_go_through_links_and_mounts_and_back() {
    let (files, root) = (files(), root());
    let walker = at(&root, "/");
    for folder in ["/a", "/a/b"] {
        files.make_directory(walker, folder, 0o755).unwrap();
    }
    files.make_directory(walker, "/mnt/in", 0o755).unwrap();
    files.make_link(walker, "../mnt/in", "/a/link").unwrap();
    let path = |path: &str| files.walk(at(&root, "/a"), path, Follow::Yes).map(|found| found.path);
    assert_eq!(path("link").unwrap(), "/mnt/in");
    assert_eq!(path("link/..").unwrap(), "/mnt");
    assert_eq!(path("../../..").unwrap(), "/");
    assert_eq!(path("./b/new").unwrap(), "/a/b/new");
    assert_eq!(path("no/new").unwrap_err(), Errno::NoEntry);
    files.make_link(walker, "/loop", "/loop").unwrap();
    assert_eq!(path("/loop").unwrap_err(), Errno::Loop);
    assert_eq!(files.rename(walker, "/a/b", "/mnt/b").unwrap_err(), Errno::OtherDevice);
    assert_eq!(files.remove_directory(walker, "/mnt").unwrap_err(), Errno::Busy);
    assert_eq!(files.rename(walker, "/a", "/a/b/c").unwrap_err(), Errno::Invalid);
}

#[test]
fn modes_hold_for_all_but_root() {
    let (files, root, ann, bob) = (files(), root(), user(1000), user(1001));
    assert_eq!(files.make_directory(at(&ann, "/"), "/x", 0o755).unwrap_err(), Errno::Denied);
    assert!(files.open(at(&ann, "/"), "/mnt/f", Access::Write, 0o600).is_ok());
    let read = |who: &Credentials| files.open(at(who, "/"), "/mnt/f", Access::Read, 0).map(|_| ());
    assert_eq!((read(&ann), read(&bob), read(&root)), (Ok(()), Err(Errno::Denied), Ok(())));
    // The folder is sticky: what belongs to others stays.
    assert_eq!(files.unlink(at(&bob, "/"), "/mnt/f").unwrap_err(), Errno::NotPermitted);
    assert_eq!(files.set_mode(at(&bob, "/"), "/mnt/f", 0o777).unwrap_err(), Errno::NotPermitted);
    files.unlink(at(&ann, "/"), "/mnt/f").unwrap();
    assert_eq!(read(&root), Err(Errno::NoEntry));
}

#[test]
fn a_read_only_mount_says_so() {
    let mut files = files();
    let root = root();
    files.mounts[1].access = MountAccess::ReadOnly;
    assert_eq!(files.make_directory(at(&root, "/mnt"), "x", 0o755).unwrap_err(), Errno::ReadOnly);
    let opened = files.open(at(&root, "/mnt"), "x", Access::Write, 0o644);
    assert_eq!(opened.map(|_| ()).unwrap_err(), Errno::ReadOnly);
}
