//! The properties, tried with the fuzzer's seeds, damaged, and with noise.

use std::{fs, path::Path};

use proptest::prelude::*;

fn seeds(of: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(of);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{of}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_seeds_hold_wherever_they_are_cut() {
    for (name, property) in properties::ALL {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for mut seed in seeds {
            property(&seed);
            // Where streams are cut is in their second byte.
            if ["session", "answers"].contains(&name) {
                for cuts in 0..=255 {
                    seed[1] = cuts;
                    property(&seed);
                }
            }
        }
    }
}

/// Some bytes are others, some are twice there or not at all, and the end is missing.
#[derive(Clone, Debug)]
enum Damage {
    Other(prop::sample::Index, u8),
    Twice(prop::sample::Index, prop::sample::Index),
    Without(prop::sample::Index, prop::sample::Index),
    EndsAt(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Other(at, byte)),
        (at(), prop::sample::select(&b"\r\n 0:{}[]\",.=-+\0\xff"[..]))
            .prop_map(|(at, byte)| Damage::Other(at, byte)),
        (at(), at()).prop_map(|(from, to)| Damage::Twice(from, to)),
        (at(), at()).prop_map(|(from, to)| Damage::Without(from, to)),
        at().prop_map(Damage::EndsAt),
    ]
}

fn damaged(mut bytes: Vec<u8>, all: &[Damage]) -> Vec<u8> {
    for one in all {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        let range = |from: &prop::sample::Index, to: &prop::sample::Index| {
            let (one, other) = (from.index(length), to.index(length));
            one.min(other)..one.max(other)
        };
        match one {
            Damage::Other(at, byte) => bytes[at.index(length)] = *byte,
            Damage::Twice(from, to) => {
                let again = bytes[range(from, to)].to_vec();
                let at = range(from, to).end;
                bytes.splice(at..at, again);
            }
            Damage::Without(from, to) => drop(bytes.drain(range(from, to))),
            Damage::EndsAt(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

proptest! {
    // What it finds becomes a seed, by hand.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn damaged_seeds_hold(
        of in 0..properties::ALL.len(),
        seed in any::<prop::sample::Index>(),
        cuts in any::<u8>(),
        all in prop::collection::vec(damage(), 0..6),
    ) {
        let (name, property) = properties::ALL[of];
        let seeds = seeds(name);
        let mut bytes = damaged(seed.get(&seeds).clone(), &all);
        if let ("session" | "answers", Some(place)) = (name, bytes.get_mut(1)) {
            *place = cuts;
        }
        property(&bytes);
    }

    #[test]
    fn noise_holds(
        of in 0..properties::ALL.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        properties::ALL[of].1(&bytes);
    }
}
