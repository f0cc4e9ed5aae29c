//! Maintenance: real servers that people take out of service, or hold in, for a while.
//!
//! An entry of the record alone: the kernel never has one. The overlay of health turns it into
//! weights, and reads `expires` itself, so that an end needs no commit. Source of truth for names and
//! defaults: the reference.

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, TimeZone, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::{Absence, KindFacts, Phase, Replacement};
use crate::error::{Error, Result, did_you_mean};
use crate::model::address::{Endpoint, endpoint};
use crate::model::key::ServerKey;
use crate::model::moment::{self, Moment};
use crate::model::patch::{self, Options, check_names, text};
use crate::model::policy::HostName;
use crate::model::service::Field;

/// The facts of maintenance. A change of it is a snapshot and sends nothing to the kernel.
pub(super) const FACTS: KindFacts = KindFacts {
    list: "maintenance",
    noun: "maintenance",
    foreign: None,
    is_of_host: false,
    is_of_the_record: true,
    absence: Absence::IsNone,
    replacement: Replacement::InPlace,
    is_removed_in: Phase::Last,
    is_set_in: Phase::Last,
    are_one_object: false,
    is_run_by_managers: false,
    attempts: ("cannot record", "cannot remove"),
};

/// The options of maintenance.
pub const MAINTENANCE_OPTIONS: [&str; 3] = ["mode", "expires", "why"];

/// The most characters of a reason.
pub const WHY_CHARS: usize = 200;

/// What maintenance does to its servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are in the table at their declared weights, whatever their checks say.
    Up,
    /// They are at weight 0: connections go on, no new ones come.
    Drain,
    /// They leave the table.
    Out,
}

impl Mode {
    /// All of them, the weakest first: where several entries cover a server, the last one counts.
    pub const ALL: [Mode; 3] = [Mode::Up, Mode::Drain, Mode::Out];

    /// The name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Up => "up",
            Mode::Drain => "drain",
            Mode::Out => "out",
        }
    }

    /// Parses a name.
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn parse(text: &str) -> Result<Mode> {
        let mut all = Mode::ALL.into_iter();
        all.find(|one| one.name() == text).ok_or_else(|| {
            let error = Error::invalid(format!("unknown mode \"{text}\"")).about(text);
            let names = Mode::ALL.map(Mode::name);
            error.hint(match did_you_mean(text, names) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => "mode is \"drain\" (weight 0), \"out\" (removed) or \"up\" (in, whatever \
                         the checks say)"
                    .to_owned(),
            })
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names the servers that are in maintenance, in every service that has them or gets them later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceKey {
    /// The servers at an address, on any port.
    Address(IpAddr),
    /// The servers at an address and port.
    Server(IpAddr, u16),
    /// The servers on a machine, by the `host` of their policies.
    Host(HostName),
}

impl MaintenanceKey {
    /// Parses `10.0.0.12`, `10.0.0.12:80`, `[2001:db8::12]:80` or the name of a host, `web12`.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse(text: &str) -> Result<MaintenanceKey> {
        let text = text.trim();
        // A mistyped address is no name of a host.
        let is_like_address =
            text.contains(':') || text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if text.is_empty() || is_like_address {
            let Endpoint { addr, port } = Endpoint::parse(text)?;
            return Ok(match port {
                Some(port) => MaintenanceKey::Server(addr, port),
                None => MaintenanceKey::Address(addr),
            });
        }
        HostName::parse(text).map(MaintenanceKey::Host)
    }

    /// Returns true if a server, on a host where one is recorded, is among those named.
    pub fn covers(&self, server: &ServerKey, host: Option<HostName>) -> bool {
        match self {
            MaintenanceKey::Address(addr) => server.addr == *addr,
            MaintenanceKey::Server(addr, port) => server.addr == *addr && server.port == *port,
            MaintenanceKey::Host(name) => host == Some(*name),
        }
    }
}

impl fmt::Display for MaintenanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaintenanceKey::Address(addr) => addr.fmt(f),
            MaintenanceKey::Server(addr, port) => f.write_str(&endpoint(*addr, *port)),
            MaintenanceKey::Host(name) => name.fmt(f),
        }
    }
}

