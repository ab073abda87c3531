//! The model as a program: `cargo run -p prefork-loops -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&prefork_loops::MODEL)
}
