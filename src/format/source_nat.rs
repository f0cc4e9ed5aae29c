//! One rule of source NAT as words of iptables, both ways.
//!
//! Source of truth: iptables-extensions(8) (ipvs, MASQUERADE, SNAT), `ipvs_mt` in
//! net/netfilter/xt_ipvs.c. The words are those that `iptables -S` 1.8.9 prints, on nf_tables and on
//! x_tables alike.
//!
//! The match is by connection, so it holds for masqueraded ones only: an answer to a client of direct
//! routing or of a tunnel must not come to the director.

use std::net::IpAddr;

use crate::model::{Family, Fwmark, Protocol, ServiceKey, SourceNat};

/// The words behind `-A IPVSH`.
///
/// A connection of a service of all ports is one that its template controls, whose port is 0
/// (`ip_vs_sched_persist` in net/netfilter/ipvs/ip_vs_core.c). A packet keeps its mark on its way
/// through IPVS.
pub fn words(service: &ServiceKey, to: &SourceNat) -> Vec<String> {
    let matching = match service {
        ServiceKey::Address {
            protocol,
            addr,
            port: 0,
        } => format!(
            "-m ipvs --vproto {} --vaddr {addr} --vmethod MASQ --vportctl 0",
            protocol.0
        ),
        ServiceKey::Address {
            protocol,
            addr,
            port,
        } => format!(
            "-m ipvs --vproto {} --vaddr {addr} --vport {port} --vmethod MASQ",
            protocol.0
        ),
        ServiceKey::Fwmark { mark, .. } => {
            format!("-m ipvs --vmethod MASQ -m mark --mark {:#x}", mark.value())
        }
    };
    let target = match to {
        SourceNat::Masquerade => "-j MASQUERADE".to_owned(),
        SourceNat::Address(addr) => format!("-j SNAT --to-source {addr}"),
    };
    let words = matching.split(' ').chain(target.split(' '));
    words.map(str::to_owned).collect()
}

/// The command lines that put a rule in the place of another, for an operator to type. An empty chain,
/// and the jump to it, do no harm.
pub fn lines(
    service: &ServiceKey,
    from: Option<&SourceNat>,
    to: Option<&SourceNat>,
) -> Vec<String> {
    let program = service.family().iptables();
    let rule = |command: &str, snat: &SourceNat| {
        let words = words(service, snat).join(" ");
        format!("{program} -t nat {command} IPVSH {words}")
    };
    let mut lines: Vec<String> = from.map(|from| rule("-D", from)).into_iter().collect();
    if let Some(to) = to {
        lines.push(format!("{program} -t nat -N IPVSH 2>/dev/null"));
        lines.push(rule("-A", to));
        let jump = "POSTROUTING -j IPVSH";
        lines.push(format!(
            "{program} -t nat -C {jump} 2>/dev/null || {program} -t nat -A {jump}"
        ));
    }
    lines
}

/// Reads the words behind `-A IPVSH`; `None` for a rule that is not one of ours.
pub fn read(family: Family, words: &[String]) -> Option<(ServiceKey, SourceNat)> {
    let words_now: Vec<&str> = words.iter().map(String::as_str).collect();
    let value_of = |option: &str| {
        let mut pairs = words_now.windows(2);
        pairs.find_map(|pair| match pair {
            [name, value] if *name == option => Some(*value),
            _ => None,
        })
    };
    let service = match value_of("--mark") {
        Some(mark) => ServiceKey::Fwmark {
            family,
            mark: Fwmark::new(
                u32::from_str_radix(mark.strip_prefix("0x")?, 16)
                    .ok()?
                    .into(),
            )
            .ok()?,
        },
        None => ServiceKey::Address {
            protocol: Protocol(value_of("--vproto")?.parse().ok()?),
            addr: value_of("--vaddr")?.parse().ok()?,
            port: value_of("--vport")
                .or(value_of("--vportctl"))?
                .parse()
                .ok()?,
        },
    };
    let to = match value_of("-j")? {
        "MASQUERADE" => SourceNat::Masquerade,
        "SNAT" => SourceNat::Address(value_of("--to-source")?.parse::<IpAddr>().ok()?),
        _ => return None,
    };
    // What says more, or says it otherwise, is somebody else's.
    (service.family() == family && self::words(&service, &to) == words).then_some((service, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `iptables -t nat -S` and `ip6tables -t nat -S` of 1.8.9, nf_tables and legacy, of rules that
    /// were typed with the same words in another order.
    #[test]
    fn rules_are_written_as_iptables_prints_them() {
        for (family, line) in [
            (
                Family::Ipv4,
                "-m ipvs --vproto 6 --vaddr 192.168.60.200 --vport 80 --vmethod MASQ -j MASQUERADE",
            ),
            (
                Family::Ipv4,
                "-m ipvs --vproto 6 --vaddr 192.168.60.200 --vmethod MASQ --vportctl 0 -j MASQUERADE",
            ),
            (
                Family::Ipv6,
                "-m ipvs --vproto 17 --vaddr 2001:db8:60::200 --vport 53 --vmethod MASQ -j SNAT \
                 --to-source 2001:db8:182::200",
            ),
            (
                Family::Ipv4,
                "-m ipvs --vmethod MASQ -m mark --mark 0x9 -j SNAT --to-source 192.168.182.200",
            ),
        ] {
            let listed: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let (service, to) = read(family, &listed).unwrap();
            assert_eq!(words(&service, &to).join(" "), line);
        }
    }

    #[test]
    fn rules_of_others_are_not_read() {
        for line in [
            "-m ipvs --vproto 6 --vaddr 192.168.60.200 --vport 80 -j MASQUERADE",
            "-m ipvs --vproto 6 --vaddr 2001:db8::1 --vport 80 --vmethod MASQ -j MASQUERADE",
            "-m ipvs --vproto 6 --vaddr 192.168.60.200 --vport 80 --vmethod MASQ -j ACCEPT",
            "-o eth0 -m ipvs --vmethod MASQ -m mark --mark 0x9 -j MASQUERADE",
            "-m ipvs --vmethod MASQ -m mark --mark 0x9/0xff -j MASQUERADE",
            "-j MASQUERADE",
        ] {
            let listed: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(read(Family::Ipv4, &listed), None, "{line}");
        }
    }
}
