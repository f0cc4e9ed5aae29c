//! Who answered, and what the counters did, as tables and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::paint::{Paint, Style};
use super::table::Table;
use crate::trial::{Group, ServiceChange, Trial};

/// The answers, a line per group, and what the counters did.
pub fn trial(trial: &Trial, paint: Paint, width: Option<u16>) -> String {
    let mut text = String::new();
    if !trial.groups.is_empty() {
        text += &format!("{}\n", answers(&trial.groups, paint, width));
    }
    text += &format!("{}\n", summary(trial));
    for service in &trial.counted.services {
        text += &format!("\n{}\n", counters(service, paint, width));
    }
    let servers = trial.counted.services.iter().flat_map(|one| &one.servers);
    for finding in servers.filter_map(|server| server.finding()) {
        text += &format!("{}\n", paint.paint(Style::Removed, &finding));
    }
    text
}

fn answers(groups: &[Group], paint: Paint, width: Option<u16>) -> String {
    // A URL that is the only one is on the command line.
    let is_one = groups.windows(2).all(|two| match two {
        [one, other] => one.url == other.url,
        _ => true,
    });
    let url = |url: &str| match is_one {
        true => String::new(),
        false => url.to_owned(),
    };
    let titles = [
        url("url"),
        "count".into(),
        "median".into(),
        "slowest".into(),
        "answer".into(),
    ];
    let titles: Vec<&str> = titles
        .iter()
        .map(String::as_str)
        .skip(usize::from(is_one))
        .collect();
    let first = usize::from(!is_one);
    let mut table = Table::new(&titles, &[first, first + 1, first + 2], paint, width);
    for group in groups {
        let cells = [
            url(&group.url),
            group.count.to_string(),
            time(group.times.median),
            time(group.times.slowest),
            group.text.clone(),
        ];
        let cells: Vec<&String> = cells.iter().skip(usize::from(is_one)).collect();
        match group.is_answer {
            true => table.row(&cells),
            false => table.row_styled(Style::Removed, &cells),
        }
    }
    table.text()
}

/// `10 of 10 answered, median 1.2 ms, slowest 3 ms`.
fn summary(trial: &Trial) -> String {
    let mut text = format!("{} of {} answered", trial.answered, trial.sent);
    if let Some(times) = trial.times {
        let (median, slowest) = (time(times.median), time(times.slowest));
        text += &format!(", median {median}, slowest {slowest}");
    }
    if trial.is_interrupted() {
        text += &format!("; interrupted, {} were to be sent", trial.wanted);
    }
    text
}

/// A time in milliseconds, with as many digits as tell something: `0.35 ms`, `1.2 ms`, `3000 ms`.
fn time(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    let digits = match ms {
        ms if ms < 1.0 => 2,
        ms if ms < 10.0 => 1,
        _ => 0,
    };
    format!("{ms:.digits$} ms")
}

fn counters(service: &ServiceChange, paint: Paint, width: Option<u16>) -> String {
    let name = service.service.to_string();
    let titles = [
        name.as_str(),
        "method",
        "connections",
        "packets in",
        "packets out",
    ];
    let mut table = Table::new(&titles, &[2, 3, 4], paint, width);
    for server in &service.servers {
        let cells = [
            format!("  {}", server.server),
            server.forward.to_string(),
            server.connections.to_string(),
            server.in_packets.to_string(),
            server
                .out_packets
                .map_or("not seen".to_owned(), |packets| packets.to_string()),
        ];
        match server.is_silent() {
            true => table.row_styled(Style::Removed, &cells),
            false => table.row(&cells),
        }
    }
    table.text()
}

/// The same as JSON; times are in seconds.
pub fn trial_json(trial: &Trial) -> Value {
    let group = |group: &Group| {
        json!({
            "url": group.url,
            "address": group.addr.to_string(),
            "answered": group.is_answer,
            "answer": group.text,
            "count": group.count,
            "median": group.times.median.as_secs_f64(),
            "slowest": group.times.slowest.as_secs_f64(),
        })
    };
    let service = |service: &ServiceChange| {
        let servers = service.servers.iter().map(|server| {
            json!({
                "server": server.server.to_string(),
                "forward": server.forward.name(),
                "connections": server.connections,
                "in_packets": server.in_packets,
                "out_packets": server.out_packets,
                "finding": server.finding(),
            })
        });
        json!({
            "service": service.service.to_string(),
            "servers": servers.collect::<Vec<_>>(),
        })
    };
    json!({
        "sent": trial.sent,
        "answered": trial.answered,
        "interrupted": trial.is_interrupted(),
        "median": trial.times.map(|times| times.median.as_secs_f64()),
        "slowest": trial.times.map(|times| times.slowest.as_secs_f64()),
        "answers": trial.groups.iter().map(group).collect::<Vec<_>>(),
        "services": trial.counted.services.iter().map(service).collect::<Vec<_>>(),
        "notes": trial.notes(),
    })
}
