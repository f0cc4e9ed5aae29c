//! Lists the virtual services of this network namespace with the client of `ipvsh::ipvs` alone.
//!
//! `sudo -E cargo run --example list_services`; needs root and IPVS, changes nothing.

use std::error::Error;

use ipvsh::ipvs::{DaemonState, IpvsClient};

fn main() -> Result<(), Box<dyn Error>> {
    let mut client = IpvsClient::open_or_load()?;
    println!("IPVS {}", client.info()?.version_text());
    for service in client.services()? {
        let counted = service.stats.connections;
        println!(
            "{} {}, {counted} connections so far",
            service.id, service.scheduler
        );
        for server in client.destinations(&service.id)? {
            println!(
                "  {} weight {}: {} active, {} inactive",
                server.id, server.weight, server.active_connections, server.inactive_connections
            );
        }
    }
    for daemon in client.daemons()? {
        let does = match daemon.state {
            DaemonState::Master => "sends to",
            DaemonState::Backup => "listens on",
            _ => "is on",
        };
        println!("a sync daemon {does} {}", daemon.interface);
    }
    Ok(())
}
