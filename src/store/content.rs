//! A ruleset as nodes: what a snapshot's record points to.
//!
//! - `services`: a trie from the service's name to its options and servers, as JSON. Servers of
//!   more than [`INLINE_BYTES`] of JSON are a trie of their own, from the server's name to its
//!   options, so that one weight in a service of thousands costs one path.
//! - `rest`: marks and settings as JSON, in pieces; absent where there are none.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::address::{Address, damaged};
use super::node::{Node, Nodes};
use super::pieces;
use super::trie::{self, Changes, Root};
use crate::error::{Error, Kind, Result};
use crate::model::{
    MarkRule, Ruleset, ServerKey, ServerPolicies, Servers, ServiceKey, ServiceOptions,
    ServicePolicy, Settings, VirtualService,
};
use crate::threads::beside;

/// The most bytes of JSON of servers that stand in their service's own item.
const INLINE_BYTES: usize = 1024;

/// From so many services on a second thread reads a half of them.
const MANY: u64 = 256;

type Service = (ServiceKey, VirtualService);
type Services = BTreeMap<ServiceKey, VirtualService>;

/// Where a ruleset is; two rulesets are equal if and only if their contents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Content {
    /// The trie of services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) services: Root,
    /// All else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rest: Root,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    options: ServiceOptions,
    #[serde(default, skip_serializing_if = "Servers::is_empty")]
    servers: Servers,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tree: Root,
    #[serde(default, skip_serializing_if = "ServicePolicy::is_default")]
    policy: ServicePolicy,
    #[serde(default, skip_serializing_if = "ServerPolicies::is_empty")]
    server_policies: ServerPolicies,
    /// Policies of servers of more than [`INLINE_BYTES`] of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_tree: Root,
}

/// A ruleset without its services.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rest {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    marks: Vec<MarkRule>,
    #[serde(flatten)]
    settings: Settings,
}

impl Rest {
    /// What a ruleset holds beside its services.
    pub(super) fn of(rules: &Ruleset) -> Rest {
        Rest {
            marks: rules.marks.clone(),
            settings: rules.settings.clone(),
        }
    }

    /// Puts it back.
    pub(super) fn put_into(self, rules: &mut Ruleset) {
        rules.marks = self.marks;
        rules.settings = self.settings;
    }
}

/// Writes JSON; our types have no maps that JSON cannot write.
pub(super) fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| {
        Error::new(Kind::Bug, error.to_string())
            .attempt("cannot write JSON")
            .caused_by(error)
    })
}

/// Reads JSON whose checksum was right.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| damaged(format!("{what} cannot be understood: {error}")).caused_by(error))
}

fn name(key: &impl ToString) -> Vec<u8> {
    key.to_string().into_bytes()
}

fn read_name<T>(bytes: &[u8], parse: impl Fn(&str) -> Option<T>) -> Result<T> {
    let text = std::str::from_utf8(bytes).ok();
    text.and_then(parse)
        .ok_or_else(|| damaged("a name cannot be understood"))
}

fn read_service_name(bytes: &[u8]) -> Result<ServiceKey> {
    read_name(bytes, |text| ServiceKey::parse(text).ok())
}

fn read_server_name(bytes: &[u8]) -> Result<ServerKey> {
    read_name(bytes, |text| {
        let socket: std::net::SocketAddr = text.parse().ok()?;
        Some(ServerKey {
            addr: socket.ip(),
            port: socket.port(),
        })
    })
}

/// Keeps a ruleset, given the one before it and where that is: costs what the change costs, and
/// a comparison of both.
///
/// # Errors
/// `damaged` where a node of the one before cannot be read.
pub(super) fn write(
    nodes: &mut impl Nodes,
    before: (Content, &Ruleset),
    rules: &Ruleset,
) -> Result<Content> {
    let (at, old) = before;
    let mut changes = Changes::new();
    for key in old.services.keys() {
        if !rules.services.contains_key(key) {
            changes.insert(name(key), None);
        }
    }
    for (key, service) in &rules.services {
        let was = old.services.get(key);
        if was != Some(service) {
            let was = was.map(|was| (at.services, was));
            let item = write_service(nodes, key, was, service)?;
            changes.insert(name(key), Some(to_json(&item)?));
        }
    }
    let (old_rest, rest) = (Rest::of(old), Rest::of(rules));
    Ok(Content {
        services: trie::update(nodes, at.services, changes)?,
        rest: if rest == old_rest {
            at.rest
        } else if rest == Rest::default() {
            None
        } else {
            Some(pieces::write(nodes, &to_json(&rest)?))
        },
    })
}

