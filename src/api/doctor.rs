//! Facts: what is misconfigured on this host, for scripts and JSON.

use rhai::Dynamic;
use serde_json::{Value, json};

use super::call::Call;
use super::convert;
use super::fact::{Form, Function, Group, On, Param};
use super::types::Type;
use crate::doctor::{Finding, selected};
use crate::error::{Kind, Result};

/// The functions of this chapter.
pub const FUNCTIONS: &[Function] = &[Function {
    name: "doctor",
    group: Group::Live,
    on: On::Nothing,
    forms: &[Form {
        params: &[Param::new("rule", Type::Text).optional()],
        call: doctor,
    }],
    result: Type::Array,
    doc: "Looks for what is misconfigured on this host: an array of maps of rule, severity, object, \
          what, fix, kind, code, why, seen and safe, the worst first.\n\
          With the name of a rule only what that one finds (ipvsh doctor --help lists them). kind is \"script\", \"verb\" or \"shell\"; \
          code is the line of a script, where the fix is one.",
    errors: &[Kind::NotFound, Kind::State],
    example: "for f in doctor() { print(`${f.rule} ${f.object}: ${f.fix}`); }",
    words: &["diagnose", "misconfigured", "problems", "lint"],
}];

fn doctor(call: &Call) -> Result<Dynamic> {
    let names = match call.has(0) {
        true => vec![call.text(0)?.to_string()],
        false => Vec::new(),
    };
    let rules = selected(&names, false).map_err(|error| error.with_kind(Kind::NotFound))?;
    let mut session = call.context.session()?;
    let diagnosis = session.director().diagnose(&rules)?;
    let findings = diagnosis.findings.iter();
    let all: Value = findings
        .map(|one| finding(one, one.fix.at_prompt()))
        .collect();
    Ok(convert::from_json(&all))
}

/// A finding; `fix` is what ends it, as it is typed where it is shown.
pub fn finding(finding: &Finding, fix: &str) -> Value {
    let rule = finding.rule;
    json!({
        "rule": rule.id,
        "severity": rule.severity.name(),
        "object": finding.object,
        "what": finding.what,
        "fix": fix,
        "kind": finding.fix.kind(),
        "code": finding.fix.code(),
        "why": rule.why,
        "seen": rule.seen,
        "safe": rule.is_safe,
    })
}
