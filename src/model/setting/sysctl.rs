//! Kernel settings that a load balancer depends on: names, values, and which of them others need.
//!
//! Source of truth: sysctl(8), `table`.

mod table;

use std::cmp::Ordering;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::facts::{Absence, KindFacts, Phase, Replacement};
use crate::error::{Error, Result, did_you_mean};
use crate::model::interface::InterfaceName;
use crate::model::patch::{self, Options, check_names, text};
use table::{FALLBACK, ROWS, Row, Serves, Takes};

/// The facts of kernel settings. The kernel always has a value of each.
pub(super) const FACTS: KindFacts = KindFacts {
    list: "sysctls",
    noun: "sysctl",
    foreign: None,
    is_of_host: true,
    is_of_the_record: false,
    absence: Absence::Returns,
    replacement: Replacement::InPlace,
    is_removed_in: Phase::Teardown,
    is_set_in: Phase::Setup,
    are_one_object: false,
    is_run_by_managers: false,
    attempts: ("cannot set", "cannot set"),
};

/// The keys of a kernel setting in JSON.
pub const SYSCTL_OPTIONS: [&str; 2] = ["name", "value"];

/// A second name of a setting, and the first: the kernel has one variable for both.
const ALIAS: (&str, &str) = ("net.ipv4.conf.all.forwarding", "net.ipv4.ip_forward");

/// The name of a kernel setting that ipvsh knows: `net.ipv4.conf.eth0.rp_filter`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SysctlName {
    row: u8,
    interface: Option<InterfaceName>,
}

impl SysctlName {
    /// Parses a full name, with dots or with slashes. Of two names for one setting the usual one
    /// counts: `net.ipv4.conf.all.forwarding` is `net.ipv4.ip_forward`.
    ///
    /// # Errors
    /// `invalid` for a setting that ipvsh does not know.
    pub fn parse(text: &str) -> Result<SysctlName> {
        let text = text.trim();
        let dotted = from_slashes(text);
        let text = dotted.as_deref().unwrap_or(text);
        let text = match text == ALIAS.0 {
            true => ALIAS.1,
            false => text,
        };
        for (index, row) in (0..).zip(ROWS) {
            match row.name.split_once("IF") {
                None if row.name == text => {
                    return Ok(SysctlName {
                        row: index,
                        interface: None,
                    });
                }
                None => {}
                Some((before, after)) => {
                    let inner = text.strip_prefix(before);
                    if let Some(interface) = inner.and_then(|inner| inner.strip_suffix(after)) {
                        return Ok(SysctlName {
                            row: index,
                            interface: Some(InterfaceName::parse(interface)?),
                        });
                    }
                }
            }
        }
        Err(unknown(text))
    }

    /// A setting of this interface that ipvsh knows; `setting` is one of the table's.
    fn of_interface(interface: InterfaceName, setting: &str) -> Option<SysctlName> {
        SysctlName::parse(&format!("net.ipv4.conf.{interface}.{setting}")).ok()
    }

