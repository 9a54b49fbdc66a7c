//! Repository automation: benchmarks, generated data, generated documents.

fn main() {}
