//! The bytes of the mirror's base: a head that can be read by people, and in one pass.
//!
//! Tens of thousands of real servers have the same few options: what they say is understood once.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde::de::DeserializeOwned;

use super::super::DatabaseKind;
use super::super::content::{Rest, from_json, to_json};
use super::broken;
use super::commit::Head;
use super::format::{header, skip_header};
use crate::error::Result;
use crate::model::{
    FoundValues, RealServer, Ruleset, ServerKey, ServiceKey, ServiceOptions, VirtualService,
};

/// So many texts are remembered with what they say.
const REMEMBERED: usize = 1024;

/// What the line of the values found begins with; a base without any has none.
const FOUND: &str = "found ";

/// What the line of a policy begins with, behind the service and its servers: of the service itself,
/// or of the server that is named.
const POLICY: &str = "policy ";

/// The length of the last line: `end `, 8 digits, a newline.
const END: usize = 13;

/// The base of a head.
///
/// # Errors
/// `bug` where it cannot be written as JSON.
pub(super) fn encode(
    kind: DatabaseKind,
    head: &Head,
    rules: &Ruleset,
    found: &FoundValues,
) -> Result<Vec<u8>> {
    let mut bytes = header(kind).into_bytes();
    let mut line = |name: String, json: Vec<u8>| {
        bytes.extend(name.into_bytes());
        bytes.extend(json);
        bytes.push(b'\n');
    };
    line(String::new(), to_json(head)?);
    for (key, service) in &rules.services {
        line(format!("{key} "), to_json(&service.options)?);
        for (server, options) in &service.servers {
            line(format!(" {server} "), to_json(options)?);
        }
        if !service.policy.is_default() {
            line(POLICY.to_owned(), to_json(&service.policy)?);
        }
        for (server, policy) in &service.server_policies {
            line(format!("{POLICY}{server} "), to_json(policy)?);
        }
    }
    if !found.is_empty() {
        line(FOUND.to_owned(), to_json(found)?);
    }
    line(String::new(), to_json(&Rest::of(rules))?);
    bytes.extend(end(&bytes).into_bytes());
    Ok(bytes)
}

/// The last line. What it is to find is damage; where a base is not trusted for what it holds, that
/// is compared with the digest of the content.
fn end(body: &[u8]) -> String {
    format!("end {:08x}\n", crc32fast::hash(body))
}

/// What a base holds.
pub(super) struct Base<'a> {
    pub(super) head: Head,
    pub(super) rules: Ruleset,
    /// The values found, not yet understood: boot needs none of them.
    found: &'a [u8],
}

impl Base<'_> {
    /// The values found.
    ///
    /// # Errors
    /// `damaged` where they cannot be understood.
    pub(super) fn found(&self) -> Result<FoundValues> {
        match self.found {
            [] => Ok(FoundValues::default()),
            json => from_json(json, "the values found in the mirror"),
        }
    }
}

/// Reads a base.
///
/// # Errors
/// `damaged` where it does not fit its checksum, or cannot be understood.
pub(super) fn decode(bytes: &[u8], kind: DatabaseKind) -> Result<Base<'_>> {
    let body = bytes
        .len()
        .checked_sub(END)
        .and_then(|at| bytes.split_at_checked(at));
    let (body, last) = body.ok_or_else(|| broken("its base is cut"))?;
    if last != end(body).as_bytes() {
        return Err(broken("its base does not fit its checksum"));
    }
    let incomplete = || broken("its base is incomplete");
    let lines = skip_header(body, kind)?.strip_suffix(b"\n");
    let mut lines = lines.ok_or_else(incomplete)?.split(|byte| *byte == b'\n');
    let head = from_json(lines.next().ok_or_else(incomplete)?, "the mirror's head")?;
    let rest = lines.next_back().ok_or_else(incomplete)?;
    let rest: Rest = from_json(rest, "the mirror")?;

    let mut of_services: Known<ServiceOptions> = Known::default();
    let mut of_servers: Known<RealServer> = Known::default();
    let mut services: Vec<(ServiceKey, VirtualService)> = Vec::new();
    let mut servers = Vec::new();
    let mut found = &b""[..];
    for line in lines {
        if let Some(values) = line.strip_prefix(FOUND.as_bytes()) {
            found = values;
            continue;
        }
        let (name, json) = parts(line)?;
        if let Some(of) = name.strip_prefix(POLICY.trim_end()) {
            give_policy(&mut services, of.trim_start(), json)?;
            continue;
        }
        if let Some(server) = name.strip_prefix(' ') {
            servers.push((server_key(server)?, of_servers.of(json)?));
            continue;
        }
        give(&mut services, &mut servers)?;
        let key =
            ServiceKey::parse(name).map_err(|error| broken(&error.message()).caused_by(error))?;
        let options = of_services.of(json)?;
        let servers = Default::default();
        services.push((key, VirtualService::of_kernel(options, servers)));
    }
    give(&mut services, &mut servers)?;
    let mut rules = Ruleset {
        services: services.into_iter().collect(),
        ..Ruleset::default()
    };
    rest.put_into(&mut rules);
    Ok(Base { head, rules, found })
}

