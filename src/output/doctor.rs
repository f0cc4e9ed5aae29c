//! What the doctor found: as text and as JSON.

use serde_json::{Value, json};

use super::count;
use super::invocation::{fix_here, with_globals};
use super::paint::{Paint, Style, clean};
use crate::api;
use crate::doctor::{Diagnosis, Finding};

/// So many findings of a rule are told, unless the rule was asked for.
const SHOWN: usize = 3;

/// The findings, rule by rule.
pub fn diagnosis(diagnosis: &Diagnosis, paint: Paint, in_full: bool) -> String {
    let mut text = String::new();
    for (rule, findings) in diagnosis.by_rule() {
        if !text.is_empty() {
            text.push('\n');
        }
        let id = paint.paint(Style::Strong, rule.id);
        text += &format!("{id} ({}): {}\n", rule.severity.name(), rule.title);
        let shown = match in_full {
            true => findings.len(),
            false => SHOWN,
        };
        for finding in findings.iter().take(shown) {
            let what = clean(&format!("{}: {}", finding.object, finding.what));
            text += &format!("  {}\n", paint.paint(Style::Changed, &what));
            text += &format!("    fix   {}\n", clean(&fix_here(&finding.fix)));
        }
        if findings.len() > shown {
            let more = format!(
                "... {} more: ipvsh doctor {}",
                findings.len() - shown,
                rule.id
            );
            text += &format!("  {}\n", with_globals(&more));
        }
        text += &format!(
            "    why   {}\n    seen  {}\n",
            rule.why,
            with_globals(rule.seen)
        );
    }
    text
}

/// What rules could not look, and why; a sentence for each reason.
pub fn not_looked(diagnosis: &Diagnosis) -> Vec<String> {
    let reasons = diagnosis.reasons().into_iter();
    let told = reasons.map(|(why, rules)| {
        let is_every = diagnosis.looked.is_empty() && rules.len() == diagnosis.not_looked.len();
        let rules = match is_every && rules.len() > SHOWN {
            true => "every rule".to_owned(),
            false => rules.join(", "),
        };
        with_globals(&clean(&format!("could not look: {rules} ({why})"))).into_owned()
    });
    told.collect()
}

/// How many rules looked, and what can be done.
pub fn diagnosis_sentence(diagnosis: &Diagnosis) -> String {
    let looked = count(diagnosis.looked.len(), "rule");
    match diagnosis.findings.len() {
        0 if diagnosis.looked.is_empty() => "nothing could be looked at".to_owned(),
        0 => format!("no findings; {looked} looked"),
        many => {
            let many = count(many, "finding");
            let repair = diagnosis.repair(false);
            let fix = match repair.rules.as_slice() {
                [] => String::new(),
                rules => {
                    let rules = rules.join(", ");
                    with_globals(&format!("; to end {rules}: ipvsh doctor --fix")).into_owned()
                }
            };
            format!("{many}; {looked} looked{fix}")
        }
    }
}

/// What `--fix` leaves to the operator.
pub fn left_to_fix(finding: &Finding) -> String {
    let Finding {
        rule, object, what, ..
    } = finding;
    // A fix that is a script is refused only because its rule was not named.
    let is_script = finding.fix.code().is_some() && finding.fix.is_complete();
    let to_do = match is_script {
        true => with_globals(&format!("ipvsh doctor {} --fix", rule.id)).into_owned(),
        false => fix_here(&finding.fix),
    };
    clean(&format!("not fixed: {object}: {what}. To do: {to_do}"))
}

/// The same as JSON.
pub fn diagnosis_json(diagnosis: &Diagnosis) -> Value {
    let findings = diagnosis.findings.iter();
    let findings = findings.map(|one| {
        let fix = with_globals(&one.fix.to_string()).into_owned();
        api::doctor::finding(one, &fix)
    });
    let not_looked = diagnosis.not_looked.iter();
    let not_looked = not_looked.map(|one| json!({ "rule": one.rule.id, "why": one.why }));
    json!({
        "findings": findings.collect::<Vec<_>>(),
        "looked": diagnosis.looked.iter().map(|rule| rule.id).collect::<Vec<_>>(),
        "not_looked": not_looked.collect::<Vec<_>>(),
    })
}
