//! Dialogues byte for byte.

use std::{cell::Cell, num::NonZeroUsize, time::Duration};

use super::*;
use crate::Clock;

const MIB: usize = 1 << 20;
/// Long after the epoch, and far from the next second.
const START: Duration = Duration::from_millis(1_000_000_000_500);

mod pieces;

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(START) };
}

/// Lets time pass, for this test's stores.
fn wait(seconds: u64) {
    NOW.set(NOW.get() + Duration::from_secs(seconds));
}

/// One shard, so that ids count from 1 and what is evicted is known.
fn store(bytes: usize) -> Arc<Store> {
    let size = StoreSize { bytes, shards: NonZeroUsize::MIN };
    Arc::new(Store::new(size, Clock(|| NOW.get())))
}

fn session(store: &Arc<Store>) -> Cache {
    Cache::new(Arc::clone(store), &Limits::default())
}

/// Feeds `pieces`, running jobs as they come.
fn feed(session: &mut Cache, pieces: &[&[u8]]) -> Vec<u8> {
    let mut output = Vec::new();
    for piece in pieces {
        session.receive(piece, &mut output);
        while let Some(job) = session.next_job() {
            assert_eq!(session.phase(), Phase::Working);
            session.complete(Done { id: job.id, outcome: Ok(()) }, &mut output);
        }
    }
    output
}

fn ask(store: &Arc<Store>, text: &str) -> String {
    String::from_utf8(feed(&mut session(store), &[text.as_bytes()])).unwrap()
}

/// Each line's answer stands under it, with `⏎` for the end of a line.
#[track_caller]
fn assert_dialogue(store: &Arc<Store>, dialogue: &[(&str, &str)]) {
    for (asked, answered) in dialogue {
        let asked = asked.replace('⏎', "\r\n");
        let answered = answered.replace('⏎', "\r\n");
        assert_eq!(ask(store, &asked), answered, "to {asked:?}");
    }
}

#[test]
fn values_are_stored_on_conditions() {
    assert_dialogue(
        &store(MIB),
        &[
            ("get a⏎", "END⏎"),
            ("replace a 0 0 1⏎x⏎", "NOT_STORED⏎"),
            ("append a 0 0 1⏎x⏎", "NOT_STORED⏎"),
            ("prepend a 0 0 1⏎x⏎", "NOT_STORED⏎"),
            ("cas a 0 0 1 7⏎x⏎", "NOT_FOUND⏎"),
            ("add a 5 0 2⏎bc⏎", "STORED⏎"),
            ("add a 0 0 1⏎x⏎", "NOT_STORED⏎"),
            ("append a 9 0 1⏎d⏎", "STORED⏎"),
            ("prepend a 9 0 1⏎a⏎", "STORED⏎"),
            ("gets a⏎", "VALUE a 5 4 3⏎abcd⏎END⏎"),
            ("cas a 4294967295 0 1 2⏎x⏎", "EXISTS⏎"),
            ("cas a 4294967295 0 1 3⏎y⏎", "STORED⏎"),
            ("gets a b a⏎", "VALUE a 4294967295 1 4⏎y⏎VALUE a 4294967295 1 4⏎y⏎END⏎"),
            ("replace a 0 0 0⏎⏎", "STORED⏎"),
            ("get a⏎", "VALUE a 0 0⏎⏎END⏎"),
            ("delete a⏎", "DELETED⏎"),
            ("delete a⏎", "NOT_FOUND⏎"),
            ("set \u{10}\tü 0 0 1⏎x⏎get \u{10}\tü⏎", "STORED⏎VALUE \u{10}\tü 0 1⏎x⏎END⏎"),
            ("set a 0 0 1⏎x⏎flush_all⏎get a⏎", "STORED⏎OK⏎END⏎"),
            ("set a 0 0 4⏎a⏎b⏎get a⏎", "STORED⏎VALUE a 0 4⏎a⏎b⏎END⏎"),
        ],
    );
}

#[test]
fn numbers_are_counted_up_and_down() {
    assert_dialogue(
        &store(MIB),
        &[
            ("incr n 1⏎", "NOT_FOUND⏎"),
            ("set n 3 0 2⏎10⏎", "STORED⏎"),
            ("decr n 1⏎get n⏎", "9⏎VALUE n 3 2⏎9 ⏎END⏎"),
            ("incr n 91⏎get n⏎", "100⏎VALUE n 3 3⏎100⏎END⏎"),
            ("decr n 101⏎", "0⏎"),
            ("incr n 18446744073709551615⏎incr n 2⏎", "18446744073709551615⏎1⏎"),
            ("incr n x⏎", "CLIENT_ERROR invalid numeric delta argument⏎"),
            ("incr n -1⏎", "CLIENT_ERROR invalid numeric delta argument⏎"),
            ("set n 0 0 2⏎1x⏎", "STORED⏎"),
            ("incr n 1⏎", "CLIENT_ERROR cannot increment or decrement non-numeric value⏎"),
        ],
    );
}

