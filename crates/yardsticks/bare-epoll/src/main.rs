//! The yardstick as a program: `cargo run -p bare-epoll -- --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::program::main(&bare_epoll::MODEL)
}
