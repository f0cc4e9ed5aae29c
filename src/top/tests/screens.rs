//! Screens, as they are seen.

use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::{Lab, many};
use crate::model::{Load, Traffic};
use crate::output::Paint;
use crate::top::{Notice, draw};

fn screen(width: u16, height: u16, keys: &str) -> String {
    let mut lab = Lab::new().sized(width, height);
    lab.press(keys);
    lab.text()
}

#[test]
fn the_usual_terminal() {
    assert_snapshot!(screen(80, 24, ""), @r"
    lb1: 4 services, 5 servers, by conn/s                        every 1 s  12:34:56
                                           packets/s      bytes/s   connections
      service                    conn/s     in   out     in   out  active inact
      total                       12.3K   123K  111K  98.7M 1.97G   12.3K  5893
    + tcp 192.0.2.10:80           12.3K   123K  111K  98.7M 1.97G   12.3K  4659
    + udp [2001:db8:1:2::10]:53      45    450   405   6000  120K       0  1234
    + tcp 192.0.2.20:443              0      0     0      0     0       0     0
      fwmark 666                      0      0     0      0     0       0     0















    q quit  ? help  / filter  < > sort  Enter unfold  + - all  space freeze
    ");
}

#[test]
fn a_small_terminal() {
    assert_snapshot!(screen(40, 10, "+"), @r"
    lb1: 4 services, 5~  every 1 s  12:34:56
                                 connections
      service           conn/s  active inact
      total              12.3K   12.3K  5893
    - tcp 192.0.2.~:80   12.3K   12.3K  4659
        10.0.0.11:80      4938    9876  4321
        10.0.0.13:80      1234    2469   321
        10.0.0.12:80         0       0    17
    - udp [2001:db~:53      45       0  1234
    q quit  ? help  / filter  < > sort
    ");
}

#[test]
fn a_large_terminal_unfolded() {
    assert_snapshot!(screen(120, 30, "+"), @r"
    lb1: 4 services, 5 servers, by conn/s                                                                every 1 s  12:34:56
                                           packets/s      bytes/s   connections
      service                    conn/s     in   out     in   out  active inact  scheduler
      total                       12.3K   123K  111K  98.7M 1.97G   12.3K  5893
    - tcp 192.0.2.10:80           12.3K   123K  111K  98.7M 1.97G   12.3K  4659  wrr
        10.0.0.11:80               4938  49.3K 44.4K   432K 8.64M    9876  4321  masq 3
        10.0.0.13:80               1234  12.3K 11.1K  32.1K  642K    2469   321  masq 1
        10.0.0.12:80                  0      0     0   1700 34.0K       0    17  masq 0
    - udp [2001:db8:1:2::10]:53      45    450   405   6000  120K       0  1234  rr
        [2001:db8:1:2::1:11]:53       0      0     0   123K 2.46M       0  1234  direct 1
    - tcp 192.0.2.20:443              0      0     0      0     0       0     0  wlc
        10.0.0.21:443                 0      0     0      0     0       0     0  tunnel 0
      fwmark 666                      0      0     0      0     0       0     0  wlc
















    q quit  ? help  / filter  < > sort  Enter unfold  + - all  space freeze  r reverse  c counters  z zero
    ");
}

#[test]
fn what_is_filtered_is_counted_and_summed_up() {
    assert_snapshot!(screen(80, 10, "/53<Enter>"), @r"
    lb1: 1 of 4 services, 1 server, by conn/s                    every 1 s  12:34:56
                                           packets/s      bytes/s   connections
      service                    conn/s     in   out     in   out  active inact
      total                          45    450   405   6000  120K       0  1234
    + udp [2001:db8:1:2::10]:53      45    450   405   6000  120K       0  1234




    filter: 53  (Esc takes it away, / changes it)
    ");
    assert_snapshot!(screen(80, 10, "/53"), @r"
    lb1: 1 of 4 services, 1 server, by conn/s                    every 1 s  12:34:56
                                           packets/s      bytes/s   connections
      service                    conn/s     in   out     in   out  active inact
      total                          45    450   405   6000  120K       0  1234
    + udp [2001:db8:1:2::10]:53      45    450   405   6000  120K       0  1234




    /53   Enter keeps it, Esc does not
    ");
    assert_snapshot!(screen(80, 10, "/nobody"), @r#"
    lb1: 0 of 4 services, 0 servers, by conn/s                   every 1 s  12:34:56
                                    packets/s      bytes/s   connections
      service             conn/s     in   out     in   out  active inact  scheduler
      total                    0      0     0      0     0       0     0
      nothing fits "nobody"




    /nobody   Enter keeps it, Esc does not
    "#);
}

#[test]
fn frozen_sorted_by_another_column_reversed() {
    assert_snapshot!(screen(80, 10, ">>>r "), @r"
    lb1: 4 services, 5 servers, by bytes/s in, reversed           frozen at 12:34:56
                                           packets/s      bytes/s   connections
      service                    conn/s     in   out     in   out  active inact
      total                       12.3K   123K  111K  98.7M 1.97G   12.3K  5893
    + tcp 192.0.2.20:443              0      0     0      0     0       0     0
      fwmark 666                      0      0     0      0     0       0     0
    + udp [2001:db8:1:2::10]:53      45    450   405   6000  120K       0  1234
    + tcp 192.0.2.10:80           12.3K   123K  111K  98.7M 1.97G   12.3K  4659

    q quit  ? help  / filter  < > sort  Enter unfold  + - all  space freeze
    ");
}

#[test]
fn counters_instead_of_rates() {
    assert_snapshot!(screen(80, 12, "c<Enter>"), @r"
    lb1: 4 services, 5 servers, counters, by connections         every 1 s  12:34:56
                                             packets        bytes   connections
      service                     conns     in   out     in   out  active inact
      total                       44.6M   446M  401M   355G 7.11T   12.3K  5893
    - tcp 192.0.2.10:80           44.4M   444M  399M   355G 7.11T   12.3K  4659
        10.0.0.11:80              17.7M   177M  159M  1.55G 31.1G    9876  4321
        10.0.0.13:80              4.44M  44.4M 39.9M   115M 2.31G    2469   321
        10.0.0.12:80                  0      0     0  6.12M  122M       0    17
    + udp [2001:db8:1:2::10]:53    162K  1.62M 1.45M  21.6M  432M       0  1234
    + tcp 192.0.2.20:443              0      0     0      0     0       0     0
      fwmark 666                      0      0     0      0     0       0     0
    q quit  ? help  / filter  < > sort  Enter unfold  + - all  space freeze
    ");
}

#[test]
fn a_question_and_what_became_of_it() {
    let mut lab = Lab::new().sized(80, 6);
    lab.press("z");
    assert_snapshot!(lab.text().lines().last().unwrap(), @r"zero the counters of tcp 192.0.2.10:80? [y/N]");
    lab.press("n<Down>Z");
    assert_snapshot!(lab.text().lines().last().unwrap(), @r"zero the counters of all services? [y/N]");
    lab.press("n");
    lab.top.say(Notice::Failed(
        "cannot read the IPVS table: not permitted".to_owned(),
    ));
    assert_snapshot!(lab.text().lines().last().unwrap(), @r"cannot read the IPVS table: not permitted");
}

#[test]
fn the_help_fits_or_scrolls() {
    assert_snapshot!(screen(80, 24, "?"), @r#"
    lb┌ ipvsh top ───────────────────────────────────────────────────────────────┐56
      │ up down PgUp PgDn   move; Home: back to the first row                    │
      │ Enter, right, left  unfold and fold the servers of a service             │
      │ + -                 unfold, fold all                                     │
    + │ < >                 sort by the column to the left, to the right         │
    + │ r                   reverse the order                                    │
    + │ /                   filter by the name of a service, server or scheduler │
      │ c                   counters instead of rates, and back                  │
      │ space               freeze: nothing is read until it is pressed again    │
      │ [ ]                 read more often, less often                          │
      │ z Z                 zero the counters of the selected service, of all    │
      │ ? h                 this help                                            │
      │ Ctrl-Z              to the shell, fg comes back                          │
      │ q Esc Ctrl-C        leave; Esc takes a filter away first                 │
      │                                                                          │
      │ Rates are the kernel's, averaged over some seconds. Answers that do not  │
      │ pass through this host (direct, tunnel) are in no column "out". What     │
      │ goes through servers is read of those that are seen.                     │
      │                                                                          │
      │ Yellow: a server of weight 0. Red: a service without a server that takes │
      │ new connections.                                                         │
      │                                                                          │
      │ K, M, G are thousands, millions, and so on, cut off.                     │
    q └ any key: back ───────────────────────────────────────────────────────────┘
    "#);
    assert_snapshot!(screen(40, 10, "?"), @r"
    ┌ ipvsh top ───────────────────────────┐
    │ up down PgUp PgDn                    │
    │   move; Home: back to the first row  │
    │ Enter, right, left                   │
    │   unfold and fold the servers of a   │
    │   service                            │
    │ + -                                  │
    │   unfold, fold all                   │
    │ < >                                  │
    └ up, down: more; any other key: back ─┘
    ");
    let end = format!("?{}", "<Down>".repeat(99));
    assert_snapshot!(screen(40, 10, &end), @r"
    ┌ ipvsh top ───────────────────────────┐
    │ those that are seen.                 │
    │                                      │
    │ Yellow: a server of weight 0. Red: a │
    │ service without a server that takes  │
    │ new connections.                     │
    │                                      │
    │ K, M, G are thousands, millions, and │
    │ so on, cut off.                      │
    └ up, down: more; any other key: back ─┘
    ");
    // From the end one key is one line.
    assert_ne!(screen(40, 10, &end), screen(40, 10, &format!("{end}<Up>")));
}

#[test]
fn the_readme_shows_it() {
    let text = screen(80, 13, "<Enter>");
    let shown = format!("```\n{text}\n```\n");
    let readme = std::fs::read_to_string("README.md").unwrap();
    assert!(readme.contains(&shown), "{shown}");
}

#[test]
fn an_empty_table() {
    let mut lab = Lab::of(&Load::new(), Traffic::new()).sized(80, 8);
    assert_snapshot!(lab.text(), @r"
    lb1: 0 services, 0 servers, by conn/s                        every 1 s  12:34:56
                                    packets/s      bytes/s   connections
      service             conn/s     in   out     in   out  active inact  scheduler
      total                    0      0     0      0     0       0     0
      no virtual services


    q quit  ? help  / filter  < > sort  Enter unfold  + - all  space freeze
    ");
}

#[test]
fn three_thousand_services() {
    let mut lab = many(3000).sized(80, 12);
    assert_snapshot!(lab.text(), @r"
    lb1: 3000 services, 6000 servers, by conn/s                  every 1 s  12:34:56
                                        packets/s      bytes/s   connections
      service                 conn/s     in   out     in   out  active inact
      total                    4.49M  44.9M 40.4M   300K 6.00M   8.99M 4.49M
    + tcp 198.18.11.183:80      2999  29.9K 26.9K    100  2000    5998  2998
    + tcp 198.18.11.182:80      2998  29.9K 26.9K    100  2000    5996  2998
    + tcp 198.18.11.181:80      2997  29.9K 26.9K    100  2000    5994  2996
    + tcp 198.18.11.180:80      2996  29.9K 26.9K    100  2000    5992  2996
    + tcp 198.18.11.179:80      2995  29.9K 26.9K    100  2000    5990  2994
    + tcp 198.18.11.178:80      2994  29.9K 26.9K    100  2000    5988  2994
    + tcp 198.18.11.177:80      2993  29.9K 26.9K    100  2000    5986  2992
    q quit  ? help  / filter  < > sort  Enter unfold  + - all  space freeze
    ");
    lab.press("+<PgDn>");
    assert_snapshot!(lab.text(), @r"
    lb1: 3000 services, 6000 servers, by conn/s                  every 1 s  12:34:56
                                        packets/s      bytes/s   connections
      service                 conn/s     in   out     in   out  active inact
      total                    4.49M  44.9M 40.4M   300K 6.00M   8.99M 4.49M
        10.0.0.11:80            1499  14.9K 13.4K     50  1000    2999  1499
        10.0.0.12:80            1499  14.9K 13.4K     50  1000    2999  1499
    - tcp 198.18.11.182:80      2998  29.9K 26.9K    100  2000    5996  2998
        10.0.0.11:80            1499  14.9K 13.4K     50  1000    2998  1499
        10.0.0.12:80            1499  14.9K 13.4K     50  1000    2998  1499
    - tcp 198.18.11.181:80      2997  29.9K 26.9K    100  2000    5994  2996
        10.0.0.11:80            1498  14.9K 13.4K     50  1000    2997  1498
    q quit  ? help  / filter  < > sort  Enter unfold  + - all  space freeze
    ");
}

#[test]
fn no_size_is_too_small() {
    for width in 0..30 {
        for height in 0..8 {
            for keys in ["", "+?", "/x", "z", ">>>>>>>>"] {
                screen(width, height, keys);
            }
        }
    }
}

/// The colours and other marks of the row that begins with a text, but for blanks.
fn marks(paint: bool, keys: &str, begin: &str) -> (Vec<Color>, Modifier) {
    let mut lab = Lab::new();
    lab.press(keys);
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal
        .draw(|frame| draw(frame, &lab.top, Paint::new(paint)))
        .unwrap();
    let buffer = terminal.backend().buffer();
    for y in 0..24 {
        let cells: Vec<_> = (0..80).map(|x| buffer[(x, y)].clone()).collect();
        let text: String = cells.iter().map(|cell| cell.symbol()).collect();
        if text.trim_start().starts_with(begin) {
            let mut colours: Vec<Color> = cells.iter().map(|cell| cell.fg).collect();
            colours.dedup();
            let marks = cells
                .iter()
                .fold(Modifier::empty(), |all, cell| all | cell.modifier);
            return (colours, marks);
        }
    }
    panic!("{begin} is not there:\n{}", lab.text());
}

#[test]
fn what_takes_no_new_connections_has_a_colour_and_the_selection_is_seen_without() {
    assert!(marks(true, "+", "10.0.0.12:80").0.contains(&Color::Yellow));
    assert!(
        marks(true, "+", "- tcp 192.0.2.20:443")
            .0
            .contains(&Color::Red)
    );
    assert_eq!(marks(true, "+", "10.0.0.13:80").0, [Color::Reset]);
    for row in ["10.0.0.12:80", "- tcp 192.0.2.20:443", "service"] {
        assert_eq!(marks(false, "+", row).0, [Color::Reset], "{row}");
    }
    let (_, selected) = marks(false, "", "+ tcp 192.0.2.10:80");
    assert!(selected.contains(Modifier::REVERSED));
    let (_, other) = marks(false, "", "+ tcp 192.0.2.20:443");
    assert!(!other.contains(Modifier::REVERSED));
}

#[test]
fn a_server_that_is_down_says_so() {
    let key = super::service_key("tcp 192.0.2.10:80");
    let target = crate::health::Target {
        service: key,
        server: crate::model::ServerKey::parse("10.0.0.13", &key).unwrap(),
    };
    let deviation = crate::health::Deviation {
        situation: crate::health::Situation::Down,
        since: chrono::DateTime::UNIX_EPOCH,
        reason: "connection refused".to_owned(),
        taken_out_by_hand: false,
    };
    let state = crate::health::State {
        servers: [(target, deviation)].into(),
    };
    let mut lab = Lab::new().sized(120, 30);
    lab.find(&state);
    lab.press("+");
    let text = lab.text();
    let row = |server: &str| text.lines().find(|line| line.contains(server)).unwrap();
    assert!(row("10.0.0.13:80").trim_end().ends_with(" down"), "{text}");
    assert!(!row("10.0.0.11:80").contains("down"), "{text}");
}
