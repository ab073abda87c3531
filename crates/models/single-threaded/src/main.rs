//! The model as a program: `cargo run -p single-threaded -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&single_threaded::MODEL)
}
