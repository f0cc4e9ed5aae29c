//! What a value of a parameter or an option names, so that completion can offer what there is.
//!
//! Parameters and options of one name mean the same everywhere; a new function whose parameters
//! are called as the others' are completes without a word here.

use super::checks;
use super::fact::{Function, On, Opt, Param, REQUIRED};
use super::options::{MARK, SERVER, TUNNEL};
use super::types::Type;

/// What a value names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Nothing that could be offered.
    Nothing,
    /// Schedulers of this kernel.
    Schedulers,
    /// Persistence engines of this kernel.
    Engines,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Virtual services by their full name.
    Services,
    /// Addresses of virtual services, without the protocol.
    Vips,
    /// Addresses that virtual services listen at.
    Addresses,
    /// Kernel settings.
    Sysctls,
    /// Addresses of real servers.
    Servers,
    /// What can be adopted: services, marks, timeouts, daemons, settings of the host.
    Objects,
    /// Firewall marks, as numbers.
    Marks,
    /// Snapshots, by number or tag.
    Snapshots,
    /// Network interfaces.
    Interfaces,
    /// Files.
    Files,
    /// Variables of the environment.
    Variables,
    /// Topics of help.
    Topics,
}

const FORWARD: &[&str] = &["direct", "masq", "tunnel"];
const FORMATS: &[&str] = &["json", "rhai", "ipvsadm"];
const PROTOCOLS: &[&str] = &["tcp", "udp", "sctp"];
const FLAGS: &[&str] = &["sh-fallback", "sh-port", "mh-fallback", "mh-port"];

/// What a parameter of a function names.
pub fn of_param(function: &Function, param: &Param) -> Names {
    match (function.name, function.on, param.name) {
        ("find", On::Nothing, "name") => Names::Services,
        ("env", _, "name") => Names::Variables,
        ("tag", _, "name") => Names::Nothing,
        ("services", _, "filter") => Names::Vips,
        ("tcp" | "udp" | "sctp", _, "address") => Names::Vips,
        ("fwmark" | "fwmark6", _, "mark") | ("mark" | "unmark", _, "value") => Names::Marks,
        ("adopt", _, _) => Names::Objects,
        ("vip" | "serve_vip", _, "address") => Names::Addresses,
        ("sysctl", _, "name") => Names::Sysctls,
        ("maintenance", _, "name") => Names::Servers,
        ("tunnel_device", _, "name") => Names::OneOf(&["tunl0", "gre0"]),
        (_, _, "address" | "filter" | "server" | "from" | "to") => Names::Servers,
        (_, _, "service" | "object") => Names::Services,
        (_, _, "snapshot" | "a" | "b" | "id") => Names::Snapshots,
        (_, _, "path") => Names::Files,
        (_, _, "format") => Names::OneOf(FORMATS),
        (_, _, "role") => Names::OneOf(&["master", "backup"]),
        (_, _, "topic") => Names::Topics,
        _ => Names::Nothing,
    }
}

/// What an option names.
pub fn of_option(option: &Opt) -> Names {
    match option.name {
        "scheduler" => Names::Schedulers,
        "engine" => Names::Engines,
        "flags" => Names::OneOf(FLAGS),
        "forward" => Names::OneOf(FORWARD),
        "servers" | "address" => Names::Servers,
        "interface" => Names::Interfaces,
        "protocol" => Names::OneOf(PROTOCOLS),
        "family" => Names::OneOf(&["ipv4", "ipv6"]),
        "type" => Names::OneOf(&["ipip", "gue", "gre"]),
        "checksum" => Names::OneOf(&["none", "full", "remote"]),
        "to" => Names::Vips,
        "mode" => Names::OneOf(&["drain", "out", "up"]),
        "arp" => Names::OneOf(&["answer", "silent"]),
        "withdraw" => Names::OneOf(&["never", "down"]),
        "then" => Names::OneOf(&["keep", "remove", "restore"]),
        _ => match option.takes {
            Type::Bool => Names::OneOf(&["true", "false"]),
            _ => Names::Nothing,
        },
    }
}

/// The address of a server in a list of servers.
pub const ADDRESS: Opt = Opt {
    name: "address",
    takes: Type::Text,
    default: REQUIRED,
    unit: "",
    range: "",
    doc: "Its address, with or without a port.",
    words: &[],
};

/// The options of the maps that an option holds, or an array of it: of `servers`, `tunnel`.
pub fn within(option: &Opt) -> Vec<Opt> {
    match option.name {
        "servers" => std::iter::once(ADDRESS)
            .chain(SERVER.iter().copied())
            .collect(),
        "marks" => MARK.to_vec(),
        "tunnel" => TUNNEL.to_vec(),
        "check" => checks::options(),
        _ => Vec::new(),
    }
}
