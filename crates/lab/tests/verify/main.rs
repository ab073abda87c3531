//! The planted truths that take minutes: `just verify`. Each prints what it
//! found, and what it must skip for want of a program.
//!
//! Ordinary `cargo test` runs the short ones, as the target `truths`.

mod adherence;
mod agreement;
mod bed;
mod calls;
mod counts;
mod generator;
mod hlog;
mod pool;
mod sample;
mod stall;
mod strace;
mod told;

use std::process::{Command, Stdio};

/// Whether a program is installed; says loudly what is skipped if not.
fn is_there(program: &str, what_is_skipped: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null());
    let is_there = command.status().is_ok_and(|status| status.success());
    if !is_there {
        println!("\nSKIPPED: {what_is_skipped}: {program} is not here; `just peers` installs it");
    }
    is_there
}
