//! One binary for every test that needs more than one crate.

mod app;
mod cli;
mod labs;
mod matrix;
mod tidy;
