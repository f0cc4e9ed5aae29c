//! A three-way merge of one entry: what two sides made of a value that both started from.

use super::entry::EntryValue;
use super::policy::{ServerPolicy, ServicePolicy};
use super::server::RealServer;

/// What two sides lead to. Where both changed the same thing differently, "theirs" is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The value; `None` is no entry.
    pub value: Option<EntryValue>,
    /// The fields that both sides changed differently; `None` is the entry as a whole.
    pub clashes: Vec<Option<&'static str>>,
}

/// Merges what two sides made of an entry: per field, the change of the only side that made one.
pub fn merge(
    base: Option<EntryValue>,
    theirs: Option<EntryValue>,
    mine: Option<EntryValue>,
) -> Merged {
    use EntryValue::{Server, Service};
    let mut fields = Fields::default();
    let value = match (base, theirs, mine) {
        (Some(Service(b)), Some(Service(t)), Some(Service(m))) => {
            let mut all = t.clone();
            all.scheduler = fields.pick("scheduler", b.scheduler, t.scheduler, m.scheduler);
            all.flags = fields.pick("flags", b.flags, t.flags, m.flags);
            all.persistent = fields.pick("persistent", b.persistent, t.persistent, m.persistent);
            all.netmask = fields.pick("netmask", b.netmask, t.netmask, m.netmask);
            all.engine = fields.pick("engine", b.engine, t.engine, m.engine);
            all.one_packet = fields.pick("one_packet", b.one_packet, t.one_packet, m.one_packet);
            Some(Service(all))
        }
        (Some(Server(b)), Some(Server(t)), Some(Server(m))) => Some(Server(RealServer {
            forward: fields.pick("forward", b.forward, t.forward, m.forward),
            weight: fields.pick("weight", b.weight, t.weight, m.weight),
            upper: fields.pick("upper", b.upper, t.upper, m.upper),
            lower: fields.pick("lower", b.lower, t.lower, m.lower),
            tunnel: fields.pick("tunnel", b.tunnel, t.tunnel, m.tunnel),
        })),
        // A policy that is the default is none: its fields merge as those of one.
        (base, theirs, mine) if [&base, &theirs, &mine].iter().any(|v| is_of_service(v)) => {
            let [b, t, m] = [base, theirs, mine].map(service_policy);
            Some(EntryValue::ServicePolicy(ServicePolicy {
                checks: fields.pick("check", b.checks, t.checks, m.checks),
                on_fail: fields.pick("on_fail", b.on_fail, t.on_fail, m.on_fail),
                snat: fields.pick("snat", b.snat, t.snat, m.snat),
            }))
        }
        (base, theirs, mine) if [&base, &theirs, &mine].iter().any(|v| is_of_server(v)) => {
            let [b, t, m] = [base, theirs, mine].map(server_policy);
            Some(EntryValue::ServerPolicy(ServerPolicy {
                checks: fields.pick("check", b.checks, t.checks, m.checks),
                host: fields.pick("host", b.host, t.host, m.host),
            }))
        }
        (base, theirs, mine) => fields.pick_of(None, base, theirs, mine),
    };
    Merged {
        value,
        clashes: fields.clashes,
    }
}

fn is_of_service(value: &Option<EntryValue>) -> bool {
    matches!(value, Some(EntryValue::ServicePolicy(_)))
}

fn is_of_server(value: &Option<EntryValue>) -> bool {
    matches!(value, Some(EntryValue::ServerPolicy(_)))
}

fn service_policy(value: Option<EntryValue>) -> ServicePolicy {
    match value {
        Some(EntryValue::ServicePolicy(policy)) => policy,
        _ => ServicePolicy::default(),
    }
}

fn server_policy(value: Option<EntryValue>) -> ServerPolicy {
    match value {
        Some(EntryValue::ServerPolicy(policy)) => policy,
        _ => ServerPolicy::default(),
    }
}

#[derive(Default)]
struct Fields {
    clashes: Vec<Option<&'static str>>,
}

impl Fields {
    fn pick<T: PartialEq>(&mut self, field: &'static str, base: T, theirs: T, mine: T) -> T {
        self.pick_of(Some(field), base, theirs, mine)
    }

    fn pick_of<T: PartialEq>(
        &mut self,
        field: Option<&'static str>,
        base: T,
        theirs: T,
        mine: T,
    ) -> T {
        if mine == base || theirs == mine {
            return theirs;
        }
        if theirs == base {
            return mine;
        }
        self.clashes.push(field);
        theirs
    }
}
