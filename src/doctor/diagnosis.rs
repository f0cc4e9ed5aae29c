//! What the rules found.

use super::rule::Rule;
use crate::error::Error;
use crate::notes::Fix;

/// What a rule found of one object.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The object.
    pub object: String,
    /// What is the matter, and what comes of it.
    pub what: String,
    /// What ends it or shows more.
    pub fix: Fix,
}

/// A rule that could not look, or not at everything.
#[derive(Debug, Clone)]
pub struct NotLooked {
    /// The rule.
    pub rule: &'static Rule,
    /// Why.
    pub why: String,
}

/// What an examination found.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// Why the kernel could not be read: then the rules looked at the head and the host.
    pub unread: Option<Error>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// The rules that looked at everything.
    pub looked: Vec<&'static Rule>,
    /// The rules that did not.
    pub not_looked: Vec<NotLooked>,
}

impl Diagnosis {
    /// The findings of each rule that found something, the worst rule first.
    pub fn by_rule(&self) -> Vec<(&'static Rule, Vec<&Finding>)> {
        let mut all: Vec<(&'static Rule, Vec<&Finding>)> = Vec::new();
        for finding in &self.findings {
            match all.last_mut() {
                Some((rule, of_rule)) if rule.id == finding.rule.id => of_rule.push(finding),
                _ => all.push((finding.rule, vec![finding])),
            }
        }
        all
    }

    /// The reasons why rules did not look at everything, each with the rules' names.
    pub fn reasons(&self) -> Vec<(&str, Vec<&'static str>)> {
        let mut all: Vec<(&str, Vec<&'static str>)> = Vec::new();
        for NotLooked { rule, why } in &self.not_looked {
            match all.iter_mut().find(|(known, _)| known == why) {
                Some((_, rules)) => rules.push(rule.id),
                None => all.push((why, vec![rule.id])),
            }
        }
        all
    }
}
