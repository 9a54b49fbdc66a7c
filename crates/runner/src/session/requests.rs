//! What front ends and instructors ask.

use std::sync::Arc;

use jiff::Timestamp;
use lab::{CheckId, Happening, Step, StepId};
use tokio::time::Instant;

use super::{Asked, Current, QUEUED, Session, Stage, Turn};
use crate::ground::Ground;
use crate::{Error, Request, Work, accept_course, work};

impl Session {
    /// Takes in a request. What must wait for a job is queued.
    pub(super) fn request(&mut self, request: Request) -> Turn {
        self.current.sign = Instant::now();
        // Another app of the same home may have gone on meanwhile.
        if let Err(error) = self.store.flush(Timestamp::now()) {
            self.fail(error.into());
        }
        match request {
            Request::Quit => return Turn::Quit,
            Request::Cancel => self.stop_work(),
            request if self.busy.is_some() && waits(&request) => self.enqueue(request),
            request => {
                if let Err(error) = self.serve(request) {
                    self.fail(error);
                }
            }
        }
        Turn::GoOn
    }

    /// Serves what was queued, once nothing is under way.
    pub(super) fn serve_queue(&mut self) {
        while self.busy.is_none()
            && let Some(request) = self.queue.pop_front()
        {
            if let Err(error) = self.serve(request) {
                self.fail(error);
            }
        }
    }

    fn enqueue(&mut self, request: Request) {
        // Whoever goes elsewhere does not wait for checks to end, nor for a preparation.
        let leaves = matches!(request, Request::Open(_) | Request::CatchUp(_) | Request::Reset);
        let light = self.busy.as_ref().is_some_and(|busy| matches!(busy.work, Work::Checking | Work::Preparing));
        if leaves && light {
            self.stop_work();
        }
        if self.queue.len() < QUEUED {
            self.queue.push_back(request);
        } else {
            self.fail(Error::Busy);
        }
    }

    /// Stops whatever runs.
    fn stop_work(&mut self) {
        if let Some(busy) = &self.busy {
            busy.cancel.cancel();
        }
        self.stop_units();
        self.queue.clear();
    }

