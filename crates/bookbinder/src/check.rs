//! Checks that every internal link of a built book leads somewhere.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::page::{self, Page};

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Number of HTML pages read.
    pub(crate) pages: usize,
    /// Number of internal links, images, scripts and style sheets.
    pub(crate) links: usize,
    /// Those that lead nowhere.
    pub(crate) broken: Vec<Broken>,
}

/// A link that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The page, relative to the book.
    pub(crate) page: PathBuf,
    /// The link as written.
    pub(crate) reference: String,
    /// Why it is broken.
    pub(crate) why: &'static str,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.page.display(), self.reference, self.why)
    }
}

/// Checks the book built into `folder`.
pub(crate) fn check(folder: &Path) -> Result<Report> {
    let pages = pages(folder)?;
    let mut report = Report { pages: pages.len(), ..Report::default() };
    for (file, page) in &pages {
        for reference in page.references.iter().filter(|reference| is_internal(reference)) {
            report.links += 1;
            if let Some(why) = fault(folder, &pages, file, page, reference) {
                let reference = reference.clone();
                report.broken.push(Broken { page: file.clone(), reference, why });
            }
        }
    }
    Ok(report)
}

/// Every page of the book, by its path within it.
fn pages(folder: &Path) -> Result<BTreeMap<PathBuf, Page>> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries =
            fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                let html = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let name = path.strip_prefix(folder)?.to_owned();
                pages.insert(name, page::read(&html));
            }
        }
    }
    Ok(pages)
}

/// Whether the link stays within the book: no `https:`, no `//host`.
fn is_internal(reference: &str) -> bool {
    let before_path = reference.split(['/', '?', '#']).next().unwrap_or_default();
    !before_path.contains(':') && !reference.starts_with("//")
}

fn fault(
    folder: &Path,
    pages: &BTreeMap<PathBuf, Page>,
    file: &Path,
    page: &Page,
    reference: &str,
) -> Option<&'static str> {
    let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let path = decode(path.split('?').next().unwrap_or_default());
    // A bare `#anchor` is of the page itself; on a 404 page, too, that is what mdbook means.
    let target = if path.is_empty() {
        file.to_owned()
    } else {
        let base = if page.at_root { Path::new("") } else { file.parent()? };
        let Some(target) = resolve(base, &path) else { return Some("leads out of the book") };
        if folder.join(&target).is_dir() { target.join("index.html") } else { target }
    };
    if !folder.join(&target).is_file() {
        return Some("there is no such file");
    }
    let anchor = decode(fragment);
    let is_known = |page: &Page| anchor.is_empty() || page.anchors.contains(&anchor);
    match pages.get(&target) {
        Some(page) if !is_known(page) => Some("the page has no such anchor"),
        _ => None,
    }
}

/// `path` seen from `base`, both within the book; `None` if it leads out of it.
fn resolve(base: &Path, path: &str) -> Option<PathBuf> {
    let mut target = if path.starts_with('/') { PathBuf::new() } else { base.to_owned() };
    for component in Path::new(path.trim_start_matches('/')).components() {
        match component {
            Component::Normal(name) => target.push(name),
            Component::ParentDir => {
                if !target.pop() {
                    return None;
                }
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(target)
}

/// Undoes `%20` and its like.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = if *first == b'%' { hex(tail) } else { None };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that two leading hexadecimal digits stand for.
fn hex(bytes: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(bytes.get(..2)?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_files_anchors_and_images_are_found_and_good_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("models")).unwrap();
        let write = |name: &str, html: &str| fs::write(folder.path().join(name), html).unwrap();
        write("index.html", "<h1 id='a b'></h1><a href='models/'></a><a href='#nowhere'></a>");
        write(
            "models/index.html",
            "<a href='../index.html#a%20b'></a><a href='../gone.html'></a><img src='no.png'>\
             <a href='https://example.org/x'></a><a href='../../out.html'></a>",
        );
        write("404.html", "<base href='/'><a href='models/index.html'></a>");

        let report = check(folder.path()).unwrap();
        assert_eq!((report.pages, report.links), (3, 7));
        let broken: Vec<String> = report.broken.iter().map(ToString::to_string).collect();
        assert_eq!(
            broken,
            [
                "index.html: #nowhere: the page has no such anchor",
                "models/index.html: ../gone.html: there is no such file",
                "models/index.html: no.png: there is no such file",
                "models/index.html: ../../out.html: leads out of the book",
            ]
        );
    }

    #[test]
    fn what_has_a_scheme_or_a_host_is_not_ours() {
        for foreign in ["https://a/b", "mailto:a@b", "data:image/png;base64,x", "//a/b"] {
            assert!(!is_internal(foreign), "{foreign}");
        }
        for ours in ["a.html", "/a", "#a:b", "a?b:c"] {
            assert!(is_internal(ours), "{ours}");
        }
    }
}
