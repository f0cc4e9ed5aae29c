//! Keys as data, and screens as text.

mod keys;
mod screens;

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use super::{Action, Order, Picture, Top, draw, fit};
use crate::model::json::parse_ruleset;
use crate::model::load::load;
use crate::model::{Counts, Live, Load, ServerKey, ServiceKey, ServiceTraffic, Traffic, Usage};
use crate::output::Paint;

fn usage(connections: u64, bytes: u64) -> Usage {
    let mut usage = Usage::default();
    usage.rates.cps = connections;
    usage.rates.in_pps = connections * 10;
    usage.rates.out_pps = connections * 9;
    usage.rates.in_bps = bytes;
    usage.rates.out_bps = bytes * 20;
    usage.stats.connections = connections * 3600;
    usage.stats.in_packets = connections * 36_000;
    usage.stats.out_packets = connections * 32_400;
    usage.stats.in_bytes = bytes * 3600;
    usage.stats.out_bytes = bytes * 72_000;
    usage
}

/// A busy web service, name servers, one that nobody can reach, a mark.
fn site() -> (Live, Traffic) {
    let rules = parse_ruleset(serde_json::json!({"services": [
        {"protocol": "tcp", "address": "192.0.2.10", "port": 80, "scheduler": "wrr", "servers": [
            {"address": "10.0.0.11", "port": 80, "forward": "masq", "weight": 3},
            {"address": "10.0.0.12", "port": 80, "forward": "masq", "weight": 0},
            {"address": "10.0.0.13", "port": 80, "forward": "masq"},
        ]},
        {"protocol": "udp", "address": "2001:db8:1:2::10", "port": 53, "scheduler": "rr", "servers": [
            {"address": "2001:db8:1:2::1:11", "port": 53, "forward": "direct"},
        ]},
        {"protocol": "tcp", "address": "192.0.2.20", "port": 443, "servers": [
            {"address": "10.0.0.21", "port": 443, "forward": "tunnel", "weight": 0},
        ]},
        {"mark": 666, "family": "ipv4", "servers": []},
    ]}))
    .unwrap();
    let mut live = Live {
        rules,
        ..Live::default()
    };
    let mut traffic = Traffic::new();
    for (service, connections, bytes, servers) in [
        (
            "tcp 192.0.2.10:80",
            12_345,
            98_765_432,
            vec![
                ("10.0.0.11", 9876, 4321),
                ("10.0.0.12", 0, 17),
                ("10.0.0.13", 2469, 321),
            ],
        ),
        (
            "udp [2001:db8:1:2::10]:53",
            45,
            6000,
            vec![("2001:db8:1:2::1:11", 0, 1234)],
        ),
        ("tcp 192.0.2.20:443", 0, 0, vec![("10.0.0.21", 0, 0)]),
    ] {
        let key = service_key(service);
        let mut one = ServiceTraffic {
            total: usage(connections, bytes),
            ..ServiceTraffic::default()
        };
        for (name, active, inactive) in servers {
            let server = ServerKey::parse(name, &key).unwrap();
            one.servers.insert(
                server,
                usage(u64::from(active) / 2, u64::from(inactive) * 100),
            );
            let counts = Counts {
                active,
                inactive,
                persistent: 0,
            };
            live.counts.entry(key).or_default().insert(server, counts);
        }
        traffic.insert(key, one);
    }
    (live, traffic)
}

fn service_key(name: &str) -> ServiceKey {
    ServiceKey::parse(name).unwrap()
}

/// The screen of a site, with what is read of its servers.
struct Lab {
    top: Top,
    traffic: Traffic,
    screen: Size,
}

impl Lab {
    fn new() -> Lab {
        let (live, traffic) = site();
        Lab::of(&load(&live, &traffic), traffic)
    }

    fn of(load: &Load, traffic: Traffic) -> Lab {
        let mut top = Top::new("lb1".to_owned(), Duration::from_secs(1), Order::default());
        top.show(Picture::of(
            load,
            &Default::default(),
            "12:34:56".to_owned(),
        ));
        let screen = Size::new(80, 24);
        let mut lab = Lab {
            top,
            traffic,
            screen,
        };
        lab.fit();
        lab
    }

    /// The checks found something.
    fn find(&mut self, state: &crate::health::State) {
        let (live, traffic) = site();
        let load = load(&live, &traffic);
        self.top
            .show(Picture::of(&load, state, "12:34:57".to_owned()));
    }

