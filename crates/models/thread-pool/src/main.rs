//! The model as a program: `cargo run -p thread-pool -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&thread_pool::MODEL)
}