/// What servers in maintenance are set to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// What it does.
    pub mode: Mode,
    /// The moment at which it is over, in whole seconds; default: when it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// Why, on one line of at most [`WHY_CHARS`] characters; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The moment at which it was recorded, in whole seconds, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// The author who recorded it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Maintenance {
    /// Maintenance in a mode, without an end.
    pub fn new(mode: Mode) -> Maintenance {
        Maintenance {
            mode,
            expires: None,
            why: String::new(),
            since: None,
            by: None,
        }
    }

    /// Reads the options; `expires` is a moment with an offset here ([`resolve_expiry`] makes it one).
    ///
    /// # Errors
    /// `invalid` for unknown options and values, and for mode "up" without an end.
    pub fn parse(options: &Options) -> Result<Maintenance> {
        let mut read = Maintenance::new(Mode::Drain);
        read.set(options)?;
        Ok(read)
    }

    /// Sets the options given.
    ///
    /// # Errors
    /// As [`Maintenance::parse`].
    pub fn set(&mut self, options: &Options) -> Result<()> {
        check_names(options, &MAINTENANCE_OPTIONS, "maintenance")?;
        for (name, value) in options {
            match (name.as_str(), value.is_null()) {
                ("mode", false) => self.mode = Mode::parse(text(name, value)?)?,
                ("expires", true) => self.expires = None,
                ("expires", false) => self.expires = Some(stored(name, value)?),
                ("why", true) => self.why.clear(),
                ("why", false) => self.why = check_line("why", text(name, value)?)?,
                _ => {}
            }
        }
        if self.mode == Mode::Up && self.expires.is_none() {
            return Err(Error::invalid("mode \"up\" needs an end")
                .about("expires")
                .hint("it overrules the checks: say until when, like expires: \"2h\""));
        }
        Ok(())
    }

    /// Returns true if it is over at a moment.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|until| until <= now)
    }

    /// The same as recorded now by an author: what stands in its mode already keeps the moment and
    /// the author, and what stands in all that was said stays as it is.
    #[must_use]
    pub fn recorded(self, standing: Option<&Maintenance>, now: DateTime<Utc>, by: &str) -> Self {
        let standing = standing.filter(|one| one.mode == self.mode && !one.is_over(now));
        let (since, by) = match standing {
            Some(one) => (one.since, one.by.clone()),
            None => (Some(now.trunc_subsecs(0)), Some(by.to_owned())),
        };
        Maintenance { since, by, ..self }
    }

    /// Every option with its value as text.
    pub fn fields(&self) -> Vec<Field> {
        let none = || "none".to_owned();
        let why = Some(&self.why).filter(|why| !why.is_empty());
        vec![
            ("mode", self.mode.name().to_owned()),
            ("expires", self.expires.map_or_else(none, moment::local)),
            ("why", why.cloned().unwrap_or_else(none)),
        ]
    }

    /// The value on one line: `drain until 2026-12-01 10:00:00: memory is replaced`.
    pub fn summary(&self) -> String {
        let mut line = self.mode.name().to_owned();
        if let Some(until) = self.expires {
            line.push_str(&format!(" until {}", moment::local(until)));
        }
        if !self.why.is_empty() {
            line.push_str(&format!(": {}", self.why));
        }
        line
    }

    /// The options that are not at their defaults.
    pub fn options(&self) -> Vec<Field> {
        let mut options = vec![("mode", self.mode.name().to_owned())];
        options.extend(self.expires.map(|until| ("expires", rfc3339(until))));
        if !self.why.is_empty() {
            options.push(("why", self.why.clone()));
        }
        options
    }

    /// What JSON says of it.
    pub fn json(&self, key: MaintenanceKey) -> Options {
        let mut map = Options::new();
        map.insert("name".into(), key.to_string().into());
        map.insert("mode".into(), self.mode.name().into());
        map.insert("expires".into(), self.expires.map(rfc3339).into());
        map.insert("why".into(), self.why.clone().into());
        map.insert("since".into(), self.since.map(rfc3339).into());
        map.insert("by".into(), self.by.clone().into());
        map
    }

    /// Reads one from JSON.
    ///
    /// # Errors
    /// As [`Maintenance::parse`].
    pub(super) fn read(value: Value) -> Result<(MaintenanceKey, Maintenance)> {
        let Value::Object(mut options) = value else {
            return Err(patch::wrong("maintenance", "a map", &value));
        };
        let mut take = |name: &str| options.remove(name).filter(|value| !value.is_null());
        let name = take("name").ok_or_else(|| {
            Error::invalid("the name of a maintenance is missing").hint(NAMES_HINT)
        })?;
        let key = MaintenanceKey::parse(text("name", &name)?)?;
        let since = take("since").map(|since| stored("since", &since));
        let by = take("by").map(|by| text("by", &by).and_then(|by| check_line("by", by)));
        let read = Maintenance::parse(&options)
            .map_err(|error| error.object(format!("{} {key}", FACTS.noun)))?;
        let (since, by) = (since.transpose()?, by.transpose()?);
        Ok((key, Maintenance { since, by, ..read }))
    }
}

