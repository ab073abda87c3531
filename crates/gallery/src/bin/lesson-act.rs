//! The other process of a lesson, for the tests: `lesson-act NAME VERSION`.

use std::{env, io};

fn main() -> io::Result<()> {
    let mut words = env::args().skip(1);
    let lesson = words.next().and_then(|name| gallery::find(&name));
    let version = words.next().and_then(|name| gallery::Version::named(&name));
    let (Some(lesson), Some(version)) = (lesson, version) else {
        return Err(io::Error::other("usage: lesson-act NAME flawed|mended"));
    };
    gallery::act(lesson, version)
}