fn write_service(
    nodes: &mut impl Nodes,
    key: &ServiceKey,
    was: Option<(Root, &VirtualService)>,
    service: &VirtualService,
) -> Result<Item> {
    let none = VirtualService::new(key.family());
    let mut item = Item {
        options: service.options.clone(),
        servers: service.servers.clone(),
        tree: None,
        policy: service.policy.clone(),
        server_policies: service.server_policies.clone(),
        policy_tree: None,
    };
    let are_many = is_long(&service.servers)?;
    let have_many_policies = is_long(&service.server_policies)?;
    if !are_many && !have_many_policies {
        return Ok(item);
    }
    let (before, old) = match was {
        Some((root, was)) => (read_item(nodes, root, key)?, was),
        None => (None, &none),
    };
    // What stands in a tree already changes there; what stood in its item is written whole.
    let trees = before.map_or((None, None), |item| (item.tree, item.policy_tree));
    if are_many {
        let old = trees.0.map_or(&*none.servers, |_| &*old.servers);
        item.tree = write_tree(nodes, trees.0, old, &service.servers)?;
        item.servers = Servers::default();
    }
    if have_many_policies {
        let old = trees
            .1
            .map_or(&none.server_policies, |_| &old.server_policies);
        item.policy_tree = write_tree(nodes, trees.1, old, &service.server_policies)?;
        item.server_policies = ServerPolicies::new();
    }
    Ok(item)
}

/// Returns true for what takes more room than its service's own item has for it.
fn is_long(value: &impl Serialize) -> Result<bool> {
    Ok(to_json(value)?.len() > INLINE_BYTES)
}

/// Writes what belongs to the servers of one service as a tree of its own, from the server's name.
fn write_tree<T: Serialize + PartialEq>(
    nodes: &mut impl Nodes,
    tree: Root,
    old: &BTreeMap<ServerKey, T>,
    new: &BTreeMap<ServerKey, T>,
) -> Result<Root> {
    let mut changes = Changes::new();
    for server in old.keys() {
        if !new.contains_key(server) {
            changes.insert(name(server), None);
        }
    }
    for (server, set) in new {
        if old.get(server) != Some(set) {
            changes.insert(name(server), Some(to_json(set)?));
        }
    }
    trie::update(nodes, tree, changes)
}

fn read_item(nodes: &impl Nodes, root: Root, key: &ServiceKey) -> Result<Option<Item>> {
    trie::get(nodes, root, &name(key))?
        .map(|bytes| from_json(&bytes, "a virtual service"))
        .transpose()
}

fn read_servers(nodes: &impl Nodes, item: Item) -> Result<VirtualService> {
    let mut servers = item.servers;
    for (server, set) in trie::items(nodes, item.tree)? {
        servers.insert(
            read_server_name(&server)?,
            from_json(&set, "a real server")?,
        );
    }
    let mut server_policies = item.server_policies;
    for (server, policy) in trie::items(nodes, item.policy_tree)? {
        let policy = from_json(&policy, "the policy of a real server")?;
        server_policies.insert(read_server_name(&server)?, policy);
    }
    Ok(VirtualService {
        options: item.options,
        servers,
        policy: item.policy,
        server_policies,
    })
}

fn read_rest(nodes: &impl Nodes, at: Root) -> Result<Rest> {
    match at {
        Some(address) => from_json(&pieces::read(nodes, address)?, "marks and timeouts"),
        None => Ok(Rest::default()),
    }
}

fn read_service(nodes: &impl Nodes, key: &[u8], value: &[u8]) -> Result<Service> {
    let item = from_json(value, "a virtual service")?;
    Ok((read_service_name(key)?, read_servers(nodes, item)?))
}

fn services_of(nodes: &impl Nodes, items: trie::Items) -> Result<Services> {
    let services = items.iter();
    services
        .map(|(key, value)| read_service(nodes, key, value))
        .collect()
}

fn read_parts(nodes: &impl Nodes, parts: &[Address]) -> Result<Vec<Service>> {
    let mut services = Vec::new();
    for part in parts {
        trie::visit(nodes, *part, &mut |key, value| {
            services.push(read_service(nodes, key, value)?);
            Ok(())
        })?;
    }
    Ok(services)
}

/// Reads all services; many of them by two threads, as most of it is to check and to understand.
fn read_services(nodes: &impl Nodes, root: Root) -> Result<Services> {
    let (count, parts) = trie::parts(nodes, root)?;
    let read = match count < MANY {
        true => read_parts(nodes, &parts)?,
        false => read_by_two(nodes, &parts)?,
    };
    let services: Services = read.into_iter().collect();
    if services.len() as u64 != count {
        return Err(damaged("the tree of virtual services miscounts them"));
    }
    Ok(services)
}

fn read_by_two(nodes: &impl Nodes, parts: &[Address]) -> Result<Vec<Service>> {
    let (first, second) = parts.split_at(parts.len() / 2);
    let (read, rest) = beside(|| read_parts(nodes, first), || read_parts(nodes, second));
    let mut read = read?;
    read.append(&mut rest?);
    Ok(read)
}

