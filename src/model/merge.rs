//! A three-way merge of one entry: what two sides made of a value that both started from.

use super::entry::EntryValue;
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
        (base, theirs, mine) => fields.pick_of(None, base, theirs, mine),
    };
    Merged {
        value,
        clashes: fields.clashes,
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
