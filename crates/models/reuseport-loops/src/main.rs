//! The model as a program: `cargo run -p reuseport-loops -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&reuseport_loops::MODEL)
}
