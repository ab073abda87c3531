//! Whether the cores work steadily.
//!
//! Each works for a second at equal pieces, all at once. Where a neighbour runs
//! on the other hyperthread of a core, pieces take up to twice as long; where the
//! core is taken away, one takes as long as that lasts.

use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use results::CoreSpeed;

use crate::cores::pin;

/// How long the cores work.
const LOOK: Duration = Duration::from_secs(1);
/// About how long a piece is to take.
const PIECE: Duration = Duration::from_millis(1);
/// Words of the buffer that is worked on: it fits into the first cache, which
/// hyperthreads share.
const WORDS: usize = 2048;
/// A piece is slow below this share of the median speed.
const SLOW: f64 = 0.8;
/// A core wavers if it is slow for more than this share of the time.
const WAVERS: f64 = 0.05;
/// A core that drifts by more than this is remarked upon.
const DRIFTS: f64 = 0.1;
/// So is a core that has less than this share of the speed of another.
const UNLIKE: f64 = 0.8;

/// So many cores a remark names; the record has all.
const NAMED: usize = 4;

/// How steady a core was.
#[derive(Debug)]
struct Judged {
    median: Duration,
    slow: f64,
    slowest: f64,
    drift: f64,
}

/// Works on all `cores` for a second. What cannot be pinned to is left out.
pub(super) fn look(cores: &[usize]) -> Vec<CoreSpeed> {
    let together = Barrier::new(cores.len());
    let looked: Vec<(usize, f64, Judged)> = thread::scope(|scope| {
        let threads: Vec<_> = cores
            .iter()
            .map(|&core| {
                let together = &together;
                scope.spawn(move || {
                    let pinned = pin(&[core]);
                    let mut buffer = vec![1; WORDS];
                    let sweeps = sweeps_of_a_piece(&mut buffer);
                    together.wait();
                    let pieces = work(&mut buffer, sweeps);
                    let judged = pinned.ok().and_then(|()| judge(&pieces))?;
                    Some((core, f64::from(sweeps) / judged.median.as_secs_f64(), judged))
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    });
    let fastest = looked.iter().map(|(_, speed, _)| *speed).fold(0.0, f64::max);
    let told = |(core, speed, judged): (usize, f64, Judged)| {
        Some(CoreSpeed {
            core: core.try_into().ok()?,
            median: rounded(speed / fastest),
            slow: rounded(judged.slow),
            slowest: rounded(judged.slowest),
            drift: rounded(judged.drift),
        })
    };
    looked.into_iter().filter_map(told).collect()
}

/// Three digits after the point: more would be noise in the record.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// So much work that it takes about [`PIECE`] here.
fn sweeps_of_a_piece(buffer: &mut [u64]) -> u32 {
    let mut sweeps = 1;
    loop {
        // The fastest of three: one may have been interrupted.
        let tries = (0..3).map(|_| {
            let began = Instant::now();
            sweep(buffer, sweeps);
            began.elapsed()
        });
        let fastest = tries.min().unwrap_or(PIECE).as_nanos().max(1);
        if fastest * 2 >= PIECE.as_nanos() {
            let fitting = u128::from(sweeps) * PIECE.as_nanos() / fastest;
            return u32::try_from(fitting).unwrap_or(u32::MAX).max(1);
        }
        sweeps *= 2;
    }
}

/// Works for as long as [`LOOK`]. What the pieces took, and nothing between them
/// is left out.
fn work(buffer: &mut [u64], sweeps: u32) -> Vec<Duration> {
    let mut pieces = Vec::with_capacity(2000);
    let began = Instant::now();
    let mut last = began;
    while last - began < LOOK {
        sweep(buffer, sweeps);
        let now = Instant::now();
        pieces.push(now - last);
        last = now;
    }
    pieces
}

/// Each word on its own, so that the core has all the work at once that it can
/// take: a core that mostly waits for itself would hardly feel a neighbour.
fn sweep(buffer: &mut [u64], sweeps: u32) {
    for _ in 0..sweeps {
        for word in &mut *buffer {
            *word = word.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(7);
        }
        black_box(&mut *buffer);
    }
}

/// Judges by what pieces of equal work took.
fn judge(pieces: &[Duration]) -> Option<Judged> {
    let median = median(pieces)?;
    let is_slow = |piece: &&Duration| piece.mul_f64(SLOW) > median;
    let slow: Duration = pieces.iter().filter(is_slow).sum();
    let all: Duration = pieces.iter().sum();
    let quarter = pieces.len().div_ceil(4);
    let first = self::median(&pieces[..quarter])?;
    let last = self::median(&pieces[pieces.len() - quarter..])?;
    Some(Judged {
        median,
        slow: slow.div_duration_f64(all),
        slowest: pieces.iter().max()?.div_duration_f64(median),
        drift: first.div_duration_f64(last),
    })
}

fn median(pieces: &[Duration]) -> Option<Duration> {
    let mut sorted = pieces.to_vec();
    sorted.sort_unstable();
    // A clock that stood still would be divided by.
    sorted.get(sorted.len() / 2).copied().filter(|median| !median.is_zero())
}

/// What the speeds say against a run, and what of it.
pub(super) fn remarks(speeds: &[CoreSpeed]) -> Vec<String> {
    let mut said = Vec::new();
    let those = |is_bad: &dyn Fn(&CoreSpeed) -> bool, tell: &dyn Fn(&CoreSpeed) -> String| {
        let bad: Vec<&CoreSpeed> = speeds.iter().filter(|speed| is_bad(speed)).collect();
        let mut told: Vec<String> = bad.iter().take(NAMED).map(|speed| tell(speed)).collect();
        if bad.len() > NAMED {
            told.push(format!("and {} more cores", bad.len() - NAMED));
        }
        (!told.is_empty()).then(|| told.join(", "))
    };
    let wavering = |speed: &CoreSpeed| {
        let CoreSpeed { core, slow, slowest, .. } = speed;
        let share = slow * 100.0;
        format!("core {core} for {share:.0} % (slowest piece {slowest:.1} times the median)")
    };
    if let Some(told) = those(&|speed| speed.slow > WAVERS, &wavering) {
        said.push(format!(
            "the cores waver: of a second of equal work, they ran at less than {SLOW} of their \
             median speed, {told}. Servers that take turns every few milliseconds all meet this, \
             so their ratios hold, with wider intervals. A whole trial does not hold by itself: \
             its figures, its highest percentiles above all, are partly the work of a neighbour"
        ));
    }
    let drifting = |speed: &CoreSpeed| format!("core {} to {:.2} of it", speed.core, speed.drift);
    if let Some(told) = those(&|speed| (speed.drift - 1.0).abs() > DRIFTS, &drifting) {
        said.push(format!(
            "the speed drifted within a second: {told}. What is measured later meets another \
             machine: compare only what took turns, or wait until it is quiet"
        ));
    }
    let unlike = |speed: &CoreSpeed| format!("core {} has {:.2}", speed.core, speed.median);
    if let Some(told) = those(&|speed| speed.median < UNLIKE, &unlike) {
        said.push(format!(
            "the cores are not alike: of the speed of the fastest, {told}. Give server and \
             generator others (--server-cores, --client-cores), or do not compare with other \
             machines"
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of pieces on a core whose speed at a time in milliseconds is
    /// `speed`, where 1 is a piece a millisecond.
    fn pieces(speed: impl Fn(u32) -> f64) -> Vec<Duration> {
        /// Steps of a millisecond.
        const STEPS: u32 = 50;
        let (mut pieces, mut done, mut began) = (Vec::new(), 0.0, 0);
        for step in 0..1000 * STEPS {
            done += speed(step / STEPS) / f64::from(STEPS);
            if done >= 1.0 - 1e-9 {
                pieces.push(PIECE * (step + 1 - began) / STEPS);
                (done, began) = (0.0, step + 1);
            }
        }
        pieces
    }

    fn judged(speed: impl Fn(u32) -> f64) -> (CoreSpeed, usize) {
        let Judged { slow, slowest, drift, .. } = judge(&pieces(speed)).unwrap();
        let speed = CoreSpeed { core: 3, median: 1.0, slow, slowest, drift };
        let said = remarks(std::slice::from_ref(&speed));
        (speed, said.len())
    }

    fn is_near(value: f64, wanted: f64) -> bool {
        (value - wanted).abs() < 0.03
    }

    #[test]
    fn a_steady_core_is_not_remarked_upon() {
        let (speed, said) = judged(|_| 1.0);
        assert!(speed.slow.abs() < f64::EPSILON && is_near(speed.slowest, 1.0), "{speed:?}");
        assert!(is_near(speed.drift, 1.0) && said == 0, "{speed:?}");
    }

    #[test]
    fn a_neighbour_of_three_milliseconds_in_ten_is_told() {
        let (speed, said) = judged(|ms| if ms % 10 < 3 { 0.5 } else { 1.0 });
        assert!((0.25..0.4).contains(&speed.slow) && is_near(speed.slowest, 2.0), "{speed:?}");
        assert!(is_near(speed.drift, 1.0) && said == 1, "{speed:?}");
        let remark = &remarks(std::slice::from_ref(&speed))[0];
        let share = format!("core 3 for {:.0} % (slowest piece 2.0 times", speed.slow * 100.0);
        assert!(remark.contains(&share), "{remark}");
    }

    #[test]
    fn a_gap_counts_with_the_time_that_it_lasts() {
        let (speed, said) = judged(|ms| if (400..480).contains(&ms) { 0.0 } else { 1.0 });
        assert!(is_near(speed.slow, 0.08) && is_near(speed.slowest / 81.0, 1.0), "{speed:?}");
        assert!(is_near(speed.drift, 1.0) && said == 1, "{speed:?}");
        // A short one is in the record, and in no remark.
        let (speed, said) = judged(|ms| if (400..410).contains(&ms) { 0.0 } else { 1.0 });
        assert!(is_near(speed.slowest / 11.0, 1.0) && said == 0, "{speed:?}");
    }

    #[test]
    fn a_slow_drift_is_no_wavering() {
        let (speed, said) = judged(|ms| 1.0 - 0.2 * f64::from(ms) / 1000.0);
        assert!(speed.slow.abs() < f64::EPSILON, "{speed:?}");
        // The middles of the first and the last quarter: 0.975 and 0.825.
        assert!(is_near(speed.drift, 0.825 / 0.975) && said == 1, "{speed:?}");
        assert!(remarks(&[speed])[0].contains("core 3 to 0.8"));
    }

    #[test]
    fn cores_of_unlike_speed_are_told() {
        let steady = CoreSpeed { core: 0, median: 1.0, slow: 0.0, slowest: 1.0, drift: 1.0 };
        let said = remarks(&[steady.clone(), CoreSpeed { core: 9, median: 0.5, ..steady.clone() }]);
        assert!(said.len() == 1 && said[0].contains("core 9 has 0.50"), "{said:?}");
        let many = [0; 64].map(|core| CoreSpeed { core, drift: 0.5, ..steady.clone() });
        assert!(remarks(&many)[0].contains("and 60 more cores"));
    }

    #[test]
    fn a_core_of_ours_has_a_speed() {
        let cores = crate::Cores::divide(None, None).unwrap().all();
        let speeds = look(&cores);
        let looked: Vec<usize> = speeds.iter().map(|speed| speed.core as usize).collect();
        assert_eq!(looked, cores);
        let fastest = speeds.iter().map(|speed| speed.median).fold(0.0, f64::max);
        assert!(cores.is_empty() || is_near(fastest, 1.0), "{speeds:?}");
        assert!(speeds.iter().all(|speed| speed.slowest >= 1.0), "{speeds:?}");
        assert!(judge(&[]).is_none());
    }
}
