//! How long a peer may say nothing.

use std::{
    future::Future,
    pin::Pin,
    task::{
        self,
        Poll::{self, Pending},
    },
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// How long the peer has said nothing, and taken nothing.
pub(super) struct Silence {
    pub(super) timeout: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        Self { timeout, timer: timeout.map(|timeout| Box::pin(sleep(timeout))) }
    }

    pub(super) fn begin(&mut self) {
        if let (Some(timeout), Some(timer)) = (self.timeout, &mut self.timer) {
            timer.as_mut().reset(Instant::now() + timeout);
        }
    }

    pub(super) fn poll_too_long(&mut self, task: &mut task::Context) -> Poll<()> {
        self.timer.as_mut().map_or(Pending, |timer| timer.as_mut().poll(task))
    }
}
