//! Input and output in pieces: wherever they are cut, it is the same session.

use proptest::prelude::*;

use super::*;

/// 64 kB of `get` ask for gigabytes: they are answered in pieces.
#[test]
fn a_session_holds_little_of_many_large_answers() {
    let store = store(8 * MIB);
    ask(&store, &format!("set a 0 0 {}\r\n{}\r\n", MIB, "x".repeat(MIB)));
    let answer = format!("VALUE a 0 {}\r\n{}\r\n", MIB, "x".repeat(MIB));
    for request in ["get a\r\n".repeat(50), format!("get {}\r\n", "a ".repeat(50))] {
        let mut session = session(&store);
        let mut output = Vec::new();
        session.receive(request.as_bytes(), &mut output);
        session.end(End::Peer, &mut output);
        let mut whole = 0;
        while session.phase() == Phase::Working {
            assert!(output.len() < MIB + 3 * PIECE, "{} bytes at once", output.len());
            whole += output.len();
            output.clear();
            let job = session.next_job().unwrap();
            assert_eq!(session.next_job(), None);
            session.complete(Done { id: job.id, outcome: Ok(()) }, &mut output);
        }
        whole += output.len();
        let ends = usize::try_from(session.answered()).unwrap() * "END\r\n".len();
        assert_eq!(whole, 50 * answer.len() + ends);
        assert_eq!(session.phase(), Phase::Finished);
    }
}

#[test]
fn a_line_without_end_is_cut_off() {
    let long = "CLIENT_ERROR line too long\r\n";
    let store = store(MIB);
    for (line, answer, phase) in [
        ("x".repeat(2047) + "\r\n", "ERROR\r\n", Phase::Reading),
        ("x".repeat(2048) + "\r\nget a\r\n", long, Phase::Refused),
        ("x".repeat(2049), long, Phase::Refused),
        (format!("get {}\r\n", "a ".repeat(500_000)), "END\r\n", Phase::Reading),
        (format!("get {}", "a ".repeat(600_000)), long, Phase::Refused),
    ] {
        for size in [usize::MAX, 1000] {
            let mut session = session(&store);
            let pieces: Vec<&[u8]> = line.as_bytes().chunks(size).collect();
            let output = feed(&mut session, &pieces);
            assert_eq!(String::from_utf8(output).unwrap(), answer);
            assert_eq!(session.phase(), phase);
        }
    }
}

#[test]
fn who_quits_or_speaks_http_is_left() {
    let store = store(MIB);
    for (line, phase) in [
        ("quit\r\nget a\r\n", Phase::Finished),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\nset a 0 0 1\r\nx\r\n", Phase::Refused),
    ] {
        let mut session = session(&store);
        assert_eq!(feed(&mut session, &[line.as_bytes()]), b"");
        assert_eq!(session.phase(), phase);
        assert_eq!(ask(&store, "get a\r\n"), "END\r\n");
    }
}

/// Lines that together use every part of the parser.
const DIALOGUE: &str = "set a 1 0 5\r\n1\r\n23\r\nget a b a\r\nset n 0 0 2 noreply\r\n41\r\n\
    incr n 1\r\ngets n a\r\ncas n 0 0 1 2\r\nx\r\ncas n 0 0 1 99\r\ny\r\nappend a 0 0 2\r\nzz\r\n\
    set a 0 0 3\r\nlonger\r\nnonsense\n get  a \r\nset b 0 0 12\r\ntoo large!!!\r\ngat 0 a b\r\n\
    decr n 1\r\ntouch a 10\r\ndelete a noreply\r\ndelete a\r\nset x y z\r\nflush_all 0\r\n\
    verbosity 1\r\nversion\r\nget a n\r\nquit\r\nget a\r\n";

/// What the dialogue comes to in these pieces, in a store of its own.
fn converse(pieces: &[&[u8]]) -> (String, Phase, u64) {
    // Room for so much of a body that one in the dialogue is too large.
    let mut session = Cache::new(store(MIB), &Limits { body_bytes: 10 });
    let output = feed(&mut session, pieces);
    (String::from_utf8(output).unwrap(), session.phase(), session.answered())
}

#[test]
fn a_session_split_in_two_at_every_byte_is_the_same_session() {
    let whole = converse(&[DIALOGUE.as_bytes()]);
    assert!(whole.0.contains("too large for cache") && whole.0.contains("bad data chunk"));
    for at in 0..=DIALOGUE.len() {
        let (left, right) = DIALOGUE.as_bytes().split_at(at);
        assert_eq!(converse(&[left, right]), whole, "split at {at}");
    }
    let bytes: Vec<&[u8]> = DIALOGUE.as_bytes().chunks(1).collect();
    assert_eq!(converse(&bytes), whole, "byte by byte");
}

proptest! {
    #[test]
    fn a_session_split_anywhere_is_the_same_session(
        cuts in prop::collection::vec(0..DIALOGUE.len(), 0..12),
        at in 0..DIALOGUE.len(),
        byte in any::<u8>(),
    ) {
        let mut text = DIALOGUE.as_bytes().to_vec();
        text[at] = byte; // Damaged or not, splitting makes no difference.
        let mut cuts = cuts;
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let run = |pieces: &[&[u8]]| {
            let mut session = Cache::new(store(MIB), &Limits { body_bytes: 10 });
            (feed(&mut session, pieces), session.phase(), session.answered())
        };
        prop_assert_eq!(run(&pieces), run(&[&text]));
    }

    #[test]
    fn no_bytes_panic_or_hang_a_session(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut session = session(&store(MIB));
        let mut output = feed(&mut session, &[&bytes]);
        session.end(End::Peer, &mut output);
        prop_assert!(matches!(session.phase(), Phase::Finished | Phase::Refused));
        prop_assert!(session.input.is_empty(), "a finished session keeps no memory");
    }
}
