//! The yardstick as a program: `cargo run -p planted --bin planted-plain -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&planted::PLAIN)
}
