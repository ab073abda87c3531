//! `lab models`: every model, a line each; then the yardsticks.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::Result;
use serde_json::json;
use server::Model;

use crate::console;

/// Every model, in the order in which the book tells of them.
pub(crate) const ALL: [&Model; 13] = [
    &single_threaded::MODEL,
    &thread_per_connection::MODEL,
    &thread_pool::MODEL,
    &event_loop::MODEL,
    &connection_per_event_base::MODEL,
    &pooled_event_loops::MODEL,
    &reuseport_loops::MODEL,
    &dispatching_reactor::MODEL,
    &loops_with_workers::MODEL,
    &prefork_loops::MODEL,
    &process_per_connection::MODEL,
    &async_tasks::MODEL,
    &completion_rings::MODEL,
];

/// What the models are held against. Served as models are, and compared with
/// them only where an experiment says so.
pub(crate) const YARDSTICKS: [&Model; 6] = [
    &bare_epoll::MODEL,
    &bare_tokio::MODEL,
    &planted::PLAIN,
    &planted::COSTLY,
    &planted::SLIGHT,
    &completion_rings::PLAIN,
];

/// Options of `lab models`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print the names only
    #[arg(long, conflicts_with = "json")]
    names: bool,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// Lists the models on standard output.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut text = String::new();
    if args.json {
        let models = ALL.map(|model| {
            json!({
                "name": model.name,
                "summary": model.summary,
                "threads": model.threads,
                "seed": model.seed,
            })
        });
        text = serde_json::to_string_pretty(&models)? + "\n";
    } else {
        for Model { name, summary, threads, seed, .. } in ALL {
            let _ = writeln!(text, "{name}");
            if !args.names {
                let _ = write!(text, "    {summary}\n    threads: {threads}");
                // What no text tells of is common knowledge.
                let from =
                    if seed.is_empty() { String::new() } else { format!("; from \"{seed}\"") };
                let _ = writeln!(text, "{from}");
            }
        }
        if !args.names {
            text += "\nyardsticks: to hold the models against\n";
            for Model { name, summary, threads, .. } in YARDSTICKS {
                let _ = writeln!(text, "{name}\n    {summary}\n    threads: {threads}");
            }
        }
    }
    console::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
