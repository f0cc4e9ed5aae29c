//! What keys do, and what they ask for.

use std::time::Duration;

use super::{Lab, many, service_key, site};
use crate::model::load::load;
use crate::top::{Action, Dialog, Notice, Picture};

fn after(keys: &str) -> String {
    let mut lab = Lab::new();
    lab.press(keys);
    lab.rows()
}

const FOLDED: &str = "\
> tcp 192.0.2.10:80
udp [2001:db8:1:2::10]:53
tcp 192.0.2.20:443
fwmark 666";

#[test]
fn services_come_busiest_first_and_folded() {
    assert_eq!(after(""), FOLDED);
}

#[test]
fn servers_unfold_below_their_service_in_the_same_order() {
    let unfolded = "\
> tcp 192.0.2.10:80
  10.0.0.11:80
  10.0.0.13:80
  10.0.0.12:80
udp [2001:db8:1:2::10]:53
tcp 192.0.2.20:443
fwmark 666";
    assert_eq!(after("<Enter>"), unfolded);
    assert_eq!(after("<Right>"), unfolded);
    assert_eq!(after("<Right><Right>"), unfolded);
    for keys in ["<Enter><Enter>", "<Left>", "<Right><Left>", "+-"] {
        assert_eq!(after(keys), FOLDED, "{keys}");
    }
    // From a server the selection goes back to its service.
    assert_eq!(after("<Right><Down><Down><Left>"), FOLDED);
    assert_eq!(after("+").lines().count(), 9);
    // All but one, and nothing but one.
    assert_eq!(after("+<Enter>").lines().count(), 6);
    assert_eq!(after("+<Enter>-<Enter>"), unfolded);
}

#[test]
fn the_order_moves_from_column_to_column_and_turns_round() {
    let by_name = "\
tcp 192.0.2.10:80
tcp 192.0.2.20:443
udp [2001:db8:1:2::10]:53
fwmark 666";
    let names = |keys: &str| after(keys).replace("> ", "");
    assert_eq!(names("<"), by_name);
    // The first column is the first, also for those who go on.
    assert_eq!(names("<<<"), by_name);
    let reversed: Vec<&str> = by_name.lines().rev().collect();
    assert_eq!(names("<r"), reversed.join("\n"));
    // Active connections: the name servers have none.
    assert_eq!(
        names(">>>>>"),
        "tcp 192.0.2.10:80\ntcp 192.0.2.20:443\nudp [2001:db8:1:2::10]:53\nfwmark 666"
    );
    let inactive = names(">>>>>>");
    assert_eq!(inactive.lines().nth(1), Some("udp [2001:db8:1:2::10]:53"));
    // Schedulers: rr before wlc before wrr.
    let scheduler = names(">>>>>>>>>>");
    assert_eq!(scheduler.lines().next(), Some("udp [2001:db8:1:2::10]:53"));
    assert_eq!(scheduler.lines().last(), Some("tcp 192.0.2.10:80"));
}

#[test]
fn the_filter_fits_names_of_services_servers_and_schedulers_as_it_is_typed() {
    let typed = |keys: &str| after(keys).replace("> ", "");
    assert_eq!(typed("/DB8"), "udp [2001:db8:1:2::10]:53");
    assert_eq!(typed("/10.0.0.21"), "tcp 192.0.2.20:443");
    assert_eq!(typed("/wrr"), "tcp 192.0.2.10:80");
    assert_eq!(typed("/q"), "");
    assert_eq!(typed("/qx<Backspace><Backspace>666"), "fwmark 666");
    assert_eq!(typed("/zzz<C-u>666"), "fwmark 666");
    // Enter keeps it, Esc takes it away: at once, or later.
    assert_eq!(typed("/666<Enter>"), "fwmark 666");
    for keys in ["/666<Esc>", "/666<Enter><Esc>", "/<Backspace>"] {
        assert_eq!(after(keys), FOLDED, "{keys}");
    }
    let mut lab = Lab::new();
    assert_eq!(lab.press("/666<Enter><Esc>"), Action::Nothing);
    assert_eq!(lab.press("<Esc>"), Action::Leave);
}

#[test]
fn the_first_row_is_selected_until_somebody_moves() {
    let mut lab = Lab::new();
    let (live, mut traffic) = site();
    let udp = service_key("udp [2001:db8:1:2::10]:53");
    traffic.get_mut(&udp).unwrap().total.rates.cps = 99_999;
    let busier = Picture::of(&load(&live, &traffic), &Default::default(), String::new());
    lab.top.show(busier.clone());
    assert!(lab.rows().starts_with("> udp"), "{}", lab.rows());

    let mut lab = Lab::new();
    lab.press("<Down><Up>");
    lab.top.show(busier);
    assert!(lab.rows().contains("> tcp 192.0.2.10:80"), "{}", lab.rows());
    lab.press("<Home>");
    assert!(lab.rows().starts_with("> udp"), "{}", lab.rows());
}

