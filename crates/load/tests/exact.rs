//! Protocols that the generator does not know, by their bytes.

mod common;

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use common::{plan, run, serve};
use load::{Error, Exact, Kind, Plan, Request};

type Store = Arc<Mutex<HashMap<String, String>>>;

/// The part of memcached's protocol that a test needs: `set` and `get`.
fn memcached(stream: TcpStream, store: &Store) {
    let mut writer = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(line)) = lines.next() {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            ["set", key, ..] => {
                let Some(Ok(value)) = lines.next() else { return };
                store.lock().unwrap().insert(key.to_owned(), value);
                "STORED\r\n".to_owned()
            }
            ["get", key] => match store.lock().unwrap().get(key) {
                Some(value) => format!("VALUE {key} 0 {}\r\n{value}\r\nEND\r\n", value.len()),
                None => "END\r\n".to_owned(),
            },
            _ => "ERROR\r\n".to_owned(),
        };
        // In two writes: an answer may come in pieces.
        let (front, back) = answer.split_at(answer.len() / 2);
        if writer.write_all(front.as_bytes()).is_err() || writer.write_all(back.as_bytes()).is_err()
        {
            return;
        }
    }
}

fn exact(send: &str, expect: &str) -> Exact {
    Exact { send: send.to_owned(), expect: expect.to_owned() }
}

fn get() -> Request {
    Request::new(Kind::Exact {
        send: "get k\r\n".to_owned(),
        expect: "VALUE k 0 5\r\nhello\r\nEND\r\n".to_owned(),
    })
}

fn cached(prepare: Vec<Exact>) -> Plan {
    let store = Store::default();
    let address = serve(move |_, stream| memcached(stream, &store));
    Plan { requests: vec![get()], prepare, ..plan(address, 4) }
}

#[test]
fn what_was_prepared_is_answered() {
    // In order: the second is what stays.
    let sets = ["set k 0 0 3\r\nbye\r\n", "set k 0 0 5\r\nhello\r\n"];
    let report = run(&cached(sets.map(|set| exact(set, "STORED\r\n")).to_vec()));
    assert_eq!((report.served, report.errors.total()), (4, 0), "{:?}", report.errors);
    assert!(report.answered > 50, "{} answers", report.answered);
}

#[test]
fn another_answer_is_a_mismatch_that_shows_it() {
    let report = run(&cached(Vec::new()));
    assert_eq!((report.served, report.errors.mismatch), (0, 4));
    assert!(report.errors.first[0].contains(r#"came as "EN"#), "{:?}", report.errors.first);
}

#[test]
fn a_preparation_that_fails_says_what_came() {
    let refused =
        load::run(&cached(vec![exact("nonsense\r\n", "OK\r\n")]), &AtomicBool::new(false));
    let text = refused.unwrap_err().to_string();
    assert!(text.contains(r#""nonsense\r\n""#) && text.contains("ERR"), "{text}");
}

#[test]
fn a_preparation_without_answer_ends_in_time() {
    let over = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&over);
    let address = serve(move |_, stream| {
        while !ended.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        drop(stream);
    });
    let prepare = vec![exact("hello\r\n", "hello\r\n")];
    let connect_timeout = Duration::from_millis(200);
    let plan = Plan { prepare, connect_timeout, ..plan(address, 1) };
    let refused = load::run(&plan, &AtomicBool::new(false));
    over.store(true, Ordering::Relaxed);
    assert!(matches!(&refused, Err(Error::Prepare { .. })), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("200ms"));
}
