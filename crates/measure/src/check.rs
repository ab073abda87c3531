//! What an experiment file must say beyond what its types can.

use crate::{Definition, Varies};

impl Definition {
    /// Refuses what contradicts itself, with what to change.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_load()?;
        self.check_backend()?;
        self.check_job()?;
        let known = |variant: &Option<String>| {
            variant.as_ref().is_none_or(|name| self.variants.iter().any(|v| &v.name == name))
        };
        for chart in &self.charts {
            if !known(&chart.variant) {
                return Err(format!("chart `{}` shows a variant that is not there", chart.file));
            }
        }
        for claim in &self.claims {
            let cells = [Some(&claim.expects.of), claim.expects.over.as_ref()];
            if cells.into_iter().flatten().any(|cell| {
                !known(&cell.variant) || cell.variant.is_none() != self.variants.is_empty()
            }) {
                return Err(format!(
                    "claim `{}` names no variant, or one that is not there",
                    claim.id
                ));
            }
            if claim.expects.at_least.is_none() && claim.expects.at_most.is_none() {
                return Err(format!("claim `{}` has neither `at_least` nor `at_most`", claim.id));
            }
        }
        for peer in &self.peers {
            if let Some(name) = peer.variants.iter().find(|name| !known(&Some((*name).clone()))) {
                return Err(format!("peer `{}` speaks `{name}`, no variant of this", peer.name));
            }
        }
        if self.compare.figures.is_empty() {
            return Err("`compare.figures` names no figure to compare".to_owned());
        }
        for (figure, &floor) in &self.compare.floors {
            let figure = figure.label();
            if !(floor.is_finite() && floor > 0.0) {
                return Err(format!("`compare.floors` has {floor} of {figure}; give more than 0"));
            }
        }
        if let Some(figure) = self.compare.useless_floor() {
            let figure = figure.label();
            return Err(format!(
                "`compare.floors` has {figure}: it must be one of `compare.figures`, and one \
                 that each trial has once (no percentile, no rate)"
            ));
        }
        // A run without a control says nothing about its own noise.
        for (effort, name) in [(&self.full, "full"), (&self.quick, "quick")] {
            let at = &self.compare.at;
            if !at.is_empty() && !effort.values.iter().any(|&value| at.contains(&f64::from(value)))
            {
                return Err(format!("`compare.at` meets none of the values of [{name}]"));
            }
        }
        Ok(())
    }

    fn check_backend(&self) -> Result<(), String> {
        if let Some(backend) = &self.backend {
            return if backend.command.is_empty() {
                Err("the `command` of [backend] is empty".to_owned())
            } else {
                Ok(())
            };
        }
        let names = |text: &String| text.contains("{backend}");
        let peer = self
            .peers
            .iter()
            .find(|peer| peer.command.iter().any(names) || peer.file.as_ref().is_some_and(names));
        match peer {
            Some(peer) => {
                Err(format!("peer `{}` talks to {{backend}}: give a [backend]", peer.name))
            }
            None => Ok(()),
        }
    }

    fn check_job(&self) -> Result<(), String> {
        if self.job.is_some() != (self.x.varies == Varies::Job) {
            return Err("`varies = \"job\"` and a [job] belong together".to_owned());
        }
        if self.job.is_some() && self.models.as_ref().is_none_or(|models| !models.is_empty()) {
            return Err("models are servers, no jobs: give `models = []`".to_owned());
        }
        Ok(())
    }

    fn check_load(&self) -> Result<(), String> {
        let sweeps_connections = self.x.varies == Varies::Connections;
        let sweeps_readers = self.x.varies == Varies::SlowReaders;
        // Jobs have no load.
        for variant in self.variants().into_iter().filter(|_| self.job.is_none()) {
            let load = self.load(variant);
            if sweeps_connections == load.connections.is_some() {
                return Err("give `connections` in a load or vary them in [x], one of both".into());
            }
            // Where peers alone are asked, each may have its own way to ask.
            let asked_by_peers = self.named(variant).is_some_and(Vec::is_empty);
            if load.requests.is_none() && !asked_by_peers {
                return Err("give `requests` in [load] or in each [[variant]]".to_owned());
            }
        }
        for effort in [&self.full, &self.quick] {
            if effort.values.is_empty() || (effort.values.contains(&0) && !sweeps_readers) {
                return Err("`values` needs at least one number, and none may be 0".to_owned());
            }
        }
        self.check_rounds()
    }

    /// What sleeps, idles or is stopped in the middle has no slices.
    fn check_rounds(&self) -> Result<(), String> {
        let in_turn = self.full.rounds.is_some() || self.quick.rounds.is_some();
        let keeps_to_slices = |variant| {
            let load = self.load(variant);
            let idle = matches!(load.mode, Some(load::Mode::Idle { .. }));
            let beside = load.stall.is_some() || load.slow_readers.is_some_and(|count| count > 0);
            !idle && !beside && load.memory != Some(true)
        };
        let refused = self.job.is_some()
            || self.x.varies == Varies::SlowReaders
            || !self.variants().into_iter().all(keeps_to_slices);
        if in_turn && refused {
            return Err(
                "jobs, idle loads, slow readers, stalls and memory do not keep to slices: \
                        give no `rounds`"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
