//! Reading: the lines are carried out, one after the other, on an empty table.

use std::collections::BTreeSet;

use super::boot;
use super::options::Given;
use super::ports::{self, Named};
use super::script::Script;
use super::settings;
use super::shell::{self, Command, only_shows};
use super::table::Group::{Selector, Server, Service, Target, Tunnel};
use super::values::{real_server, server_key, service_key, service_options};
use super::words::lines;
use crate::error::{Error, Result};
use crate::format::chains::Chains;
use crate::format::{Reading, iptables, place, together};
use crate::model::combination::{check_server, check_vip};
use crate::model::server::{Forwarding, server_name};
use crate::model::{DaemonRole, MarkRule, Ruleset, ServerKey, ServiceKey, VirtualService};

/// How much of an ignored command is told.
const TOLD: usize = 60;
/// How many ignored commands are told.
const NOTES: usize = 20;

/// Reads lines of ipvsadm, and rules of iptables that set a mark; or the settings of a start script.
///
/// # Errors
/// `invalid` with the places of all lines that cannot be read.
pub(crate) fn read(name: &str, text: &str) -> Result<Reading> {
    if boot::is_settings(text) {
        return boot::read(name, text);
    }
    let mut table = Table {
        save: iptables::Save::new(text),
        ..Table::default()
    };
    let mut notes = Vec::new();
    let mut problems = Problems::default();
    let mut script = Script::default();
    'text: for line in lines(text) {
        let commands = match table.save.is_open() {
            true => vec![line],
            false => script.commands(line),
        };
        for line in commands {
            let at = |column| place(name, text, line.number, column);
            let command = match shell::command(&line, table.save.is_open()) {
                Ok(command) => command,
                Err(trouble) => {
                    let column = match trouble.column <= at(0).source.chars().count() {
                        true => trouble.column,
                        false => 0,
                    };
                    problems.push(line.number, trouble.error.at(at(column)));
                    if trouble.open {
                        break 'text;
                    }
                    continue;
                }
            };
            if command == Command::End {
                notes.push(format!(
                    "{name}:{}: what follows is not read: exit",
                    line.number
                ));
                break 'text;
            }
            table.line = line.number;
            match table.carry_out(&command) {
                Ok(Done::Taken) => {}
                Ok(Done::Ignored(why)) => {
                    let shown: String = line.text.trim().chars().take(TOLD).collect();
                    notes.push(format!("{name}:{}: ignored, {why}: {shown}", line.number));
                }
                Err(error) => problems.push(line.number, error.at(at(0))),
            }
        }
    }
    if let Some((number, trouble)) = script.branches.open() {
        problems.push(number, trouble.error.at(place(name, text, number, 0)));
    }
    // What was read in a way of its own is told however much was left out.
    let mut read_so = script.branches.notes(name);
    read_so.extend(table.named.iter().map(|named| format!("{name}: {named}")));
    read_so.extend(table.save.note(name));
    let marks = table.chains.marks().unwrap_or_else(|found| {
        for (number, error) in found {
            problems.push(number, error.at(place(name, text, number, 0)));
        }
        Vec::new()
    });
    if let Some(error) = together(problems.all) {
        return Err(error);
    }
    if table.taken == 0 {
        return Err(Error::invalid("no line of it is a rule")
            .object(name)
            .hint("lines are as `ipvsadm -Sn` prints them, or begin with ipvsadm")
            .hint("rules of iptables that set a mark are read too"));
    }
    let more = notes.len().saturating_sub(NOTES);
    if more > 0 {
        notes.truncate(NOTES);
        notes.push(format!("{name}: {more} more lines like these are ignored"));
    }
    notes.extend(read_so);
    let mut rules = table.rules;
    rules.marks = MarkRule::normalise(marks);
    Ok(Reading {
        rules,
        notes,
        has_rules: true,
        can_hold_host: false,
    })
}

/// What is wrong with a text: of each line the first.
#[derive(Default)]
struct Problems {
    all: Vec<Error>,
    last: usize,
}

impl Problems {
    fn push(&mut self, line: usize, error: Error) {
        if std::mem::replace(&mut self.last, line) != line {
            self.all.push(error);
        }
    }
}

/// What became of a command.
enum Done {
    Taken,
    /// It says nothing about a ruleset, for this reason.
    Ignored(&'static str),
}

#[derive(Default)]
struct Table {
    rules: Ruleset,
    chains: Chains,
    save: iptables::Save,
    /// The line that is carried out.
    line: usize,
    /// Services whose own line could not be read: lines about them are not to blame.
    broken: BTreeSet<ServiceKey>,
    /// Names that were read as ports.
    named: BTreeSet<Named>,
    /// How many commands were about a ruleset.
    taken: usize,
}

impl Table {
    fn carry_out(&mut self, command: &Command) -> Result<Done> {
        let done = match command {
            Command::Ipvsadm(words) if only_shows(words) => Done::Ignored("it only shows"),
            // What is wrong with the service's own line is told there.
            Command::Ipvsadm(words) if !self.broken.is_empty() && self.is_about_broken(words) => {
                Done::Taken
            }
            Command::Ipvsadm(words) => self.ipvsadm(words)?,
            Command::Iptables(family, words) => {
                iptables::command(words, *family, &mut self.chains, self.line)?
                    .map_or(Done::Taken, Done::Ignored)
            }
            Command::Save(words) => {
                self.save.line(words, &mut self.chains, self.line)?;
                Done::Taken
            }
            Command::Mark(words) => self
                .save
                .rule(words, &mut self.chains, self.line)?
                .map_or(Done::Taken, Done::Ignored),
            Command::Other(why) => Done::Ignored(why),
            Command::End | Command::Closing => return Ok(Done::Taken),
        };
        if let Done::Taken = done {
            self.taken += 1;
        }
        Ok(done)
    }