/// What a name of maintenance is like.
pub(super) const NAMES_HINT: &str =
    "it is the address of a real server or the name of a host: 10.0.0.12, 10.0.0.12:80, web12";

/// Options with `expires` as a moment with an offset, where it was given in another form. A length of
/// time like "2d" counts from now; where maintenance stands that was recorded for the same length and
/// is not over, its end stays: a script that runs again changes nothing.
///
/// # Errors
/// `invalid` for what is no time, and for one that is past and not written in full, as exports write it.
pub fn resolve_expiry<Tz: TimeZone>(
    options: &Options,
    standing: Option<&Maintenance>,
    now: &DateTime<Tz>,
) -> Result<Options> {
    let mut options = options.clone();
    if let Some(value) = options.get_mut("expires").filter(|value| !value.is_null()) {
        let said = text("expires", value)?;
        let moment = Moment::parse(said).map_err(|_| {
            Error::invalid(format!("\"{said}\" is not a time"))
                .about("expires")
                .hint(EXPIRES_HINT)
        })?;
        let now_utc = now.with_timezone(&Utc);
        let of_standing = standing
            .filter(|one| !one.is_over(now_utc))
            .and_then(|one| {
                let (since, until) = (one.since?, one.expires?);
                (moment.length() == Some(until.signed_duration_since(since))).then_some(until)
            });
        let until = match of_standing {
            Some(until) => until,
            None => round_up(moment.coming(now)?),
        };
        // An export says when a maintenance ended, and has to be read again.
        let is_exact = DateTime::parse_from_rfc3339(said).is_ok();
        if until <= now_utc && !is_exact {
            return Err(Error::invalid(format!("{moment} is past"))
                .about("expires")
                .hint(EXPIRES_HINT));
        }
        *value = rfc3339(until).into();
    }
    Ok(options)
}

const EXPIRES_HINT: &str = "expires is a time to come: \"30m\", \"2d\", \"22:00\", \"2026-12-01\", \
                          \"2026-12-01T10:00:00Z\"";

/// The whole second at or behind a moment.
fn round_up(time: DateTime<Utc>) -> DateTime<Utc> {
    let whole = time.trunc_subsecs(0);
    match whole < time {
        true => whole
            .checked_add_signed(TimeDelta::seconds(1))
            .unwrap_or(whole),
        false => whole,
    }
}