    fn serve(&mut self, request: Request) -> Result<(), Error> {
        match request {
            Request::Open(id) => {
                let step = self.step(&id)?;
                self.enter(step);
                if matches!(self.stage, Stage::Missing) {
                    self.stage = Stage::Starting;
                    self.start_environment();
                }
                // The text can be read in any case; why no more can be done is said here.
                match self.may_run() {
                    Ok(_) | Err(Error::NoEnvironment | Error::NotConfirmed { .. }) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            Request::Check(None) => {
                self.may_run()?;
                self.check_all();
                Ok(())
            }
            Request::Check(Some(check)) => {
                self.may_run()?;
                self.known(&check)?;
                self.check_some(Asked::One, &[check]);
                Ok(())
            }
            Request::Answer { check, answer } => {
                self.known(&check)?;
                let step = &self.current.step;
                let asks =
                    step.checks.iter().any(|known| known.id == check && matches!(known.spec, check::Spec::Question(_)));
                if !asks {
                    return Err(Error::NoQuestion(check));
                }
                let step = step.id.clone();
                self.record(Happening::Answered { step, check: check.clone(), answer });
                self.may_run()?;
                self.check_some(Asked::One, &[check]);
                Ok(())
            }
            Request::TakeHint => {
                let step = &self.current.step;
                let hint = self.store.progress().step(&step.id).hints;
                if usize::try_from(hint).is_ok_and(|taken| taken >= step.hints.len()) {
                    return Err(Error::NoMoreHints);
                }
                self.record(Happening::HintTaken { step: self.current.step.id.clone(), hint });
                Ok(())
            }
            Request::RevealSolution => self.reveal(),
            Request::ApplySolution => {
                let ground = self.may_run()?;
                self.reveal()?;
                self.apply(ground);
                Ok(())
            }
            Request::Reset => {
                let ground = self.may_run()?;
                self.stop_units();
                self.reset(ground);
                Ok(())
            }
            Request::CatchUp(id) => {
                let step = self.step(&id)?;
                if let Some(digest) = self.unaccepted(&step.id) {
                    return Err(Error::NotAccepted { course: step.id.course.0.clone(), digest });
                }
                let ground = self.ground()?;
                self.stop_units();
                self.catch_up(ground, id);
                Ok(())
            }
            Request::Hold { step, by, why } => {
                self.step(&step)?;
                if step == self.current.step.id {
                    self.stop_units();
                }
                self.held.insert(step, (by, why));
                Ok(())
            }
            Request::Release(step) => {
                self.held.remove(&step);
                self.prepare();
                Ok(())
            }
            Request::AcceptCourse { digest } => self.accept(&digest),
            Request::ConfirmCluster => {
                if let Stage::Unconfirmed(offer) = &self.stage {
                    let offer = Arc::clone(offer);
                    self.connect(offer);
                }
                Ok(())
            }
            // They were taken care of before.
            Request::Cancel | Request::Quit => Ok(()),
        }
    }

    /// Opens a step: the one before is left, the files are copied, and the setup runs where it may.
    pub(super) fn enter(&mut self, step: Arc<Step>) {
        self.spend();
        self.stop_units();
        self.close_eyes();
        self.current = Current::of(&step, &self.store.progress().step(&step.id));
        self.record(Happening::Opened { step: step.id.clone() });
        let copied = self.home.work(&step.id).map_err(Error::from);
        if let Err(error) = copied.and_then(|folder| Ok(work::fill(&folder, &step.files)?)) {
            self.fail(error);
        }
        self.prepare();
    }

    /// Returns where the open step runs, or why nothing of it may run now.
    pub(super) fn may_run(&self) -> Result<Ground, Error> {
        let step = &self.current.step;
        if let Some((by, why)) = self.held.get(&step.id) {
            return Err(Error::Held { step: step.id.clone(), by: by.clone(), why: why.clone() });
        }
        if let Some(digest) = self.unaccepted(&step.id) {
            return Err(Error::NotAccepted { course: step.id.course.0.clone(), digest });
        }
        if let Some(need) = self.lacks(step) {
            return Err(Error::Impossible { step: step.id.clone(), need });
        }
        self.ground()
    }

    fn ground(&self) -> Result<Ground, Error> {
        match &self.stage {
            Stage::Ready { ground, .. } => Ok(ground.clone()),
            Stage::Unconfirmed(offer) => {
                Err(Error::NotConfirmed { context: offer.context.clone(), server: offer.server.clone() })
            }
            Stage::Starting | Stage::Missing => Err(Error::NoEnvironment),
        }
    }

    fn reveal(&mut self) -> Result<(), Error> {
        let step = Arc::clone(&self.current.step);
        if step.solution.is_none() {
            return Err(Error::NoSolution(step.id.clone()));
        }
        if !self.store.progress().step(&step.id).solution_seen {
            self.record(Happening::SolutionSeen { step: step.id.clone() });
        }
        Ok(())
    }

    fn accept(&mut self, digest: &str) -> Result<(), Error> {
        if self.unaccepted(&self.current.step.id).is_none_or(|wanted| wanted != digest) {
            return Err(Error::WrongDigest);
        }
        if let Some(course) = self.catalog.course(&self.current.step.id.course) {
            accept_course(&self.home, course, digest)?;
        }
        self.accepted.insert(digest.to_owned());
        self.prepare();
        Ok(())
    }

    fn step(&self, id: &StepId) -> Result<Arc<Step>, Error> {
        self.catalog.step(id).map(|step| Arc::new(step.clone())).ok_or_else(|| Error::NoSuchStep(id.clone()))
    }

    fn known(&self, check: &CheckId) -> Result<(), Error> {
        let there = self.current.checks.iter().any(|live| live.id == *check);
        if there { Ok(()) } else { Err(Error::NoSuchCheck(check.clone())) }
    }
}

/// Tells whether a request must wait for what is under way.
fn waits(request: &Request) -> bool {
    match request {
        Request::Open(_)
        | Request::Check(_)
        | Request::Answer { .. }
        | Request::ApplySolution
        | Request::Reset
        | Request::CatchUp(_)
        | Request::ConfirmCluster
        | Request::AcceptCourse { .. } => true,
        Request::Cancel
        | Request::TakeHint
        | Request::RevealSolution
        | Request::Hold { .. }
        | Request::Release(_)
        | Request::Quit => false,
    }
}
