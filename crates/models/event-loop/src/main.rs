//! The model as a program: `cargo run -p event-loop -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&event_loop::MODEL)
}
