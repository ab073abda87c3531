//! What an HTML page refers to, and what in it can be referred to.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};

/// The references and anchors of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// The targets of links, images, scripts and style sheets, as written.
    pub(crate) references: Vec<String>,
    /// The ids of the page, and the names of its `<a>`.
    pub(crate) anchors: BTreeSet<String>,
    /// The page is resolved against the root of the site, as a 404 page is.
    pub(crate) at_root: bool,
}

/// Reads a page.
pub(crate) fn read(html: &str) -> Page {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Collector::default(), TokenizerOpts::default());
    // Scripts are not run: `feed` has nothing to stop for.
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    let collector = tokenizer.sink;
    Page { at_root: collector.at_root.get(), ..collector.page.into_inner() }
}

#[derive(Default)]
struct Collector {
    page: RefCell<Page>,
    at_root: Cell<bool>,
}

impl TokenSink for Collector {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else { return TokenSinkResult::Continue };
        if tag.kind == TagKind::EndTag {
            return TokenSinkResult::Continue;
        }
        self.collect(&tag);
        // What is written in these is not markup.
        match &*tag.name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" => TokenSinkResult::RawData(RawKind::Rawtext),
            _ => TokenSinkResult::Continue,
        }
    }
}

impl Collector {
    fn collect(&self, tag: &Tag) {
        let mut page = self.page.borrow_mut();
        for attribute in &tag.attrs {
            let value = || attribute.value.to_string();
            match (&*tag.name, &*attribute.name.local) {
                ("base", "href") => self.at_root.set(true),
                ("a" | "link" | "area" | "image" | "use", "href")
                | ("img" | "script" | "source" | "video" | "audio" | "iframe", "src") => {
                    page.references.push(value());
                }
                (_, "id") | ("a", "name") => {
                    page.anchors.insert(value());
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_images_and_anchors_are_read_and_scripts_are_not() {
        let page = read(
            "<h1 id=top>T</h1><a href='a.html#b&amp;c'>x</a><img src=p.png>\
             <script src=s.js>document.write('<a href=no.html>')</script><a name=n></a>",
        );
        assert_eq!(page.references, ["a.html#b&c", "p.png", "s.js"]);
        assert_eq!(page.anchors.into_iter().collect::<Vec<_>>(), ["n", "top"]);
        assert!(!page.at_root);
        assert!(read("<base href='/'>").at_root);
    }
}
