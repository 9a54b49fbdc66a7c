//! `atelier progress export` and `import`: carry a history to another machine.

use jiff::Timestamp;

use crate::arguments::Progress;
use crate::exit::{Ended, Exit, runner_failure};
use crate::output;
use crate::place;
use crate::words::say;

/// Writes or merges a progress file.
pub(crate) fn run(command: &Progress) -> Ended {
    let home = place::home()?;
    let mut store = place::store(&home)?;
    let now = Timestamp::now();
    match command {
        Progress::Export { file } => {
            store.export(file, now).map_err(|error| runner_failure(error.into()))?;
            output::note(&say!("progress-exported", path = file.display().to_string()));
        }
        Progress::Import { file } => {
            let imported = store.import(file, now).map_err(|error| runner_failure(error.into()))?;
            let learner = messages::quoted(&imported.learner);
            output::note(&say!("progress-imported", count = imported.events, learner = learner));
            if !imported.whole {
                output::note(&say!("progress-cut"));
            }
            if imported.flaws > 0 {
                output::note(&say!("progress-flaws", count = imported.flaws));
            }
        }
    }
    Ok(Exit::Well)
}
