//! The model as a program: `cargo run -p connection-per-event-base -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&connection_per_event_base::MODEL)
}
