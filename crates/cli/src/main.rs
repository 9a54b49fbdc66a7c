//! The binary `atelier`.

fn main() -> std::process::ExitCode {
    cli::main()
}
