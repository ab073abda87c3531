//! A check of the generator on itself.

/// How far a closed loop is from Little's law, as a share of N: |X(R+Z) − N| / N.
///
/// `rate` X is answers a second, `response` R the mean latency and `think` Z the
/// pause, both in seconds, and `customers` N those in the loop: the connections, times
/// the requests that each keeps in flight. Beyond
/// 2 % the figures do not belong together: time was lost outside the loop, or
/// the window is too short for the latency.
///
/// Source: Little, *A Proof for the Queuing Formula L = λW*, 1961.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "connections stay far below 2^53")]
pub fn littles_law(rate: f64, response: f64, think: f64, customers: usize) -> Option<f64> {
    let customers = customers as f64;
    (customers > 0.0).then(|| (rate * (response + think) - customers).abs() / customers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_holds_is_zero() {
        // 64 customers, each 4 ms in the server and 12 ms thinking: 4,000 a second.
        let gap = littles_law(4000.0, 0.004, 0.012, 64).unwrap();
        assert!(gap < 1e-9, "{gap}");
    }

    #[test]
    fn lost_time_shows() {
        let gap = littles_law(3600.0, 0.004, 0.012, 64).unwrap();
        assert!((gap - 0.1).abs() < 1e-9, "{gap}");
    }

    #[test]
    fn nobody_is_no_loop() {
        assert_eq!(littles_law(0.0, 0.0, 0.0, 0), None);
    }
}
