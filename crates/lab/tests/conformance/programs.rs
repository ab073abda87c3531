//! Each model is a program of its own, too.

use std::{env, path::Path, process::Command};

use crate::{
    model::{Model, for_every_model},
    server::{LAB, Server},
};

for_every_model!(its_own_program_serves);

/// The programs lie beside the command once the whole workspace is built, as
/// `cargo test --workspace` does.
fn its_own_program_serves(model: Model) {
    let program = Path::new(LAB).with_file_name(model.name);
    if !program.exists() {
        assert!(env::var_os("CI").is_none(), "{} is not built", program.display());
        eprintln!("skipped: {} is not built (cargo build --workspace)", program.display());
        return;
    }
    let mut command = Command::new(program);
    command.args(["--listen", "127.0.0.1:0", "--service", "http"]);
    let server = Server::run(command);
    server.connect_http().get("/").assert_text("hello, world\n");
    assert_eq!(server.stop_well().count("requests"), 1);
}
