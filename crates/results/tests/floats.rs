//! `lab bench --judge` reads all figures and writes them again: to the last digit.

#[test]
fn a_figure_that_is_read_is_the_one_that_was_written() {
    for text in ["0.8930172735277163", "1.8873836415961782", "11500.729186079327"] {
        let figure: f64 = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&figure).unwrap(), text);
    }
}
