//! Answers, held to a plan without a server.

use std::io;

use crate::{
    error::Error,
    exchange::Exchanges,
    fault::{Errors, Fault},
    plan::Plan,
    script::Script,
};

/// What came of answers that were held to a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Right ones.
    pub answered: u64,
    /// The fault at which the connection would have ended, if there is one.
    pub errors: Errors,
}

/// Does what a connection of a run does with what it reads: has asked `requests` times,
/// and takes in `pieces`, wherever they are cut.
///
/// # Errors
///
/// Fails if the plan cannot be run.
pub fn replay<'p>(
    plan: &Plan,
    requests: u32,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Result<Replayed, Error> {
    plan.check()?;
    let (mut script, mut exchanges) = (Script::new(plan), Exchanges::new(0));
    for _ in 0..requests {
        exchanges.begin(&script, 0, 0);
    }
    let written = exchanges.write(&mut io::sink(), &script, &mut [0; 4096]);
    written.map_err(Error::io("write to nobody"))?;
    let mut replayed = Replayed::default();
    let mut take = |mut piece: &[u8]| -> Result<(), Fault> {
        while !piece.is_empty() {
            let (used, answered) = exchanges.take(piece, &mut script)?;
            replayed.answered += u64::from(answered.is_some());
            piece = &piece[used..];
        }
        Ok(())
    };
    if let Err(fault) = pieces.into_iter().try_for_each(&mut take) {
        replayed.errors.count("the replayed connection", &fault);
    }
    Ok(replayed)
}
