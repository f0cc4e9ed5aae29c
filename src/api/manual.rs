//! ipvsh-script(7), the manual page of the script language, from the table.

use super::checks;
use super::fact::{Function, Group, On, Opt};
use super::help::signatures;
use super::options::{MARK, SERVER, SERVICE, TUNNEL};
use super::properties::READ_ONLY;
use super::roff::{code, escape, item, paragraph, section, subsection};
use super::types::Type;
use super::{fact::is_same, functions};

/// The whole page.
pub fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(".TH ipvsh\\-script 7 \"\" \"ipvsh {version}\"\n");
    text.push_str(&section("name"));
    text.push_str("ipvsh\\-script \\- the script language of ipvsh\n");
    text.push_str(&section("description"));
    for said in [
        "Scripts are Rhai (https://rhai.rs/book). A call with an options map declares: options \
         left out get their defaults. Without one it finds or creates. set(#{ ... }) changes only \
         the options named.",
        "Nothing is sent to the kernel before a commit: commit(), or the end of a script. At the \
         prompt plan() shows what is staged, and commit() does it.",
        "Names are like tcp 192.0.2.10:80, udp [2001:db8::10]:53, fwmark 666; addresses are \
         literals. Errors can be caught: err.kind, err.object, err.message, err.hint.",
    ] {
        text.push_str(&paragraph(said));
    }
    for group in Group::ALL {
        text.push_str(&section(group.title()));
        for function in functions().filter(|function| function.group == group) {
            text.push_str(&of_function(function));
        }
        match group {
            Group::Services => text.push_str(&of_object("a virtual service", On::Service, SERVICE)),
            Group::Servers => text.push_str(&of_object("a real server", On::Server, SERVER)),
            Group::Marks => text.push_str(&of_options("Fields of a rule", MARK)),
            _ => {}
        }
    }
    text.push_str(&section("see also"));
    text.push_str("\\fBipvsh\\fR(1), \\fBipvsadm\\fR(8), \\fBiptables\\fR(8)\n");
    text
}

fn of_function(function: &Function) -> String {
    let mut text = subsection(&function.full_name());
    for signature in signatures(function) {
        let result = match function.result {
            Type::Nothing => String::new(),
            other => format!(" \\-> {}", escape(other.words())),
        };
        text.push_str(&format!(".PP\n\\fB{}\\fR{result}\n", escape(&signature)));
    }
    for line in function.doc.lines() {
        text.push_str(&paragraph(line));
    }
    let shared = [SERVICE, SERVER, MARK]
        .into_iter()
        .any(|list| is_same(list, function.options()));
    match (function.options().is_empty(), shared) {
        (true, _) => {}
        (false, true) => text.push_str(&paragraph("The options are listed below.")),
        (false, false) => text.push_str(&options(function.options())),
    }
    if !function.errors.is_empty() {
        let kinds: Vec<&str> = function.errors.iter().map(|kind| kind.name()).collect();
        text.push_str(&paragraph(&format!("Errors: {}.", kinds.join(", "))));
    }
    text.push_str(&code(function.example));
    text
}

fn of_object(what: &str, on: On, list: &[Opt]) -> String {
    let mut text = of_options(&format!("Options and properties of {what}"), list);
    match on {
        On::Server => text.push_str(&of_options("Options of a tunnel", TUNNEL)),
        On::Service => text.push_str(&of_checks()),
        _ => {}
    }
    text.push_str(&subsection(&format!(
        "Properties of {what} that are only read"
    )));
    for property in READ_ONLY.iter().filter(|property| property.on == on) {
        text.push_str(&item(property.name, property.doc));
    }
    text
}

/// The types and options of checks.
fn of_checks() -> String {
    let mut text = subsection("Types of checks, and when each passes");
    for (name, doc) in checks::types() {
        text.push_str(&item(name, doc));
    }
    text.push_str(&subsection("Options of a check"));
    for [name, types, range, default, doc] in checks::rows() {
        let said = format!("{doc} (of {types}; {range}; default {default})");
        text.push_str(&item(&name, &said));
    }
    text
}

fn of_options(title: &str, list: &[Opt]) -> String {
    format!("{}{}", subsection(title), options(list))
}

fn options(list: &[Opt]) -> String {
    list.iter()
        .map(|option| {
            let mut facts = vec![option.takes.words()];
            facts.extend(
                [option.unit, option.range]
                    .into_iter()
                    .filter(|f| !f.is_empty()),
            );
            let said = format!(
                "{} ({}; {})",
                option.doc,
                facts.join("; "),
                option.default_words()
            );
            item(option.name, &said)
        })
        .collect()
}
