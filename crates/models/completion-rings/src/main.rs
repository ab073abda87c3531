//! The model as a program: `cargo run -p completion-rings -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&completion_rings::MODEL)
}
