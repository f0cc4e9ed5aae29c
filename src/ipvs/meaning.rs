//! Owns what an error number means for each command.
//!
//! May import: `message`, `netlink`. Source of truth: net/netfilter/ipvs/ip_vs_ctl.c
//! (ip_vs_genl_set_cmd, ip_vs_add_service, ip_vs_edit_service, ip_vs_add_dest, ip_vs_edit_dest,
//! ip_vs_new_dest, ip_vs_genl_new_daemon, ip_vs_set_timeout), start_sync_thread in ip_vs_sync.c,
//! netlink_dump_start in net/netlink/af_netlink.c.

use super::message::IpvsCommand;
use crate::netlink::Errno;

/// Says in words what an error number means as the answer to a command; none where the kernel's
/// source leaves it open.
pub(super) fn meaning(command: IpvsCommand, errno: Errno) -> Option<&'static str> {
    use IpvsCommand as C;
    Some(match (command, errno) {
        (_, Errno::PERM) => "needs CAP_NET_ADMIN in the initial user namespace",
        (_, Errno::NOMEM) => "the kernel is out of memory",
        (_, Errno::MSGSIZE) => "the record does not fit into one message",
        (_, Errno::OPNOTSUPP) => "this kernel's IPVS does not know the command",
        (_, Errno::AFNOSUPPORT) => "this kernel's IPVS does not support the address family",
        (C::GetService | C::GetDest | C::GetDaemon, Errno::BUSY) => {
            "another dump is under way on this socket"
        }
        (C::NewDaemon | C::DelDaemon, errno) => return daemon_meaning(command, errno),
        (C::NewService, Errno::EXIST) => "the service already exists",
        (C::NewService | C::SetService, Errno::NOENT) => {
            "the kernel has no such scheduler or persistence engine"
        }
        (C::NewService, Errno::INVAL) => {
            "the kernel refuses these options (an IPv6 prefix length outside 1 to 128?)"
        }
        (C::SetService, Errno::INVAL) => {
            "the kernel refuses these options (an IPv6 prefix length outside 1 to 128?), or a \
             required one is missing"
        }
        (C::SetService | C::DelService | C::GetService | C::Zero, Errno::SRCH) => {
            "there is no such service"
        }
        (C::NewDest | C::SetDest | C::DelDest, Errno::SRCH) => {
            "the service of the destination does not exist"
        }
        (C::NewDest, Errno::EXIST) => "the service already has this destination",
        (C::SetDest | C::DelDest, Errno::NOENT) => "the service has no such destination",
        (C::NewDest | C::SetDest, Errno::RANGE) => {
            "the weight is negative, or the lower threshold is above the upper one"
        }
        (C::NewDest | C::SetDest, Errno::INVAL) => {
            "the kernel refuses this destination: its address is not unicast here (was lo ever \
             up in this network namespace?), its family differs from the service's without a \
             tunnel or beside a sync daemon, or GUE lacks a port"
        }
        (C::SetConfig, Errno::INVAL) => "a timeout is out of range",
        _ => return None,
    })
}

/// The same for the daemons.
fn daemon_meaning(command: IpvsCommand, errno: Errno) -> Option<&'static str> {
    use IpvsCommand as C;
    Some(match (command, errno) {
        (C::NewDaemon, Errno::EXIST) => "a daemon of this state is running already",
        (C::NewDaemon, Errno::NODEV) => "there is no such interface",
        (C::NewDaemon, Errno::ADDRNOTAVAIL) => "the interface has no usable address",
        (C::NewDaemon, Errno::INVAL) => {
            "the kernel refuses these options, or a service has destinations of the other \
             address family"
        }
        (C::DelDaemon, Errno::SRCH) => "no daemon of this state is running",
        _ => return None,
    })
}
