//! `lab bench`: measures, writes results, draws the charts.

mod progress;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use measure::{Bench, Cores, Definition, Finish};
use results::Store;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use self::progress::Progress;
use crate::{claims, console::code, models::ALL, workspace};

/// Options of `lab bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Experiments to run, by name or as a TOML file of yours [default: all in benches/]
    #[arg(value_name = "EXPERIMENT")]
    experiments: Vec<String>,
    /// Measure nothing: judge and draw what was measured by today's experiment files
    #[arg(long, conflicts_with_all = ["quick", "models"])]
    judge: bool,
    /// Fewer points, fewer rounds: two minutes for everything
    #[arg(long)]
    quick: bool,
    /// Models to measure, with commas between [default: all]
    #[arg(long, value_name = "MODELS", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(ALL.map(|model| model.name)))]
    models: Vec<String>,
    /// Folder for the results [default: results/ of the workspace]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Cores for the servers, as taskset has them, such as 0-3,8 [default: half of
    /// those that this process may use, or what --client-cores leaves]
    #[arg(long, value_name = "LIST", conflicts_with = "judge")]
    server_cores: Option<String>,
    /// Cores for the load generator; some may be the servers' too [default: what
    /// the servers leave]
    #[arg(long, value_name = "LIST", conflicts_with = "judge")]
    client_cores: Option<String>,
}

/// Measures what is not yet measured, and draws.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let root = workspace::root()?;
    let benches = root.join("benches");
    let (definitions, cores) = match wanted(&benches, args) {
        Ok(wanted) => wanted,
        Err(error) => {
            eprintln!("lab bench: {error:#}");
            return Ok(ExitCode::from(code::USAGE));
        }
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second one does not wait for the trial to be given up in order.
        flag::register_conditional_shutdown(signal, code::INTERRUPTED.into(), interrupted.clone())?;
        flag::register(signal, interrupted.clone())?;
    }
    let models = if args.models.is_empty() {
        ALL.iter().map(|model| model.name.to_owned()).collect()
    } else {
        args.models.clone()
    };
    let store = Store::new(args.out.clone().unwrap_or_else(|| root.join("results")));
    let bench = Bench {
        lab: env::current_exe().context("cannot find this program again")?,
        benches,
        definitions,
        models,
        store: store.clone(),
        cores,
        quick: args.quick,
        interrupted: &interrupted,
    };
    if args.judge {
        return judge(&bench);
    }
    let mut progress = Progress::new();
    let finish = bench.run(&mut |event| progress.show(&event));
    progress.finish();
    match finish? {
        Finish::Interrupted => {
            eprintln!(
                "interrupted; the same command goes on with the first block that is not whole"
            );
            Ok(ExitCode::from(code::INTERRUPTED))
        }
        Finish::Complete { void } => conclude(&store, void),
    }
}

/// Judges and draws again what was measured.
fn judge(bench: &Bench) -> Result<ExitCode> {
    for name in bench.judge()? {
        eprintln!(
            "{name}: its plan has changed since it was measured; run `cargo lab bench {name}`"
        );
    }
    conclude(&bench.store, 0)
}

/// Draws, and says where to look.
fn conclude(store: &Store, void: usize) -> Result<ExitCode> {
    charts::draw_all(store)?;
    let experiments = store.experiments()?;
    let verdicts = experiments.iter().flat_map(|experiment| &experiment.verdicts);
    eprintln!("{}", claims::summary(&verdicts));
    eprintln!("charts and claims: {}", store.folder().join("README.md").display());
    if void > 0 {
        eprintln!("{void} cells have no usable trial: the remarks in the results say why");
        return Ok(ExitCode::from(code::VOID));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be measured, and where.
fn wanted(benches: &Path, args: &Args) -> Result<(Vec<Definition>, Cores)> {
    let cores = Cores::divide(args.server_cores.as_deref(), args.client_cores.as_deref())?;
    Ok((definitions(benches, &args.experiments)?, cores))
}

fn definitions(folder: &Path, wanted: &[String]) -> Result<Vec<Definition>> {
    let definitions = chosen(folder, wanted)?;
    for definition in &definitions {
        if let Some(unknown) = definition.names().find(|name| !ALL.iter().any(|m| m.name == **name))
        {
            let there = ALL.map(|model| model.name).join(", ");
            bail!("{} names the model `{unknown}`; there are {there}", definition.name);
        }
    }
    Ok(definitions)
}

fn chosen(folder: &Path, wanted: &[String]) -> Result<Vec<Definition>> {
    let all = Definition::read_all(folder)?;
    if wanted.is_empty() {
        return Ok(all.into_iter().filter(|definition| !definition.on_request).collect());
    }
    let is_file = |name: &&String| Path::new(name).extension().is_some_and(|e| e == "toml");
    let (files, names): (Vec<_>, Vec<_>) = wanted.iter().partition(is_file);
    let there: Vec<&str> = all.iter().map(|definition| definition.name.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !there.contains(&name.as_str())) {
        bail!("there is no experiment `{unknown}`; there are {}", there.join(", "));
    }
    let own: Vec<Definition> = files
        .into_iter()
        .map(|file| Definition::read(Path::new(file)))
        .collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter(|one| names.contains(&&one.name)).chain(own).collect())
}
