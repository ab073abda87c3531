//! What an experiment file must say beyond what its types can: all is looked at
//! before anything runs, and what is refused is told with its line and what to do.

mod effort;
mod known;
mod words;

use std::collections::BTreeSet;

use crate::{
    Definition, Varies,
    wrong::{Wrong, wrong},
};

pub use known::Known;

/// Files of a results folder that are no experiments.
const NOT_NAMES: [&str; 1] = ["environment"];
/// Longer ones are refused by file systems, once something is put behind.
const LONGEST_NAME: usize = 100;

impl Definition {
    /// Refuses what contradicts itself, with what to change.
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        self.check_name()?;
        self.check_lists()?;
        self.check_peers()?;
        self.check_backend()?;
        self.check_job()?;
        self.check_efforts()?;
        self.check_load()?;
        self.check_compare()?;
        self.check_charts()?;
        self.check_claims()
    }

    /// Its results are a file of that name.
    fn check_name(&self) -> Result<(), Wrong> {
        let name = &self.name;
        if NOT_NAMES.contains(&&**name) {
            return wrong(
                "",
                format!("an experiment cannot be named `{name}`: the record of the machine is"),
            );
        }
        if is_proper(name) {
            return Ok(());
        }
        wrong("", format!("the name `{name}` is no file name: use letters, digits, - and _"))
    }

    /// What is listed is there once.
    fn check_lists(&self) -> Result<(), Wrong> {
        if let Some(models) = &self.models {
            once("models", models, |model| model)?;
            if models.is_empty() && self.peers.is_empty() && self.variants.iter().all(no_models) {
                return wrong("models", "no model is named, and no [[peer]]: name one at least");
            }
        }
        for (place, variant) in self.variants.iter().enumerate() {
            if variant.name.is_empty() {
                return wrong(format!("variant.{place}.name"), "a variant needs a name");
            }
            let models = variant.models.as_deref().unwrap_or_default();
            once(&format!("variant.{place}.models"), models, |model| model)?;
        }
        once("variant", &self.variants, |variant| &variant.name)?;
        once("peer", &self.peers, |peer| &peer.name)?;
        for (place, out) in self.left_out.iter().enumerate() {
            let is_same = |other: &results::LeftOut| other.model == out.model;
            if self.left_out[..place].iter().any(is_same) {
                let why = format!("`{}` is left out twice: keep one of the two", out.model);
                return wrong(format!("left_out.{place}"), why);
            }
        }
        Ok(())
    }

    fn check_peers(&self) -> Result<(), Wrong> {
        for (place, peer) in self.peers.iter().enumerate() {
            let (key, name) = (|key: &str| format!("peer.{place}.{key}"), &peer.name);
            if !is_proper(name) {
                let why =
                    format!("the name `{name}` is no file name: use letters, digits, - and _");
                return wrong(key("name"), why);
            }
            let lines = [("command", Some(&peer.command)), ("version", Some(&peer.version))];
            for (line, words) in lines.into_iter().chain([("build", peer.build.as_ref())]) {
                if words.is_some_and(|words| words.first().is_none_or(String::is_empty)) {
                    let why = format!("the `{line}` of `{name}` is empty: name a program");
                    return wrong(key(line), why);
                }
            }
            if let Some(other) = peer.variants.iter().find(|name| !self.has_variant(name)) {
                let why = format!("`{name}` speaks `{other}`, no variant of this experiment");
                return wrong(key("variants"), why);
            }
            once(&key("variants"), &peer.variants, |name| name)?;
            if peer.variants.is_empty() && !self.variants.is_empty() {
                let why = format!("`{name}` speaks none of the variants: name some");
                return wrong(key("variants"), why);
            }
        }
        Ok(())
    }

    fn check_backend(&self) -> Result<(), Wrong> {
        if let Some(backend) = &self.backend {
            if backend.command.first().is_none_or(String::is_empty) {
                return wrong("backend.command", "the `command` of [backend] is empty");
            }
            return Ok(());
        }
        let names = |text: &String| text.contains("{backend}");
        for (place, peer) in self.peers.iter().enumerate() {
            if peer.command.iter().any(names) || peer.file.as_ref().is_some_and(names) {
                let why = format!("peer `{}` talks to {{backend}}: give a [backend]", peer.name);
                return wrong(format!("peer.{place}"), why);
            }
        }
        Ok(())
    }

    fn check_job(&self) -> Result<(), Wrong> {
        if self.job.is_some() != (self.x.varies == Varies::Job) {
            return wrong("x.varies", "`varies = \"job\"` and a [job] belong together");
        }
        let Some(job) = &self.job else { return Ok(()) };
        if job.reads.is_empty() {
            return wrong("job.reads", "it reads no figure of what the jobs print: name one");
        }
        if self.models.as_ref().is_none_or(|models| !models.is_empty()) {
            return wrong("models", "models are servers, no jobs: give `models = []`");
        }
        Ok(())
    }

    fn has_variant(&self, name: &str) -> bool {
        self.variants.iter().any(|variant| variant.name == name)
    }
}

fn no_models(variant: &crate::Variant) -> bool {
    variant.models.as_ref().is_none_or(Vec::is_empty)
}

/// Whether it can be the name of a file, and of nothing else.
fn is_proper(name: &str) -> bool {
    let proper = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(proper)
}

/// Refuses a name that is in a list twice.
fn once<T>(key: &str, list: &[T], name: impl Fn(&T) -> &String) -> Result<(), Wrong> {
    let mut seen = BTreeSet::new();
    for (place, one) in list.iter().enumerate() {
        if !seen.insert(name(one)) {
            let why = format!("`{}` is there twice: keep one of the two", name(one));
            return wrong(format!("{key}.{place}"), why);
        }
    }
    Ok(())
}
