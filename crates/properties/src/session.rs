//! A session of any service.

use std::{num::NonZeroUsize, time::Duration};

use service::{Clock, Done, End, Failed, Limits, Phase, Service, Session, Shared, StoreSize, Work};

use crate::pieces::pieces;

/// A minute in 2025, and no later one: an answer that has a date has the same.
const NOW: Duration = Duration::from_secs(1_750_000_000);

/// Room for a body, so small that some bodies are too large.
const BODY_BYTES: usize = 4096;

/// More jobs than so many bytes can ask for, at least one byte each.
const JOBS_MOST: usize = 1 << 20;

/// The first byte says which service, the second where the others are cut. What the
/// session answers, in which phase it is left and how many requests it counts do not
/// depend on the cuts; and once the peer has ended, it is finished.
///
/// # Panics
///
/// Where that is not so.
pub fn session(data: &[u8]) {
    let [service, cuts, bytes @ ..] = data else { return };
    let service = Service::ALL[usize::from(*service) % Service::ALL.len()];
    let whole = converse(service, &[bytes]);
    assert_eq!(whole, converse(service, &pieces(bytes, *cuts)), "{}", service.name());
    assert!(matches!(whole.phase, Phase::Finished | Phase::Refused), "{whole:?}");
}

/// What can be seen of a conversation.
#[derive(Debug, PartialEq)]
struct Seen {
    /// With its escapes, for whoever reads of a difference.
    output: String,
    phase: Phase,
    answered: u64,
}

fn converse(service: Service, pieces: &[&[u8]]) -> Seen {
    // One shard, and room enough that nothing is put out.
    let store = StoreSize { bytes: 16 << 20, shards: NonZeroUsize::MIN };
    let mut shared = Shared::new(Clock(|| NOW), store);
    shared.limits = Limits { body_bytes: BODY_BYTES };
    let (mut session, mut output) = (service.session(&shared), Vec::new());
    for piece in pieces {
        session.receive(piece, &mut output);
        work(&mut *session, &mut output);
        if session.phase() != Phase::Reading {
            break; // Nobody reads on.
        }
    }
    session.end(End::Peer, &mut output);
    work(&mut *session, &mut output);
    let answered = match service {
        Service::Echo => 0, // It counts pieces.
        _ => session.answered(),
    };
    if service == Service::Rpc {
        // Its answers may come in any order.
        let mut lines: Vec<&[u8]> = output.split_inclusive(|&byte| byte == b'\n').collect();
        lines.sort_unstable();
        output = lines.concat();
    }
    Seen { output: output.escape_ascii().to_string(), phase: session.phase(), answered }
}

/// Takes and completes what the session wants to have done.
fn work(session: &mut dyn Session, output: &mut Vec<u8>) {
    let mut jobs = 0;
    while let Some(job) = session.next_job() {
        let outcome = if job.work == Work::Panic { Err(Failed::Panicked) } else { Ok(()) };
        session.complete(Done { id: job.id, outcome }, output);
        jobs += 1;
        assert!(jobs < JOBS_MOST, "its jobs have no end");
    }
}
