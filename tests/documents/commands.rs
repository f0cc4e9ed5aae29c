//! Commands, options, environment variables and exit statuses that are named exist.

use std::collections::BTreeSet;

use ipvsh::commands::definition;

use crate::pages::{Page, all, root, shell_words};
use crate::{codes, nothing_wrong, page};

/// What is wrong with a command line of ours; nothing where it is understood.
fn misunderstood(words: &[String]) -> Option<String> {
    let position = words.iter().position(|word| word == "ipvsadm");
    // ipvsadm's own words are not clap's to understand.
    let words = match position {
        Some(at) => &words[..=at],
        None => words,
    };
    let error = definition().try_get_matches_from(words).err()?;
    error.use_stderr().then(|| {
        let text = error.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    })
}

/// The command of ours in a line as a shell reads it, up to a pipe or the next command.
fn ours(line: &str) -> Option<Vec<String>> {
    let words = shell_words(line);
    let start = words
        .iter()
        .position(|word| !["sudo", "#", "$"].contains(&word.as_str()))?;
    let words = &words[start..];
    if words[0] != "ipvsh" {
        return None;
    }
    let ends =
        |word: &&String| !["|", ">", "<", "&&", ";", "&", "||", "2>&1"].contains(&word.as_str());
    Some(words.iter().take_while(ends).cloned().collect())
}

#[test]
fn every_command_in_a_block_is_understood() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in all() {
        for block in page.blocks() {
            let steps = block.steps();
            let mut lines: Vec<(usize, String)> = steps
                .iter()
                .map(|step| (step.line, step.command()))
                .collect();
            if steps.is_empty() {
                for (index, line) in block.lines.iter().enumerate() {
                    lines.push((block.line + index, line.clone()));
                }
            }
            for (number, line) in lines {
                let Some(command) = ours(&line) else { continue };
                seen += 1;
                if let Some(why) = misunderstood(&command) {
                    wrong.push(format!("{}:{number}: {line}: {why}", page.name()));
                }
            }
        }
    }
    nothing_wrong(&wrong);
    assert!(seen > 80, "only {seen} commands");
}

/// What is wrong with a command in a sentence, where values may be left out: its verb and its long
/// options have to exist.
fn unknown_words(code: &str) -> Option<String> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let [_, verb, rest @ ..] = words.as_slice() else {
        return None;
    };
    let all = definition();
    if verb.starts_with('-') || verb.starts_with(|c: char| !c.is_lowercase()) {
        return None;
    }
    let Some(known) = all
        .get_subcommands()
        .find(|known| known.get_name() == *verb)
    else {
        return (*verb != "help").then(|| format!("no verb {verb}"));
    };
    if *verb == "ipvsadm" {
        return None;
    }
    let options: BTreeSet<&str> = known
        .get_arguments()
        .chain(all.get_arguments().filter(|arg| arg.is_global_set()))
        .filter_map(clap::Arg::get_long)
        .chain(["help"])
        .collect();
    rest.iter().find_map(|word| {
        let name = word.strip_prefix("--")?;
        let name = name.split('=').next()?;
        (!name.is_empty() && !options.contains(name)).then(|| format!("no option --{name}"))
    })
}

#[test]
fn every_command_in_a_sentence_exists() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in all() {
        for (number, line) in page.prose() {
            for code in codes(line) {
                if code.starts_with("ipvsh ") {
                    seen += 1;
                    if let Some(why) = unknown_words(code) {
                        wrong.push(format!("{}:{number}: {code}: {why}", page.name()));
                    }
                }
                let name = code.split_whitespace().next().unwrap_or_default();
                if name.starts_with("scripts/") && !root().join(name).exists() {
                    wrong.push(format!("{}:{number}: there is no {name}", page.name()));
                }
            }
        }
    }
    nothing_wrong(&wrong);
    assert!(seen > 80, "only {seen} commands");
}

#[test]
fn every_variable_of_the_environment_exists() {
    let mut text = String::new();
    let mut folders = vec![
        root().join("src"),
        root().join("scripts"),
        root().join("tests"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(more) = std::fs::read_to_string(&path) {
                text += &more;
            }
        }
    }
    let mut wrong = Vec::new();
    for page in all() {
        for (number, line) in page.lines.iter().enumerate() {
            let words = line.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
            for word in words.filter(|word| word.starts_with("IPVSH_")) {
                if !text.contains(word) {
                    wrong.push(format!("{}:{}: no {word}", page.name(), number + 1));
                }
            }
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn the_exit_statuses_are_those_of_the_program() {
    let help = definition().render_long_help().to_string();
    let table = help.split("Exit status:").nth(1).unwrap();
    let rows: Vec<(&str, &str)> = table
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(status, what)| (status, what.trim()))
        .collect();
    assert!(rows.len() >= 9, "{rows:?}");
    let (readme, chinese) = (page("README.md"), page("README.zh-CN.md"));
    for (status, what) in rows {
        let plain = |line: &str| line.replace('`', "");
        let has =
            |page: &Page, start: &str| page.lines.iter().any(|line| plain(line).starts_with(start));
        assert!(
            has(&readme, &format!("| {status} | {what} |")),
            "README.md: {status} {what}"
        );
        assert!(
            has(&chinese, &format!("| {status} | ")),
            "README.zh-CN.md: {status}"
        );
    }
}