/// Gives the last service its servers.
fn give(
    services: &mut [(ServiceKey, VirtualService)],
    servers: &mut Vec<(ServerKey, RealServer)>,
) -> Result<()> {
    match services.last_mut() {
        Some((_, service)) => service.servers = servers.drain(..).collect(),
        None if servers.is_empty() => {}
        None => return Err(broken("a real server in its base has no service")),
    }
    Ok(())
}

/// Gives the last service a policy: its own, or that of the server named.
fn give_policy(
    services: &mut [(ServiceKey, VirtualService)],
    server: &str,
    json: &[u8],
) -> Result<()> {
    let Some((_, service)) = services.last_mut() else {
        return Err(broken("a policy in its base has no service"));
    };
    match server {
        "" => service.policy = from_json(json, "a policy in the mirror")?,
        server => {
            let policy = from_json(json, "a policy in the mirror")?;
            service.server_policies.insert(server_key(server)?, policy);
        }
    }
    Ok(())
}

/// The name and the options of a line: ` 10.0.0.1:80 {"forward":"masq"}`.
fn parts(line: &[u8]) -> Result<(&str, &[u8])> {
    let begin = line.iter().position(|byte| *byte == b'{');
    let parts = begin.and_then(|at| line.split_at_checked(at));
    parts
        .and_then(|(name, json)| Some((std::str::from_utf8(name).ok()?.trim_end(), json)))
        .ok_or_else(|| broken("a line of its base cannot be understood"))
}

fn server_key(name: &str) -> Result<ServerKey> {
    let address: SocketAddr = name
        .parse()
        .map_err(|_| broken("the name of a real server in its base cannot be understood"))?;
    Ok(ServerKey {
        addr: address.ip(),
        port: address.port(),
    })
}

/// What texts say that were read before.
struct Known<'a, T>(HashMap<&'a [u8], T>);

impl<T> Default for Known<'_, T> {
    fn default() -> Self {
        Known(HashMap::new())
    }
}

impl<'a, T: DeserializeOwned + Clone> Known<'a, T> {
    fn of(&mut self, json: &'a [u8]) -> Result<T> {
        if let Some(value) = self.0.get(json) {
            return Ok(value.clone());
        }
        let value: T = from_json(json, "the mirror")?;
        if self.0.len() < REMEMBERED {
            self.0.insert(json, value.clone());
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::store::content::content_of;
    use crate::store::tests::{draft, rules};
    use crate::store::{mirror::commit::Head, record};

    fn base(rules: &Ruleset) -> Vec<u8> {
        let head = Head {
            snapshot: record::snapshot_of(&draft("first"), crate::model::SnapshotId(1), None),
            content: content_of(rules).unwrap(),
            found: None,
            confirm: None,
        };
        encode(DatabaseKind::Sim, &head, rules, &FoundValues::default()).unwrap()
    }

    fn sealed(body: &str) -> Vec<u8> {
        [body, &end(body.as_bytes())].concat().into_bytes()
    }

    #[test]
    fn a_base_reads_back() {
        for (services, servers) in [
            (0, 0),
            (1, 0),
            (3, 2),
            (1, 2000),
            (REMEMBERED as u32 + 3, 2),
        ] {
            let rules = rules(services, servers);
            let bytes = base(&rules);
            let base = decode(&bytes, DatabaseKind::Sim).unwrap();
            assert_eq!(base.rules, rules);
            assert_eq!(base.found().unwrap(), FoundValues::default());
            assert_eq!(base.head.content, content_of(&rules).unwrap());
            assert!(decode(&bytes, DatabaseKind::Linux).is_err());
        }
    }

    #[test]
    fn no_byte_of_a_base_changes_unnoticed() {
        let bytes = base(&rules(2, 2));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let error = decode(&damaged, DatabaseKind::Sim).err().unwrap();
            assert_eq!(error.kind(), Kind::Damaged);
            assert!(decode(&bytes[..at], DatabaseKind::Sim).is_err());
        }
    }

    #[test]
    fn what_no_base_says_is_refused() {
        let whole = String::from_utf8(base(&rules(1, 1))).unwrap();
        let body = &whole[..whole.len() - END];
        let service = body.lines().find(|line| line.starts_with("tcp")).unwrap();
        for (from, to) in [
            (service, "tcp nowhere {}"),
            (service, "tcp 192.0.2.1:80"),
            (&format!("{service}\n"), ""),
            ("\n 10", "\n ten"),
            ("{\"timeouts\":{}}\n", ""),
        ] {
            assert!(body.contains(from), "{from} in {body}");
            let text = sealed(&body.replace(from, to));
            let error = decode(&text, DatabaseKind::Sim).err().unwrap();
            assert_eq!(error.kind(), Kind::Damaged, "{to}");
        }
    }
}
