//! The model as a program: `cargo run -p process-per-connection -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&process_per_connection::MODEL)
}
