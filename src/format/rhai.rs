//! A script that recreates a ruleset through the script API.
//!
//! Names and defaults are those of DESIGN's "Script API". What the API refuses (a kernel accepts
//! more) stays behind as a comment and is noted. `forward` is always named where there are
//! servers: left out, it would be what the servers that stand there use.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::combination::{check_server, check_service};
use crate::model::mark::{PortRange, net_text};
use crate::model::server::{Forwarding, RealServer, Tunnel, TunnelChecksum};
use crate::model::setting::Phase;
use crate::model::{
    DaemonRole, Family, InterfaceName, Maintenance, MaintenanceKey, MarkKey, MarkRule, Options,
    Protocol, Ruleset, ServerKey, ServerPolicy, ServiceKey, ServiceOptions, ServicePatch,
    SettingKind, Settings, SyncDaemon, SysctlName, SysctlValue, TimeoutKind, Timeouts,
    TunnelDevice, Vip, VipKey, VirtualService, json,
};

/// How many columns a statement may take on one line.
const WIDTH: usize = 100;

/// The first lines of a script: they tell a reader of the file what it is.
pub const HEADER: &str = "\
// A ruleset of ipvsh. Running it declares what is written here and leaves the rest
// alone: ipvsh run THIS-FILE
";

/// Writes the script; the notes say what it cannot recreate.
pub(super) fn write(rules: &Ruleset) -> (String, Vec<String>) {
    let mut script = Script::default();
    script.text.push_str(HEADER);
    script.settings(rules, |phase| phase <= Phase::BeforeMarks);
    let keys = rules.services.keys().copied();
    for key in keys
        .filter(|key| MarkKey::of_service(key).is_none_or(|mark| rules.rules_of(mark).is_empty()))
    {
        script.service(rules, &key, &[]);
    }
    script.marks(rules);
    script.settings(rules, |phase| phase > Phase::BeforeMarks);
    (script.text, script.notes)
}

#[derive(Default)]
struct Script {
    text: String,
    notes: Vec<String>,
}

impl Script {
    fn statement(&mut self, call: &str) {
        self.text.push('\n');
        self.text.push_str(call);
        self.text.push_str(";\n");
    }

    fn left_out(&mut self, what: &str, why: &str) {
        self.text
            .push_str(&format!("\n// left out: {what}: {why}\n"));
        self.notes.push(format!("{what} is left out: {why}"));
    }

    /// The settings of those kinds that are set in a phase.
    fn settings(&mut self, rules: &Ruleset, is_in: impl Fn(Phase) -> bool) {
        let kinds = SettingKind::ALL.into_iter();
        for kind in kinds.filter(|kind| is_in(kind.facts().is_set_in)) {
            for call in settings_calls(kind, &rules.settings) {
                self.statement(&call);
            }
        }
    }

    /// Marks in the order of the chain: in their service where every family of the mark has one,
    /// because `mark(...)` speaks for both families.
    fn marks(&mut self, rules: &Ruleset) {
        let keys = rules.mark_keys();
        let mut written = BTreeSet::new();
        let mut order: Vec<MarkRule> = Vec::new();
        for key in &keys {
            if !written.insert(key.mark) {
                continue;
            }
            let families: Vec<MarkKey> = keys
                .iter()
                .filter(|k| k.mark == key.mark)
                .copied()
                .collect();
            let has_service = |key: &MarkKey| {
                let service = rules.services.get(&key.service());
                service.is_some_and(|s| refuses(&key.service(), &s.options).is_none())
            };
            order.extend(families.iter().flat_map(|family| rules.rules_of(*family)));
            if families.iter().all(has_service) {
                for family in families {
                    self.service(rules, &family.service(), &rules.rules_of(family));
                }
                continue;
            }
            let all: Vec<&MarkRule> = rules.marks.iter().filter(|r| r.mark == key.mark).collect();
            let maps: Vec<String> = all
                .iter()
                .map(|rule| mark_rule(rule, Family::Ipv4))
                .collect();
            self.statement(&format!("mark({}, {})", key.mark, list(&maps, 0)));
            for family in families {
                self.service(rules, &family.service(), &[]);
            }
        }
        let chain = |rules: &[MarkRule], family| -> Vec<MarkRule> {
            rules
                .iter()
                .filter(|rule| rule.family == family)
                .cloned()
                .collect()
        };
        if Family::ALL
            .into_iter()
            .any(|family| chain(&order, family) != chain(&rules.marks, family))
        {
            self.notes.push(
                "the order of mark rules is not kept: rules of several marks take turns, and here \
                 those of each mark stand together (the last rule that fits wins)"
                    .to_owned(),
            );
        }
    }

