//! The report's threads: nobody who has ended is forgotten.

use crate::{
    http_client::HttpClient,
    model::{
        ASYNC_TASKS, DISPATCHING_REACTOR, EVENT_LOOP, LOOPS_WITH_WORKERS, Model, PREFORK_LOOPS,
        PROCESS_PER_CONNECTION, THREAD_PER_CONNECTION, THREAD_POOL,
    },
    server::Server,
};

const CLIENTS: u64 = 3;

/// Each client has some CPU spent for it. Returns the roles that the report
/// names, with how many threads each had, and holds their CPU against the whole.
fn roles(model: Model) -> Vec<(String, u64)> {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let mut clients: Vec<HttpClient> = (0..CLIENTS).map(|_| server.connect_http()).collect();
    for client in &mut clients {
        client.send("GET /cpu?us=20000 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        client.answer().assert_text("computed 20000 units\n");
    }
    drop(clients);
    let report = server.stop_well();
    let threads = report.0["threads"].as_array().expect("a list of threads");
    let of_all: f64 = threads.iter().map(|thread| thread["cpu_seconds"].as_f64().unwrap()).sum();
    let whole = report.0["cpu_seconds"].as_f64().expect("seconds");
    // The thread that waits for signals uses a little, and lives on.
    assert!((0.9 * whole..=1.01 * whole).contains(&of_all), "{report:?}");
    let waited = report.0["run_queue_seconds"].as_f64().expect("seconds");
    let of_each = threads.iter().map(|thread| thread["run_queue_seconds"].as_f64().unwrap());
    assert!((waited - of_each.sum::<f64>()).abs() < 1e-9, "{report:?}");
    threads
        .iter()
        .map(|thread| {
            (thread["name"].as_str().unwrap().to_owned(), thread["count"].as_u64().unwrap())
        })
        .collect()
}

fn named(threads: &[(&str, u64)]) -> Vec<(String, u64)> {
    threads.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
}

#[test]
fn connections_threads_are_one_role() {
    assert_eq!(roles(THREAD_PER_CONNECTION), named(&[("connections", CLIENTS), ("main", 1)]));
}

#[test]
fn workers_are_told_apart() {
    let expected = named(&[("main", 1), ("worker-0", 1), ("worker-1", 1)]);
    assert_eq!(roles(THREAD_POOL), expected);
    assert_eq!(roles(DISPATCHING_REACTOR), expected);
}

/// How many block is up to the runtime: one, if each job finds it idle again.
#[test]
fn those_who_block_for_tasks_are_one_role() {
    let (blocking, others): (Vec<_>, Vec<_>) =
        roles(ASYNC_TASKS).into_iter().partition(|(name, _)| name == "blocking");
    assert_eq!(others, named(&[("main", 1), ("worker-0", 1), ("worker-1", 1)]));
    assert!(matches!(blocking[..], [(_, 1..=CLIENTS)]), "{blocking:?}");
}

#[test]
fn loops_and_workers_are_told_apart() {
    let roles = roles(LOOPS_WITH_WORKERS);
    let expected = ["loop-0", "loop-1", "main", "worker-0", "worker-1"];
    assert_eq!(roles, named(&expected.map(|name| (name, 1))));
}

/// Those of other processes are there, too.
#[test]
fn processes_are_roles() {
    let each = roles(PROCESS_PER_CONNECTION);
    assert_eq!(each, named(&[("connections", CLIENTS), ("main", 1)]));
    assert_eq!(roles(PREFORK_LOOPS), named(&[("loop-0", 1), ("loop-1", 1), ("main", 1)]));
}

#[test]
fn a_loop_is_the_main_thread() {
    assert_eq!(roles(EVENT_LOOP), named(&[("main", 1)]));
}
