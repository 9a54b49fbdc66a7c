//! The journal with a disk that fails, fills up, or stops with its process.

use super::*;

/// A disk that takes `room` more bytes; then every write fails after a part of it, and, where the process is said
/// to be killed, nothing more is done to the file.
struct FailingDisk {
    room: usize,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    Full,
    Killed,
}

impl Disk for FailingDisk {
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let part = bytes.len().min(self.room);
        file.write_all(&bytes[..part])?;
        self.room -= part;
        if part < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self, _: &File) -> io::Result<()> {
        if self.room == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        match self.then {
            Then::Full => file.set_len(length),
            Then::Killed => Ok(()),
        }
    }
}

fn texts(fresh: Fresh) -> Vec<String> {
    fresh.lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
}

fn read_all(path: &Path) -> (Vec<String>, u64) {
    let mut journal = Journal::open(path, Box::new(RealDisk)).unwrap();
    let fresh = journal.lock().unwrap().fresh().unwrap();
    let torn = fresh.torn;
    (texts(fresh), torn)
}

/// Appends `lines` until one fails, and returns how many were said to be on disk.
fn append_until_failure(path: &Path, disk: FailingDisk, lines: &[&str]) -> usize {
    let mut journal = Journal::open(path, Box::new(disk)).unwrap();
    let mut locked = journal.lock().unwrap();
    locked.fresh().unwrap();
    lines.iter().take_while(|line| locked.append(line.as_bytes()).is_ok()).count()
}

#[test]
fn a_kill_at_any_byte_of_a_write_loses_nothing_that_was_acknowledged() {
    let lines = ["first", "second line", "third"];
    let length: usize = lines.iter().map(|line| line.len() + 1).sum();
    for room in 0..=length {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let acknowledged = append_until_failure(&path, FailingDisk { room, then: Then::Killed }, &lines);
        let (read, torn) = read_all(&path);
        assert!(read.len() >= acknowledged, "after {room} bytes: {read:?}");
        assert_eq!(read, lines[..read.len()], "after {room} bytes");
        // What was dropped is gone for good, and the file takes new lines.
        assert_eq!(read_all(&path).1, 0, "after {room} bytes, {torn} torn");
        let more = append_until_failure(&path, FailingDisk { room: 100, then: Then::Killed }, &["more"]);
        assert_eq!(more, 1);
        assert_eq!(read_all(&path).0.last().unwrap(), "more");
    }
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let written = append_until_failure(&path, FailingDisk { room: 9, then: Then::Full }, &["one", "three"]);
    assert_eq!(written, 1);
    assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
}

#[test]
fn two_writers_never_mix_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    std::thread::scope(|scope| {
        for writer in ["a", "b", "c"] {
            let path = &path;
            scope.spawn(move || {
                let mut journal = Journal::open(path, Box::new(RealDisk)).unwrap();
                for number in 0..50 {
                    let mut locked = journal.lock().unwrap();
                    locked.fresh().unwrap();
                    locked.append(format!("{writer} {number}").as_bytes()).unwrap();
                }
            });
        }
    });
    let (lines, torn) = read_all(&path);
    assert_eq!((lines.len(), torn), (150, 0));
    for writer in ["a", "b", "c"] {
        let own: Vec<&String> = lines.iter().filter(|line| line.starts_with(writer)).collect();
        assert_eq!(
            own,
            (0..50).map(|number| format!("{writer} {number}")).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_others_added_is_read_before_the_next_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut ours = Journal::open(&path, Box::new(RealDisk)).unwrap();
    ours.lock().unwrap().append(b"ours").unwrap();
    append_until_failure(&path, FailingDisk { room: 100, then: Then::Full }, &["theirs"]);
    assert_eq!(texts(ours.lock().unwrap().fresh().unwrap()), ["theirs"]);
    assert_eq!(ours.lock().unwrap().fresh().unwrap(), Fresh::default());
}

#[test]
fn a_file_that_was_replaced_or_cut_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let mut journal = Journal::open(&path, Box::new(RealDisk)).unwrap();
    journal.lock().unwrap().append(b"a long first line").unwrap();
    for replace in [true, false] {
        if replace {
            std::fs::write(folder.path().join("n"), "new\n").unwrap();
            std::fs::rename(folder.path().join("n"), &path).unwrap();
        } else {
            std::fs::write(&path, "").unwrap();
        }
        let fresh = journal.lock().unwrap().fresh().unwrap();
        assert!(fresh.anew);
        assert_eq!(texts(fresh), if replace { vec!["new"] } else { vec![] });
    }
}

#[test]
fn a_link_in_place_of_the_file_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.path().join("j")).unwrap();
    assert!(Journal::open(&folder.path().join("j"), Box::new(RealDisk)).is_err());
}
