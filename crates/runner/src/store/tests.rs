//! The history on disk: found again, shared, carried, killed, and without room.

//! The history on disk, killed, cut short, and shared.

use std::fs::File;
use std::process::Stdio;

use lab::StepId;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn step(id: &str) -> StepId {
    StepId::try_from(format!("cours/{id}")).unwrap()
}

fn opened(id: &str) -> Happening {
    Happening::Opened { step: step(id) }
}

fn home() -> (tempfile::TempDir, Home) {
    let root = tempfile::tempdir().unwrap();
    let home = Home::below(root.path());
    home.prepare().unwrap();
    (root, home)
}

fn open(home: &Home) -> Store {
    Store::open(home, "camille", at(0)).unwrap()
}

fn steps(store: &Store) -> Vec<String> {
    store.progress().steps.keys().map(|step| step.step.clone()).collect()
}

/// A disk with room for so many bytes more, which can be given more.
struct SmallDisk(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Disk for SmallDisk {
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        use std::io::Write;
        use std::sync::atomic::Ordering::SeqCst;
        let room = self.0.load(SeqCst);
        let part = bytes.len().min(room);
        file.write_all(&bytes[..part])?;
        self.0.store(room - part, SeqCst);
        if part < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }
}

#[test]
fn a_history_is_found_again() {
    let (_root, home) = home();
    let mut store = open(&home);
    store.record(at(1), opened("a")).unwrap();
    store.record(at(2), opened("b")).unwrap();
    drop(store);
    let store = open(&home);
    assert_eq!(store.progress().current, Some(step("b")));
    assert_eq!(store.log().learner(), "camille");
    assert_eq!(store.log().flaws(), []);
}

#[test]
fn a_torn_end_is_dropped_and_said() {
    let (_root, home) = home();
    let mut store = open(&home);
    store.record(at(1), opened("a")).unwrap();
    drop(store);
    let mut content = std::fs::read(home.progress()).unwrap();
    content.extend_from_slice(b"{\"sequence\":2,\"at");
    std::fs::write(home.progress(), content).unwrap();
    let mut store = open(&home);
    assert_eq!(store.take_torn(), 17);
    store.record(at(2), opened("b")).unwrap();
    drop(store);
    let store = open(&home);
    assert_eq!((steps(&store), store.log().flaws()), (vec!["a".to_owned(), "b".to_owned()], &[][..]));
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    let (_root, home) = home();
    let mut store = open(&home);
    store.record(at(1), opened("a")).unwrap();
    drop(store);
    let before = std::fs::read(home.progress()).unwrap();
    let room = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(20));
    let mut store = Store::open_on(&home, "camille", at(2), Box::new(SmallDisk(room.clone()))).unwrap();
    for id in ["b", "c"] {
        let error = store.record(at(3), opened(id)).unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
    }
    assert_eq!(std::fs::read(home.progress()).unwrap(), before);
    room.store(10_000, std::sync::atomic::Ordering::SeqCst);
    store.record(at(4), opened("d")).unwrap();
    drop(store);
    let store = open(&home);
    assert_eq!(steps(&store), ["a", "b", "c", "d"]);
    assert_eq!(store.log().flaws(), []);
}

#[test]
fn a_full_disk_at_the_very_beginning_is_said_and_nothing_is_lost() {
    let (_root, home) = home();
    let room = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(5));
    let mut store = Store::open_on(&home, "camille", at(0), Box::new(SmallDisk(room.clone()))).unwrap();
    assert!(matches!(store.take_problem(), Some(StoreError::Full { .. })));
    assert!(store.record(at(1), opened("a")).is_err());
    assert_eq!(std::fs::read(home.progress()).unwrap(), b"");
    room.store(10_000, std::sync::atomic::Ordering::SeqCst);
    store.flush(at(2)).unwrap();
    let store = open(&home);
    assert_eq!((steps(&store), store.log().learner()), (vec!["a".to_owned()], "camille"));
}

#[test]
fn two_apps_on_one_file_see_each_other_and_keep_one_chain() {
    let (_root, home) = home();
    let (mut one, mut two) = (open(&home), open(&home));
    for number in 0..5 {
        one.record(at(number), opened(&format!("one{number}"))).unwrap();
        two.record(at(number), opened(&format!("two{number}"))).unwrap();
    }
    one.flush(at(9)).unwrap();
    assert_eq!(one.progress(), two.progress());
    assert_eq!(one.progress().steps.len(), 10);
    assert_eq!(open(&home).log().flaws(), []);
}