#[test]
fn what_was_selected_is_found_again_or_its_service() {
    let mut lab = Lab::new();
    lab.press("<Right><Down>");
    assert!(lab.rows().contains(">   10.0.0.11:80"), "{}", lab.rows());
    let (mut live, traffic) = site();
    let web = service_key("tcp 192.0.2.10:80");
    let servers = &mut live.rules.services.get_mut(&web).unwrap().servers;
    servers.retain(|key, _| key.to_string() != "10.0.0.11:80");
    lab.top.show(Picture::of(
        &load(&live, &traffic),
        &Default::default(),
        String::new(),
    ));
    assert!(
        lab.rows().starts_with("> tcp 192.0.2.10:80"),
        "{}",
        lab.rows()
    );
    lab.top.show(Picture::default());
    assert_eq!(lab.rows(), "");
    assert_eq!(lab.press("<Down><Enter>z"), Action::Nothing);
}

#[test]
fn a_long_table_scrolls_with_the_selection() {
    let mut lab = many(3000).sized(80, 24);
    lab.press("<Down>");
    assert_eq!((lab.top.cursor, lab.top.offset), (1, 0));
    lab.press("<PgDn>");
    assert_eq!((lab.top.cursor, lab.top.offset), (20, 2));
    lab.press("<End>");
    assert_eq!((lab.top.cursor, lab.top.offset), (2999, 2981));
    lab.press("<PgUp><PgUp>");
    assert_eq!((lab.top.cursor, lab.top.offset), (2961, 2961));
    lab.press("<Home>");
    assert_eq!((lab.top.cursor, lab.top.offset), (0, 0));
}

#[test]
fn only_servers_that_are_seen_are_read_and_none_while_frozen() {
    let mut lab = many(3000);
    lab.top.unfold_all(true);
    // 19 rows: six services with their two servers, and the first of the seventh.
    assert_eq!(lab.fit().len(), 6);
    assert_eq!(lab.fit(), []);
    lab.press("<Down>");
    let frozen = many(3000);
    let mut lab = frozen;
    lab.press(" +");
    assert_eq!(lab.fit(), []);
    lab.press(" ");
    lab.top.show(lab.top.picture.clone());
    assert_eq!(lab.top.rows.len(), 9000);
}

#[test]
fn zeroing_asks_and_takes_only_yes() {
    let web = service_key("tcp 192.0.2.10:80");
    let mut lab = Lab::new();
    assert_eq!(lab.press("z"), Action::Nothing);
    assert_eq!(lab.top.dialog, Some(Dialog::Zero(Some(web))));
    assert_eq!(lab.press("y"), Action::Zero(Some(web)));
    assert_eq!(lab.top.dialog, None);
    assert_eq!(lab.press("Zy"), Action::Zero(None));
    for no in ["n", "q", "<Enter>", "<Esc>", " "] {
        assert_eq!(lab.press(&format!("z{no}")), Action::Nothing, "{no}");
        assert_eq!(lab.top.dialog, None);
    }
    // A server's counters are zeroed with its service's.
    assert_eq!(lab.press("+<Down>zy"), Action::Zero(Some(web)));
}

#[test]
fn keys_that_leave_leave() {
    for keys in ["q", "<Esc>", "<C-c>", "/x<C-c>", "?<C-c>", "z<C-c>"] {
        assert_eq!(Lab::new().press(keys), Action::Leave, "{keys}");
    }
    assert_eq!(Lab::new().press("<C-z>"), Action::Suspend);
    assert_eq!(Lab::new().press("<C-l>"), Action::Redraw);
    // In the help it only closes that.
    assert_eq!(Lab::new().press("?q"), Action::Nothing);
    assert_eq!(Lab::new().press("?qq"), Action::Leave);
}

#[test]
fn the_interval_goes_up_and_down_to_its_ends() {
    let mut lab = Lab::new();
    lab.press("]");
    assert_eq!(lab.top.interval(), Duration::from_secs(2));
    lab.press("]]]]]]]]]");
    assert_eq!(lab.top.interval(), Duration::from_secs(60));
    lab.press("[[[[[[[[[[");
    assert_eq!(lab.top.interval(), Duration::from_millis(100));
}

#[test]
fn a_notice_stays_until_the_next_key() {
    let mut lab = Lab::new();
    lab.top.say(Notice::Done("done".to_owned()));
    assert!(lab.text().ends_with("done"));
    lab.press("<Down>");
    assert!(lab.text().contains("q quit"));
}