    fn service(&mut self, rules: &Ruleset, key: &ServiceKey, marks: &[MarkRule]) {
        let Some(service) = rules.services.get(key) else {
            return;
        };
        if let Some(why) = refuses(key, &service.options) {
            self.left_out(&key.to_string(), &why);
            return;
        }
        let mut fields = options(&service.options, key.family());
        let maps: Vec<String> = marks
            .iter()
            .map(|rule| mark_rule(rule, key.family()))
            .collect();
        if !maps.is_empty() {
            fields.push(format!("marks: {}", list(&maps, 1)));
        }
        fields.extend(policy(&service.policy.json()));
        let servers = self.servers(key, service, &mut fields);
        if !servers.is_empty() {
            fields.push(format!("servers: {}", list(&servers, 1)));
        }
        let (name, target) = target(key);
        let call = format!("{name}({target}, ");
        let options = map(&fields, WIDTH - call.len().min(WIDTH));
        self.statement(&format!("{call}{options})"));
    }

    fn servers(
        &mut self,
        key: &ServiceKey,
        service: &VirtualService,
        fields: &mut Vec<String>,
    ) -> Vec<String> {
        let methods: BTreeSet<Forwarding> = service.servers.values().map(|s| s.forward).collect();
        let common = match methods.into_iter().collect::<Vec<_>>().as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        if let Some(forward) = common {
            fields.push(format!("forward: {}", quote(forward.name())));
        }
        let mut servers = Vec::new();
        for (server_key, server) in &service.servers {
            match check_server(key, server_key, server) {
                Ok(()) => {
                    let own = service.server_policies.get(server_key);
                    let own = own.map(ServerPolicy::json).unwrap_or_default();
                    servers.push(server_map(key, server_key, (server, &own), common));
                }
                Err(error) => {
                    self.left_out(&format!("server {server_key} of {key}"), &error.message())
                }
            }
        }
        servers
    }
}

/// The calls that declare the settings of a kind.
fn settings_calls(kind: SettingKind, settings: &Settings) -> Vec<String> {
    match kind {
        SettingKind::Timeout => timeouts_call(&settings.timeouts()).into_iter().collect(),
        SettingKind::SyncDaemon => settings
            .daemons()
            .map(|(role, daemon)| daemon_call(role, daemon))
            .collect(),
        SettingKind::TunnelDevice => settings
            .tunnel_devices()
            .map(|(name, device)| tunnel_device_call(name, device))
            .collect(),
        SettingKind::Sysctl => settings
            .sysctls()
            .map(|(name, value)| sysctl_call(name, value))
            .collect(),
        SettingKind::Vip => settings
            .vips()
            .map(|(key, vip)| {
                let mut all = settings.vips();
                let is_elsewhere = all
                    .any(|(other, _)| other.addr == key.addr && other.interface != key.interface);
                vip_call(key, vip, is_elsewhere)
            })
            .collect(),
        // The service declares it.
        SettingKind::SourceNat => Vec::new(),
        SettingKind::Maintenance => settings
            .maintenance()
            .map(|(key, one)| maintenance_call(key, one))
            .collect(),
    }
}