#[test]
fn quiet_commands_are_obeyed_and_not_answered() {
    assert_dialogue(
        &store(MIB),
        &[
            ("set n 0 0 1 noreply⏎1⏎incr n 4 noreply⏎get n⏎", "VALUE n 0 1⏎5⏎END⏎"),
            ("append n 0 0 1 noreply⏎0⏎touch n 0 noreply⏎get n⏎", "VALUE n 0 2⏎50⏎END⏎"),
            ("delete n noreply⏎get n⏎verbosity 1 noreply⏎", "END⏎"),
            ("set n 0 0 1⏎1⏎flush_all noreply⏎get n⏎", "STORED⏎END⏎"),
            ("set n x 0 1 noreply⏎", ""),
            ("cas n 0 0 1 1 noreply⏎x⏎", ""),
            ("delete noreply⏎", "NOT_FOUND⏎"),
        ],
    );
}

#[test]
fn what_is_not_understood_is_said_as_memcached_says_it() {
    let long = "k".repeat(251);
    let format = "CLIENT_ERROR bad command line format⏎";
    assert_dialogue(
        &store(MIB),
        &[
            ("⏎", "ERROR⏎"),
            ("nonsense⏎", "ERROR⏎"),
            ("GET a⏎", "ERROR⏎"),
            ("get⏎", "ERROR⏎"),
            ("gat 10⏎", "END⏎"),
            ("gat x a⏎", "CLIENT_ERROR invalid exptime argument⏎"),
            (&format!("get a {long}⏎"), format),
            (&format!("set {long} 0 0 0⏎"), format),
            ("set a 0 0⏎", "ERROR⏎"),
            ("set a -1 0 0⏎", format),
            ("set a 0 x 0⏎", format),
            ("set a 0 0 -1⏎", format),
            ("set a 0 0 2147483646⏎", format),
            ("set a 0 0 0 a b⏎", "ERROR⏎"),
            ("cas a 0 0 0⏎", "ERROR⏎"),
            ("cas a 0 0 0 x⏎", format),
            // The value's length is believed; what follows is the next line.
            ("set a 0 0 1⏎xyz⏎", "CLIENT_ERROR bad data chunk⏎ERROR⏎"),
            ("touch a x⏎", "CLIENT_ERROR invalid exptime argument⏎"),
            (
                "delete a 1⏎",
                "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]⏎",
            ),
            ("delete a 0⏎", "NOT_FOUND⏎"),
            ("flush_all x⏎", "CLIENT_ERROR invalid exptime argument⏎"),
            ("verbosity⏎", "ERROR⏎"),
            ("verbosity x⏎", format),
            ("stats nonsense⏎", "ERROR⏎"),
        ],
    );
}

#[test]
fn values_live_as_long_as_they_are_given() {
    let store = store(MIB);
    let epoch = START.as_secs();
    let beyond = epoch + 100;
    ask(&store, "set never 0 0 1\r\nx\r\nset soon 0 2 1\r\nx\r\nset month 0 2592000 1\r\nx\r\n");
    ask(&store, &format!("set then 0 {beyond} 1\r\nx\r\n"));
    let present = |store| ask(store, "get never soon month then\r\n").matches("VALUE").count();
    assert_eq!(ask(&store, "set at-once 0 -1 1\r\nx\r\nget at-once\r\n"), "STORED\r\nEND\r\n");
    // One second more than a month is an instant of 1970.
    assert_eq!(ask(&store, "set 1970 0 2592001 1\r\nx\r\nget 1970\r\n"), "STORED\r\nEND\r\n");
    wait(1);
    assert_eq!(present(&store), 4);
    wait(1);
    assert_eq!(present(&store), 3);
    wait(97);
    assert_eq!(present(&store), 3);
    wait(1);
    assert_eq!(present(&store), 2);
    assert_eq!(
        ask(&store, "touch month 5\r\ngat 7 never\r\n"),
        "TOUCHED\r\nVALUE never 0 1\r\nx\r\nEND\r\n"
    );
    wait(5);
    assert_eq!(present(&store), 1);
    wait(2);
    assert_eq!(present(&store), 0);
    assert!(ask(&store, "stats\r\n").contains("STAT curr_items 0\r\n"), "they are gone");
}

