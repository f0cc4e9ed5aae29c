//! Shifts on the simulator, with pauses that take no time and checks that a test decides.

use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::director::Director;
use crate::kernel::Sim;
use crate::model::Ruleset;
use crate::store::{MemoryStores, Stores};

fn web() -> ServiceKey {
    ServiceKey::parse("tcp 192.0.2.10:80").unwrap()
}

fn server(last: u8) -> ServerKey {
    ServerKey::parse(&format!("10.0.0.{last}:80"), &web()).unwrap()
}

/// A simulated host with one service: .1 and .2 at weight 1, .3 and .4 at 0.
struct Host {
    sim: Sim,
    stores: Rc<dyn Stores>,
}

impl Host {
    fn new() -> Host {
        let host = Host {
            sim: Sim::new(&Ruleset::default()),
            stores: Rc::new(MemoryStores::new()),
        };
        host.declare("wrr", &[1, 1, 0, 0]);
        host
    }

    fn declare(&self, scheduler: &str, weights: &[i64]) {
        let servers: Vec<serde_json::Value> = (1..)
            .zip(weights)
            .map(|(n, w)| serde_json::json!({ "address": format!("10.0.0.{n}"), "weight": w }))
            .collect();
        let options = serde_json::json!({ "scheduler": scheduler, "servers": servers });
        let mut session = self.session();
        session
            .declare_service(web(), options.as_object().unwrap())
            .unwrap();
        session.commit(&ChangeOptions::default()).unwrap();
    }

    fn session(&self) -> Session {
        let kernel = Box::new(self.sim.clone());
        let director = Director::new(kernel, Rc::clone(&self.stores), "alice".to_owned());
        Session::new(director, ChangeOptions::default())
    }

    fn prepare(&self, from: &[u8], to: &[u8], steps: &[u32]) -> Result<Shift> {
        let keys = |all: &[u8]| all.iter().map(|n| server(*n)).collect::<Vec<_>>();
        let options = ShiftOptions {
            steps: steps.to_vec(),
            ..ShiftOptions::default()
        };
        self.session()
            .prepare_shift(web(), (&keys(from), &keys(to)), &options, false)
    }

    fn weights(&self) -> Vec<u32> {
        let live = self.sim.live().servers_of(&web()).unwrap();
        live.values()
            .map(|server| server.options.weight.value())
            .collect()
    }

    fn messages(&self) -> Vec<String> {
        let history = self.session().director().history().unwrap();
        history.into_iter().map(|one| one.message).collect()
    }
}

/// What happens in the pause after a step.
type Pause<'a> = Box<dyn FnMut(u32) -> Result<()> + 'a>;

struct Moved<'a> {
    host: &'a Host,
    session: Session,
    pause: Pause<'a>,
    weights: Vec<Vec<u32>>,
    /// The undo that each step offered.
    undos: Vec<String>,
}

impl<'a> Moved<'a> {
    fn new(host: &'a Host, pause: impl FnMut(u32) -> Result<()> + 'a) -> Moved<'a> {
        Moved {
            host,
            session: host.session(),
            pause: Box::new(pause),
            weights: Vec::new(),
            undos: Vec::new(),
        }
    }
}

impl Moves for Moved<'_> {
    fn weigh(
        &mut self,
        weights: &Weights,
        message: String,
        before: Option<&Report>,
    ) -> Result<Report> {
        let change = ChangeOptions {
            message: Some(message),
            ..ChangeOptions::default()
        };
        let report = self.session.weigh(web(), weights, &change, before)?;
        self.weights.push(self.host.weights());
        let sentence = report.sentence();
        let undo = sentence.split_once("Undo: ").unwrap().1;
        self.undos.push(undo.to_owned());
        Ok(report)
    }

    fn pause(&mut self, percent: u32, _: bool) -> Result<()> {
        (self.pause)(percent)
    }
}

fn no(percent: u32) -> impl FnMut(u32) -> Result<()> {
    move |at| match at == percent {
        true => Err(Error::new(Kind::Aborted, "the check said no")),
        false => Ok(()),
    }
}