/// The call that declares a tunnel device.
fn tunnel_device_call(name: InterfaceName, device: &TunnelDevice) -> String {
    let mut fields = vec![format!("type: {}", quote(&device.kind.to_string()))];
    fields.extend(device.port.map(|port| format!("port: {port}")));
    format!(
        "tunnel_device({}, {})",
        quote(name.as_str()),
        inline(&fields)
    )
}

/// The call that sets a kernel setting.
pub(crate) fn sysctl_call(name: SysctlName, value: &SysctlValue) -> String {
    let value = match value.json() {
        Value::Number(number) => number.to_string(),
        _ => quote(value.as_str()),
    };
    format!("sysctl({}, {value})", quote(&name.to_string()))
}

/// The call that declares a VIP. Its interface is named where it is not the default, or where another
/// one has the address, too.
pub(crate) fn vip_call(key: VipKey, vip: &Vip, is_elsewhere: bool) -> String {
    let mut fields = Vec::new();
    if is_elsewhere || key.interface != InterfaceName::LO {
        fields.push(format!("interface: {}", quote(key.interface.as_str())));
    }
    for (name, value) in vip.options() {
        fields.push(match name {
            "announce" => format!("{name}: {value}"),
            _ => format!("{name}: {}", quote(&value)),
        });
    }
    let address = quote(&vip.written(key));
    match fields.is_empty() {
        true => format!("vip({address}, #{{}})"),
        false => format!("vip({address}, {})", inline(&fields)),
    }
}

/// The call that records maintenance.
fn maintenance_call(key: MaintenanceKey, one: &Maintenance) -> String {
    let fields: Vec<String> = one
        .options()
        .into_iter()
        .map(|(name, value)| format!("{name}: {}", quote(&value)))
        .collect();
    format!(
        "maintenance({}, {})",
        quote(&key.to_string()),
        inline(&fields)
    )
}

/// The call that sets timeouts, where any is given.
pub(super) fn timeouts_call(timeouts: &Timeouts) -> Option<String> {
    let fields: Vec<String> = TimeoutKind::ALL
        .into_iter()
        .filter_map(|kind| Some(format!("{kind}: {}", timeouts.get(kind)?)))
        .collect();
    (!fields.is_empty()).then(|| format!("timeouts({})", inline(&fields)))
}

/// The call that declares a sync daemon.
pub(super) fn daemon_call(role: DaemonRole, daemon: &SyncDaemon) -> String {
    let mut fields = vec![
        format!("interface: {}", quote(&daemon.interface)),
        format!("id: {}", daemon.id),
    ];
    fields.extend(daemon.maxlen.map(|n| format!("maxlen: {n}")));
    fields.extend(
        daemon
            .group
            .map(|g| format!("group: {}", quote(&g.to_string()))),
    );
    fields.extend(daemon.port.map(|n| format!("port: {n}")));
    fields.extend(daemon.ttl.map(|n| format!("ttl: {n}")));
    format!("sync_daemon({}, {})", quote(role.name()), inline(&fields))
}

/// The function that declares a service, and its first argument.
pub(super) fn target(key: &ServiceKey) -> (String, String) {
    match key {
        ServiceKey::Fwmark {
            family: Family::Ipv4,
            mark,
        } => ("fwmark".to_owned(), mark.to_string()),
        ServiceKey::Fwmark {
            family: Family::Ipv6,
            mark,
        } => ("fwmark6".to_owned(), mark.to_string()),
        ServiceKey::Address {
            protocol,
            addr,
            port,
        } => {
            let endpoint = ServerKey {
                addr: *addr,
                port: *port,
            };
            (protocol.to_string(), quote(&endpoint.to_string()))
        }
    }
}

