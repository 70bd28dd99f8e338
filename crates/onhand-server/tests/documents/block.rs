//! The fenced blocks of a document, and what is to be done with each. It runs none.

/// What is done with a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Run beside a server with the demo's data.
    Beside,
    /// Run where no server is.
    Alone,
    /// Run where a service is.
    Needs(String),
    /// Not run, and why.
    NotRun(String),
}

/// Commands of a document.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Where it stands: `docs/api.md:12`.
    pub(crate) place: String,
    pub(crate) purpose: Purpose,
    pub(crate) text: String,
}

/// The blocks of commands in a document. Blocks of other languages are not for shells; one without
/// a language could be anything, and is refused.
pub(crate) fn read(name: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let place = format!("{name}:{}", at + 1);
        let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
        let text = inside.collect::<Vec<_>>().join("\n");
        let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
        assert!(!language.is_empty(), "{place}: a block without a language");
        if language == "sh" {
            let purpose = purpose(rest.trim())
                .unwrap_or_else(|| panic!("{place}: `{rest}` says nothing that can be done"));
            blocks.push(Block { place, purpose, text });
        }
    }
    blocks
}

fn purpose(said: &str) -> Option<Purpose> {
    if let Some(why) = said.strip_prefix("no-run: ") {
        // A word is no reason.
        return (why.split_whitespace().count() > 2).then(|| Purpose::NotRun(why.to_owned()));
    }
    if let Some(service) = said.strip_prefix("needs=") {
        return Some(Purpose::Needs(service.to_owned()));
    }
    match said {
        "" => Some(Purpose::Beside),
        "alone" => Some(Purpose::Alone),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purposes(text: &str) -> Vec<Purpose> {
        read("a.md", text).into_iter().map(|block| block.purpose).collect()
    }

    #[test]
    fn a_block_says_what_is_done_with_it() {
        for (info, wanted) in [
            ("", Purpose::Beside),
            (" alone", Purpose::Alone),
            (" needs=postgres", Purpose::Needs("postgres".into())),
            (" no-run: it never ends", Purpose::NotRun("it never ends".into())),
        ] {
            assert_eq!(purposes(&format!("x\n```sh{info}\na\nb\n```\n")), [wanted], "{info}");
        }
        assert!(purposes("```json\n{}\n```\n").is_empty());
        let blocks = read("a.md", "```json\n{}\n```\n\n```sh\na\n\nb\n```\n");
        assert_eq!((&*blocks[0].place, &*blocks[0].text), ("a.md:5", "a\n\nb"));
    }

    #[test]
    fn a_block_that_nobody_can_run_is_found() {
        for said in ["no-run", "no-run: slow", "alone please", "needs postgres"] {
            assert_eq!(super::purpose(said), None, "{said}");
        }
    }
}
