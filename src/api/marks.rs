//! Facts: fwmark rules.

use rhai::Dynamic;

use super::call::Call;
use super::convert;
use super::fact::{Form, Function, Group, On, Param};
use super::options::MARK;
use super::types::Type;
use crate::error::{Kind, Result};
use crate::model::{Fwmark, json, patch};

const VALUE: Param = Param::new("value", Type::Whole);

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "mark",
        group: Group::Marks,
        on: On::Nothing,
        forms: &[Form {
            params: &[
                VALUE,
                Param {
                    name: "rules",
                    takes: Type::Rules,
                    optional: false,
                    options: MARK,
                },
            ],
            call: mark,
        }],
        result: Type::Nothing,
        doc: "Declares all rules that set a firewall mark: one rule, or an array of rules.\n\
              The rules keep their order: the last one that fits a packet wins. Rules of a family \
              that is not named go. The service that they feed is declared with fwmark, which \
              takes the same rules as `marks`.",
        errors: &[Kind::Invalid],
        example: "mark(666, [\n    \
                  #{ protocol: \"tcp\", to: \"192.0.2.20\", ports: [80, 443, \"8000-8100\"] },\n    \
                  #{ protocol: \"udp\", to: \"192.0.2.20\", from: \"198.51.100.0/24\" },\n\
                  ]);",
        words: &[
            "iptables",
            "MARK",
            "--set-mark",
            "mangle",
            "PREROUTING",
            "multiport",
            "fwmark",
        ],
    },
    Function {
        name: "marks",
        group: Group::Marks,
        on: On::Nothing,
        forms: &[Form {
            params: &[],
            call: marks,
        }],
        result: Type::Array,
        doc: "Lists the candidate's rules, in order: an array of maps.\n\
              Each has `mark` and `family` beside what was declared.",
        errors: &[],
        example: "mark(7, #{ protocol: \"tcp\", to: \"192.0.2.20\", ports: [80] });\n\
                  for rule in marks() { print(`${rule.mark} ${rule.to}`); }",
        words: &["iptables", "--list"],
    },
    Function {
        name: "unmark",
        group: Group::Marks,
        on: On::Nothing,
        forms: &[Form {
            params: &[VALUE],
            call: unmark,
        }],
        result: Type::Nothing,
        doc: "Removes all rules of a mark, in both families.\n\
              A service of that mark stays; `remove(service)` takes its rules with it.",
        errors: &[Kind::Invalid],
        example: "mark(7, #{ protocol: \"tcp\", to: \"192.0.2.20\", ports: [80] });\nunmark(7);",
        words: &["iptables", "--delete", "-D"],
    },
];

fn mark(call: &Call) -> Result<Dynamic> {
    let mark = Fwmark::new(call.whole(0)?)?;
    let mut session = call.context.session()?;
    let value = convert::declared(&mut session, call.arg(1)?)?;
    let rules = patch::mark_rules(mark, None, &value)?;
    session.settings()?.declare_mark(mark, rules);
    Ok(Dynamic::UNIT)
}

fn marks(call: &Call) -> Result<Dynamic> {
    let mut session = call.context.session()?;
    let rules = &session.settings()?.rules().marks;
    Ok(rules
        .iter()
        .map(|rule| Dynamic::from_map(convert::map(&json::mark(rule))))
        .collect::<Vec<_>>()
        .into())
}

fn unmark(call: &Call) -> Result<Dynamic> {
    let mark = Fwmark::new(call.whole(0)?)?;
    let mut session = call.context.session()?;
    session.settings()?.declare_mark(mark, Vec::new());
    Ok(Dynamic::UNIT)
}