/// Why the API would not take a service's own options as they are.
fn refuses(key: &ServiceKey, options: &ServiceOptions) -> Option<String> {
    if let ServiceKey::Address { protocol, .. } = key
        && ![Protocol::TCP, Protocol::UDP, Protocol::SCTP].contains(protocol)
    {
        return Some(format!("a script has no word for {protocol}"));
    }
    if let Err(error) = check_service(key, options) {
        return Some(error.message());
    }
    let said = json::service_options(options, key.family());
    let patch = match ServicePatch::parse(key, &said) {
        Ok(patch) => patch,
        Err(error) => return Some(error.message()),
    };
    let mut again = ServiceOptions::defaults(key.family());
    patch.apply(&mut again);
    (again != *options).then(|| "a script cannot say its options".to_owned())
}

/// The options of a service that are not its defaults.
pub(super) fn options(options: &ServiceOptions, family: Family) -> Vec<String> {
    let plain = ServiceOptions::defaults(family);
    let mut fields = Vec::new();
    if options.scheduler != plain.scheduler {
        fields.push(format!("scheduler: {}", quote(options.scheduler.name())));
    }
    if !options.flags.is_empty() {
        let names = options.flags.names(&options.scheduler);
        let names: Vec<String> = names.iter().map(|name| quote(name)).collect();
        fields.push(format!("flags: [{}]", names.join(", ")));
    }
    fields.extend(options.persistent.map(|s| format!("persistent: {s}")));
    if options.netmask != plain.netmask {
        fields.push(match family {
            Family::Ipv4 => format!("netmask: {}", quote(&options.netmask.text(family))),
            Family::Ipv6 => format!("netmask: {}", options.netmask.0),
        });
    }
    if let Some(engine) = &options.engine {
        fields.push(format!("engine: {}", quote(engine.name())));
    }
    if options.one_packet {
        fields.push("one_packet: true".to_owned());
    }
    fields
}

fn server_map(
    service: &ServiceKey,
    key: &ServerKey,
    (server, own): (&RealServer, &Options),
    common: Option<Forwarding>,
) -> String {
    let address = if key.port == service.default_port() {
        quote(&key.addr.to_string())
    } else {
        quote(&key.to_string())
    };
    let mut fields = vec![format!("address: {address}")];
    fields.extend(server_options(server, common));
    fields.extend(policy(own));
    if fields.len() == 1 {
        address
    } else {
        inline(&fields)
    }
}

/// The options of a server that are not its defaults; `common` is its service's method.
pub(super) fn server_options(server: &RealServer, common: Option<Forwarding>) -> Vec<String> {
    let mut fields = Vec::new();
    if common != Some(server.forward) {
        fields.push(format!("forward: {}", quote(server.forward.name())));
    }
    if server.weight != Default::default() {
        fields.push(format!("weight: {}", server.weight));
    }
    if server.upper != 0 {
        fields.push(format!("upper: {}", server.upper));
    }
    if server.lower != 0 {
        fields.push(format!("lower: {}", server.lower));
    }
    if server.tunnel != Tunnel::default() {
        fields.push(format!("tunnel: {}", tunnel(server.tunnel)));
    }
    fields
}

fn tunnel(tunnel: Tunnel) -> String {
    let mut fields = vec![format!("type: {}", quote(&tunnel.kind.to_string()))];
    if tunnel.port != 0 {
        fields.push(format!("port: {}", tunnel.port));
    }
    if tunnel.checksum != TunnelChecksum::None {
        fields.push(format!("checksum: {}", quote(&tunnel.checksum.to_string())));
    }
    inline(&fields)
}

/// A line of a script that declares these rules of a mark.
pub fn mark_statement(key: MarkKey, rules: &[MarkRule]) -> String {
    let maps: Vec<String> = rules
        .iter()
        .map(|rule| mark_rule(rule, Family::Ipv4))
        .collect();
    match maps.as_slice() {
        [one] => format!("mark({}, {one})", key.mark),
        maps => format!("mark({}, [{}])", key.mark, maps.join(", ")),
    }
}

