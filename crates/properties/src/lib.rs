//! What holds for any bytes: nothing panics, nothing goes on for ever, and wherever a
//! stream is cut, it is the same stream.
//!
//! Each property is a function of bytes that panics where it does not hold. The tests
//! of this crate try them with the seeds in `fuzz/seeds`, damaged in some places, and
//! with noise; the fuzz targets in `fuzz` are the same functions, for as long as one
//! lets them run (`just fuzz`).

mod answers;
mod files;
mod pieces;
mod session;

pub use answers::answers;
pub use files::{experiment, results};
pub use session::session;

/// What holds for any bytes: it panics where it does not.
pub type Property = fn(&[u8]);

/// Every property, with the folder of its seeds.
pub const ALL: [(&str, Property); 4] =
    [("session", session), ("answers", answers), ("experiment", experiment), ("results", results)];
