//! The yardstick as a program: `cargo run -p bare-tokio -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&bare_tokio::MODEL)
}
