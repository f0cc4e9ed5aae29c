//! What stands below a command is what it says; scripts pass a check.

use crate::lab::Lab;
use crate::pages::{Block, all, same};
use crate::{nothing_wrong, updates};

/// The blocks of a page that run on the simulator.
fn runs_here(block: &Block) -> bool {
    block.language() == "console" && block.words.len() == 1
}

#[test]
fn every_output_is_what_the_command_says() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in all() {
        if !page.blocks().iter().any(runs_here) {
            continue;
        }
        let lab = Lab::new();
        let mut outputs = Vec::new();
        for block in page.blocks() {
            if let Some(name) = block.file() {
                lab.put(name, &block.text());
            }
            if !runs_here(&block) {
                continue;
            }
            for step in block.steps() {
                seen += 1;
                let said = lab.typed(&step.command());
                if !same(&step.output, &said) {
                    wrong.push(format!(
                        "{}:{}: {}\nsays:\n{}\n",
                        page.name(),
                        step.line,
                        step.command(),
                        said.join("\n")
                    ));
                    outputs.push((step, said));
                }
            }
        }
        if updates() && !outputs.is_empty() {
            std::fs::write(&page.path, page.with_outputs(&outputs)).unwrap();
        }
    }
    nothing_wrong(&wrong);
    assert!(seen > 12, "only {seen} commands");
}

#[test]
fn every_script_passes_a_check() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in all() {
        // The reference is generated from a table whose examples are run.
        if page.path.ends_with("REFERENCE.md") {
            continue;
        }
        let lab = Lab::new();
        for block in page.blocks() {
            if let Some(name) = block.file() {
                lab.put(name, &block.text());
            }
            if block.language() != "rhai" {
                continue;
            }
            let name = block.file().unwrap_or("block.rhai").to_owned();
            lab.put(&name, &block.text());
            // A mistake that is shown, a part of something.
            if block.is("wrong") {
                continue;
            }
            seen += 1;
            // What a script works on, where it is not in it.
            if block.is("fragment") {
                lab.typed("ipvsh run examples/nat.rhai");
            }
            let argument = match block.is("needs-inventory.json") {
                true => "inventory.json",
                false => "10.0.0.11",
            };
            let said = lab.typed(&format!("ipvsh check {name} {argument} && echo passed"));
            if said.last().is_none_or(|line| line != "passed") {
                let at = format!("{}:{}", page.name(), block.line);
                wrong.push(format!("{at}: {}", said.join("\n")));
            }
        }
    }
    nothing_wrong(&wrong);
    assert!(seen > 9, "only {seen} scripts");
}
