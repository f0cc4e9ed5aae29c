//! Other people's rules that set marks, in every table of iptables: read, never changed.
//!
//! Source of truth: iptables-extensions(8), MARK, CONNMARK, TPROXY. None of them is tied to the
//! mangle table by the kernel (xt_mark.c).

use super::iptables::Iptables;
use super::{TABLE, rule, table};
use crate::error::Result;
use crate::model::{Family, ForeignMark};

/// All tables, in the order in which a packet meets them first.
const TABLES: [&str; 5] = ["raw", TABLE, "nat", "filter", "security"];

impl Iptables {
    /// Says which rules of other people set marks; `None` where there may be rules that cannot be
    /// seen: of the other back end, or of nft's own in one of these tables. Tables of nft's own
    /// with other names are never seen.
    ///
    /// # Errors
    /// As [`super::Marks::observe`], and where marks are not available.
    pub fn foreign_marks(&mut self, family: Family) -> Result<Option<Vec<ForeignMark>>> {
        let tool = self.tool(family)?;
        if tool.others_may_have_rules() {
            return Ok(None);
        }
        let mut found = Vec::new();
        for name in TABLES.into_iter().filter(|name| tool.may_have_rules(name)) {
            match tool.run_on(name, &["-S"])?.check() {
                Ok(listing) => found.extend(table::foreign_marks(name, family, &listing)),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// Reads somebody else's rule, where it sets a mark.
pub fn read(table: &str, family: Family, chain: &str, words: &[String]) -> Option<ForeignMark> {
    let (mark, mask) = rule::mark_set(words)?;
    Some(ForeignMark {
        table: table.to_owned(),
        chain: chain.to_owned(),
        mark,
        mask,
        rule: rule::read(family, words),
        words: words.to_vec(),
    })
}
