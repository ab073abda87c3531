//! The model as a program: `cargo run -p async-tasks -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&async_tasks::MODEL)
}
