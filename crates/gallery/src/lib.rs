//! **The gallery**: bugs to run. A lesson is one file: a question, a small server with a
//! flaw in it, its mend, and a test that the flaw fails and the mend passes.
//!
//! ```text
//!  question ──▶ flawed server ──▶ the same server, mended ──▶ what to read
//!                     └── clients ──┘  on loopback, every wait bounded
//! ```
//!
//! In the source, `// FLAW` marks what is wrong and `// MEND` what takes its place. All
//! else is common to both. `lab lesson` runs the lessons, and the book shows the marked lines.

mod actor;
mod lesson;
mod lessons;
mod net;
mod stage;

pub use crate::{
    lesson::{Lesson, Outcome, Version},
    lessons::{ALL, find},
    stage::{Stage, act},
};
