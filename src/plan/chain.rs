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
        Scope::Named(_) => replace(request, family, live, named),
        Scope::Everything | Scope::Exact => whole(request, family, live, named),
    };
    if rules.is_empty() && live.rules.is_empty() {
        // An empty chain that stands there does no harm; a missing one is not missed.
        return live.clone();
    }
    ChainState::holding(rules)
}

/// Everything else stays where it is; the rules of each mark named change in place.
fn replace(
    request: &Request,
    family: Family,
    live: &ChainState,
    named: &BTreeSet<MarkKey>,
) -> Vec<ChainRule> {
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
    for (place, key) in order
        .iter()
        .enumerate()
        .filter(|(_, key)| named.contains(key))
    {
        let (before, after) = (order.get(..place), order.get(place + 1..));
        put_in_order(
            &mut rules,
            *key,
            before.unwrap_or(&[]),
            after.unwrap_or(&[]),
        );
    }
    take_turns(request, family, &mut rules, named);
    rules
}

/// Where rules of several marks take turns in what is wanted, no place for each mark is right:
/// all that are named then stand together, as they are wanted.
fn take_turns(
    request: &Request,
    family: Family,
    rules: &mut Vec<ChainRule>,
    named: &BTreeSet<MarkKey>,
) {
    let is_named = |rule: &ChainRule| match rule {
        ChainRule::Mark(rule) => named.contains(&rule.key()),
        ChainRule::Stray(_) => false,
    };
    let wanted: Vec<ChainRule> = request
        .wanted
        .marks
        .iter()
        .filter(|rule| rule.family == family && named.contains(&rule.key()))
        .cloned()
        .map(ChainRule::Mark)
        .collect();
    if rules.iter().filter(|rule| is_named(rule)).eq(&wanted) {
        return;
    }
    let place = rules.iter().position(is_named).unwrap_or(rules.len());
    rules.retain(|rule| !is_named(rule));
    let place = place.min(rules.len());
    rules.splice(place..place, wanted);
}

/// Moves the rules of a mark behind those that stand before it where they are wanted, unless it
/// is there already. Only marks that are named move.
pub(super) fn put_in_order(
    rules: &mut Vec<ChainRule>,
    key: MarkKey,
    before: &[MarkKey],
    after: &[MarkKey],
) {
    let key_of = |rule: &ChainRule| match rule {
        ChainRule::Mark(rule) => Some(rule.key()),
        ChainRule::Stray(_) => None,
    };
    let is_one_of =
        |rule: &ChainRule, keys: &[MarkKey]| key_of(rule).is_some_and(|k| keys.contains(&k));
    let Some(place) = rules.iter().position(|rule| key_of(rule) == Some(key)) else {
        return;
    };
    let (above, below) = rules.split_at(place);
    if !above.iter().any(|rule| is_one_of(rule, after))
        && !below.iter().any(|rule| is_one_of(rule, before))
    {
        return;
    }
    let (mine, mut others): (Vec<ChainRule>, Vec<ChainRule>) =
        rules.drain(..).partition(|rule| key_of(rule) == Some(key));
    let behind = others
        .iter()
        .rposition(|rule| is_one_of(rule, before))
        .map(|last| last + 1);
    let ahead = others.iter().position(|rule| is_one_of(rule, after));
    let place = behind.or(ahead).unwrap_or(others.len());
    others.splice(place..place, mine);
    *rules = others;
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
