//! The model as a program: `cargo run -p thread-per-connection -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&thread_per_connection::MODEL)
}