#[test]
fn two_threads_that_record_at_once_keep_one_chain() {
    let (_root, home) = home();
    std::thread::scope(|scope| {
        for app in 0..3 {
            let home = &home;
            scope.spawn(move || {
                let mut store = open(home);
                for number in 0..20 {
                    store.record(at(number), opened(&format!("{app}-{number}"))).unwrap();
                }
            });
        }
    });
    let store = open(&home);
    assert_eq!(store.progress().steps.len(), 60);
    assert_eq!(store.log().flaws(), []);
}

#[test]
fn a_file_that_went_away_is_written_again() {
    let (_root, home) = home();
    let mut store = open(&home);
    store.record(at(1), opened("a")).unwrap();
    std::fs::remove_file(home.progress()).unwrap();
    store.record(at(2), opened("b")).unwrap();
    drop(store);
    assert_eq!(steps(&open(&home)), ["a", "b"]);
}

#[test]
fn progress_is_carried_to_another_machine_and_merges() {
    let ((_one, one), (_two, two)) = (home(), home());
    let file = one.state().join("carried");
    let mut there = open(&one);
    there.record(at(1), opened("a")).unwrap();
    there.export(&file, at(2)).unwrap();
    let mut here = open(&two);
    here.record(at(3), opened("b")).unwrap();
    let imported = here.import(&file, at(4)).unwrap();
    assert_eq!((imported.learner.as_str(), imported.whole, imported.flaws), ("camille", true, 0));
    assert_eq!(steps(&here), ["a", "b"]);
    let lines = here.log().head().lines;
    here.import(&file, at(5)).unwrap();
    assert_eq!(here.log().head().lines, lines, "the same file twice adds nothing");
    std::fs::write(&file, "nonsense").unwrap();
    assert!(matches!(here.import(&file, at(6)), Err(StoreError::Carry { .. })));
}

/// What the child of the next test does; run by itself it records a few events as well.
#[test]
fn a_process_records_until_it_is_killed() {
    let (_root, own) = home();
    let forever = std::env::var_os("ATELIER_TEST_RECORDS_IN");
    let home = forever.as_ref().map_or(own, |root| Home::below(Path::new(root)));
    let mut store = open(&home);
    let rounds = if forever.is_some() { usize::MAX } else { 10 };
    for number in 0..rounds {
        store.record(at(1), Happening::Opened { step: step(&format!("s{number}")) }).unwrap();
        let acknowledged = store.log().head().lines;
        std::fs::write(home.state().join("acknowledged"), acknowledged.to_string()).unwrap();
    }
    assert_eq!(open(&home).progress().steps.len(), 10);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test kills a process of its own")]
fn a_process_killed_at_any_moment_leaves_a_sound_history() {
    let (root, home) = home();
    for round in 0..10_u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::a_process_records_until_it_is_killed"])
            .env("ATELIER_TEST_RECORDS_IN", root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = std::time::Instant::now();
        let lines = || std::fs::read(home.progress()).unwrap_or_default().len();
        let before = lines();
        while lines() < before + 2_000 {
            assert!(start.elapsed().as_secs() < 60, "the child does not record");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_micros(137 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let said = std::fs::read_to_string(home.state().join("acknowledged")).unwrap_or_default();
        let store = open(&home);
        assert_eq!(store.log().flaws(), []);
        // The note itself may have been cut short by the kill: then it says less.
        let acknowledged: u64 = said.parse().unwrap_or(0);
        assert!(store.log().head().lines >= acknowledged, "{acknowledged} lines were acknowledged");
    }
}

#[test]
fn a_history_that_was_cut_short_is_found_out_and_the_finding_is_kept() {
    let (_root, home) = home();
    let mut store = open(&home);
    for id in ["a", "b", "c"] {
        store.record(at(1), opened(id)).unwrap();
    }
    assert_eq!(store.take_shorter(), None);
    drop(store);
    let lines = std::fs::read_to_string(home.progress()).unwrap();
    let kept: String = lines.split_inclusive('\n').take(2).collect();
    std::fs::write(home.progress(), kept).unwrap();
    let mut store = open(&home);
    assert_eq!(store.take_shorter(), Some(4));
    assert_eq!(steps(&store), ["a"]);
    assert_eq!(store.flaws(), []);
    drop(store);
    assert_eq!(open(&home).take_shorter(), None, "it is said once");
    assert!(std::fs::read_to_string(home.progress()).unwrap().contains("{\"found_shorter\":{\"had\":4}}"));
}

#[test]
fn a_damaged_note_about_the_end_accuses_nobody() {
    let (_root, home) = home();
    open(&home).record(at(1), opened("a")).unwrap();
    for damaged in ["", "{", "{\"lines\":-1,\"digest\":\"\"}"] {
        std::fs::write(home.progress_head(), damaged).unwrap();
        assert_eq!(open(&home).take_shorter(), None);
    }
    std::fs::remove_file(home.progress_head()).unwrap();
    assert_eq!(open(&home).take_shorter(), None);
}
