//! Links and anchors, and that every page of the guide is led to.

use std::collections::BTreeSet;
use std::path::Path;

use crate::nothing_wrong;
use crate::pages::{Page, all, root};

/// The anchors that GitHub gives a page's headings.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in page.prose() {
        let text = line.trim_start_matches('#');
        if text.len() == line.len() || !text.starts_with(' ') {
            continue;
        }
        let anchor: String = text
            .trim()
            .to_lowercase()
            .chars()
            .filter_map(|letter| match letter {
                ' ' => Some('-'),
                _ if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
                _ => None,
            })
            .collect();
        anchors.insert(anchor);
    }
    anchors
}

/// The targets of `[text](target)` in a line, code left out.
fn links(line: &str) -> Vec<String> {
    let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
    let parts = plain.split("](").skip(1);
    parts
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in all() {
        for (number, line) in page.prose() {
            for link in links(line) {
                if link.contains("://") {
                    continue;
                }
                seen += 1;
                let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
                let target = match path {
                    "" => page.path.clone(),
                    path => page.path.parent().unwrap().join(path),
                };
                let is_here = target.exists()
                    && target
                        .canonicalize()
                        .unwrap()
                        .starts_with(root().canonicalize().unwrap());
                let has_anchor = || anchors(&Page::read(&target)).contains(anchor);
                if !is_here || (!anchor.is_empty() && !has_anchor()) {
                    wrong.push(format!("{}:{number}: {link} leads nowhere", page.name()));
                }
            }
        }
    }
    nothing_wrong(&wrong);
    assert!(seen > 60, "only {seen} links");
}

#[test]
fn the_guide_is_whole() {
    let pages = all();
    let in_guide = |page: &&Page| page.name().starts_with("examples/guide/");
    for page in pages.iter().filter(in_guide) {
        let is_link_here = |from: &Page, link: &String| {
            let path = link.split('#').next().unwrap();
            let target = from.path.parent().unwrap().join(path);
            let same = |target: std::path::PathBuf| target == page.path.canonicalize().unwrap();
            !path.is_empty() && target.canonicalize().is_ok_and(same)
        };
        let is_linked = pages
            .iter()
            .filter(|from| from.path != page.path)
            .any(|from| {
                let mut links = from.prose().into_iter().flat_map(|(_, line)| links(line));
                links.any(|link| is_link_here(from, &link))
            });
        assert!(is_linked, "no page leads to {}", page.name());
    }
    // Each recipe is typed on the emulated machine.
    let tests = std::fs::read_to_string(root().join("tests/kernel/guide.rs")).unwrap();
    for page in &pages {
        if page.setting("topology").is_some() {
            let name = page.name();
            let name = name.trim_end_matches(".md");
            assert!(
                tests.contains(&format!("works(\"{name}\")")),
                "{name} is not tried"
            );
        }
    }
}

#[test]
fn nothing_points_outside_of_the_repository() {
    let outside = Path::new("..").join("shared").display().to_string();
    for page in all() {
        assert!(
            !page.lines.iter().any(|line| line.contains(&outside)),
            "{} points outside",
            page.name()
        );
    }
}
