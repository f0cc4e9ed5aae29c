//! The table of rules, the worst first.

use super::rule::{Look, Rule};
use super::rules::*;
use crate::error::{Error, Kind, Result, did_you_mean};

/// All rules: those whose findings cost most stand first.
pub const RULES: &[&Rule] = &[
    // Clients are not served.
    &noted::FORWARDING,
    &noted::VIP_MISSING,
    &noted::NO_SERVERS,
    &noted::ON_LINK,
    &noted::LOOPBACK_MASQ,
    &noted::LOOPBACK_VIP,
    &noted::NAT_RETURN,
    &redirects::RULE,
    &rp_filter::RULE,
    &noted::MARK_ORPHAN,
    &noted::MARK_OVERLAP,
    &noted::MARK_PORT,
    &noted::HASHED_AWAY,
    &noted::VIP_SILENT,
    &ftp::RULE,
    &sync_role::RULE,
    // Something will fail.
    &noted::SNAT,
    &noted::MIXED,
    &noted::SYNC_LINK,
    &scheduler::RULE,
    &conntrack::RULE,
    &persist_quiesce::RULE,
    &conn_reuse::RULE,
    &nodest::RULE,
    &checks::RULE,
    &managers::RULE,
    &vip_source::RULE,
    &server::RULE,
    &next_boot::RULE,
    // Something is untidy.
    &buckets::RULE,
    &forgotten::RULE,
    &noted::FLAGS,
];

/// The rules that names mean, in the order of the table; without names all, or the quick ones.
///
/// # Errors
/// `usage` for a name that no rule has, with a "did you mean".
pub fn selected(names: &[String], only_quick: bool) -> Result<Vec<&'static Rule>> {
    for name in names {
        if RULES.iter().any(|rule| rule.id == name) {
            continue;
        }
        let error = Error::new(Kind::Usage, format!("there is no rule \"{name}\""))
            .attempt("cannot look")
            .about(name);
        return Err(match did_you_mean(name, RULES.iter().map(|rule| rule.id)) {
            Some(close) => error.hint(format!("did you mean \"{close}\"?")),
            None => error,
        }
        .hint("the rules: ipvsh doctor --help"));
    }
    let is_wanted = |rule: &&&Rule| match names {
        [] => !only_quick || rule.is_quick,
        names => names.iter().any(|name| name == rule.id),
    };
    Ok(RULES.iter().filter(is_wanted).copied().collect())
}

/// Returns true if `ipvsh status` says the same elsewhere: as a note, or on a line of its own.
pub fn shown_by_status(rule: &Rule) -> bool {
    matches!(rule.look, Look::Notes(..) | Look::InStatus(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes::Topic;

    #[test]
    fn every_topic_of_notes_has_its_rule() {
        for topic in Topic::ALL {
            let id = noted::rule_of(topic);
            let rule = RULES.iter().find(|rule| rule.id == id).unwrap();
            match rule.look {
                Look::Notes(..) if topic == Topic::ClientAddress => {}
                Look::Notes(topics, _) => assert!(topics.contains(&topic), "{topic:?}"),
                Look::Own(_) | Look::InStatus(_) => {
                    assert!(matches!(topic, Topic::Cut | Topic::Silence), "{topic:?}");
                }
            }
        }
        for rule in RULES {
            if let Look::Notes(topics, _) = rule.look {
                assert!(topics.iter().all(|one| noted::rule_of(*one) == rule.id));
            }
        }
    }

    #[test]
    fn the_worst_rules_stand_first_and_each_once() {
        assert!(RULES.is_sorted_by_key(|rule| rule.severity));
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(ids.iter().all(|id| id.chars().all(is_name)));
    }

    #[test]
    fn a_name_that_no_rule_has_is_refused() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|one| (*one).to_owned())
                .collect::<Vec<_>>()
        };
        let two = selected(&names(&["redirects", "forwarding"]), false).unwrap();
        let ids: Vec<&str> = two.iter().map(|rule| rule.id).collect();
        assert_eq!(ids, ["forwarding", "redirects"]);
        let refused = selected(&names(&["redirect"]), false).unwrap_err();
        assert_eq!(refused.hints()[0], "did you mean \"redirects\"?");
        assert!(
            selected(&[], true)
                .unwrap()
                .iter()
                .all(|rule| rule.is_quick)
        );
    }
}
