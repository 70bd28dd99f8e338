//! Rules for the map documents: every path they name exists, every link leads somewhere. A map that
//! names what is gone is worse than none.

use super::Report;
use super::tree::Tree;

/// Maps at the root; everything in `docs/` is one too. The design document is history and may name
/// what is gone.
const MAPS: &[&str] = &["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md", "STYLE.md"];
/// Endings that make a word with a `/` a path.
const ENDINGS: &[&str] = &["rs", "md", "toml", "sql", "sh", "yml", "html", "css", "js", "csv"];
/// First parts that do the same.
const ROOTS: &[&str] = &["crates", "docs", "xtask", ".ci", ".cargo", ".github"];

/// Every path in backticks is there.
pub(super) fn paths_exist(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.with_ending(".md").filter(|(path, _)| is_map(path)) {
        for (line, content) in prose(text) {
            for word in content.split('`').skip(1).step_by(2) {
                if looks_like_path(word) && !tree.exists(word) {
                    report.problem(path, line, format!("`{word}` does not exist"));
                }
            }
        }
    }
}

/// Every link to a file leads to one, seen from the document.
pub(super) fn links_lead_somewhere(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.with_ending(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, content) in prose(text) {
            for target in links(content) {
                let file = target.split('#').next().unwrap_or_default();
                let outside = target.contains("://") || target.starts_with("mailto:");
                if !outside && !file.is_empty() && !tree.exists(&joined(folder, file)) {
                    report.problem(path, line, format!("the link to `{target}` leads nowhere"));
                }
            }
        }
    }
}

fn is_map(path: &str) -> bool {
    MAPS.contains(&path) || path.starts_with("docs/")
}

/// Lines outside fenced blocks, with their numbers.
pub(super) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        (!fenced && !is_fence).then_some((index + 1, line))
    })
}

/// Routes, media types and patterns have a `/` too, but neither a known start nor a known ending.
fn looks_like_path(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.*".contains(c);
    let Some((first, rest)) = word.split_once('/') else {
        return false;
    };
    let ending = rest.rsplit_once('.').map_or("", |(_, ending)| ending);
    !first.is_empty()
        && word.chars().all(plain)
        && (ROOTS.contains(&first) || ENDINGS.contains(&ending))
}

/// The targets of the links in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

fn joined<'a>(folder: &'a str, file: &'a str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    const CODE: (&str, &str) = ("crates/onhand-core/src/lib.rs", "");

    #[test]
    fn a_map_names_only_what_is_there() {
        let good = "See `crates/onhand-core/src/lib.rs`, `crates/*/src/lib.rs`, `crates/`.\n\
                    `/v1/orders`, `application/problem+json`, `cargo run a/b.rs`,\n\
                    `x/<feature>.rs`\n\
                    ```\ncrates/gone.rs `crates/gone.rs`\n```\n";
        assert!(check(paths_exist, &[CODE, ("ARCHITECTURE.md", good)]).is_empty());
        for bad in ["`crates/onhand-core/src/gone.rs`", "`docs/gone.md`", "`orders/gone.rs`"] {
            let problems = check(paths_exist, &[CODE, ("docs/api.md", &format!("\n{bad}"))]);
            assert_eq!(problems, [format!("docs/api.md:2: {bad} does not exist")]);
        }
        assert!(check(paths_exist, &[CODE, ("DESIGN.md", "`docs/gone.md`")]).is_empty());
    }

    #[test]
    fn a_link_leads_to_a_file() {
        let good = "[a](../crates/onhand-core) [b](api.md#errors) [c](https://x.example/y) [d](#e)";
        let files = [CODE, ("docs/api.md", ""), ("docs/a.md", good)];
        assert_eq!(check(links_lead_somewhere, &files), Vec::<String>::new());
        let problems = check(links_lead_somewhere, &[("docs/a.md", "[b](api.md)")]);
        assert_eq!(problems, ["docs/a.md:1: the link to `api.md` leads nowhere"]);
    }
}
