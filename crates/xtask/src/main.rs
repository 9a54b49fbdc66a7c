//! Repository automation: benchmarks, generated data, generated documents.

use anyhow::Result;
use clap::Parser;

mod schema;

#[derive(Debug, Parser)]
enum Command {
    /// Makes the table of Kubernetes' types.
    Schema(schema::Arguments),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Schema(arguments) => schema::run(&arguments),
    }
}
