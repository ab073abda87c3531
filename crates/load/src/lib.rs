//! **Load generator**: drives any TCP server over many connections from one
//! thread or several, verifies every answer, and accounts for every connection.
//!
//! ```text
//! Plan ─▶ connecting ─▶ barrier ─▶ warm-up ─▶ window ─▶ grace ─▶ Report
//!         (a burst      (all have   (until     (counted) (waits for
//!          at a time)    or failed)  steady)              answers owed)
//! ```
//!
//! | Question               | Answer                                               |
//! |------------------------|------------------------------------------------------|
//! | Threads                | the caller's, and more if asked; an epoll each       |
//! | Outstanding requests   | one a connection, or more if asked: in order, or by id |
//! | Latency counts from    | the instant a request was due, and from its send     |
//! | What is verified       | every echoed byte, every status, body, id and result |
//! | What is never dropped  | the unanswered, the unsent, connections not served   |
//!
//! [`run`] takes a [`Plan`] and returns a [`Report`]. Where to look:
//!
//! - what is asked: `plan`, `check`, `prepare`, `script`, `pattern`, `reference`, `decoder`, `rpc`;
//! - when: `arrivals`, `pacing`, `settling`, `clock`;
//! - who: `run`, `crew`, `share`; several servers in turn: `sitting`, `order`;
//! - the loop: `generator`, `connecting`, `traffic`, `exchange`, `connection`;
//! - what goes on beside it: `slow`, `stall`;
//! - what is counted: `account`, `ledger`, `own`, `stamps`, `watch`, `tasks`, `drops`, `observer`, `findings`;
//! - what is told: `summary`, `fairness`, `little`, `report`, `verdict`;
//! - without a server: `replay`.

mod account;
mod arrivals;
mod check;
mod clock;
mod connecting;
mod connection;
mod crew;
mod decoder;
mod drops;
mod error;
mod exchange;
mod fairness;
mod fault;
mod findings;
mod generator;
mod human;
mod ledger;
mod limits;
mod little;
mod observer;
mod order;
mod own;
mod pacing;
mod pattern;
mod plan;
mod prepare;
mod reference;
mod replay;
mod report;
mod rpc;
mod run;
mod script;
mod settling;
mod share;
mod sitting;
mod slow;
mod sources;
mod stall;
mod stamps;
mod summary;
mod tasks;
mod traffic;
mod tree;
mod verdict;
mod watch;

pub use error::Error;
pub use fairness::{Spread, jain};
pub use fault::Errors;
pub use limits::allow_connections;
pub use little::littles_law;
pub use plan::{Arrivals, Exact, Hot, Kind, Method, Mode, Plan, Request, Stall};
pub use replay::{Replayed, replay};
pub use report::Report;
pub use run::run;
pub use sitting::{Seat, Sitting, Slice, sit};
pub use slow::SlowReaders;
pub use summary::{Summary, decode_histogram};
pub use tasks::TaskSample;
pub use watch::{Memory, Sample, Watched};
