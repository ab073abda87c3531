//! Planted truths: what is known beforehand must be measured. Those here hold
//! by wide margins; `just verify` has the ones that take minutes.

#[expect(dead_code, reason = "the longer truths use more of it")]
#[path = "verify/bed.rs"]
mod bed;
#[path = "verify/generator.rs"]
mod generator;
#[path = "verify/pool.rs"]
mod pool;
#[path = "verify/stall.rs"]
mod stall;