    fn row(self) -> &'static Row {
        let first = || ROWS.first().unwrap_or(&FALLBACK);
        ROWS.get(usize::from(self.row)).unwrap_or_else(first)
    }

    /// The interface that it is a setting of; `all` is one of them.
    pub fn interface(self) -> Option<InterfaceName> {
        self.interface
    }

    /// What the setting does, in a sentence or two.
    pub fn doc(self) -> &'static str {
        self.row().doc
    }

    /// The value in a new network namespace.
    pub fn default_value(self) -> SysctlValue {
        SysctlValue(self.row().default.to_owned())
    }

    /// The name with slashes, as sysctl(8) takes it where an interface's name has dots.
    pub fn in_slashes(self) -> String {
        let name = self.row().name.replace('.', "/");
        match self.interface {
            Some(interface) => name.replace("IF", interface.as_str()),
            None => name,
        }
    }

    /// Where the kernel shows it.
    pub fn path(self) -> PathBuf {
        PathBuf::from("/proc/sys").join(self.in_slashes())
    }

    /// Returns true if it is there only where the IPVS module is loaded.
    pub fn is_of_ipvs(self) -> bool {
        self.row().name.starts_with("net.ipv4.vs.")
    }

    /// Returns true if the kernel sets another setting, too, where this one is written.
    pub fn rewrites(self, other: SysctlName) -> bool {
        let (name, other) = (self.row().name, other.row().name);
        name == "net.ipv4.ip_forward" && other == "net.ipv4.conf.IF.forwarding"
    }

    /// Returns the phase of a change: a change to the value that services need comes before them, a
    /// change away from it comes behind them.
    pub(super) fn phase(self, from: &SysctlValue, to: &SysctlValue) -> Phase {
        let number = |value: &SysctlValue| value.0.parse::<i64>().unwrap_or(0);
        let rises = number(to) >= number(from);
        match rises == (self.row().serves == Serves::Greater) {
            true => Phase::Setup,
            false => Phase::Teardown,
        }
    }

    /// All names, with `IF` for an interface, and what each does.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
        ROWS.iter().map(|row| (row.name, row.doc))
    }

    /// All names of a host with these interfaces.
    pub fn all_with(interfaces: &[InterfaceName]) -> Vec<SysctlName> {
        let mut names = Vec::new();
        for (row, facts) in (0..).zip(ROWS) {
            match facts.name.contains("IF") {
                false => names.push(SysctlName {
                    row,
                    interface: None,
                }),
                true => names.extend(interfaces.iter().map(|interface| SysctlName {
                    row,
                    interface: Some(*interface),
                })),
            }
        }
        // `all` is an interface here, and its forwarding has another name.
        names.retain(|name| name.to_string() != ALIAS.0);
        names
    }

    /// The values that it takes, in words.
    pub fn range(self) -> String {
        match self.row().takes {
            Takes::Range(least, most) => format!("{least} to {most}"),
            Takes::Mode => "0 to 3".to_owned(),
            Takes::Pair => "two whole numbers, the first below the second: \"3 50\"".to_owned(),
            Takes::Processors => "a list of processors, like \"0-3,8\"".to_owned(),
        }
    }
}

impl Ord for SysctlName {
    /// As they are set: by the table, `all` before the interfaces.
    fn cmp(&self, other: &SysctlName) -> Ordering {
        let of_interface = |name: &SysctlName| {
            let interface = name.interface;
            interface.map(|one| (one.as_str() != "all", one))
        };
        let rows = self.row.cmp(&other.row);
        rows.then_with(|| of_interface(self).cmp(&of_interface(other)))
    }
}

impl PartialOrd for SysctlName {
    fn partial_cmp(&self, other: &SysctlName) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SysctlName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.interface, self.row().name.split_once("IF")) {
            (Some(interface), Some((before, after))) => write!(f, "{before}{interface}{after}"),
            _ => f.write_str(self.row().name),
        }
    }
}

impl fmt::Debug for SysctlName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for SysctlName {
    type Error = Error;

    fn try_from(text: String) -> Result<SysctlName> {
        SysctlName::parse(&text)
    }
}

impl From<SysctlName> for String {
    fn from(name: SysctlName) -> String {
        name.to_string()
    }
}

/// `net/ipv4/conf/eth0.100/rp_filter`, and sysctl(8)'s `net.ipv4.conf.eth0/100.rp_filter`, with
/// dots between the parts; `None` where there is no slash.
fn from_slashes(text: &str) -> Option<String> {
    let (first, _) = text.split_once('/')?;
    match first.contains('.') {
        true => Some(text.replace('/', ".")),
        false => Some(text.trim_start_matches("/proc/sys/").replace('/', ".")),
    }
}

