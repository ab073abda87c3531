//! `{{lesson NAME}}`: a lesson of the gallery; `{{lessons}}`: a table of all.

use std::fmt::Write as _;

use gallery::{ALL, Lesson};

use crate::{directive::Directive, evidence::Failure, html, nearest::advice};

pub(super) fn render(directive: &Directive<'_>) -> Result<String, Failure> {
    let [name] = directive.exactly(&[], "lesson NAME")?;
    let Some(lesson) = gallery::find(name) else {
        let advice = advice(name, ALL.map(|lesson| lesson.name));
        return Err(Failure::Wrong(format!("no lesson `{name}`{advice}")));
    };
    let mut page = format!("\n\n*{}*\n\n> **Predict.** {}\n>\n", lesson.title, lesson.question);
    for (letter, answer) in ('a'..).zip(lesson.answers) {
        let _ = writeln!(page, "> {letter}. {answer}<br>");
    }
    page += &answer(lesson);
    let code = code(lesson.source)?;
    let _ = write!(
        page,
        "## What is wrong, and what takes its place\n\n```diff\n{}```\n\n\
         ## Where it stands\n\nBoth servers are this code; `version` says which one runs.\n\n\
         ```rust\n{code}```\n\n## See it\n\n```sh\ncargo lab lesson {name}\n```\n\n",
        difference(code),
    );
    page += &afterwards(lesson);
    Ok(page)
}

pub(super) fn render_all(directive: &Directive<'_>) -> Result<String, Failure> {
    let [] = directive.exactly(&[], "lessons")?;
    let mut table = String::from("\n\n| | Lesson | |\n|--:|---|---|\n");
    for (number, Lesson { name, title, .. }) in (1..).zip(ALL) {
        let _ = writeln!(table, "| {number} | [{name}](gallery/{name}.md) | {title} |");
    }
    Ok(table + "\n")
}

/// The right answer, folded.
fn answer(lesson: &Lesson) -> String {
    let letter = ('a'..).nth(lesson.right).unwrap_or('?');
    let right = lesson.answers.get(lesson.right).copied().unwrap_or_default();
    let summary = html::block("<details>\n<summary>The answer</summary>");
    format!("{summary}**{letter}. {right}.** {}{}", lesson.because, html::block("</details>"))
}

/// What stands between the anchors of a lesson.
fn code(source: &str) -> Result<&str, Failure> {
    let code = source
        .split_once("// ANCHOR: code\n")
        .and_then(|(_, rest)| rest.split_once("// ANCHOR_END: code\n").map(|(code, _)| code));
    code.ok_or_else(|| Failure::Wrong("the lesson has no `// ANCHOR: code`".to_owned()))
}

/// The marked lines: those of the flaw, then those of the mend.
fn difference(code: &str) -> String {
    let mut lines = String::new();
    for (sign, mark) in [('-', "// FLAW: "), ('+', "// MEND: ")] {
        for line in code.lines().filter(|line| line.contains(mark)) {
            let _ = writeln!(lines, "{sign} {}", line.trim_start());
        }
    }
    lines
}

/// Links to chapters, and the names of other files.
fn afterwards(lesson: &Lesson) -> String {
    let file = lesson.name.replace('-', "_");
    let mut list =
        format!("## Read next\n\n- `crates/gallery/src/lessons/{file}.rs`: the whole of it\n");
    for file in lesson.read {
        let _ = match file.strip_prefix("book/src/") {
            Some(chapter) => writeln!(list, "- [{}](../{chapter})", title(chapter)),
            None => writeln!(list, "- `{file}`"),
        };
    }
    list + "\n"
}

/// What a chapter is called, by its file: `models/thread-pool.md` is "Thread pool".
fn title(chapter: &str) -> String {
    let (_, name) = chapter.rsplit_once('/').unwrap_or(("", chapter));
    let words = name.trim_end_matches(".md").replace('-', " ");
    let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{render, wrong},
        *,
    };

    #[test]
    fn a_lesson_is_a_question_its_marked_lines_and_what_to_read() {
        for lesson in ALL {
            let page = render(&format!("{{{{lesson {}}}}}", lesson.name)).unwrap();
            let question = page.find(lesson.question).unwrap();
            let answer = page.find(lesson.because).unwrap();
            assert!(question < answer, "{page}");
            assert!(page[question..answer].contains("\n\n<details>\n"), "it is folded: {page}");
            let marks = ["\n- ", "// FLAW: ", "\n+ ", "// MEND: ", "cargo lab lesson "];
            assert!(marks.iter().all(|part| page.contains(part)), "{page}");
        }
    }

    #[test]
    fn marked_lines_and_titles_are_taken_from_the_names_in_the_source() {
        let code = "    a, // FLAW: no.\n    b, // MEND: yes.\n    c,\n";
        assert_eq!(difference(code), "- a, // FLAW: no.\n+ b, // MEND: yes.\n");
        assert_eq!(title("models/thread-pool.md"), "Thread pool");
        assert_eq!(title("method.md"), "Method");
    }

    #[test]
    fn an_unknown_lesson_is_told_the_nearest() {
        assert!(wrong("{{lesson half-clos}}").contains("did you mean `half-close`?"));
    }

    #[test]
    fn all_are_in_the_table() {
        let table = render("{{lessons}}").unwrap();
        assert_eq!(table.matches("](gallery/").count(), ALL.len());
    }
}
