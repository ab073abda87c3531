//! `{{calls}}`: the system calls that each model makes for a request, counted by a tracer.
//!
//! `per=connection` shows those for a connection. A row is a model, a column a call;
//! calls that few models make share the last column.

use std::{collections::BTreeMap, fmt::Write as _};

use results::{Calls, SystemCalls};

use crate::{
    directive::Directive,
    evidence::{Evidence, Failure},
    html,
};

const USAGE: &str = "calls [per=connection]";
/// Columns that a page has room for.
const MOST: usize = 9;

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [] = directive.exactly(&["per"], USAGE)?;
    let per = match directive.option("per") {
        None => Per { what: "request", share: 1000, of: |calls| &calls.per_1000_requests },
        Some("connection") => {
            Per { what: "connection", share: 100, of: |calls| &calls.per_100_connections }
        }
        Some(other) => return Err(format!("per={other}; write {{{{{USAGE}}}}}").into()),
    };
    let counted = evidence.system_calls()?;
    Ok(html::block(&(per.table(&counted) + &provenance(&counted))))
}

/// What the calls are told for.
struct Per {
    what: &'static str,
    /// How many of it the counts are for.
    share: u32,
    of: fn(&Calls) -> &BTreeMap<String, u64>,
}

impl Per {
    fn table(&self, counted: &SystemCalls) -> String {
        let columns = self.columns(counted);
        let (shown, others) = columns.split_at(columns.len().min(MOST));
        let mut html = format!(
            "<div class=\"table-wrapper\"><table class=\"calls\">\n<thead><tr><th>Calls for a {}</th>",
            self.what
        );
        for name in shown {
            let _ = write!(html, "<th>{}</th>", html::code(name));
        }
        html += if others.is_empty() { "" } else { "<th>others</th>" };
        html += "<th>all</th></tr></thead>\n<tbody>\n";
        for (model, calls) in &counted.models {
            let _ = write!(html, "<tr><td>{}</td>", html::escape(model));
            let made = (self.of)(calls);
            let count = |names: &[&str]| names.iter().filter_map(|&name| made.get(name)).sum();
            let mut counts: Vec<u64> = shown.iter().map(|&name| count(&[name])).collect();
            counts.extend((!others.is_empty()).then(|| count(others)));
            counts.push(count(&columns));
            for count in counts {
                let _ = write!(html, "<td>{}</td>", self.digits(count));
            }
            html += "</tr>\n";
        }
        html + "</tbody>\n</table></div>"
    }

    /// The calls that any model makes, those of most models first.
    fn columns<'c>(&self, counted: &'c SystemCalls) -> Vec<&'c str> {
        let mut makers: BTreeMap<&str, usize> = BTreeMap::new();
        let names = counted.models.values().flat_map(|calls| (self.of)(calls).keys());
        names.for_each(|name| *makers.entry(name).or_default() += 1);
        let mut columns: Vec<&str> = makers.keys().copied().collect();
        columns.sort_by_key(|name| usize::MAX - makers[name]);
        columns
    }

    /// One digit; nothing where there is none.
    fn digits(&self, count: u64) -> String {
        #[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
        let each = count as f64 / f64::from(self.share);
        if count == 0 { String::new() } else { format!("{each:.1}") }
    }
}

fn provenance(counted: &SystemCalls) -> String {
    let run = &counted.run;
    format!(
        "\n<p class=\"provenance\">The service {} with {}, messages of {} bytes, on {}. \
         Counted by {}.</p>",
        html::code(&run.service),
        if run.workers == 1 { "1 worker".to_owned() } else { format!("{} workers", run.workers) },
        run.request_bytes,
        html::escape(&run.system),
        html::escape(&run.strace),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::super::testing::{missing, render_in, render_without_results, wrong};
    use crate::evidence::Failure;

    fn render(models: &Value, text: &str) -> Result<String, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let traced = folder.path().join("results/traced");
        fs::create_dir_all(&traced).unwrap();
        let file = json!({
            "run": {
                "service": "echo", "workers": 1, "connections": 100, "requests": 1000,
                "request_bytes": 64, "system": "Linux 6.1", "strace": "strace 6.1",
            },
            "models": models,
        });
        fs::write(traced.join("system-calls.json"), file.to_string()).unwrap();
        render_in(folder.path(), text)
    }

    fn two() -> Value {
        json!({
            "event-loop": {
                "per_1000_requests": { "epoll_wait": 1003, "recvfrom": 1000 },
                "per_100_connections": { "accept4": 198 },
            },
            "thread-pool": {
                "per_1000_requests": { "recvfrom": 1000 },
                "per_100_connections": { "accept4": 200 },
            },
        })
    }

    #[test]
    fn a_row_is_a_model_and_a_column_a_call() {
        let table = render(&two(), "{{calls}}").unwrap();
        for part in [
            "<th>Calls for a request</th><th><code>recvfrom</code></th>\
             <th><code>epoll_wait</code></th><th>all</th>",
            "<tr><td>event-loop</td><td>1.0</td><td>1.0</td><td>2.0</td></tr>",
            "<tr><td>thread-pool</td><td>1.0</td><td></td><td>1.0</td></tr>",
            "<code>echo</code> with 1 worker, messages of 64 bytes, on Linux 6.1. Counted by",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        let table = render(&two(), "{{calls per=connection}}").unwrap();
        assert!(table.contains("<td>event-loop</td><td>2.0</td><td>2.0</td>"), "{table}");
    }

    #[test]
    fn what_few_models_make_shares_a_column() {
        let mut models = two();
        let calls = (0..12).map(|n| (format!("rare{n:02}"), json!(500))).collect();
        models["thread-pool"]["per_1000_requests"] = Value::Object(calls);
        let table = render(&models, "{{calls}}").unwrap();
        assert!(table.contains("<code>rare07</code></th><th>others</th><th>all</th>"), "{table}");
        assert!(table.contains("<td>2.0</td><td>6.0</td></tr>"), "{table}");
        assert!(!table.contains("rare08"), "{table}");
    }

    #[test]
    fn without_a_count_it_is_missing_and_a_broken_one_is_wrong() {
        assert_eq!(missing(render_without_results("{{calls}}")), "just calls");
        assert!(wrong("{{calls per=call}}").contains("calls [per=connection]"));
        let broken = render(&json!([]), "{{calls}}");
        assert!(
            matches!(&broken, Err(Failure::Wrong(why)) if why.contains("system-calls.json")),
            "{broken:?}"
        );
    }
}
