//! The yardstick as a program: `cargo run -p completion-rings --bin completion-rings-plain`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&completion_rings::PLAIN)
}