    fn is_about_broken(&self, words: &[String]) -> bool {
        let key = Given::parse(words).and_then(|mut given| {
            ports::resolve(&mut given)?;
            service_key(&given)
        });
        key.is_ok_and(|key| self.broken.contains(&key) && !self.rules.services.contains_key(&key))
    }

    fn ipvsadm(&mut self, words: &[String]) -> Result<Done> {
        if reads_input(words) {
            return Err(
                Error::invalid("it reads rules from a file that is not read here")
                    .hint("take the line out of the text, and import that file beside it"),
            );
        }
        let mut given = Given::parse(words)?;
        self.named.extend(ports::resolve(&mut given)?);
        match given.command() {
            Some(command @ ("add-service" | "edit-service")) => {
                self.put_service(command, &given)?
            }
            Some("delete-service") => {
                given.only("delete-service", &[Selector])?;
                let key = service_key(&given)?;
                let gone = self.rules.services.remove(&key);
                gone.map(|_| ()).ok_or_else(|| no_service(&key))?;
            }
            Some(command @ ("add-server" | "edit-server")) => self.put_server(command, &given)?,
            Some("delete-server") => {
                given.only("delete-server", &[Selector, Target])?;
                let key = service_key(&given)?;
                let (server, service) = (server_key(&given, &key)?, self.service(&key)?);
                let gone = service.servers.remove(&server);
                gone.map(|_| ()).ok_or_else(|| no_server(&key, &server))?;
            }
            Some("set") => self.set_timeouts(&given)?,
            Some("start-daemon") => self.start_daemon(&given)?,
            Some("stop-daemon") => {
                given.only("stop-daemon", &[])?;
                let role = DaemonRole::parse(given.value("stop-daemon").unwrap_or(""))?;
                self.rules.settings.set_daemon(role, None);
            }
            // The kernel keeps timeouts and daemons.
            Some("clear") => {
                given.only("clear", &[])?;
                self.rules.services.clear();
                return Ok(Done::Ignored(
                    "it clears only what stands above it in this text",
                ));
            }
            Some("zero") => {
                given.only("zero", &[Selector])?;
                return Ok(Done::Ignored("counters are in no ruleset"));
            }
            Some(other) => {
                return Err(Error::invalid(format!(
                    "the command comes first, and --{other} is none"
                )));
            }
            None => return Err(Error::invalid("there is no command")),
        }
        Ok(Done::Taken)
    }

    fn service(&mut self, key: &ServiceKey) -> Result<&mut VirtualService> {
        self.rules
            .services
            .get_mut(key)
            .ok_or_else(|| no_service(key))
    }

    fn put_service(&mut self, command: &str, given: &Given) -> Result<()> {
        given.only(command, &[Selector, Service])?;
        let key = service_key(given)?;
        let object = format!("virtual service {key}");
        if let ServiceKey::Address { addr, .. } = key {
            check_vip(addr).map_err(|e| {
                self.broken.insert(key);
                e.object(&object)
            })?;
        }
        let options = service_options(&key, given).map_err(|e| {
            self.broken.insert(key);
            e.object(&object)
        })?;
        match (command, self.rules.services.contains_key(&key)) {
            ("add-service", true) => Err(Error::invalid("it is added twice").object(object)),
            ("add-service", false) => {
                let servers = Default::default();
                let service = VirtualService::of_kernel(options, servers);
                self.rules.services.insert(key, service);
                Ok(())
            }
            _ => {
                self.service(&key)?.options = options;
                Ok(())
            }
        }
    }

    fn put_server(&mut self, command: &str, given: &Given) -> Result<()> {
        given.only(command, &[Selector, Target, Server, Tunnel])?;
        let service = service_key(given)?;
        let named = server_key(given, &service)?;
        let object = || server_name(&service, &named);
        let server = real_server(given).map_err(|e| e.object(object()))?;
        let key = match service {
            ServiceKey::Address { port, .. } if server.forward != Forwarding::Masq => {
                ServerKey { port, ..named }
            }
            _ => named,
        };
        check_server(&service, &key, &server)?;
        let there = self.service(&service)?.servers.contains_key(&key);
        match (command, there) {
            ("add-server", true) => Err(Error::invalid("it is added twice").object(object())),
            ("edit-server", false) => Err(no_server(&service, &key)),
            _ => {
                self.service(&service)?.servers.insert(key, server);
                Ok(())
            }
        }
    }

    fn set_timeouts(&mut self, given: &Given) -> Result<()> {
        self.rules
            .settings
            .set_timeouts(&settings::timeouts(given)?);
        Ok(())
    }

    fn start_daemon(&mut self, given: &Given) -> Result<()> {
        let (role, daemon) = settings::daemon(given)?;
        match self.rules.settings.set_daemon(role, Some(daemon)) {
            None => Ok(()),
            Some(_) => {
                Err(Error::invalid("it is started twice").object(format!("sync daemon {role}")))
            }
        }
    }
}

fn reads_input(words: &[String]) -> bool {
    let first = words.first().map_or("", String::as_str);
    first == "--restore" || first.starts_with("-R")
}

fn no_service(key: &ServiceKey) -> Error {
    Error::invalid("no line before this one adds it").object(format!("virtual service {key}"))
}

fn no_server(service: &ServiceKey, key: &ServerKey) -> Error {
    Error::invalid("no line before this one adds it").object(server_name(service, key))
}
