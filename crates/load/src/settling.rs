//! When a warm-up is over: by a rule, not by eye.

use std::time::Duration;

use crate::{clock::nanoseconds, plan::Plan};

/// Shorter slices would compare the scheduler's turns.
const SHORTEST: Duration = Duration::from_millis(25);

/// Share by which the answers of two slices may differ, and how many standard
/// deviations of their difference, were they Poisson: whichever allows more.
const SHARE: f64 = 0.1;
const DEVIATIONS: f64 = 3.0;

/// Compares each slice of a warm-up with the one before.
#[derive(Debug)]
pub(crate) struct Settling {
    /// Length of a slice in nanoseconds.
    pub(crate) slice: u64,
    least: u64,
    most: u64,
    passed: u64,
    /// Answers up to the last slice, and in it.
    total: u64,
    last: Option<u64>,
}

/// What is to be done after a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Warm up for another slice.
    GoOn,
    /// Begin: the rate is steady, or there is none to judge.
    Steady,
    /// Begin: the time is up.
    Unsteady,
}

impl Settling {
    /// `None` if the plan leaves no time for two slices.
    pub(crate) fn new(plan: &Plan) -> Option<Self> {
        let (least, most) = (nanoseconds(plan.warmup), nanoseconds(plan.longest_warmup()));
        let slice = nanoseconds((plan.warmup / 2).max(SHORTEST));
        let fits = slice.saturating_mul(2) <= most;
        fits.then_some(Self { slice, least, most, passed: 0, total: 0, last: None })
    }

    /// Judges the slice that ended when there were `total` answers.
    pub(crate) fn judge(&mut self, total: u64) -> Verdict {
        self.passed = self.passed.saturating_add(self.slice);
        let answers = total - self.total;
        self.total = total;
        let before = self.last.replace(answers);
        let Some(before) = before.filter(|_| self.passed >= self.least) else {
            return Verdict::GoOn;
        };
        if total == 0 || agree(before, answers) {
            Verdict::Steady
        } else if self.passed.saturating_add(self.slice) > self.most {
            Verdict::Unsteady
        } else {
            Verdict::GoOn
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn agree(one: u64, other: u64) -> bool {
    let allowed = (SHARE * one.max(other) as f64).max(DEVIATIONS * ((one + other) as f64).sqrt());
    one.abs_diff(other) as f64 <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answers: &[u64]) -> Vec<Verdict> {
        let plan = Plan::new("127.0.0.1:1".parse().unwrap()); // 500 ms, at most 1.5 s.
        let mut settling = Settling::new(&plan).unwrap();
        let mut total = 0;
        let totals = answers.iter().map(|answers| {
            total += answers;
            settling.judge(total)
        });
        totals.collect()
    }

    #[test]
    fn two_slices_that_agree_end_it() {
        use Verdict::{GoOn, Steady, Unsteady};
        assert_eq!(judged(&[10_000, 9_500]), [GoOn, Steady]);
        assert_eq!(judged(&[5_000, 8_000, 9_000, 9_200]), [GoOn, GoOn, GoOn, Steady]);
        assert_eq!(judged(&[1000, 2000, 4000, 8000, 16_000, 32_000])[4..], [GoOn, Unsteady]);
        // Few answers scatter more.
        assert_eq!(judged(&[2, 8])[1], Steady);
        assert_eq!(judged(&[0, 0])[1], Steady);
    }

    #[test]
    fn a_warm_up_too_short_to_judge_is_not() {
        let mut plan = Plan::new("127.0.0.1:1".parse().unwrap());
        plan.warmup = Duration::from_millis(10);
        assert!(Settling::new(&plan).is_none());
        plan.warmup_most = Some(Duration::from_millis(50));
        assert!(Settling::new(&plan).is_some());
    }
}
