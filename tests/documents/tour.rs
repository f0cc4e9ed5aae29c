//! The tour in two languages.

use crate::pages::{Block, Page};
use crate::{nothing_wrong, page, updates};

/// The blocks of some sections of a page.
fn blocks_of(page: &Page, sections: [&str; 2]) -> Vec<Block> {
    let is_in = |block: &Block| {
        let before = &page.lines[..block.line - 1];
        let section = before.iter().rfind(|line| line.starts_with("## "));
        section.is_some_and(|line| sections.iter().any(|name| line.contains(name)))
    };
    page.blocks().into_iter().filter(is_in).collect()
}

/// Commands and outputs are the same; comments behind commands are in the page's own language.
#[test]
fn the_chinese_tour_is_the_same_tour() {
    let (readme, mut theirs) = (page("README.md"), page("README.zh-CN.md"));
    let english = blocks_of(&readme, ["Two commands", "A tour"]);
    let chinese = blocks_of(&theirs, ["两条命令", "上手"]);
    let plain = |block: &Block| -> Vec<String> {
        let cut = |line: &String| match line.split_once("  # ") {
            Some((command, _)) => command.trim_end().to_owned(),
            None => line.clone(),
        };
        block.lines.iter().map(cut).collect()
    };
    assert_eq!(english.len(), chinese.len(), "blocks are missing");
    assert!(english.len() > 10);
    let mut wrong = Vec::new();
    for (one, other) in english.iter().zip(&chinese).rev() {
        if plain(one) != plain(other) {
            wrong.push(format!(
                "README.zh-CN.md:{}: not as README.md:{}",
                other.line, one.line
            ));
            let from = other.line - 1;
            let lines = from..from + other.lines.len();
            theirs.lines.splice(lines, one.lines.iter().cloned());
        }
    }
    if !wrong.is_empty() && updates() {
        std::fs::write(&theirs.path, theirs.with_outputs(&[])).unwrap();
    }
    nothing_wrong(&wrong);
}
