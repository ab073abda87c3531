//! Clients that ask and hardly read, beside others that do.

mod common;

use std::time::Duration;

use common::{echo, echo_of, plan, run, serve};

#[test]
fn slow_readers_are_in_no_other_account() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 4);
    plan.slow_readers = 3;
    plan.threads = 2;
    plan.requests = echo_of(1000);
    let report = run(&plan);
    assert_eq!((report.requested, report.served, report.errors.total()), (4, 4, 0));
    assert_eq!((report.censored, report.bytes_in), (0, report.bytes_out));
    let slow = report.slow_readers.unwrap();
    assert_eq!((slow.established, slow.errors.total()), (3, 0), "{slow:?}");
    assert!(slow.bytes_in > 0 && slow.bytes_out > slow.bytes_in, "{slow:?}");
}

#[test]
fn a_slow_reader_that_is_lied_to_ends_alone() {
    // Slow readers connect first.
    let address = serve(|number, stream| {
        echo(stream, |read, bytes| {
            if number == 0 && read == 0 {
                bytes[3] ^= 1;
            }
        });
    });
    let mut plan = plan(address, 2);
    plan.slow_readers = 2;
    plan.duration = Duration::from_secs(1); // A tenth of it would do.
    let report = run(&plan);
    assert_eq!((report.served, report.errors.total()), (2, 0));
    let slow = report.slow_readers.unwrap();
    assert_eq!((slow.established, slow.errors.mismatch, slow.errors.total()), (2, 1, 1));
}
