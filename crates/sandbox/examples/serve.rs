//! Starts a sandbox for trying things out by hand, and prints where its kubeconfig is.
//!
//! `cargo run -p sandbox --example serve -- [folder] [1.20|1.24|1.34] [fast]`

use std::error::Error;
use std::path::PathBuf;

use sandbox::{Options, Pace, Sandbox, Version};

#[expect(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let folder = arguments.iter().find(|argument| argument.contains('/')).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| std::env::temp_dir().join(format!("sandbox-{}", std::process::id())));
    let version = match () {
        () if has("1.20") => Version::V1_20,
        () if has("1.24") => Version::V1_24,
        () => Version::V1_34,
    };
    let pace = if has("fast") { Pace::Fast } else { Pace::Lifelike };
    let begin = std::time::Instant::now();
    let sandbox = Sandbox::start(Options { version, state: Some(folder.clone()), address: None, pace }).await?;
    println!("ready after {:?} on {}", begin.elapsed(), sandbox.address());
    println!("export KUBECONFIG={}", sandbox.kubeconfig_path().unwrap_or(&folder).display());
    println!("manifest: {}", sandbox.manifest_path().unwrap_or(&folder).display());
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    Ok(())
}