#[test]
fn a_flush_may_be_put_off() {
    let store = store(MIB);
    ask(&store, "set a 0 0 1\r\nx\r\nflush_all 2\r\n");
    wait(1);
    ask(&store, "set b 0 0 1\r\nx\r\n");
    assert_eq!(ask(&store, "get a b\r\n").matches("VALUE").count(), 2);
    wait(1);
    ask(&store, "set c 0 0 1\r\nx\r\n");
    assert_eq!(ask(&store, "get a b c\r\n"), "VALUE c 0 1\r\nx\r\nEND\r\n");
}

#[test]
fn memory_is_bounded_and_the_least_used_goes() {
    let store = store(100 * 1024);
    for number in 0..1000 {
        let value = "x".repeat(1000);
        assert_eq!(ask(&store, &format!("set {number} 0 0 1000\r\n{value}\r\n")), "STORED\r\n");
        ask(&store, "get 0\r\n");
    }
    let stats = ask(&store, "stats\r\n");
    let stat = |name: &str| -> usize {
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("STAT {name} ")));
        line.unwrap().parse().unwrap()
    };
    assert!((80..=85).contains(&stat("curr_items")), "{stats}");
    assert_eq!(stat("evictions"), 1000 - stat("curr_items"));
    assert!((99 * 1024..=100 * 1024).contains(&stat("bytes")), "{stats}");
    assert!(ask(&store, "get 0\r\n").starts_with("VALUE"), "it was used all the time");
    assert_eq!(ask(&store, "get 1\r\n"), "END\r\n");
    assert!(ask(&store, "get 999\r\n").starts_with("VALUE"));
    ask(&store, "flush_all\r\n");
    assert!(ask(&store, "stats\r\n").contains("STAT bytes 0\r\n"));
}

#[test]
fn bytes_are_those_of_what_is_there() {
    let store = store(MIB);
    for line in ["set a 0 0 5\r\nabcde\r\n", "append a 0 0 3\r\nfgh\r\n", "set a 0 0 2\r\n10\r\n"] {
        ask(&store, line);
    }
    ask(
        &store,
        "incr a 1000\r\nset b 0 -1 9\r\n123456789\r\nget b\r\nset c 0 0 1\r\nx\r\ndelete c\r\n",
    );
    let bytes = format!("STAT bytes {}\r\n", 1 + 4 + shard::ITEM_BYTES);
    assert!(ask(&store, "stats\r\n").contains(&bytes));
}

#[test]
fn what_is_too_large_is_swallowed_and_its_old_value_gone() {
    let store = store(MIB);
    let large = "x".repeat(MIB + 1);
    let set = |verb: &str| format!("{verb} a 0 0 {}\r\n{large}\r\nget a\r\n", large.len());
    ask(&store, "set a 0 0 1\r\nx\r\n");
    let says = "SERVER_ERROR object too large for cache\r\n";
    assert_eq!(ask(&store, &set("add")), format!("{says}VALUE a 0 1\r\nx\r\nEND\r\n"));
    assert_eq!(ask(&store, &set("set")), format!("{says}END\r\n"));
    // Not too large, but the store is too small.
    ask(&store, "set a 0 0 1\r\nx\r\n");
    let set = format!("set a 0 0 {MIB}\r\n{}\r\nget a\r\n", &large[1..]);
    let says = "SERVER_ERROR out of memory storing object\r\n";
    assert_eq!(ask(&store, &set), format!("{says}END\r\n"));
}

#[test]
fn a_value_grows_no_larger_than_one_may_be_stored() {
    let store = store(8 * MIB);
    let half = "x".repeat(MIB / 2);
    ask(&store, &format!("set a 0 0 {}\r\n{half}\r\n", half.len()));
    let append = format!("append a 0 0 {}\r\n{half}\r\n", half.len());
    assert_eq!(ask(&store, &append), "STORED\r\n");
    assert_eq!(ask(&store, "append a 0 0 1\r\nx\r\n"), "NOT_STORED\r\n");
    assert!(ask(&store, "get a\r\n").starts_with("VALUE a 0 1048576\r\n"));
}

#[test]
fn ids_are_unique_among_shards() {
    let size = StoreSize { bytes: MIB, shards: NonZeroUsize::new(7).unwrap() };
    let store = Arc::new(Store::new(size, Clock(|| NOW.get())));
    let mut ids = Vec::new();
    for number in 0..100 {
        ask(&store, &format!("set {number} 0 0 1\r\nx\r\n"));
        let answer = ask(&store, &format!("gets {number}\r\n"));
        let line = answer.lines().next().unwrap();
        ids.push(line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}