/// Reads a whole ruleset.
///
/// # Errors
/// `damaged` where any node of it cannot be read.
pub(super) fn read(nodes: &impl Nodes, at: Content) -> Result<Ruleset> {
    let mut rules = Ruleset {
        services: read_services(nodes, at.services)?,
        ..Ruleset::default()
    };
    read_rest(nodes, at.rest)?.put_into(&mut rules);
    Ok(rules)
}

/// Reads some services of a ruleset, and all that is not a service; other services are not read.
///
/// # Errors
/// `damaged` where a node on the way cannot be read.
pub(super) fn part(
    nodes: &impl Nodes,
    at: Content,
    keys: &BTreeSet<ServiceKey>,
) -> Result<Ruleset> {
    let mut rules = Ruleset::default();
    for key in keys {
        if let Some(found) = service(nodes, at, key)? {
            rules.services.insert(*key, found);
        }
    }
    read_rest(nodes, at.rest)?.put_into(&mut rules);
    Ok(rules)
}

/// Counts the services; reads the topmost node only.
///
/// # Errors
/// `damaged` where that cannot be read.
pub(super) fn count_services(nodes: &impl Nodes, at: Content) -> Result<usize> {
    let count = trie::count(nodes, at.services)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Reads one service; the nodes of the others are not read.
///
/// # Errors
/// `damaged` where a node on the way cannot be read.
pub(super) fn service(
    nodes: &impl Nodes,
    at: Content,
    key: &ServiceKey,
) -> Result<Option<VirtualService>> {
    read_item(nodes, at.services, key)?
        .map(|item| read_servers(nodes, item))
        .transpose()
}

/// Reads of two rulesets the services that differ, and all else that is not a service.
///
/// # Errors
/// `damaged` where a node that differs cannot be read.
pub(super) fn differences(
    nodes: &impl Nodes,
    one: Content,
    other: Content,
) -> Result<(Ruleset, Ruleset)> {
    let (ones, others) = trie::differences(nodes, one.services, other.services)?;
    let part = |items, at| -> Result<Ruleset> {
        let mut rules = Ruleset {
            services: services_of(nodes, items)?,
            ..Ruleset::default()
        };
        read_rest(nodes, at)?.put_into(&mut rules);
        Ok(rules)
    };
    Ok((part(ones, one.rest)?, part(others, other.rest)?))
}

/// Visits every node of a ruleset, except those below one that `enter` declines.
///
/// # Errors
/// `damaged` where a node cannot be read.
pub(super) fn walk(
    nodes: &impl Nodes,
    at: Content,
    enter: &mut dyn FnMut(Address) -> bool,
) -> Result<()> {
    let mut waiting: Vec<Address> = at.services.into_iter().chain(at.rest).collect();
    while let Some(address) = waiting.pop() {
        if !enter(address) {
            continue;
        }
        waiting.extend(children(&Node::load(nodes, address)?));
    }
    Ok(())
}

/// The nodes that a node of a ruleset leads to.
pub(super) fn children(node: &Node) -> Vec<Address> {
    let mut all = node.children();
    if let Node::Leaf(items) = node {
        // A leaf of a trie of servers holds no item that names a tree.
        let items = items
            .values()
            .filter_map(|value| serde_json::from_slice::<Item>(value).ok());
        all.extend(items.filter_map(|item| item.tree));
    }
    all
}

/// The content of a ruleset that is nowhere yet.
///
/// # Errors
/// `bug` where it cannot be written as JSON.
pub(super) fn content_of(rules: &Ruleset) -> Result<Content> {
    let nowhere = (Content::default(), &Ruleset::default());
    write(&mut super::node::Loose::default(), nowhere, rules)
}

#[cfg(test)]
mod tests {
    use super::super::node::Loose;
    use super::*;

    #[test]
    fn many_services_are_read_whole_or_refused() {
        let services = (0..3 * MANY).map(|n| {
            let key = ServiceKey::parse(&format!("tcp 192.0.{}.{}:80", 2 + n / 256, n % 256));
            let options = ServiceOptions::defaults(crate::model::Family::Ipv4);
            let servers = Servers::default();
            (key.unwrap(), VirtualService::of_kernel(options, servers))
        });
        let rules = Ruleset {
            services: services.collect(),
            ..Ruleset::default()
        };
        let mut nodes = Loose::default();
        let nothing = (Content::default(), &Ruleset::default());
        let at = write(&mut nodes, nothing, &rules).unwrap();
        assert_eq!(read(&nodes, at).unwrap(), rules);
        // Of either half, whichever thread meets it.
        for address in nodes.0.keys().step_by(9) {
            let mut less = nodes.clone();
            less.0.remove(address);
            assert_eq!(read(&less, at).unwrap_err().kind(), Kind::Damaged);
        }
    }
}
