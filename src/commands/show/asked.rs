//! What is asked for: the words and options, understood.

use clap::Args;

use super::object::{self, Object};
use crate::commands::args::some;
use crate::director::{CountBy, Filter, Wanted};
use crate::error::{Error, Kind, Result};
use crate::views::{Order, View, overview};

/// What the kernel holds and counts
///
/// With an object only that: ipvsh show stats tcp 192.0.2.10:80, ipvsh show connections 192.0.2.10
#[derive(Debug, Args)]
#[command(override_usage = "ipvsh show [OPTIONS] [VIEW] [OBJECT]")]
#[command(after_help = format!("Views:\n{}", overview()))]
pub(in crate::commands) struct ShowArgs {
    /// A view [default: services], and an object: a virtual service, a real server, a network; a
    /// mark, a daemon
    #[arg(value_name = "VIEW] [OBJECT")]
    pub(super) words: Vec<String>,
    /// Sort by a column, smallest first; -COLUMN: largest first. Connections that are sorted are
    /// held in memory, those of --limit or all (about 300 bytes each)
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(super) sort: Option<String>,
    /// Show so many services or connections at most; with --count-by, so many of what is counted
    #[arg(short = 'n', long, visible_alias = "top", value_name = "N", value_parser = some)]
    pub(super) limit: Option<usize>,
    /// Show large numbers in full, not as K, M, G
    #[arg(long)]
    pub(super) exact_numbers: bool,
    /// Show it again every so many seconds, until Ctrl-C; with --json a line each time
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(super) watch: Option<String>,
    /// Only connections to a real server: an address, ADDRESS:PORT, a port, a network
    #[arg(long, value_name = "ADDRESS", help_heading = "Options of connections")]
    pub(super) server: Option<String>,
    /// Only connections of a client: an address, ADDRESS:PORT, a port, a network
    #[arg(long, value_name = "ADDRESS", help_heading = "Options of connections")]
    pub(super) client: Option<String>,
    /// Only connections in a state: ESTABLISHED, TIME_WAIT, ...
    #[arg(long, value_name = "STATE", help_heading = "Options of connections")]
    pub(super) state: Option<String>,
    /// Count connections instead, the most frequent first: client, client/24 (client/64 for IPv6),
    /// server, service, state. --top N: so many of them [default: 20]
    #[arg(long, value_name = "WHAT", help_heading = "Options of connections")]
    pub(super) count_by: Option<String>,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) view: View,
    pub(super) object: Object,
    pub(super) order: Option<Order>,
    pub(super) limit: Option<usize>,
    pub(super) exact: bool,
    pub(super) connections: Wanted,
    pub(super) count_by: Option<CountBy>,
}

impl Asked {
    pub(super) fn new(args: &ShowArgs) -> Result<Asked> {
        let (view, object) = object::parse(&args.words)?;
        let only = |option: &str, what: &str| {
            let error = Error::new(Kind::Usage, format!("{option} is for {what}"));
            Err(error.hint(format!("this is show {}", view.name())))
        };
        let filters = [
            ("--server", &args.server),
            ("--client", &args.client),
            ("--state", &args.state),
            ("--count-by", &args.count_by),
        ];
        let given = filters.iter().find(|(_, value)| value.is_some());
        if let (Some((option, _)), false) = (given, view == View::Connections) {
            return only(option, "connections");
        }
        if args.limit.is_some() && view.facts().columns.is_empty() {
            return only("--limit (--top)", "services and connections");
        }
        if let (Some(_), Some(_)) = (&args.count_by, &args.sort) {
            let error = Error::new(Kind::Usage, "--sort is for lists, not for --count-by");
            return Err(error.hint("the most frequent come first"));
        }
        let count_by = args.count_by.as_deref().map(CountBy::parse).transpose();
        let order = args.sort.as_deref();
        let order = order.map(|text| Order::parse(view, text)).transpose()?;
        let filter = |text: &Option<String>, option: &str| -> Result<Option<Filter>> {
            let filter = text.as_deref().map(Filter::parse).transpose();
            filter.map_err(|e| e.object(option))
        };
        let state = args.state.as_deref().map(Wanted::state).transpose();
        Ok(Asked {
            view,
            order,
            limit: args.limit,
            exact: args.exact_numbers,
            connections: Wanted {
                subject: object.subject().copied(),
                server: filter(&args.server, "--server")?,
                client: filter(&args.client, "--client")?,
                state: state.map_err(|e| e.object("--state"))?,
                order,
                limit: args.limit,
            },
            object,
            count_by: count_by.map_err(|e| e.object("--count-by"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ShowArgs,
    }

    fn asked(line: &str) -> Result<Asked> {
        let words = ["show"].into_iter().chain(line.split_whitespace());
        Asked::new(&Line::parse_from(words).args)
    }

    #[test]
    fn options_go_with_the_views_that_have_them() {
        let fine = "connections tcp 192.0.2.1:80 --client 198.51.100.0/24 --state established \
                    --sort -expires --limit 5";
        let asked_for = asked(fine).unwrap();
        assert_eq!(asked_for.connections.state.as_deref(), Some("ESTABLISHED"));
        assert!(asked_for.order.unwrap().descending);
        for line in [
            "stats --state ESTABLISHED",
            "--client 192.0.2.1",
            "info --limit 3",
            "marks --sort mark",
            "stats --sort weight",
        ] {
            assert_eq!(asked(line).unwrap_err().kind(), Kind::Usage, "{line}");
        }
        for line in [
            "connections --client nowhere",
            "connections --state OPEN",
            "connections --server 192.0.2.1:99999",
        ] {
            let error = asked(line).unwrap_err();
            assert_eq!(error.kind(), Kind::Invalid, "{line}");
            assert!(error.object_name().is_some(), "{line}");
        }
    }
}