/// A rule as the API takes it; its family follows its addresses, or else what it stands in.
fn mark_rule(rule: &MarkRule, around: Family) -> String {
    let mut fields = Vec::new();
    if let Some(protocol) = rule.protocol {
        fields.push(format!("protocol: {}", quote(&protocol.to_string())));
    }
    if let Some(net) = &rule.to {
        fields.push(format!("to: {}", quote(&net_text(net))));
    }
    if !rule.ports.is_empty() {
        fields.push(format!("ports: {}", ports(&rule.ports)));
    }
    if let Some(net) = &rule.from {
        fields.push(format!("from: {}", quote(&net_text(net))));
    }
    if !rule.from_ports.is_empty() {
        fields.push(format!("from_ports: {}", ports(&rule.from_ports)));
    }
    if let Some(interface) = &rule.interface {
        fields.push(format!("interface: {}", quote(interface)));
    }
    if rule.mask != u32::MAX {
        fields.push(format!("mask: {}", quote(&format!("{:#x}", rule.mask))));
    }
    if rule.family != around && rule.to.is_none() && rule.from.is_none() {
        fields.push(format!("family: {}", quote(rule.family.name())));
    }
    inline(&fields)
}

fn ports(ranges: &[PortRange]) -> String {
    let words: Vec<String> = ranges
        .iter()
        .map(|range| match range.first() == range.last() {
            true => range.to_string(),
            false => quote(&range.to_string()),
        })
        .collect();
    format!("[{}]", words.join(", "))
}

/// A map on one line: `#{ a: 1, b: 2 }`.
pub(super) fn inline(fields: &[String]) -> String {
    if fields.is_empty() {
        return "#{}".to_owned();
    }
    format!("#{{ {} }}", fields.join(", "))
}

/// A map on one line where that fits, else a field a line.
fn map(fields: &[String], width: usize) -> String {
    let short = inline(fields);
    if short.len() + ");".len() <= width && !short.contains('\n') {
        return short;
    }
    let lines: Vec<String> = fields
        .iter()
        .map(|field| format!("    {field},\n"))
        .collect();
    format!("#{{\n{}}}", lines.concat())
}

/// An array on one line where that is short, else an element a line; it stands `depth` deep.
fn list(elements: &[String], depth: usize) -> String {
    let short = format!("[{}]", elements.join(", "));
    if elements.len() < 2 || short.len() < WIDTH / 2 {
        return short;
    }
    let indent = "    ".repeat(depth);
    let lines: Vec<String> = elements
        .iter()
        .map(|element| format!("{indent}    {element},\n"))
        .collect();
    format!("[\n{}{indent}]", lines.concat())
}

/// The options of a policy: `check: #{ type: "tcp" }`.
fn policy(options: &Options) -> impl Iterator<Item = String> + '_ {
    let field = |(name, value): (&String, &Value)| format!("{name}: {}", literal(value));
    options.iter().map(field)
}

/// A value as a script writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "()".to_owned(),
        Value::String(text) => quote(text),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(literal).collect();
            format!("[{}]", all.join(", "))
        }
        Value::Object(map) => {
            let name = |name: &str| match is_word(name) {
                true => name.to_owned(),
                false => quote(name),
            };
            let fields = map.iter();
            let fields: Vec<String> = fields
                .map(|(key, value)| format!("{}: {}", name(key), literal(value)))
                .collect();
            inline(&fields)
        }
        plain => plain.to_string(),
    }
}

/// Returns true for what may name a field without quotes.
fn is_word(text: &str) -> bool {
    let mut all = text.chars();
    let begins = all.next().is_some_and(|c| c.is_ascii_lowercase());
    begins && all.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A string literal of Rhai: double quotes, which interpolate nothing.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_cannot_leave_their_quotes() {
        assert_eq!(quote("a\"b\\c\nd$"), "\"a\\\"b\\\\c\\u000ad$\"");
    }
}
