//! The program `book`: mdbook as a library, with the figures of `results/` put into the text.
//!
//! ```text
//! book/src/*.md ──links──▶ code by anchor ──directives──▶ charts, figures ──html──▶ book/build
//!                          (crates/**)                    (results/**)
//! ```
//!
//! It runs nothing and measures nothing: it reads `book/`, `crates/` and
//! `results/`. What was not measured is shown as a note that says how to
//! measure it; what is misspelt ends the build.

mod build;
mod cell;
mod check;
mod directive;
mod directives;
mod evidence;
#[cfg(test)]
#[path = "../tests/fixture/mod.rs"]
mod fixture;
mod html;
mod includes;
mod nearest;
mod page;
mod pair;
mod preprocess;
mod quantity;
mod serve;
mod watch;
mod workspace;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

use crate::workspace::Workspace;

/// Builds the book from book/, with code from crates/ and figures from results/.
#[derive(Parser)]
#[command(name = "book", bin_name = "cargo book", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build the HTML book.
    Build {
        #[command(flatten)]
        sources: Sources,
        /// Where to put it [default: the build-dir of book.toml, book/build].
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Build, serve over HTTP, and build again when a source changes. Ends with Ctrl-C.
    Serve {
        #[command(flatten)]
        sources: Sources,
        /// The address to serve on; port 0 picks one.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
        listen: SocketAddr,
    },
    /// Build into a temporary folder and check every internal link, anchor and image.
    Check {
        #[command(flatten)]
        sources: Sources,
    },
}

/// Where to read from.
#[derive(Args)]
struct Sources {
    /// The results to show [default: results/ beside the book].
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// The book's folder [default: book/ of the workspace around the current folder].
    #[arg(long, value_name = "DIR")]
    book: Option<PathBuf>,
}

impl Sources {
    fn find(self) -> anyhow::Result<Workspace> {
        Workspace::find(self.book.as_deref(), self.results.as_deref())
    }
}

fn main() -> ExitCode {
    // mdbook says through `tracing` what it dislikes in a chapter.
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(false)
        .without_time()
        .init();
    match run(Cli::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Build { sources, out } => {
            let out = out.map(std::path::absolute).transpose().context("--out")?;
            let built = build::build(&sources.find()?, out.as_deref())?;
            println!("the book is in {}; open {}", built.display(), index(&built).display());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Serve { sources, listen } => {
            serve::serve(&sources.find()?, listen)?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Check { sources } => check(&sources.find()?),
    }
}

fn check(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let built = build::build(workspace, Some(folder.path()))?;
    let report = check::check(&built)?;
    for broken in &report.broken {
        eprintln!("{broken}");
    }
    println!(
        "{} pages, {} internal links, {} broken",
        report.pages,
        report.links,
        report.broken.len()
    );
    Ok(if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn index(built: &Path) -> PathBuf {
    built.join("index.html")
}
