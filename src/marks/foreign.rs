//! Other people's rules that set marks, in every table of iptables: read, never changed.
//!
//! Source of truth: iptables-extensions(8), MARK, CONNMARK, TPROXY. None of them is tied to the
//! mangle table by the kernel (xt_mark.c).

use std::cmp::Ordering;

use super::iptables::Iptables;
use super::{CHAIN, TABLE, rule, table};
use crate::error::Result;
use crate::model::front::{may_keep, may_meet};
use crate::model::shell_word;
use crate::model::{Family, ForeignMark, MarkRule};

/// All tables, in the order in which a packet meets them first.
const TABLES: [&str; 5] = ["raw", TABLE, "nat", "filter", "security"];

impl Iptables {
    /// Says which rules of other people set marks; `None` where there may be rules that cannot be
    /// seen: of the other back end, or of nft's own in one of these tables. Tables of nft's own
    /// with other names are never seen.
    ///
    /// # Errors
    /// As [`super::Chains::observe`], and where marks are not available.
    pub fn foreign_marks(&mut self, family: Family) -> Result<Option<Vec<ForeignMark>>> {
        let tool = self.tool(family)?;
        if tool.others_may_have_rules() {
            return Ok(None);
        }
        let mut found = Vec::new();
        for name in TABLES.into_iter().filter(|name| tool.may_have_rules(name)) {
            match tool.run(name, &["-S"])?.check() {
                Ok(listing) => found.extend(in_listing(name, family, &listing)),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// Rules of others that set marks, in a listing of any table.
pub(super) fn in_listing(table: &str, family: Family, listing: &str) -> Vec<ForeignMark> {
    let rules: Vec<Listed> = listing
        .lines()
        .filter_map(|line| match table::split(line).as_slice() {
            [command, chain, rest @ ..] if command == "-A" => Some((chain.clone(), rest.to_vec())),
            _ => None,
        })
        .collect();
    let is_ours = |at: usize| {
        let chain = rules.get(at).map(|(chain, _)| chain.as_str());
        (table, chain) == (TABLE, Some(CHAIN))
    };
    (0..rules.len())
        .filter(|at| !is_ours(*at))
        .filter_map(|at| read(table, family, &rules, at))
        .collect()
}

/// A rule of a listing: its chain, and the words behind that.
type Listed = (String, Vec<String>);

/// Reads somebody else's rule, where it sets a mark: that in place `at` of a listing.
fn read(table: &str, family: Family, listing: &[Listed], at: usize) -> Option<ForeignMark> {
    let (chain, words) = listing.get(at)?;
    let (mark, mask) = rule::mark_set(words)?;
    let rule = rule::read(family, words);
    Some(ForeignMark {
        table: table.to_owned(),
        chain: chain.clone(),
        mark,
        mask,
        limit: rule.as_ref().and_then(|rule| limit(rule, listing, at)),
        rule,
        words: words.clone(),
    })
}

/// The first rule of its chain by which packets may not have the mark of a rule.
fn limit(mark: &MarkRule, listing: &[Listed], at: usize) -> Option<String> {
    let (chain, _) = listing.get(at)?;
    let rules_of = |name: &str| -> Option<Vec<&[String]>> {
        // Our own chain only sets marks; an unlisted one has no rules.
        let all = listing.iter().filter(|(chain, _)| chain == name);
        let all = all.filter(|_| name != CHAIN);
        Some(all.map(|(_, words)| words.as_slice()).collect())
    };
    let marks_anew = |words: &[String]| {
        rule::mark_set(words).is_some_and(|(set, _)| set.is_none_or(|set| set != mark.mark))
    };
    listing
        .iter()
        .enumerate()
        .filter(|(_, (of, words))| of == chain && may_meet(words, mark))
        .find(|(place, (_, words))| match place.cmp(&at) {
            Ordering::Less => may_keep(words, &rules_of),
            Ordering::Equal => false,
            Ordering::Greater => marks_anew(words),
        })
        .map(|(_, (chain, words))| {
            let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
            format!("-A {} {}", shell_word(chain), words.join(" "))
        })
}
