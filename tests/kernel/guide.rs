//! The guide (examples/guide) and the README's tour as they are written: every command of a page is typed at the host that
//! the page says, and what comes out is what the page says. The recipes begin with hosts that have
//! nothing but their addresses and a web server.

use std::time::{Duration, Instant};

use crate::director::{Director, Said, file};
use crate::pages::{Block, Page, Step, same};

/// The roles of the topology that a block's commands are typed at.
fn roles(director: &Director, block: &Block) -> Vec<String> {
    let place = block.words.get(1).map_or("", String::as_str);
    match (block.language(), place) {
        ("console", "director") => vec!["lvs".to_owned()],
        ("console", "director2") => vec!["lvs2".to_owned()],
        ("console", "client" | "rs1") => vec![place.to_owned()],
        ("console", "server") => director.servers(),
        _ => Vec::new(),
    }
}

fn typed(director: &Director, role: &str, step: &Step) -> Vec<String> {
    let Said { out, .. } = director.typed(role, &step.command());
    let database = director.database_of(role);
    out.replace(database.to_str().unwrap(), "/var/lib/ipvsh")
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Types a line; one that reads counters again until they are as written: the kernel sums them up
/// every two seconds.
fn settled(director: &Director, role: &str, step: &Step) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let said = typed(director, role, step);
        let counts = step.command().contains("stats");
        if same(&step.output, &said) || !counts || Instant::now() > until {
            return said;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Types all of a page. With `IPVSH_UPDATE_DOCUMENTS` what differs is printed as the page that it
/// would be.
fn works(name: &str) {
    let path = format!("{name}.md");
    let page = Page::read(&file(&path));
    // A recipe begins with bare hosts.
    let topology = page.setting("topology").expect("a topology");
    let director = match topology.strip_suffix(" ready") {
        Some(topology) => Director::with_topology(topology),
        None => Director::with_bare_topology(topology),
    };
    if let Some(line) = page.setting("prepare") {
        director.typed("lvs", line).ended(0);
    }
    let (mut outputs, mut wrong) = (Vec::new(), Vec::new());
    for block in page.blocks() {
        if let Some(name) = block.file() {
            director.put(name, &block.text());
        }
        for role in roles(&director, &block) {
            for step in block.steps() {
                let said = settled(&director, &role, &step);
                if same(&step.output, &said) {
                    continue;
                }
                wrong.push(format!(
                    "{path}:{}: at {role}: {}\nsaid:\n{}\nnot:\n{}",
                    step.line,
                    step.command(),
                    said.join("\n"),
                    step.output.join("\n")
                ));
                if outputs
                    .iter()
                    .all(|(known, _): &(Step, _)| known.line != step.line)
                {
                    outputs.push((step, said));
                }
            }
        }
    }
    if !wrong.is_empty() && std::env::var_os("IPVSH_UPDATE_DOCUMENTS").is_some() {
        println!("PAGE {path}\n{}END OF PAGE", page.with_outputs(&outputs));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn nat_works_as_written() {
    works("examples/guide/recipes/nat");
}

#[test]
fn full_nat_works_as_written() {
    works("examples/guide/recipes/full-nat");
}

#[test]
fn direct_routing_works_as_written() {
    works("examples/guide/recipes/direct-routing");
}

#[test]
fn tunnel_works_as_written() {
    works("examples/guide/recipes/tunnel");
}

#[test]
fn one_pool_works_as_written() {
    works("examples/guide/recipes/one-pool");
}

#[test]
fn sticky_shop_works_as_written() {
    works("examples/guide/recipes/sticky-shop");
}

#[test]
fn tuned_works_as_written() {
    works("examples/guide/recipes/tuned");
}

#[test]
fn healing_works_as_written() {
    works("examples/guide/recipes/healing");
}

#[test]
fn database_pool_works_as_written() {
    works("examples/guide/recipes/database-pool");
}

#[test]
fn pair_works_as_written() {
    works("examples/guide/recipes/pair");
}

#[test]
fn two_ports_works_as_written() {
    works("examples/guide/recipes/two-ports");
}

#[test]
fn reboot_works_as_written() {
    works("examples/guide/recipes/reboot");
}

#[test]
fn the_tour_is_as_written() {
    works("README");
}

#[test]
fn concepts_are_as_written() {
    works("examples/guide/concepts");
}

#[test]
fn migrating_works_as_written() {
    works("examples/guide/migrating");
}

#[test]
fn troubleshooting_works_as_written() {
    works("examples/guide/troubleshooting");
}
