//! The binary `atelier`, built once more inside this package so that `CARGO_BIN_EXE_` names it.

fn main() -> std::process::ExitCode {
    cli::main()
}
