//! Rebuilds the crate when a lab or a solution is added: the embedding macro only follows files that it already knows.

fn main() {
    for watched in ["build.rs", "../../labs", "../../solutions"] {
        println!("cargo:rerun-if-changed={watched}");
    }
}
