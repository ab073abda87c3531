//! One client's trouble is its own.

use crate::{
    http_client::get,
    model::{Model, Serves, for_every_model},
    server::Server,
};

for_every_model!(a_panic_ends_one_connection, a_reset_ends_one_connection);

fn a_panic_ends_one_connection(model: Model) {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let mut bystander = (model.serves != Serves::One).then(|| {
        let mut client = server.connect_http();
        client.get("/").assert_text("hello, world\n");
        client
    });
    // More panics than workers.
    for _ in 0..5 {
        let mut client = server.connect_http();
        let answer = client.get("/panic");
        assert_eq!((answer.status, answer.field("connection")), (500, Some("close")));
        client.assert_end();
    }
    if let Some(client) = &mut bystander {
        client.get("/").assert_text("hello, world\n");
    }
    drop(bystander);
    server.connect_http().get("/").assert_text("hello, world\n");
    let end = server.stop();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
}

fn a_reset_ends_one_connection(model: Model) {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let mut bystander = (model.serves != Serves::One).then(|| {
        let mut client = server.connect_http();
        client.get("/").assert_text("hello, world\n");
        client
    });
    for number in 0..40 {
        let client = server.connect();
        client.send(match number % 4 {
            0 => String::new(),
            1 => "GET / HT".to_owned(),
            2 => get("/").repeat(1000),
            _ => get("/sleep?ms=1"),
        });
        client.reset();
    }
    if let Some(client) = &mut bystander {
        client.get("/").assert_text("hello, world\n");
    }
    drop(bystander);
    server.connect_http().get("/").assert_text("hello, world\n");
    server.stop_well();
}
