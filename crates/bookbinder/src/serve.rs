//! Serves the built book over HTTP and builds it again when a source changes.
//!
//! One thread does both in turn: whoever asks while the book is built waits
//! for the new pages, and never gets half of them.

use std::{
    fs,
    io::Cursor,
    net::SocketAddr,
    path::{Component, Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use tiny_http::{Header, Method, Request, Response, Server};

use crate::{build, check, watch, workspace::Workspace};

/// How often the sources are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Builds and serves until the process is ended.
pub(crate) fn serve(workspace: &Workspace, listen: SocketAddr) -> Result<()> {
    let built = build::build(workspace, None)?;
    let server = Server::http(listen).map_err(|error| {
        anyhow!("cannot listen on {listen}: {error}; choose another address with --listen")
    })?;
    let address = server.server_addr();
    println!("the book is at http://{address}/ and follows its sources; Ctrl-C ends");

    let folders = [
        workspace.book.clone(),
        workspace.crates(),
        workspace.benches(),
        workspace.results.clone(),
    ];
    let mut seen = watch::snapshot(&folders, &built);
    let mut looked = Instant::now();
    loop {
        if let Some(request) = server.recv_timeout(PERIOD)? {
            answer(request, &built);
        }
        if looked.elapsed() < PERIOD {
            continue;
        }
        looked = Instant::now();
        let now = watch::snapshot(&folders, &built);
        if now != seen {
            seen = now;
            rebuild(workspace);
        }
    }
}

/// Builds again; a fault in the text is told, and the old pages stay.
fn rebuild(workspace: &Workspace) {
    let start = Instant::now();
    match build::build(workspace, None) {
        Ok(_) => println!("built again in {:.1} s", start.elapsed().as_secs_f64()),
        Err(error) => eprintln!("error: {error:#}"),
    }
}

fn answer(request: Request, built: &Path) {
    let response = match request.method() {
        Method::Get | Method::Head => page(built, request.url()),
        _ => Response::from_string("this server only reads\n").with_status_code(405),
    };
    if let Err(error) = request.respond(response) {
        eprintln!("a reader went away: {error}");
    }
}

fn page(built: &Path, url: &str) -> Response<Cursor<Vec<u8>>> {
    let read = |file: PathBuf| Some((fs::read(&file).ok()?, file));
    let (status, (body, file)) = match file(built, url).and_then(read) {
        Some(found) => (200, found),
        None => (404, read(built.join("404.html")).unwrap_or_default()),
    };
    let headers = [("Content-Type", content_type(&file)), ("Cache-Control", "no-cache")];
    headers
        .into_iter()
        .filter_map(|(name, value)| Header::from_bytes(name, value).ok())
        .fold(Response::from_data(body).with_status_code(status), Response::with_header)
}

/// The file that a URL names; `None` if it is not within the book.
fn file(built: &Path, url: &str) -> Option<PathBuf> {
    let path = check::decode(url.split(['?', '#']).next()?);
    let path = Path::new(path.trim_start_matches('/'));
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let file = built.join(path);
    Some(if file.is_dir() { file.join("index.html") } else { file })
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file_within_the_book_only() {
        let built = tempfile::tempdir().unwrap();
        fs::create_dir(built.path().join("models")).unwrap();
        let file = |url| file(built.path(), url);

        assert_eq!(file("/"), Some(built.path().join("index.html")));
        assert_eq!(file("/models/?q=1"), Some(built.path().join("models/index.html")));
        assert_eq!(file("/a%20b.html#c"), Some(built.path().join("a b.html")));
        for outside in ["/../secret", "/%2e%2e/secret", "/models/../../x"] {
            assert_eq!(file(outside), None, "{outside}");
        }
    }

    #[test]
    fn what_is_not_there_is_a_404() {
        let built = tempfile::tempdir().unwrap();
        fs::write(built.path().join("index.html"), "hello").unwrap();
        assert_eq!(page(built.path(), "/").status_code().0, 200);
        assert_eq!(page(built.path(), "/gone.html").status_code().0, 404);
    }
}
