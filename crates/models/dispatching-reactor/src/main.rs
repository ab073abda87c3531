//! The model as a program: `cargo run -p dispatching-reactor -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&dispatching_reactor::MODEL)
}