#[test]
fn every_step_is_a_commit_and_a_second_run_does_nothing() {
    let host = Host::new();
    let shift = host.prepare(&[1, 2], &[3, 4], &[10, 50, 100]).unwrap();
    let mut moved = Moved::new(&host, |_| Ok(()));
    let last = shift.carry_out(&mut moved).unwrap();
    assert_eq!(moved.weights, [[9, 9, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1]]);
    assert_eq!(last, Some(SnapshotId(4)));
    let before = "ipvsh rollback 1";
    assert_eq!(moved.undos, [before; 3], "each undoes the whole shift");
    assert_eq!(host.messages()[0], "shift tcp 192.0.2.10:80 to 100 %");

    let again = host.prepare(&[1, 2], &[3, 4], &[10, 50, 100]).unwrap();
    assert_eq!(again.steps, []);
    let mut moved = Moved::new(&host, |_| panic!("there is nothing to wait for"));
    assert_eq!(again.carry_out(&mut moved).unwrap(), None);
    assert_eq!(host.messages().len(), 4);
}

#[test]
fn a_shift_that_was_cut_off_goes_on_where_it_was() {
    let host = Host::new();
    host.prepare(&[1, 2], &[3, 4], &[50])
        .unwrap()
        .carry_out(&mut Moved::new(&host, |_| Ok(())))
        .unwrap();
    let rest = host.prepare(&[1, 2], &[3, 4], &[10, 50, 100]).unwrap();
    let steps: Vec<u32> = rest.steps.iter().map(|(percent, _)| *percent).collect();
    assert_eq!(steps, [100]);
    assert_eq!(
        rest.skipped_words().unwrap(),
        "steps 10, 50 skipped: the servers to move to have 50 % of the weight already; the first \
         step is 100"
    );
}

#[test]
fn steps_that_equal_weights_have_reached_are_named() {
    let host = Host::new();
    host.declare("wrr", &[1, 1, 0, 0]);
    let words = |from, to, steps: &[u32]| {
        let shift = host.prepare(from, to, steps).unwrap();
        let left: Vec<u32> = shift.steps.iter().map(|(percent, _)| *percent).collect();
        (left, shift.skipped_words())
    };
    let (left, skipped) = words(&[1], &[2], &[10, 60, 100]);
    assert_eq!(left, [60, 100]);
    assert_eq!(
        skipped.unwrap(),
        "step 10 skipped: the servers to move to have 50 % of the weight already; the first step \
         is 60"
    );
    assert_eq!(words(&[1], &[2], &[75, 100]).1, None);
    // All is done: the sentence at the end says that.
    assert_eq!(words(&[3], &[1], &[50, 100]), (vec![], None));
}

#[test]
fn an_undo_of_a_shift_does_not_undo_what_others_did_meanwhile() {
    let host = Host::new();
    let shift = host.prepare(&[1, 2], &[3, 4], &[50, 100]).unwrap();
    let mut moved = Moved::new(&host, |_| {
        let mut session = host.session();
        let threshold = Options::from_iter([("upper".to_owned(), 70.into())]);
        session.set_server(web(), server(1), &threshold)?;
        session.commit(&ChangeOptions::default()).map(|_| ())
    });
    shift.carry_out(&mut moved).unwrap();
    assert_eq!(moved.undos, ["ipvsh rollback 1", "ipvsh rollback 3"]);
}

#[test]
fn a_check_that_says_no_brings_the_weights_back() {
    let host = Host::new();
    let shift = host.prepare(&[1, 2], &[3, 4], &[10, 50, 100]).unwrap();
    let mut moved = Moved::new(&host, no(50));
    let error = shift.carry_out(&mut moved).unwrap_err();
    assert_eq!(error.kind(), Kind::Aborted);
    assert_eq!(
        error.to_string(),
        "tcp 192.0.2.10:80: shift aborted at 50 %: the check said no"
    );
    assert_eq!(error.hints(), ["the weights are as they were: snapshot 4"]);
    assert_eq!(host.weights(), [1, 1, 0, 0]);
    assert_eq!(
        host.messages()[0],
        "shift aborted at 50 %: tcp 192.0.2.10:80: weights as before"
    );
}

