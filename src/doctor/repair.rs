//! Which findings `ipvsh doctor --fix` ends, and by what script.

use super::diagnosis::{Diagnosis, Finding};

/// A script that ends findings, and the findings that no script ends.
#[derive(Debug, Clone, Default)]
pub struct Repair<'a> {
    /// The script, a line per fix; empty where nothing can be fixed.
    pub code: String,
    /// The rules whose findings it ends.
    pub rules: Vec<&'static str>,
    /// The findings that stay, for the operator.
    pub left: Vec<&'a Finding>,
}

impl Repair<'_> {
    /// Returns the message of the snapshot: `doctor: forwarding, redirects`.
    pub fn message(&self) -> String {
        format!("doctor: {}", self.rules.join(", "))
    }
}

impl Diagnosis {
    /// Collects the fixes that are whole lines of a script. Only those of safe rules, unless the
    /// operator named the rules.
    pub fn repair(&self, are_named: bool) -> Repair<'_> {
        let mut repair = Repair::default();
        let mut lines: Vec<&str> = Vec::new();
        for finding in &self.findings {
            let code = finding.fix.code().filter(|_| finding.fix.is_complete());
            match code.filter(|_| are_named || finding.rule.is_safe) {
                Some(code) => {
                    if !lines.contains(&code) {
                        lines.push(code);
                    }
                    if !repair.rules.contains(&finding.rule.id) {
                        repair.rules.push(finding.rule.id);
                    }
                }
                None => repair.left.push(finding),
            }
        }
        repair.code = lines.join(";\n");
        repair
    }
}