/// A moment in its stored form, in whole seconds.
fn stored(name: &str, value: &Value) -> Result<DateTime<Utc>> {
    let said = text(name, value)?;
    let time = DateTime::parse_from_rfc3339(said).map_err(|_| {
        Error::invalid(format!("{name}: \"{said}\" is not a moment"))
            .about(name)
            .hint("a moment is written like 2026-12-01T10:00:00Z")
    })?;
    Ok(time.to_utc().trunc_subsecs(0))
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn check_line(name: &'static str, said: &str) -> Result<String> {
    let said = said.trim();
    if said.chars().any(char::is_control) {
        return Err(
            Error::invalid(format!("{name} is one line, without control characters")).about(name),
        );
    }
    match said.chars().count() {
        0..=WHY_CHARS => Ok(said.to_owned()),
        many => Err(Error::invalid(format!("{name} has {many} characters"))
            .about(name)
            .hint(format!("it has {WHY_CHARS} at most"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::setting::{SettingKind, Settings};

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn options(value: Value) -> Options {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_name_is_an_address_or_a_host() {
        let server = |addr: &str, port| ServerKey {
            addr: addr.parse().unwrap(),
            port,
        };
        let web12 = HostName::parse("web12").ok();
        for (name, covered, host, is_covered) in [
            ("10.0.0.12", server("10.0.0.12", 80), None, true),
            ("10.0.0.12", server("10.0.0.12", 443), web12, true),
            ("10.0.0.12", server("10.0.0.13", 80), web12, false),
            ("10.0.0.12:80", server("10.0.0.12", 80), None, true),
            ("10.0.0.12:80", server("10.0.0.12", 443), None, false),
            ("[2001:db8::12]:80", server("2001:db8::12", 80), None, true),
            ("web12", server("2001:db8::12", 80), web12, true),
            ("web12", server("10.0.0.12", 80), None, false),
            ("web13", server("10.0.0.12", 80), web12, false),
        ] {
            let key = MaintenanceKey::parse(name).unwrap();
            assert_eq!(key.to_string(), name);
            assert_eq!(key.covers(&covered, host), is_covered, "{name} {covered}");
        }
        for text in ["", "10.0.0.300", "10.0.0", "10.0.0.12:0x", "web 12", "-web"] {
            assert!(MaintenanceKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn options_are_read_and_wrong_ones_refused() {
        let read = |value| Maintenance::parse(&options(value));
        let drain = read(json!({})).unwrap();
        assert_eq!(drain, Maintenance::new(Mode::Drain));
        let until = read(json!({"mode": "up", "expires": "2026-12-01T11:00:00.7+01:00"})).unwrap();
        assert_eq!(until.expires, Some(moment("2026-12-01T10:00:00Z")));
        assert!(!until.is_over(moment("2026-12-01T09:59:59Z")));
        assert!(until.is_over(moment("2026-12-01T10:00:00Z")));
        assert!(!drain.is_over(moment("2999-01-01T00:00:00Z")));
        for wrong in [
            json!({"mode": "away"}),
            json!({"mode": "up"}),
            json!({"mode": "drain", "expires": "2d"}),
            json!({"why": "two\nlines"}),
            json!({"why": "x".repeat(WHY_CHARS + 1)}),
            json!({"reason": "x"}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_length_of_time_that_stands_changes_nothing() {
        let now = moment("2026-11-21T10:00:00Z");
        let asked = options(json!({"expires": "2d", "why": "disk"}));
        let first = Maintenance::parse(&resolve_expiry(&asked, None, &now).unwrap()).unwrap();
        let first = first.recorded(None, now, "alice");
        assert_eq!(first.expires, Some(moment("2026-11-23T10:00:00Z")));
        let again = |now: DateTime<Utc>, asked: &Options| {
            let resolved = resolve_expiry(asked, Some(&first), &now).unwrap();
            let parsed = Maintenance::parse(&resolved).unwrap();
            parsed.recorded(Some(&first), now, "bob")
        };
        let later = moment("2026-11-22T10:00:00Z");
        assert_eq!(again(later, &asked), first);
        let longer = again(later, &options(json!({"expires": "3d", "why": "disk"})));
        assert_eq!(longer.expires, Some(moment("2026-11-25T10:00:00Z")));
        assert_eq!((longer.since, longer.by), (first.since, first.by.clone()));
        let out = again(later, &options(json!({"mode": "out"})));
        assert_eq!(out.since, Some(later));
        assert_eq!(out.by.as_deref(), Some("bob"));
        let over = moment("2026-11-23T10:00:00Z");
        assert_eq!(
            again(over, &asked).expires,
            Some(moment("2026-11-25T10:00:00Z"))
        );
        // As an export writes it: it is over, and read all the same.
        let exported = json!({"expires": "2026-11-21T10:00:00Z"});
        assert!(resolve_expiry(&options(exported), None, &now).is_ok());
        for past in ["2026-11-20", "0s", "yesterday"] {
            assert!(resolve_expiry(&options(json!({"expires": past})), None, &now).is_err());
        }
    }

    #[test]
    fn the_strongest_mode_that_lasts_counts() {
        let mut settings = Settings::default();
        let list = json!([
            {"name": "10.0.0.12", "mode": "out", "expires": "2026-11-21T10:00:00Z"},
            {"name": "10.0.0.12:80", "mode": "up", "expires": "2026-12-01T00:00:00Z"},
            {"name": "web12", "mode": "drain", "since": "2026-11-20T00:00:00Z", "by": "alice"},
        ]);
        SettingKind::Maintenance
            .read(list.clone(), &mut settings)
            .unwrap();
        let server = ServerKey {
            addr: "10.0.0.12".parse().unwrap(),
            port: 80,
        };
        let mode = |host: Option<&str>, now| {
            let host = host.map(|name| HostName::parse(name).unwrap());
            let found = settings.maintenance_of(&server, host, moment(now));
            found.map(|(_, one)| one.mode.name())
        };
        let (before, after) = ("2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z");
        assert_eq!(mode(Some("web12"), before), Some("out"));
        assert_eq!(mode(Some("web12"), after), Some("drain"));
        assert_eq!(mode(None, after), Some("up"));
        assert_eq!(mode(None, "2026-12-01T00:00:00Z"), None);

        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        let mut again = Settings::default();
        let form = SettingKind::Maintenance.json(&settings);
        SettingKind::Maintenance.read(form, &mut again).unwrap();
        assert_eq!(again, settings);
        let twice = SettingKind::Maintenance.read(list, &mut again);
        assert!(twice.is_err(), "each name is there once");
    }
}