#[test]
fn what_cannot_be_brought_back_is_named() {
    let host = Host::new();
    let shift = host.prepare(&[1, 2], &[3, 4], &[10]).unwrap();
    let mut moved = Moved::new(&host, |_| {
        // Somebody else sets a weight at the same time.
        let mut session = host.session();
        let weight = Options::from_iter([("weight".to_owned(), 7.into())]);
        session.set_server(web(), server(1), &weight)?;
        session.commit(&ChangeOptions::default())?;
        Err(Error::new(Kind::Aborted, "the check said no"))
    });
    let error = shift.carry_out(&mut moved).unwrap_err();
    assert!(
        error.hints()[0].starts_with("the weights could not be brought back: "),
        "{:?}",
        error.hints()
    );
    assert_eq!(
        error.hints()[1],
        "ipvsh weight 10.0.0.1:80 1 tcp 192.0.2.10:80"
    );
    assert_eq!(error.hints().len(), 5);
    assert_eq!(host.weights()[0], 7, "the other's change stands");
}

#[track_caller]
fn refuses(host: &Host, from: &[u8], to: &[u8], steps: &[u32], kind: Kind, wants: &str) {
    let before = (host.sim.live(), host.messages());
    let error = host.prepare(from, to, steps).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(wants), "{error}");
    assert_eq!((host.sim.live(), host.messages()), before);
}

#[test]
fn what_cannot_be_done_is_refused_first() {
    let host = Host::new();
    refuses(
        &host,
        &[1],
        &[],
        &[50],
        Kind::Invalid,
        "both sides need a server",
    );
    refuses(
        &host,
        &[1, 2],
        &[2],
        &[50],
        Kind::Invalid,
        "10.0.0.2:80 is on both sides",
    );
    refuses(
        &host,
        &[1],
        &[9],
        &[50],
        Kind::NotFound,
        "there is no such real server",
    );
    refuses(
        &host,
        &[3],
        &[4],
        &[50],
        Kind::State,
        "all of their weights are 0",
    );
    // .2 stands beside them: its share would change.
    let beside = "50 % is no whole number of their weights, and 10.0.0.2:80 stands beside";
    refuses(&host, &[1], &[3], &[50], Kind::Invalid, beside);
    host.prepare(&[1], &[3], &[100]).unwrap();

    host.declare("rr", &[1, 1, 0, 0]);
    let weighs = "its scheduler, rr, does not divide by weight";
    refuses(&host, &[1, 2], &[3, 4], &[10, 100], Kind::Invalid, weighs);
    host.prepare(&[1, 2], &[3, 4], &[100]).unwrap();

    // A health checker took a server out: a shift would put it back.
    host.sim.edit(|live| {
        let web = live.rules.services.get_mut(&web()).unwrap();
        web.servers.get_mut(&server(1)).unwrap().weight = Weight::ZERO;
        web.servers.insert(server(8), Default::default());
    });
    let differs = "the head has weight 1, and in the kernel it has weight 0";
    refuses(&host, &[1, 2], &[3, 4], &[100], Kind::State, differs);
    refuses(
        &host,
        &[8],
        &[3],
        &[100],
        Kind::Foreign,
        "somebody else made it",
    );
}

#[test]
fn options_are_read_and_bounded() {
    let parse = |text: &str| ShiftOptions::parse(&serde_json::from_str(text).unwrap());
    assert_eq!(parse("{}").unwrap(), ShiftOptions::default());
    assert_eq!(
        parse(r#"{ "steps": [5, 100], "pause": 0.5 }"#).unwrap(),
        ShiftOptions {
            steps: vec![5, 100],
            pause: Duration::from_millis(500)
        }
    );
    let rise = "steps must rise, each from 1 to 100 percent";
    for (text, wants) in [
        (r#"{ "steps": [] }"#, rise),
        (r#"{ "steps": [50, 10] }"#, rise),
        (r#"{ "steps": [10, 10] }"#, rise),
        (r#"{ "steps": [0, 10] }"#, rise),
        (r#"{ "steps": [101] }"#, rise),
        (r#"{ "steps": ["10"] }"#, rise),
        (
            r#"{ "steps": 10 }"#,
            "steps must be an array of whole numbers, not 10",
        ),
        (r#"{ "pause": -1 }"#, "pause -1 is out of range"),
        (r#"{ "pause": 86401 }"#, "pause 86401 is out of range"),
        (r#"{ "stpes": [10] }"#, "unknown option \"stpes\""),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), wants);
    }
}