fn unknown(text: &str) -> Error {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let same = ROWS.iter().find(|row| last(row.name) == last(text));
    let close = match same {
        Some(row) => Some(row.name),
        None => did_you_mean(text, ROWS.iter().map(|row| row.name)),
    };
    let error = Error::invalid(format!("\"{text}\" is no kernel setting that ipvsh sets"));
    match close {
        Some(name) => error.hint(format!(
            "did you mean \"{}\"?",
            name.replace(".IF.", ".all.")
        )),
        None => error.hint(
            "it sets net.ipv4.vs.*, net.ipv4.ip_forward, net.ipv6.conf.all.forwarding, \
             net.netfilter.nf_conntrack_*, and of net.ipv4.conf.INTERFACE: forwarding, \
             send_redirects, rp_filter, accept_local, arp_ignore, arp_announce",
        ),
    }
}

/// What a kernel setting is set to, as its file shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SysctlValue(String);

impl SysctlValue {
    /// A value as the kernel shows it, whatever it is.
    pub fn as_shown(name: SysctlName, text: &str) -> SysctlValue {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_raised = name.row().takes == Takes::Mode && text == "2";
        SysctlValue(match is_raised {
            true => "1".to_owned(),
            false => text,
        })
    }

    /// Reads what a script or JSON gives: a number, true or false, or text.
    ///
    /// # Errors
    /// `invalid` for a value that the setting does not take.
    pub fn parse(name: SysctlName, value: &Value) -> Result<SysctlValue> {
        let text = match value {
            Value::Bool(value) => i64::from(*value).to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            other => {
                return Err(patch::wrong("the value", "a number or text", other)
                    .hint(format!("{name} takes {}", name.range())));
            }
        };
        let numbers: Option<Vec<i64>> = text.split(' ').map(|word| word.parse().ok()).collect();
        let fits = match (name.row().takes, numbers.as_deref()) {
            (Takes::Range(least, most), Some([number])) => (least..=most).contains(number),
            (Takes::Mode, Some([number])) => (0..=3).contains(number),
            // The kernel checks the two against each other (proc_do_sync_threshold in ip_vs_ctl.c).
            (Takes::Pair, Some([one, other])) => {
                let fits = |number: &i64| (0..=i64::from(i32::MAX)).contains(number);
                fits(one) && fits(other)
            }
            (Takes::Processors, _) => {
                let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b',' | b'-');
                text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(plain)
            }
            _ => false,
        };
        // The kernel shows `01` as 1.
        let text = match &numbers {
            Some(numbers) if name.row().takes != Takes::Processors => {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                numbers.join(" ")
            }
            _ => text,
        };
        match fits {
            true => Ok(SysctlValue::as_shown(name, &text)),
            false => Err(
                Error::invalid(format!("the value \"{text}\" is out of range"))
                    .object(format!("sysctl {name}"))
                    .hint(format!("{name} takes {}", name.range())),
            ),
        }
    }

    /// The text that the kernel takes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as JSON has it: a number where it is one.
    pub fn json(&self) -> Value {
        match self.0.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => self.0.clone().into(),
        }
    }
}

impl fmt::Display for SysctlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A setting that something else needs, with the values that serve it.
pub(super) struct Needed {
    pub name: SysctlName,
    pub value: SysctlValue,
    /// The values that an explicit setting may have instead.
    pub accepts: &'static [&'static str],
}

/// One setting, needed of `all` and of an interface.
fn needed(
    interface: InterfaceName,
    setting: &'static str,
    value: &'static str,
    accepts: &'static [&'static str],
) -> impl Iterator<Item = Needed> {
    let all = InterfaceName::parse("all").ok();
    let names = all.into_iter().chain([interface]);
    names.filter_map(move |interface| {
        let name = SysctlName::of_interface(interface, setting)?;
        Some(Needed {
            name,
            value: SysctlValue(value.to_owned()),
            accepts,
        })
    })
}

/// The settings with which this host answers no ARP request for a VIP on an interface.
pub(super) fn needed_by_silent_vip(interface: InterfaceName) -> impl Iterator<Item = Needed> {
    needed(interface, "arp_ignore", "1", &["1", "2", "8"]).chain(needed(
        interface,
        "arp_announce",
        "2",
        &["2"],
    ))
}