    fn sized(mut self, width: u16, height: u16) -> Lab {
        self.screen = Size::new(width, height);
        self
    }

    /// Reads what is wanted, as the loop does; gives the services.
    fn fit(&mut self) -> Vec<ServiceKey> {
        let wanted = fit(&mut self.top, self.screen);
        let found = wanted
            .iter()
            .filter_map(|key| Some((*key, self.traffic.get(key)?.clone())));
        self.top.add(&found.collect());
        wanted
    }

    /// Presses keys: letters, and names in `<>`. Gives what the last one asked for.
    fn press(&mut self, keys: &str) -> Action {
        let mut action = Action::Nothing;
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let name = rest.strip_prefix('<').and_then(|text| text.split_once('>'));
            let named = name.and_then(|(name, behind)| Some((named(name)?, behind)));
            let key = match named {
                Some((key, behind)) => {
                    rest = behind;
                    key
                }
                None => {
                    rest = &rest[first.len_utf8()..];
                    KeyEvent::from(KeyCode::Char(first))
                }
            };
            action = self.top.press(key);
            self.fit();
        }
        action
    }

    /// What is on the screen, without spaces at the ends of lines.
    fn text(&mut self) -> String {
        self.fit();
        let backend = TestBackend::new(self.screen.width, self.screen.height);
        let mut terminal = Terminal::new(backend).unwrap();
        terminal
            .draw(|frame| draw(frame, &self.top, Paint::new(true)))
            .unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y: u16| {
            let cells = (0..self.screen.width).map(|x| &buffer[(x, y)]);
            let text: String = cells.clone().map(|cell| cell.symbol()).collect();
            text.trim_end().to_owned()
        };
        let lines: Vec<String> = (0..self.screen.height).map(line).collect();
        lines.join("\n")
    }

    /// The names of the rows, the selected one marked.
    fn rows(&self) -> String {
        let line = |(at, row): (usize, &super::Row)| {
            let name = match row.server {
                Some(server) => format!("  {server}"),
                None => row.service.to_string(),
            };
            let mark = if at == self.top.cursor { "> " } else { "" };
            format!("{mark}{name}")
        };
        let rows: Vec<String> = self.top.rows.iter().enumerate().map(line).collect();
        rows.join("\n")
    }
}

fn named(name: &str) -> Option<KeyEvent> {
    let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
    Some(match name {
        "Enter" => KeyCode::Enter.into(),
        "Esc" => KeyCode::Esc.into(),
        "Up" => KeyCode::Up.into(),
        "Down" => KeyCode::Down.into(),
        "Left" => KeyCode::Left.into(),
        "Right" => KeyCode::Right.into(),
        "Home" => KeyCode::Home.into(),
        "End" => KeyCode::End.into(),
        "PgDn" => KeyCode::PageDown.into(),
        "PgUp" => KeyCode::PageUp.into(),
        "Backspace" => KeyCode::Backspace.into(),
        "C-c" => control('c'),
        "C-z" => control('z'),
        "C-l" => control('l'),
        "C-u" => control('u'),
        _ => return None,
    })
}

/// Many services with two servers each, busier the higher their number.
fn many(count: u32) -> Lab {
    let mut load = Load::new();
    let mut traffic = Traffic::new();
    for number in 0..count {
        let vip = std::net::Ipv4Addr::from(0xC612_0000 + number);
        let key = service_key(&format!("tcp {vip}:80"));
        let mut one = ServiceTraffic {
            total: usage(number.into(), 100),
            ..ServiceTraffic::default()
        };
        let mut servers = std::collections::BTreeMap::new();
        for (host, weight) in [(11, 1), (12, 2)] {
            let server = ServerKey::parse(&format!("10.0.0.{host}"), &key).unwrap();
            one.servers.insert(server, usage(u64::from(number) / 2, 50));
            let load = crate::model::ServerLoad {
                forward: crate::model::Forwarding::Masq,
                weight: crate::model::Weight::new(weight).unwrap(),
                active: number,
                inactive: number / 2,
            };
            servers.insert(server, load);
        }
        let service = crate::model::ServiceLoad {
            usage: one.total,
            servers,
            ..crate::model::ServiceLoad::default()
        };
        load.insert(key, service);
        traffic.insert(key, one);
    }
    Lab::of(&load, traffic)
}
