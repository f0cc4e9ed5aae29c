//! Entries that somebody else made: refused until they are taken over.

use crate::candidate::Candidate;
use crate::error::{Error, Kind, Result};
use crate::model::{EntryKey, EntryValue, Live, Ruleset};

/// Refuses to change what somebody else made and nobody took over.
pub(super) fn refuse_foreign(candidate: &Candidate, head: &Ruleset, live: &Live) -> Result<()> {
    for entry in candidate.scope() {
        let (Some(wanted), Some(standing)) =
            (candidate.rules().get(&entry), live.rules.get(&entry))
        else {
            continue;
        };
        let has_no_owner = matches!(entry, EntryKey::Setting(key) if key.facts().foreign.is_none());
        if head.get(&entry).is_some()
            || candidate.is_taken(&entry)
            || wanted.satisfied_by(&standing)
            || has_no_owner
        {
            continue;
        }
        return Err(foreign(&entry, &standing_text(&entry, live)));
    }
    // A complete list of servers would drop servers of a service that is not ours yet.
    for key in candidate.exact_servers() {
        let (false, Some(standing), Some(wanted)) = (
            head.services.contains_key(key) || candidate.is_taken(&EntryKey::Service(*key)),
            live.rules.services.get(key),
            candidate.rules().services.get(key),
        ) else {
            continue;
        };
        if let Some((server, options)) = standing
            .servers
            .iter()
            .find(|(server, _)| !wanted.servers.contains_key(server))
        {
            return Err(foreign(
                &EntryKey::Server(*key, *server),
                &options.summary(),
            ));
        }
    }
    Ok(())
}

fn foreign(entry: &EntryKey, standing: &str) -> Error {
    let differs = format!("somebody else made it, and it differs: the kernel has {standing}");
    taken_over_first(differs, entry).attempt("cannot change")
}

/// Refuses to work on what somebody else made and nobody took over.
pub(super) fn not_ours(entry: &EntryKey) -> Error {
    taken_over_first("somebody else made it".to_owned(), entry)
}

fn taken_over_first(cause: String, entry: &EntryKey) -> Error {
    let name = match entry {
        EntryKey::Marks(key) => key.service().to_string(),
        other => other
            .service()
            .map_or_else(|| other.to_string(), |key| key.to_string()),
    };
    Error::new(Kind::Foreign, cause)
        .object(entry)
        .hint(format!("take it over first: ipvsh adopt \"{name}\""))
        .hint("or let this change take it over: --adopt")
}

fn standing_text(entry: &EntryKey, live: &Live) -> String {
    match (entry, live.rules.get(entry)) {
        (EntryKey::Service(key), Some(EntryValue::Service(options))) => {
            options.summary(key.family())
        }
        (_, Some(EntryValue::Server(server))) => server.summary(),
        (_, Some(EntryValue::Marks(rules))) => rules
            .iter()
            .map(|rule| rule.summary())
            .collect::<Vec<_>>()
            .join("; "),
        (EntryKey::Setting(key), Some(EntryValue::Setting(setting))) => setting.in_words(*key),
        _ => "it".to_owned(),
    }
}
