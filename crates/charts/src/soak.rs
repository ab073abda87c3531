//! The chart of the soak: the memory of each server over its time, a small line for each
//! service and model, side by side.

use std::fmt::Write as _;

use results::{Course, Soak, Unit};

use crate::{
    page::{Anchor, HALF_LETTER, MARGIN, Page, WIDTH},
    palette,
};

/// Room for the names of the models, in pixels.
const NAMES: i32 = 176;
const ROW: i32 = 30;
/// Height of a line that is at its most.
const RISE: i32 = 20;
/// Room for the memory at the end, behind each line.
const VALUE: i32 = 58;

/// Draws the chart.
pub(crate) fn draw(soak: &Soak) -> String {
    let (services, models) = (names(soak, |c| &c.service), names(soak, |c| &c.model));
    let minutes = soak.run.seconds / 60.0;
    let mut page = Page::titled(
        "Memory of a server under traffic, right and wrong",
        "Is any line higher at its end than in its middle? That would be a leak.",
        &format!("{minutes:.1} minutes each, {} clients", soak.run.clients),
    );
    let columns = i32::try_from(services.len().max(1)).unwrap_or(1);
    let width = (WIDTH - 2 * MARGIN - NAMES) / columns;
    let places = services.iter().zip((MARGIN + NAMES..).step_by(width.unsigned_abs() as usize));
    page.height += 28;
    for (service, x) in places.clone() {
        page.text(x, page.height, Anchor::Start, "group", service);
    }
    for model in &models {
        page.height += ROW;
        let middle = page.height - RISE / 2 + HALF_LETTER;
        page.text(MARGIN, middle, Anchor::Start, "key", model);
        for (service, x) in places.clone() {
            let is_it = |course: &&Course| course.service == **service && course.model == **model;
            if let Some(course) = soak.courses.iter().find(is_it) {
                line(&mut page, course, x, width - VALUE);
                let memory = course.samples.last().map_or(0, |sample| sample.memory_bytes);
                let memory = Unit::Bytes.format(exact(memory));
                page.text(x + width - VALUE + 4, middle, Anchor::Start, "value", &memory);
            }
        }
    }
    page.height += 8;
    page.notes(&[
        "Each line begins at 0 bytes and has a height of its own; the number is its end."
            .to_owned(),
        "Processes that share no memory have no cache.".to_owned(),
    ]);
    page.finish()
}

/// The line of one server, on the row that the page has come to.
fn line(page: &mut Page, course: &Course, left: i32, width: i32) {
    let most = course.samples.iter().map(|sample| sample.memory_bytes).max().unwrap_or(0).max(1);
    let steps = exact(course.samples.len().saturating_sub(1).max(1) as u64);
    let mut points = String::new();
    for (at, sample) in course.samples.iter().enumerate() {
        let x = f64::from(left) + f64::from(width) * exact(at as u64) / steps;
        let share = exact(sample.memory_bytes) / exact(most);
        let y = f64::from(page.height) - f64::from(RISE) * share;
        let _ = write!(points, "{}{x:.1},{y:.1}", if at == 0 { "" } else { " " });
    }
    let base = page.height;
    let right = left + width;
    page.push(format!("<path class=\"grid\" d=\"M{left} {base}H{right}\"/>"));
    let look = palette::looks(std::slice::from_ref(&course.model), &[])[0];
    let hue = look.hue_class();
    page.push(format!("<polyline class=\"line thin {hue}\" points=\"{points}\"/>"));
}

/// What the courses have under a name, each once, in their order.
fn names<'a>(soak: &'a Soak, of: impl Fn(&'a Course) -> &'a String) -> Vec<&'a String> {
    let mut names = Vec::new();
    for name in soak.courses.iter().map(of) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory, and places on a page")]
fn exact(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use results::{Sample, Soaked};

    use super::*;

    #[test]
    fn each_server_has_its_line() {
        let sample = |memory_bytes| Sample { memory_bytes, descriptors: 9, threads: 5 };
        let course = |service: &str, model: &str| Course {
            service: service.to_owned(),
            model: model.to_owned(),
            valid: 1,
            invalid: 1,
            samples: vec![sample(1 << 20), sample(2 << 20)],
            after: sample(2 << 20),
        };
        let system = "Linux".to_owned();
        let soak = Soak {
            run: Soaked { seconds: 90.0, clients: 8, workers: 4, system },
            courses: vec![course("echo", "event-loop"), course("http", "thread-pool")],
        };
        let svg = draw(&soak);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("1.5 minutes each") && svg.contains("thread-pool"), "{svg}");
        // From half of the height to all of it.
        let line = svg.lines().find(|line| line.starts_with("<polyline")).expect("a line");
        let heights: Vec<f64> = line
            .split(['"', ' '])
            .filter_map(|point| point.split_once(',')?.1.parse().ok())
            .collect();
        assert!((heights[0] - heights[1] - f64::from(RISE) / 2.0).abs() < 0.2, "{line}");
    }
}
