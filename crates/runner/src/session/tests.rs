//! Sessions on a cluster in process, driven as a front end drives them.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::tests::{Learner, Origin, alive, catalog, id, variables};
use crate::{Confirmation, EnvironmentView, Snapshot, StepStateView};

/// A session and one reader of its events.
pub(super) struct Driven {
    pub(super) handle: Handle,
    pub(super) events: Events,
    pub(super) notices: Vec<Notice>,
    pub(super) passed: Vec<(StepId, u32)>,
}

impl Driven {
    async fn start(learner: &Learner, origin: Origin, confirmation: Confirmation) -> Driven {
        let options = Options {
            home: learner.home.clone(),
            catalog: catalog(&origin),
            choice: learner.choice(confirmation),
            step: None,
            learner: "camille".to_owned(),
            stand_in: None,
            variables: variables(),
        };
        let handle = Session::start(options).await.unwrap();
        let events = handle.subscribe();
        Driven { handle, events, notices: Vec::new(), passed: Vec::new() }
    }

    pub(super) async fn ask(&self, request: Request) {
        self.handle.requests.send(request).await.unwrap();
    }

    /// Reads events until a state is as expected, and returns it.
    pub(super) async fn until(&mut self, what: &str, expected: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let reading = async {
            loop {
                match self.events.next().await.expect("the session goes on") {
                    Event::Changed(snapshot) if expected(&snapshot) => return snapshot,
                    Event::Changed(_) | Event::Turned { .. } => {}
                    Event::Passed { step, points } => self.passed.push((step, points)),
                    Event::Notice(notice) => self.notices.push(notice),
                    Event::Ended => panic!("the session ended"),
                }
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(30), reading).await;
        let Ok(snapshot) = read else {
            panic!("not within 30 s: {what}\n{:#?}\n{:?}", self.events.latest().checks, self.notices)
        };
        snapshot
    }

    async fn until_prepared(&mut self) -> Arc<Snapshot> {
        self.until("prepared", |s| matches!(s.environment, EnvironmentView::Cluster { .. }) && s.busy.is_none()).await
    }

    /// Reads events until the next failure is said, and returns it.
    pub(super) async fn until_failure(&mut self) -> Arc<Error> {
        let reading = async {
            loop {
                match self.events.next().await.expect("the session goes on") {
                    Event::Notice(Notice::Failed(error)) => return error,
                    Event::Notice(notice) => self.notices.push(notice),
                    Event::Changed(_) | Event::Turned { .. } | Event::Passed { .. } => {}
                    Event::Ended => panic!("the session ended"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reading).await.expect("a failure is said within 30 s")
    }
}

pub(super) fn verdict(snapshot: &Snapshot, check: &str) -> Verdict {
    snapshot.checks.iter().find(|view| view.id.0 == check).unwrap().verdict
}

pub(super) fn state(snapshot: &Snapshot, step: &str) -> StepStateView {
    snapshot.steps.iter().find(|view| view.step == id(step)).unwrap().state.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_prepared_once_watched_and_passes_by_itself() {
    let learner = Learner::with_cluster().await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    let snapshot = driven.until_prepared().await;
    assert_eq!(learner.made().await, ["depart"]);
    assert_eq!(snapshot.work, learner.work("un"));
    assert_eq!(verdict(&snapshot, "arrivee"), Verdict::Todo, "nothing is said before the learner tried");
    driven.ask(Request::Check(None)).await;
    let snapshot = driven.until("checked", |s| verdict(s, "question") == Verdict::Fail && s.busy.is_none()).await;
    let found = ["depart", "arrivee", "fichier", "question"].map(|check| verdict(&snapshot, check));
    assert_eq!(found, [Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Fail]);
    assert!(snapshot.checks[1].result.is_some());
    // The rest is noticed without a key.
    learner.make("arrivee").await;
    driven.until("the object is noticed", |s| verdict(s, "arrivee") == Verdict::Pass).await;
    std::fs::write(learner.work("un").join("notes.txt"), "oui\n").unwrap();
    driven.until("the file is noticed", |s| verdict(s, "fichier") == Verdict::Pass).await;
    driven.ask(Request::TakeHint).await;
    driven.ask(Request::Answer { check: CheckId("question".into()), answer: "3".into() }).await;
    let snapshot = driven.until("passed", |s| state(s, "un") == StepStateView::Done).await;
    assert_eq!((snapshot.steps[0].points, snapshot.steps[0].max, snapshot.hints), (4, 4, 1));
    driven.handle.close().await;
    // Everything is found again, and the setup does not run twice.
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Asked).await;
    let snapshot = driven.until_prepared().await;
    assert_eq!((state(&snapshot, "un"), snapshot.hints), (StepStateView::Done, 1));
    assert_eq!(snapshot.checks[3].answer.as_deref(), Some("3"));
    driven.until("looked at again", |s| s.checks.iter().all(|view| view.result.is_some())).await;
    assert_eq!(std::fs::read_to_string(learner.work("un").join("setups.txt")).unwrap(), "fois\n");
    assert_eq!(driven.passed, [], "a step that had passed is not announced again");
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_deletes_what_came_after_and_keeps_the_learners_files_aside() {
    let learner = Learner::with_cluster().await;
    learner.make("somebody-elses").await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    driven.until_prepared().await;
    learner.make("arrivee").await;
    std::fs::write(learner.work("un").join("notes.txt"), "mine\n").unwrap();
    driven.ask(Request::Check(None)).await;
    driven.until("checked", |s| verdict(s, "arrivee") == Verdict::Pass).await;
    driven.ask(Request::Reset).await;
    driven.until("reset", |s| verdict(s, "arrivee") == Verdict::Todo && s.busy.is_none()).await;
    assert_eq!(learner.made().await, ["depart", "somebody-elses"]);
    assert_eq!(std::fs::read_to_string(learner.work("un").join("notes.txt")).unwrap(), "non\n");
    let kept = learner.work("un").join(".avant-refaire-1/notes.txt");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "mine\n");
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_there_before_blocks_the_step() {
    let learner = Learner::with_cluster().await;
    learner.make("depart").await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    let error = driven.until_failure().await;
    assert!(
        matches!(&*error, Error::Cluster(crate::ClusterError::AlreadyThere(objects)) if objects == &["configmap/depart"]),
        "{error:?}"
    );
    assert!(!learner.work("un").join("setups.txt").exists());
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_cluster_is_confirmed_first_and_remembered() {
    let learner = Learner::with_cluster().await;
    let before = std::fs::read(&learner.kubeconfig).unwrap();
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Asked).await;
    let offered = driven.until("offered", |s| matches!(s.environment, EnvironmentView::Unconfirmed { .. })).await;
    let EnvironmentView::Unconfirmed { server, .. } = &offered.environment else { unreachable!() };
    assert!(server.starts_with("https://127."));
    assert_eq!(learner.made().await, Vec::<String>::new(), "nothing is touched before the confirmation");
    assert_eq!(state(&offered, "trois"), StepStateView::Impossible(lab::Need::Sandbox));
    driven.ask(Request::Check(None)).await;
    assert!(matches!(&*driven.until_failure().await, Error::NotConfirmed { .. }));
    driven.ask(Request::ConfirmCluster).await;
    driven.until_prepared().await;
    driven.handle.close().await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Asked).await;
    driven.until_prepared().await;
    // The learner's shell gets the private copy; a change of it is seen before the next write.
    let copy = learner.home.cluster_kubeconfig();
    let text = std::fs::read_to_string(&copy).unwrap();
    std::fs::write(&copy, text.replace("https://127.", "https://128.")).unwrap();
    driven.ask(Request::Reset).await;
    let error = driven.until_failure().await;
    assert!(matches!(&*error, Error::Environment(crate::EnvironmentError::Changed(_))), "{error:?}");
    assert_eq!(std::fs::read(&learner.kubeconfig).unwrap(), before, "the learner's own file is never written");
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_foreign_course_runs_before_it_is_accepted() {
    let learner = Learner::with_cluster().await;
    let mut driven = Driven::start(&learner, Origin::Elsewhere, Confirmation::Given).await;
    let snapshot = driven.until_prepared().await;
    let digest = snapshot.unaccepted.clone().unwrap();
    for request in [Request::Check(None), Request::ApplySolution, Request::Reset, Request::CatchUp(id("deux"))] {
        driven.ask(request.clone()).await;
        assert!(matches!(&*driven.until_failure().await, Error::NotAccepted { .. }), "{request:?}");
    }
    driven.ask(Request::AcceptCourse { digest: "another".into() }).await;
    assert!(matches!(&*driven.until_failure().await, Error::WrongDigest));
    assert_eq!(learner.made().await, Vec::<String>::new());
    assert!(!learner.work("un").join("setups.txt").exists());
    driven.ask(Request::AcceptCourse { digest }).await;
    driven.until("prepared", |s| s.unaccepted.is_none() && s.busy.is_none()).await;
    assert_eq!(learner.made().await, ["depart"]);
    driven.handle.close().await;
    let mut driven = Driven::start(&learner, Origin::Elsewhere, Confirmation::Given).await;
    assert_eq!(driven.until_prepared().await.unaccepted, None, "it is accepted once");
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_solution_is_noted_before_it_is_applied_and_leaves_no_points() {
    let learner = Learner::with_cluster().await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    driven.until_prepared().await;
    std::fs::write(learner.work("un").join("notes.txt"), "mine\n").unwrap();
    driven.ask(Request::ApplySolution).await;
    driven.until("applied", |s| s.solution_seen && s.checks[3].answer.is_some() && s.busy.is_none()).await;
    assert!(learner.work("un").join("fait/ici").exists());
    assert!(learner.work("un").join(".avant-refaire-1/notes.txt").exists());
    learner.make("arrivee").await;
    let snapshot = driven.until("passed", |s| state(s, "un") == StepStateView::Done).await;
    assert_eq!(snapshot.steps[0].points, 0);
    driven.ask(Request::Open(id("trois"))).await;
    assert!(matches!(&*driven.until_failure().await, Error::Impossible { need: lab::Need::Sandbox, .. }));
    driven.ask(Request::RevealSolution).await;
    assert!(matches!(&*driven.until_failure().await, Error::NoSolution(_)));
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_acts_runs_on_the_key_only() {
    let learner = Learner::with_cluster().await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    driven.until_prepared().await;
    driven.ask(Request::Open(id("deux"))).await;
    driven.until("open", |s| s.current == id("deux") && s.busy.is_none()).await;
    driven.ask(Request::Check(None)).await;
    driven.until("checked", |s| verdict(s, "commande") == Verdict::Fail).await;
    std::fs::write(learner.work("deux").join("notes.txt"), "oui\n").unwrap();
    // A change of a file that only an acting check reads wakes nothing: the next news are those of the key.
    let woken = tokio::time::timeout(Duration::from_secs(2), async {
        loop {
            if matches!(driven.events.next().await, Some(Event::Turned { .. })) {
                return;
            }
        }
    });
    assert!(woken.await.is_err(), "a check that acts was woken by a change");
    driven.ask(Request::Check(Some(CheckId("commande".into())))).await;
    let snapshot = driven.until("passed", |s| state(s, "deux") == StepStateView::Done).await;
    assert_eq!(verdict(&snapshot, "commande"), Verdict::Pass);
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_step_stays_readable_and_its_checks_wait() {
    let learner = Learner::with_cluster().await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    driven.until_prepared().await;
    driven.ask(Request::Hold { step: id("un"), by: "Mme Roy".into(), why: "pause".into() }).await;
    let held = StepStateView::Held { by: "Mme Roy".into(), why: "pause".into() };
    driven.until("held", |s| state(s, "un") == held).await;
    driven.ask(Request::Check(None)).await;
    assert!(matches!(&*driven.until_failure().await, Error::Held { .. }));
    driven.ask(Request::Release(id("un"))).await;
    driven.ask(Request::Check(None)).await;
    driven.until("checked", |s| verdict(s, "depart") == Verdict::Pass && s.busy.is_none()).await;
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_here_says_what_it_needs() {
    let learner = Learner::with_cluster().await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    let snapshot = driven.until_prepared().await;
    let need = lab::Need::Node("node9".into());
    assert_eq!(state(&snapshot, "noeud"), StepStateView::Impossible(need.clone()));
    driven.ask(Request::Open(id("noeud"))).await;
    let error = driven.until_failure().await;
    assert!(matches!(&*error, Error::Impossible { need: found, .. } if *found == need), "{error:?}");
    driven.until("its text can be read", |s| s.current == id("noeud")).await;
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_stops_answering_is_no_wrong_answer() {
    let mut learner = Learner::with_cluster().await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    driven.until_prepared().await;
    learner.sandbox.take().unwrap().stop().await;
    driven.ask(Request::Check(None)).await;
    let snapshot = driven.until("checked", |s| s.busy.is_none() && verdict(s, "fichier") == Verdict::Fail).await;
    let found = ["depart", "arrivee", "fichier"].map(|check| verdict(&snapshot, check));
    assert_eq!(found, [Verdict::Unknown, Verdict::Unknown, Verdict::Fail]);
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_started_ends_with_the_session() {
    let learner = Learner::with_cluster().await;
    // On the sandbox of this very home, where step three may run.
    let mut catalog = catalog(&Origin::Embedded).courses().to_vec();
    catalog[0].steps[2].needs = vec![lab::Need::Cluster];
    let options = Options {
        home: learner.home.clone(),
        catalog: Catalog::new(catalog),
        choice: learner.choice(Confirmation::Given),
        step: Some(id("trois")),
        learner: "camille".to_owned(),
        stand_in: None,
        variables: variables(),
    };
    for quit in [true, false] {
        let handle = Session::start(options.clone()).await.unwrap();
        let events = handle.subscribe();
        let mut driven = Driven { handle, events, notices: Vec::new(), passed: Vec::new() };
        driven.until_prepared().await;
        driven.ask(Request::Check(None)).await;
        let pid_file = learner.work("trois").join("pid");
        let pid = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                match std::fs::read_to_string(&pid_file) {
                    Ok(pid) if pid.ends_with('\n') => return pid,
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        let pid = pid.await.unwrap();
        assert!(alive(&pid));
        if quit {
            driven.ask(Request::Quit).await;
            driven.handle.ended().await;
        } else {
            driven.handle.close().await;
        }
        let gone = tokio::time::timeout(Duration::from_secs(10), async {
            while alive(&pid) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        gone.await.expect("the command ends with the session");
        std::fs::remove_file(&pid_file).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_stopped_and_returns_to_the_verdict_it_had() {
    let learner = Learner::with_cluster().await;
    let mut courses = catalog(&Origin::Embedded).courses().to_vec();
    courses[0].steps[2].needs = vec![lab::Need::Cluster];
    let options = Options {
        home: learner.home.clone(),
        catalog: Catalog::new(courses),
        choice: learner.choice(Confirmation::Given),
        step: Some(id("trois")),
        learner: "camille".to_owned(),
        stand_in: None,
        variables: variables(),
    };
    let handle = Session::start(options).await.unwrap();
    let events = handle.subscribe();
    let mut driven = Driven { handle, events, notices: Vec::new(), passed: Vec::new() };
    driven.until_prepared().await;
    driven.ask(Request::Check(None)).await;
    driven.until("running", |s| verdict(s, "lente") == Verdict::Running && s.busy == Some(Work::Checking)).await;
    driven.ask(Request::Cancel).await;
    driven.until("stopped", |s| verdict(s, "lente") == Verdict::Todo && s.busy.is_none()).await;
    // Going elsewhere stops a check as well.
    driven.ask(Request::Check(None)).await;
    driven.until("running", |s| verdict(s, "lente") == Verdict::Running).await;
    driven.ask(Request::Open(id("deux"))).await;
    driven.until("elsewhere", |s| s.current == id("deux") && s.busy.is_none()).await;
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn solutions_are_replayed_up_to_a_step() {
    let learner = Learner::with_cluster().await;
    let mut courses = catalog(&Origin::Embedded).courses().to_vec();
    // What only a kubectl could do here.
    courses[0].steps[0].checks.retain(|check| check.id.0 != "arrivee");
    let options = Options {
        home: learner.home.clone(),
        catalog: Catalog::new(courses),
        choice: learner.choice(Confirmation::Given),
        step: None,
        learner: "camille".to_owned(),
        stand_in: None,
        variables: variables(),
    };
    let handle = Session::start(options).await.unwrap();
    let events = handle.subscribe();
    let mut driven = Driven { handle, events, notices: Vec::new(), passed: Vec::new() };
    driven.until_prepared().await;
    driven.ask(Request::CatchUp(id("deux"))).await;
    let snapshot = driven.until("caught up", |s| s.current == id("deux") && s.busy.is_none()).await;
    assert!(learner.work("un").join("fait/ici").exists());
    assert_eq!(std::fs::read_to_string(learner.work("deux").join("notes.txt")).unwrap(), "non\n");
    assert_eq!(verdict(&snapshot, "commande"), Verdict::Todo);
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_apps_on_one_home_go_on_from_each_other() {
    let learner = Learner::with_cluster().await;
    let mut one = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    one.until_prepared().await;
    let mut two = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    two.until_prepared().await;
    one.ask(Request::TakeHint).await;
    one.until("one took a hint", |s| s.hints == 1).await;
    two.ask(Request::TakeHint).await;
    two.until("two sees both", |s| s.hints == 2).await;
    one.handle.close().await;
    two.handle.close().await;
    let store = Store::open(&learner.home, "camille", Timestamp::now()).unwrap();
    assert_eq!(store.log().flaws(), []);
}

#[tokio::test]
async fn a_slow_reader_gets_the_latest_state() {
    let learner = Learner::with_cluster().await;
    let mut driven = Driven::start(&learner, Origin::Embedded, Confirmation::Given).await;
    driven.until_prepared().await;
    let mut slow = driven.handle.subscribe();
    assert!(matches!(slow.next().await, Some(Event::Changed(_))));
    for turn in 0..600 {
        let why = format!("{turn}");
        driven.ask(Request::Hold { step: id("deux"), by: "b".into(), why }).await;
    }
    let last = StepStateView::Held { by: "b".into(), why: "599".into() };
    driven.until("all were served", |s| state(s, "deux") == last).await;
    let Some(Event::Changed(snapshot)) = slow.next().await else { panic!("the first news is the latest state") };
    assert_eq!(state(&snapshot, "deux"), last);
    driven.handle.close().await;
}