/// The settings with which the kernel accepts packets out of a tunnel, whose answers leave by
/// another interface.
pub(super) fn needed_by_tunnel_device(interface: InterfaceName) -> impl Iterator<Item = Needed> {
    needed(interface, "rp_filter", "0", &["0", "2"])
}

/// The setting with which a persistent client of a quiesced server is sent to another server.
pub(super) fn needed_by_quiescing() -> Option<Needed> {
    needed_of_ipvs("net.ipv4.vs.expire_quiescent_template")
}

/// The setting with which a connection of a server that is gone ends at its next packet, so that the
/// client's next one goes to another server.
pub(super) fn needed_by_removing() -> Option<Needed> {
    needed_of_ipvs("net.ipv4.vs.expire_nodest_conn")
}

/// The setting without which the kernel tracks no connection of IPVS, and so changes no source.
pub(super) fn needed_by_source_nat() -> Option<Needed> {
    needed_of_ipvs("net.ipv4.vs.conntrack")
}

fn needed_of_ipvs(name: &str) -> Option<Needed> {
    Some(Needed {
        name: SysctlName::parse(name).ok()?,
        value: SysctlValue("1".to_owned()),
        accepts: &["1"],
    })
}

/// A setting with its name, as JSON has it.
pub fn json(name: SysctlName, value: &SysctlValue) -> Value {
    json!({ "name": name.to_string(), "value": value.json() })
}

