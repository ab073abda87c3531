//! `lab load` on servers that do not answer: no figures, and no success.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use crate::rig::{run, said, workspace};

#[test]
fn a_server_that_answers_nobody_is_a_failure() {
    let folder = workspace(&[]);
    for (answer, options, says) in [
        ("", &["--path", "/"][..], "nothing came"),
        ("{}", &["--rpc", "sum"], "are no whole answer"),
        ("{}\n", &["--rpc", "sum"], "no JSON-RPC answer"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            &["--path", "/"],
            "that differ",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    while stream.read(&mut [0; 4096]).is_ok_and(|bytes| bytes > 0) {
                        let _ = stream.write_all(answer.as_bytes());
                    }
                });
            }
        });
        let words = ["load", &address, "--connections", "2", "--duration", "200ms"];
        let output = run(folder.path(), &[&words[..], options].concat());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{answer:?}: {said}");
        assert!(said.contains(says), "{answer:?}: {said}");
    }
}
