//! `atelier help`: a command's help, or a topic's.

use crate::arguments;
use crate::exit::{Ended, Exit, Failure};
use crate::output;
use crate::words::say;

/// The topic that lists the exit codes.
const EXIT_CODES: &str = "codes-retour";

/// Prints the help on a topic, on a command given by its words, or on everything.
pub(crate) fn run(topic: &[String]) -> Ended {
    if topic == [EXIT_CODES] {
        output::print(&format!("{}\n", say!("help-exit-codes")));
        return Ok(Exit::Well);
    }
    let mut tree = arguments::tree();
    tree.build();
    let mut command = &mut tree;
    for word in topic {
        command = command.find_subcommand_mut(word).ok_or_else(|| {
            Failure::learner(say!("help-no-topic", topic = topic.join(" "))).hint(say!("help-no-topic-hint"))
        })?;
    }
    let text = command.render_help();
    output::print(&if output::colours_allowed() { text.ansi().to_string() } else { text.to_string() });
    Ok(Exit::Well)
}