/// Reads one from JSON.
///
/// # Errors
/// `invalid` for unknown keys and settings, and for values out of range.
pub(super) fn read(value: &Value) -> Result<(SysctlName, SysctlValue)> {
    let Value::Object(options) = value else {
        return Err(patch::wrong("a sysctl", "a map of name and value", value));
    };
    let options: &Options = options;
    check_names(options, &SYSCTL_OPTIONS, "a sysctl")?;
    let missing = |what: &str| Error::invalid(format!("the {what} of a sysctl is missing"));
    let name = options.get("name").ok_or_else(|| missing("name"))?;
    let name = SysctlName::parse(text("name", name)?)?;
    let value = options.get("value").ok_or_else(|| missing("value"))?;
    Ok((name, SysctlValue::parse(name, value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SysctlName {
        SysctlName::parse(text).unwrap()
    }

    #[test]
    fn every_row_has_a_name_that_reads_back() {
        assert!(ROWS.len() <= usize::from(u8::MAX));
        for row in ROWS {
            let one = row.name.replace("IF", "eth0.100");
            assert_eq!(name(&one).to_string(), one);
            let words = one.replace("eth0.100", "eth0/100");
            assert_eq!(name(&words), name(&one), "as sysctl(8) writes it");
            let value = json!(row.default);
            assert!(SysctlValue::parse(name(&one), &value).is_ok(), "{one}");
            let path = name(&one).path();
            assert!(path.starts_with("/proc/sys/net"), "{path:?}");
            let slashes = path.to_str().unwrap();
            assert_eq!(
                name(slashes.strip_prefix("/proc/sys/").unwrap()),
                name(&one)
            );
            assert!(!row.doc.is_empty(), "{one}");
        }
    }

    #[test]
    fn one_variable_has_one_name() {
        let both = ["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"];
        assert_eq!(name(both[0]), name(both[1]));
        assert_eq!(name(both[1]).to_string(), both[0]);
    }

    #[test]
    fn what_rewrites_others_comes_first() {
        let mut names = [
            "net.ipv4.conf.eth0.forwarding",
            "net.ipv4.conf.eth0.arp_ignore",
            "net.ipv4.conf.all.arp_ignore",
            "net.ipv4.ip_forward",
        ]
        .map(name);
        names.sort();
        assert_eq!(
            names.map(|name| name.to_string()),
            [
                "net.ipv4.ip_forward",
                "net.ipv4.conf.eth0.forwarding",
                "net.ipv4.conf.all.arp_ignore",
                "net.ipv4.conf.eth0.arp_ignore",
            ]
        );
    }

    #[test]
    fn settings_outside_the_table_are_refused_with_one_that_was_meant() {
        for (text, hint) in [
            ("kernel.panic", "it sets net.ipv4.vs.*"),
            (
                "net.ipv4.ip_forwrd",
                "did you mean \"net.ipv4.ip_forward\"?",
            ),
            ("ip_forward", "did you mean \"net.ipv4.ip_forward\"?"),
            ("net.ipv4.conf.eth0.", "it sets"),
            ("net.ipv4.conf..rp_filter", "an interface is named by"),
            (
                "net.ipv4.conf.../../x.rp_filter",
                "an interface is named by",
            ),
            ("", "it sets"),
        ] {
            let error = SysctlName::parse(text).unwrap_err();
            assert!(error.hints()[0].contains(hint), "{text}: {error:?}");
        }
    }

    #[test]
    fn values_are_checked_and_read_as_the_kernel_shows_them() {
        let parse = |name_: &str, value: Value| {
            let value = SysctlValue::parse(name(name_), &value);
            value
                .map(|value| value.to_string())
                .map_err(|e| e.hints()[0].clone())
        };
        for (one, value, text) in [
            ("net.ipv4.ip_forward", json!(true), "1"),
            ("net.ipv4.ip_forward", json!(0), "0"),
            ("net.ipv4.ip_forward", json!(" 1\n"), "1"),
            ("net.ipv4.ip_forward", json!("01"), "1"),
            ("net.ipv4.vs.sync_threshold", json!("03   050"), "3 50"),
            ("net.ipv4.vs.drop_entry", json!(2), "1"),
            ("net.ipv4.vs.drop_entry", json!(3), "3"),
            ("net.ipv4.vs.sync_threshold", json!("3\t50"), "3 50"),
            ("net.ipv4.vs.est_nice", json!(-5), "-5"),
            ("net.ipv4.vs.est_cpulist", json!("0-3,8"), "0-3,8"),
        ] {
            assert_eq!(parse(one, value).as_deref(), Ok(text), "{one}");
        }
        for (one, value) in [
            ("net.ipv4.ip_forward", json!(2)),
            ("net.ipv4.ip_forward", json!("")),
            ("net.ipv4.ip_forward", json!("1 1")),
            ("net.ipv4.ip_forward", json!(1.5)),
            ("net.ipv4.vs.sync_threshold", json!(3)),
            ("net.ipv4.vs.sync_threshold", json!("1 99999999999")),
            ("net.ipv4.vs.est_cpulist", json!(-5)),
            ("net.ipv4.vs.drop_entry", json!(4)),
            ("net.ipv4.vs.est_cpulist", json!("1\n2;")),
            ("net.ipv4.conf.lo.rp_filter", json!(-1)),
        ] {
            assert!(parse(one, value.clone()).is_err(), "{one} {value}");
        }
        let shown = SysctlValue::as_shown(name("net.ipv4.vs.secure_tcp"), "2\n");
        assert_eq!(shown.json(), json!(1));
    }

    #[test]
    fn what_begins_to_serve_comes_before_services_and_what_ends_it_behind() {
        let value = |text: &str| SysctlValue(text.to_owned());
        for (one, from, to, phase) in [
            ("net.ipv4.ip_forward", "0", "1", Phase::Setup),
            ("net.ipv4.ip_forward", "1", "0", Phase::Teardown),
            ("net.ipv4.conf.all.rp_filter", "1", "0", Phase::Setup),
            ("net.ipv4.conf.all.rp_filter", "0", "1", Phase::Teardown),
            ("net.ipv4.conf.all.arp_announce", "2", "0", Phase::Teardown),
        ] {
            assert_eq!(name(one).phase(&value(from), &value(to)), phase, "{one}");
        }
    }
}
