//! `lab bench`: measures, writes results, draws the charts.

mod progress;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, Result, bail, ensure};
use clap::builder::PossibleValuesParser;
use measure::{Bench, Cores, Definition, Finish, FolderLock, Known};
use results::Store;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use self::progress::Progress;
use crate::{
    claims,
    console::{self, code},
    models::ALL,
    serve, workspace,
};

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
            console::tell(format_args!("lab bench: {}", console::causes(&error)));
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
    if let Err(error) = check_charts(&definitions, &store) {
        console::tell(format_args!("lab bench: {}", console::causes(&error)));
        return Ok(ExitCode::from(code::USAGE));
    }
    // Until the charts are drawn.
    let _lock = match FolderLock::take(store.folder()) {
        Ok(lock) => lock,
        Err(error) => return Ok(failed(&error)),
    };
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
    match finish {
        Err(error) => Ok(failed(&error)),
        Ok(Finish::Interrupted) => {
            console::tell(
                "interrupted; the same command goes on with the first block that is not whole",
            );
            Ok(ExitCode::from(code::INTERRUPTED))
        }
        Ok(Finish::Complete { void }) => conclude(&store, void),
    }
}

/// Says why there is no bench.
fn failed(error: &measure::Error) -> ExitCode {
    console::tell(format_args!("lab bench: {error}"));
    ExitCode::from(match error {
        measure::Error::Definition { .. } | measure::Error::Nothing(_) => code::USAGE,
        _ => code::ENVIRONMENT,
    })
}

/// Judges and draws again what was measured.
fn judge(bench: &Bench) -> Result<ExitCode> {
    for name in bench.judge()? {
        console::tell(format_args!(
            "{name}: its plan has changed since it was measured; run `cargo lab bench {name}`"
        ));
    }
    conclude(&bench.store, 0)
}

/// Draws, and says where to look.
fn conclude(store: &Store, void: usize) -> Result<ExitCode> {
    if let Err(error) = charts::draw_all(store) {
        console::tell(format_args!("lab bench: {}", console::causes(&error.into())));
        return Ok(ExitCode::from(code::ENVIRONMENT));
    }
    let experiments = store.experiments()?;
    let verdicts = experiments.iter().flat_map(|experiment| &experiment.verdicts);
    console::tell(claims::summary(&verdicts));
    console::tell(format_args!(
        "charts and claims: {}",
        store.folder().join("README.md").display()
    ));
    if void > 0 {
        console::tell(format_args!(
            "{void} cells have no usable trial: the remarks in the results say why"
        ));
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
    let known = Known {
        models: &ALL.map(|model| model.name),
        services: &serve::services(),
        serves: &serve::check,
    };
    for (place, definition) in definitions.iter().enumerate() {
        definition.check_known(&known)?;
        let name = &definition.name;
        ensure!(
            definitions[..place].iter().all(|other| other.name != *name),
            "two experiments are named `{name}`: rename one of the files"
        );
    }
    ensure!(!definitions.is_empty(), "there is no experiment in {}", folder.display());
    Ok(definitions)
}

/// All charts of a folder are drawn at the end: none may have the name of another.
fn check_charts(definitions: &[Definition], store: &Store) -> Result<()> {
    let is_old = |experiment: &results::Experiment| {
        definitions.iter().all(|definition| definition.name != experiment.name)
    };
    let measured = results::Error::or_outdated(store.experiments())?;
    let measured = measured.into_iter().filter(is_old);
    let new = definitions.iter().map(|one| (one.name.clone(), one.charts.clone()));
    let mut owners = BTreeMap::new();
    for (name, charts) in measured.map(|one| (one.name, one.charts)).chain(new) {
        for chart in charts {
            if let Some(first) = owners.insert(chart.file.clone(), name.clone()) {
                bail!(
                    "the chart `{}` is named by `{first}` and by `{name}`: rename one, or name \
                     another folder (--out)",
                    chart.file
                );
            }
        }
    }
    Ok(())
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
