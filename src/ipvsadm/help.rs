//! What `-h` and `-v` print, and what is said where no command was understood.
//!
//! The options are ipvsadm's; the words about them are ours, for its own are under the GPL.

/// The version line of the program that this is a drop-in for.
pub(super) const VERSION: &str = "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n";

/// Where to find help.
pub(super) fn pointer(program: &str) -> String {
    format!("Try `{program} -h' or '{program} --help' for more information.")
}

/// The help: the version, then our own words about the same options.
pub(super) fn text(program: &str) -> String {
    let options = OPTIONS.replace("PROGRAM", program);
    format!("{VERSION}{options}")
}

const OPTIONS: &str = "\
Usage: PROGRAM COMMAND [SERVICE] [OPTION...]
A command comes first. Long options and their letters mean the same.

Virtual services:
  -A, --add-service SERVICE      create one
  -E, --edit-service SERVICE     give one other options; what is left out is at its default again
  -D, --delete-service SERVICE   remove one and its real servers
  -C, --clear                    remove all of them

  with -A and -E:
  -s, --scheduler NAME           how a server is chosen: wlc (default), rr, wrr, lc, lblc, lblcr,
                                 dh, sh, sed, nq, fo, ovf, mh
  -b, --sched-flags FLAG,...     sh-port, sh-fallback, mh-port, mh-fallback, flag-1 to flag-3
  -p, --persistent [SECONDS]     a client stays with its server for so long (360 without a number)
  -M, --netmask MASK             clients of one network stay together: 255.255.255.0, for IPv6 64
      --pe ENGINE                persistence by something else than the address: sip
  -o, --ops                      each packet by itself (UDP and marks)

Real servers:
  -a, --add-server SERVICE -r SERVER      give a service one more
  -e, --edit-server SERVICE -r SERVER     give one other options
  -d, --delete-server SERVICE -r SERVER   take one away

  with -a and -e:
  -r, --real-server HOST[:PORT]  which one
  -g, --gatewaying               it answers the client itself (direct routing; default)
  -i, --ipip                     the same through a tunnel
  -m, --masquerading             its answers come back through here (NAT)
  -w, --weight NUMBER            its share (1); 0 takes no new connections
  -x, --u-threshold NUMBER       no new connections above so many (0: no limit)
  -y, --l-threshold NUMBER       new ones again below so many
      --tun-type TYPE            the tunnel: ipip (default), gue, gre
      --tun-port PORT            its UDP port (gue)
      --tun-nocsum, --tun-csum, --tun-remcsum
                                 its checksum: none, full, remote (gue)

SERVICE is one of:
  -t, --tcp-service HOST[:PORT]
  -u, --udp-service HOST[:PORT]
      --sctp-service HOST[:PORT]
  -f, --fwmark-service MARK      packets with this firewall mark, from 1 on
  -6, --ipv6                     behind -f: the mark is of IPv6 packets

Looking:
  -L, -l, --list [SERVICE]       services and their servers
  -n, --numeric                  numbers instead of names
      --stats, --rate            what went through, or goes through per second
      --thresholds, --persistent-conn, --tun-info
                                 these instead of connections
  -X, --exact                    no number is rounded
      --nosort                   in the kernel's order
      --sort                     has no effect
  -c, --connection               the connections
      --timeout, --daemon        the timeouts, the sync daemons
  -Z, --zero [SERVICE]           set counters to zero
  -S, --save [-n]                print lines for -R
  -R, --restore                  carry out lines from standard input
  -h, --help                     print this
  -v, --version                  print the version

Timeouts and sync daemons:
      --set TCP TCPFIN UDP       seconds; 0 leaves one as it is
      --start-daemon ROLE        tell another director of connections (master), or listen (backup)
      --stop-daemon ROLE         end that
  with --start-daemon:
      --mcast-interface NAME     where (eth0)
      --syncid NUMBER            0 to 255; the two ends have the same (0)
      --sync-maxlen BYTES        of a message (what fits into 1500; a backup: into the interface's)
      --mcast-group ADDRESS      224.0.0.81, or another one, also of IPv6
      --mcast-port PORT          8848
      --mcast-ttl NUMBER         1
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_help() {
        let text = text("lvs");
        assert!(text.contains("Usage: lvs COMMAND"));
        let words: Vec<&str> = text.split([' ', ',', '\n']).collect();
        for (name, letter) in super::super::scan::names() {
            if let Some(letter) = letter {
                let letter = format!("-{letter}");
                assert!(words.contains(&letter.as_str()), "{letter}");
            }
            let name = format!("--{name}");
            assert!(words.contains(&name.as_str()), "{name}");
        }
    }
}
