//! The model as a program: `cargo run -p pooled-event-loops -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&pooled_event_loops::MODEL)
}
