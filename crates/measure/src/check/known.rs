//! What an experiment file names, held against what there is.

use std::{fmt, slice};

use crate::{
    Definition, Error, Variant, Varies,
    wrong::{Wrong, wrong},
};

/// What the bench itself says to a server.
const OWN: [(&str, &str); 5] = [
    ("--listen", "the bench chooses the port"),
    ("--service", "give `service`"),
    ("--workers", "give `workers` or `workers_of`"),
    ("--report", "the bench reads it"),
    ("--drain", "the bench says how long"),
];

/// What there is to measure, told by whoever has it: this crate knows servers as
/// processes only.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The names of all models.
    pub models: &'a [&'a str],
    /// The names of all services.
    pub services: &'a [&'a str],
    /// Whether a server can be started with these words behind `lab serve`; if not, why.
    pub serves: &'a dyn Fn(&[String]) -> Result<(), String>,
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { models, services, .. } = self;
        f.debug_struct("Known").field("models", models).field("services", services).finish()
    }
}

impl Definition {
    /// Refuses what names a model, a service or an option that is not there.
    ///
    /// # Errors
    ///
    /// The file, the line, and what there is instead.
    pub fn check_known(&self, known: &Known) -> Result<(), Error> {
        let checked = self
            .check_models(known)
            .and_then(|()| self.check_services(known))
            .and_then(|()| self.check_options(known));
        checked.map_err(|wrong| self.refused(&wrong))
    }

    fn check_models(&self, known: &Known) -> Result<(), Wrong> {
        let there = || known.models.join(", ");
        let is_known = |name: &String| known.models.contains(&&**name) || self.peer(name).is_some();
        for (key, name) in self.named_models() {
            if !is_known(name) {
                let why = format!("there is no model `{name}`; there are {}", there());
                return wrong(key, why);
            }
        }
        for (place, peer) in self.peers.iter().enumerate() {
            if known.models.contains(&&*peer.name) {
                let why = format!("`{}` is a model of ours: name the peer otherwise", peer.name);
                return wrong(format!("peer.{place}.name"), why);
            }
        }
        let of_claims = self.claims.iter().enumerate().flat_map(|(place, claim)| {
            let cells = [Some(&claim.expects.of), claim.expects.over.as_ref()];
            cells.into_iter().flatten().map(move |cell| (place, &cell.model))
        });
        for (place, model) in of_claims {
            if !is_known(model) {
                let why = format!("there is no model or peer `{model}`; there are {}", there());
                return wrong(format!("claim.{place}.expects"), why);
            }
        }
        let baseline = &self.compare.baseline;
        let takes_part = [false, true].into_iter().all(|quick| self.takes_part(baseline, quick));
        if !is_known(baseline) || !takes_part {
            let why = format!(
                "the baseline `{baseline}` is not measured: name a model or a peer that is"
            );
            return wrong("compare.baseline", why);
        }
        Ok(())
    }

    /// Every model of ours that is named, with its key.
    fn named_models(&self) -> impl Iterator<Item = (String, &String)> {
        fn listed(key: String, list: &[String]) -> impl Iterator<Item = (String, &String)> {
            list.iter().enumerate().map(move |(place, name)| (format!("{key}.{place}"), name))
        }
        let models = listed("models".to_owned(), self.models.as_deref().unwrap_or_default());
        let variants = self.variants.iter().enumerate().flat_map(|(place, variant)| {
            listed(format!("variant.{place}.models"), variant.models.as_deref().unwrap_or_default())
        });
        let left_out = self.left_out.iter().enumerate();
        let left_out = left_out.map(|(place, out)| (format!("left_out.{place}.model"), &out.model));
        let workers = self.server.workers_of.keys();
        let workers = workers.map(|name| (format!("server.workers_of.{name}"), name));
        models.chain(variants).chain(left_out).chain(workers)
    }

    fn check_services(&self, known: &Known) -> Result<(), Wrong> {
        for (variant, place) in self.ours() {
            let (service, key) = match variant.and_then(|variant| variant.service.as_ref()) {
                Some(service) => (service, format!("variant.{place}.service")),
                None => (&self.server.service, "server.service".to_owned()),
            };
            if !known.services.contains(&&**service) {
                let there = known.services.join(", ");
                return wrong(key, format!("there is no service `{service}`; there are {there}"));
            }
        }
        Ok(())
    }

    fn check_options(&self, known: &Known) -> Result<(), Wrong> {
        let of_variants = self.variants.iter().enumerate();
        let of_variants =
            of_variants.map(|(place, v)| (format!("variant.{place}.options"), &v.options));
        let all = [("server.options".to_owned(), &self.server.options)].into_iter();
        for (key, options) in all.chain(of_variants) {
            for (option, instead) in OWN {
                let is_it = |word: &String| word.split('=').next() == Some(option);
                if options.iter().any(is_it) {
                    return wrong(key, format!("leave out `{option}`: {instead}"));
                }
            }
        }
        for (variant, place) in self.ours() {
            let own = variant.is_some_and(|variant| !variant.options.is_empty());
            let key =
                if own { format!("variant.{place}.options") } else { "server.options".to_owned() };
            let models = known.models.iter().map(|&model| model.to_owned());
            for model in models.filter(|model| self.is_measured(variant, model)) {
                if let Err(why) = (known.serves)(&self.line(variant, &model)) {
                    return wrong(key, format!("`lab serve {model}` refuses them: {why}"));
                }
            }
        }
        Ok(())
    }

    fn is_measured(&self, variant: Option<&Variant>, model: &String) -> bool {
        let values = self.full.values.iter().chain(&self.quick.values);
        let there = slice::from_ref(model);
        values.into_iter().any(|&x| !self.measured(variant, x, there).is_empty())
    }

    /// How a model's server is started, without what every trial says.
    fn line(&self, variant: Option<&Variant>, model: &str) -> Vec<String> {
        let server = &self.server;
        let workers = match self.x.varies {
            Varies::Workers | Varies::ServerCores => 1,
            _ => *server.workers_of.get(model).unwrap_or(&server.workers),
        };
        let service = variant.and_then(|variant| variant.service.as_ref());
        let words = [model, "--service", service.unwrap_or(&server.service), "--workers"];
        let words = words.into_iter().map(str::to_owned).chain([workers.to_string()]);
        words.chain(self.options(variant).cloned()).collect()
    }

    /// The variants that measure models of ours, with their places.
    fn ours(&self) -> impl Iterator<Item = (Option<&Variant>, usize)> {
        let all = self.variants().into_iter().zip(0..);
        all.filter(|(variant, _)| self.named(*variant).is_none_or(|named| !named.is_empty()))
    }
}
