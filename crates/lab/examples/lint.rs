//! Prints what is wrong with the labs at a path: `cargo run -p lab --example lint -- labs`.
#![expect(clippy::print_stdout, reason = "an example prints")]

fn main() -> Result<(), lab::Unreadable> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "labs".to_owned());
    for problem in lab::lint_path(std::path::Path::new(&path))? {
        println!("{problem}");
    }
    Ok(())
}
