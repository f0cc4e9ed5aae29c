//! The rules of our own chain as they must be.

use std::collections::BTreeSet;

use super::{Request, Scope};
use crate::model::live::{ChainRule, ChainState};
use crate::model::{Family, MarkKey, MarkRule};

/// The chain that is wanted in one family. `named` are the marks that are looked at.
pub(super) fn target(
    request: &Request,
    family: Family,
    live: &ChainState,
    named: &BTreeSet<MarkKey>,
) -> ChainState {
    let rules = match request.scope {
        Scope::Named(_) if named.is_empty() => return live.clone(),
        Scope::Named(_) => replace(request, live, named),
        Scope::Everything | Scope::Exact => whole(request, family, live, named),
    };
    if rules.is_empty() && live.rules.is_empty() {
        // An empty chain that stands there does no harm; a missing one is not missed.
        return live.clone();
    }
    ChainState::holding(rules)
}

/// Everything else stays where it is; the rules of each mark named change in place.
fn replace(request: &Request, live: &ChainState, named: &BTreeSet<MarkKey>) -> Vec<ChainRule> {
    let mut rules = live.rules.clone();
    let order = request.wanted.mark_keys();
    let in_order = order.iter().filter(|key| named.contains(key));
    let gone = named.iter().filter(|key| !order.contains(key));
    for key in in_order.chain(gone) {
        let mine = |rule: &ChainRule| matches!(rule, ChainRule::Mark(r) if r.key() == *key);
        let wanted: Vec<ChainRule> = request
            .wanted
            .rules_of(*key)
            .into_iter()
            .map(ChainRule::Mark)
            .collect();
        let theirs: Vec<ChainRule> = rules.iter().filter(|rule| mine(rule)).cloned().collect();
        if theirs == wanted {
            continue;
        }
        let place = rules.iter().position(mine).unwrap_or(rules.len());
        rules.retain(|rule| !mine(rule));
        let place = place.min(rules.len());
        rules.splice(place..place, wanted);
    }
    rules
}

/// Exactly what is wanted, in its order; foreign marks stay, strays in our own chain go.
fn whole(
    request: &Request,
    family: Family,
    live: &ChainState,
    named: &BTreeSet<MarkKey>,
) -> Vec<ChainRule> {
    let is_ours = |rule: &MarkRule| named.contains(&rule.key());
    let wanted: Vec<MarkRule> = request
        .wanted
        .marks
        .iter()
        .filter(|rule| rule.family == family)
        .cloned()
        .collect();
    let standing = live.marks();
    let ours: Vec<MarkRule> = standing
        .iter()
        .filter(|rule| is_ours(rule))
        .cloned()
        .collect();
    if ours == wanted {
        return standing.into_iter().map(ChainRule::Mark).collect();
    }
    let foreign = standing.into_iter().filter(|rule| !is_ours(rule));
    wanted
        .into_iter()
        .chain(foreign)
        .map(ChainRule::Mark)
        .collect()
}
