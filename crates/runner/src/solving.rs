//! Puts a step's solution in place: its files, then its commands in order.

use std::path::PathBuf;

use lab::{BlockKind, Segment, Solution, Step};
use tokio_util::sync::CancellationToken;

use crate::command::{self, Script};
use crate::ground::{COMMAND, Ground};
use crate::{Error, work};

/// Writes the solution's files, keeping the learner's own aside, and runs its commands. Returns what was kept aside.
pub(crate) async fn apply(ground: &Ground, step: &Step, cancel: &CancellationToken) -> Result<Vec<PathBuf>, Error> {
    let solution = solution(step)?;
    ground.environment.verify().await?;
    let folder = ground.work(&step.id)?;
    work::fill(&folder, &step.files)?;
    let moved = work::overwrite(&folder, &solution.files)?;
    let variables = ground.variables(&step.id);
    for commands in blocks(solution) {
        // The first command that fails ends the block: what follows rests on it.
        let line = format!("set -e\n{commands}");
        command::run(&Script { line: &line, folder: &folder, variables: &variables, timeout: COMMAND }, cancel).await?;
    }
    Ok(moved)
}

/// Returns the solution of a step.
pub(crate) fn solution(step: &Step) -> Result<&Solution, Error> {
    step.solution.as_ref().ok_or_else(|| Error::NoSolution(step.id.clone()))
}

/// Returns the commands of a solution, block by block.
fn blocks(solution: &Solution) -> impl Iterator<Item = &str> {
    solution.page.segments.iter().filter_map(|segment| match segment {
        Segment::Block(block) => match &block.kind {
            BlockKind::Run => Some(block.text.as_str()),
            BlockKind::RunElsewhere(_) | BlockKind::File(_) | BlockKind::Output | BlockKind::Read => None,
        },
        Segment::Prose(_) | Segment::Image { .. } => None,
    })
}
