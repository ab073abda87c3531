//! The model as a program: `cargo run -p loops-with-workers -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&loops_with_workers::MODEL)
}
