//! `ipvsh real-server VIP|SERVICE`.

use std::net::IpAddr;

use clap::Args;

use super::context::Context;
use crate::error::Result;
use crate::format::real_server::{Persist, Setup, persistent, script};
use crate::model::{Arrival, Forwarding, ServedVip, ServiceName, Tunnel, address};

/// Print the shell script that sets up a real server which has no ipvsh
///
/// A POSIX sh script with start, stop and status: copy it to each real server and run it there as
/// root; this host is not changed. For direct routing it sets the ARP settings and then adds the VIP
/// to lo; for a tunnel it also brings up the device that unwraps packets; for masquerading it makes the
/// director the default gateway. start may run again at any time. stop takes away what start added
/// and returns settings to the values found (kept in /run/lvs-real-server), except what another VIP
/// still needs. status exits with 0 where all is there, else with 3. On a host that has ipvsh, the
/// script function serve_vip does the same.
///
/// With a service, its servers say the forwarding method and the tunnel; with a VIP the method is
/// direct unless it is given. --persist prints lines for a root shell in the place of the script:
/// they write the files that set it up at every boot, and apply them.
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh real-server [OPTIONS] VIP|SERVICE")]
pub(super) struct RealServerArgs {
    /// A VIP, or a service of the head or of the kernel
    #[arg(required = true, value_name = "VIP|SERVICE")]
    service: Vec<String>,
    /// direct, tunnel or masq [default: of a service its servers'; else direct]
    #[arg(long, value_name = "METHOD", value_parser = Forwarding::parse)]
    forward: Option<Forwarding>,
    /// The tunnel that the director has for the server: ipip, gre or gue:PORT
    #[arg(long, value_name = "TYPE", value_parser = Tunnel::parse)]
    tunnel: Option<Tunnel>,
    /// For masquerading: the director's inner address, which becomes the default gateway
    #[arg(long, value_name = "ADDRESS", value_parser = address::parse_ip)]
    gateway: Option<IpAddr>,
    /// sysctl.d (the kernel settings alone), networkd or nmcli
    #[arg(long, value_name = "FORM", value_parser = Persist::parse)]
    persist: Option<Persist>,
}

/// Runs `ipvsh real-server`.
pub(super) fn run(context: &Context, args: &RealServerArgs) -> Result<u8> {
    let setup = Setup::new(served(context, args)?, args.gateway)?;
    context.out.print(&match args.persist {
        None => script(&setup)?,
        Some(form) => persistent(&setup, form)?,
    });
    Ok(0)
}

fn served(context: &Context, args: &RealServerArgs) -> Result<ServedVip> {
    let name = args.service.join(" ");
    match ServiceName::parse(&name)? {
        ServiceName::Bare { port: None, .. } => {
            let arrival = Arrival::given(args.forward, args.tunnel)?.unwrap_or(Arrival::Direct);
            ServedVip::new(ServedVip::parse_address(&name)?, arrival)
        }
        service => context
            .director()?
            .served_vip(&service, args.forward, args.tunnel),
    }
}
