//! Large tables: a commit reads, verifies and records what it touches, and ends as one that looked
//! at everything.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test: helpers fail loudly

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::rc::Rc;

use ipvsh::candidate::Candidate;
use ipvsh::director::{ChangeOptions, Director, Session};
use ipvsh::error::{Kind, Result};
use ipvsh::kernel::{Kernel, Outcome, Part, Place, Sim};
use ipvsh::model::{
    Connection, EntryKey, EntryValue, Extent, Family, Info, Live, LiveServer, MarkSupport, Options,
    RealServer, Ruleset, ServerKey, ServiceKey, Setting, SettingKey, SnapshotName, Traffic,
    VirtualService, Weight,
};
use ipvsh::notes::Note;
use ipvsh::plan::Step;
use ipvsh::store::{DatabaseKind, MemoryStores, SledStores, Stores};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

#[path = "common/arbitrary.rs"]
mod arbitrary;

/// More services than are looked at whole for the sake of a note.
const MANY: u32 = 70;

fn key(number: u32) -> ServiceKey {
    ServiceKey::parse(&format!("tcp 198.51.100.{number}:80")).unwrap()
}

fn server(number: u32) -> ServerKey {
    ServerKey::parse("10.0.0.1:80", &key(number)).unwrap()
}

fn table() -> Ruleset {
    let mut rules = Ruleset::default();
    for number in 0..MANY {
        let mut service = VirtualService::new(Family::Ipv4);
        service
            .servers
            .insert(server(number), RealServer::default());
        rules.services.insert(key(number), service);
    }
    rules
}

/// The simulator, remembering what was looked at.
#[derive(Clone)]
struct Watched {
    sim: Sim,
    looks: Rc<RefCell<Vec<Part>>>,
}

impl Watched {
    fn new(rules: &Ruleset) -> Watched {
        Watched {
            sim: Sim::new(rules),
            looks: Rc::default(),
        }
    }

    fn director(&self, stores: &Rc<dyn Stores>) -> Director {
        let kernel = Box::new(self.clone());
        Director::new(kernel, Rc::clone(stores), "alice".to_owned())
    }

    /// How many services each look since the last call covered; `None` is all.
    fn looks(&self) -> Vec<Option<usize>> {
        let count = |part: &Part| match &part.services {
            Extent::Whole => None,
            Extent::Services(keys) => Some(keys.len()),
        };
        self.looks.take().iter().map(count).collect()
    }
}

impl Kernel for Watched {
    fn observe_part(&mut self, part: &Part) -> Result<Live> {
        self.looks.borrow_mut().push(part.clone());
        self.sim.observe_part(part)
    }

    fn servers(&mut self, service: &ServiceKey) -> Result<Option<BTreeMap<ServerKey, LiveServer>>> {
        self.sim.servers(service)
    }

    fn host_settings(&mut self) -> Result<ipvsh::model::Settings> {
        self.sim.host_settings()
    }

    fn apply(&mut self, steps: &[Step]) -> Vec<Outcome> {
        self.sim.apply(steps)
    }

    fn zero(&mut self, service: Option<&ServiceKey>) -> Result<()> {
        self.sim.zero(service)
    }

    fn traffic(&mut self, service: Option<&ServiceKey>) -> Result<Traffic> {
        self.sim.traffic(service)
    }

    fn connections(&mut self, visit: &mut dyn FnMut(Connection) -> ControlFlow<()>) -> Result<()> {
        self.sim.connections(visit)
    }

    fn info(&mut self) -> Result<Info> {
        self.sim.info()
    }

    fn place(&self) -> Result<Place> {
        self.sim.place()
    }

    fn writes(&self) -> u64 {
        self.sim.writes()
    }
}

/// A kernel and a history that hold a table, committed.
fn host(rules: &Ruleset) -> (Watched, Rc<dyn Stores>) {
    let kernel = Watched::new(rules);
    let stores: Rc<dyn Stores> = Rc::new(MemoryStores::new());
    let mut director = kernel.director(&stores);
    director
        .adopt(&[], false, &ChangeOptions::default())
        .unwrap();
    kernel.looks();
    (kernel, stores)
}

fn options(value: serde_json::Value) -> Options {
    value.as_object().unwrap().clone()
}

fn weigh(session: &mut Session, number: u32, weight: u32) {
    session
        .set_server(
            key(number),
            server(number),
            &options(json!({ "weight": weight })),
        )
        .unwrap();
}

#[test]
fn one_weight_of_a_large_table_looks_at_one_service() {
    let (kernel, stores) = host(&table());
    let mut session = Session::new(kernel.director(&stores), ChangeOptions::default());
    weigh(&mut session, 7, 5);
    let report = session.commit(&ChangeOptions::default()).unwrap();
    assert_eq!(report.plan.changes.len(), 1);
    // Before the change, and after it.
    assert_eq!(kernel.looks(), [Some(1), Some(1)]);

    let mut expected = table();
    let weight = Weight::new(5).unwrap();
    let servers = &mut expected.services.get_mut(&key(7)).unwrap().servers;
    servers.get_mut(&server(7)).unwrap().weight = weight;
    let mut director = kernel.director(&stores);
    assert_eq!(director.head_rules().unwrap(), expected);
    assert_eq!(kernel.sim.live().rules.services, expected.services);

    // What a rollback looks at is everything, and it finds all of it.
    let first = SnapshotName::parse("1").unwrap();
    let options = ChangeOptions::default();
    director.rollback(Some(&first), &options).unwrap();
    assert_eq!(kernel.sim.live().rules.services, table().services);
}

#[test]
fn a_plan_looks_at_everything() {
    let (kernel, stores) = host(&table());
    kernel.sim.edit(|live| {
        live.rules.services.remove(&key(3));
    });
    let mut session = Session::new(kernel.director(&stores), ChangeOptions::default());
    weigh(&mut session, 7, 5);
    let planned = session.plan().unwrap();
    let alone = "2 differences from the head left alone (ipvsh plan)";
    assert_eq!(planned.all_notes(Note::to_string), [alone]);
    assert_eq!(kernel.looks(), [None]);
    // The commit does not look there, and leaves it alone.
    let done = session.commit(&ChangeOptions::default()).unwrap();
    assert_eq!(done.all_notes(Note::to_string), [""; 0]);
    assert!(!kernel.sim.live().rules.services.contains_key(&key(3)));
    let mut director = kernel.director(&stores);
    assert!(
        director
            .head_rules()
            .unwrap()
            .services
            .contains_key(&key(3))
    );
    director.restore(false, &ChangeOptions::default()).unwrap();
    assert!(kernel.sim.live().rules.services.contains_key(&key(3)));
}

#[test]
fn a_small_table_is_told_of_whole() {
    let mut few = table();
    few.services.retain(|service, _| *service < key(30));
    let (kernel, stores) = host(&few);
    kernel.sim.edit(|live| {
        live.rules.services.remove(&key(3));
    });
    let mut session = Session::new(kernel.director(&stores), ChangeOptions::default());
    weigh(&mut session, 7, 5);
    let done = session.commit(&ChangeOptions::default()).unwrap();
    let alone = "2 differences from the head left alone (ipvsh plan)";
    assert_eq!(done.all_notes(Note::to_string), [alone]);
}

#[test]
fn a_large_removal_is_refused_although_only_its_services_are_known() {
    let (kernel, stores) = host(&table());
    let mut director = kernel.director(&stores);
    let keys: BTreeSet<ServiceKey> = (0..40).map(key).collect();
    let mut candidate = director.candidate_within(keys.clone().into()).unwrap();
    for key in keys {
        candidate.remove_service(key).unwrap();
    }
    let error = director
        .commit(&mut candidate, &ChangeOptions::default())
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Guarded);
    assert_eq!(
        error.message(),
        "refused: this would remove 40 of 70 virtual services"
    );
    assert_eq!(kernel.sim.live().rules, table_as_live());
}

fn table_as_live() -> Ruleset {
    Sim::new(&table()).live().rules
}

#[test]
fn what_another_commit_pruned_away_is_a_conflict() {
    let (kernel, stores) = host(&table());
    let mut mine = Session::new(kernel.director(&stores), ChangeOptions::default());
    weigh(&mut mine, 7, 5);
    let mut theirs = Session::new(kernel.director(&stores), ChangeOptions::default());
    weigh(&mut theirs, 8, 5);
    theirs.commit(&ChangeOptions::default()).unwrap();
    let first = SnapshotName::parse("1").unwrap();
    let gone = BTreeSet::from([kernel.director(&stores).snapshot(&first).unwrap().id]);
    stores.open_to_write().unwrap().prune(&gone).unwrap();
    // A service that it has not read yet, of a head that is no more.
    let error = mine
        .set_server(key(9), server(9), &options(json!({ "weight": 5 })))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.message().contains("snapshot 1"), "{error}");
}

#[test]
fn marks_are_not_read_where_there_are_none() {
    let (kernel, stores) = host(&table());
    let mut session = Session::new(kernel.director(&stores), ChangeOptions::default());
    weigh(&mut session, 7, 5);
    session.commit(&ChangeOptions::default()).unwrap();
    let looks = kernel.looks.take();
    assert!(looks.iter().all(|part| !part.marks), "{looks:?}");
    let live = kernel.clone().observe_part(&looks[0]).unwrap();
    assert_eq!(*live.marks(Family::Ipv4), MarkSupport::Unread);
}

/// What is done to a service that is picked.
#[derive(Debug, Clone)]
enum Edit {
    Weigh(u32),
    Serve,
    Unserve,
    Remove,
    Schedule(&'static str),
    Timeout(u32),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (0..9_u32).prop_map(Edit::Weigh),
        2 => Just(Edit::Serve),
        2 => Just(Edit::Unserve),
        1 => Just(Edit::Remove),
        2 => prop::sample::select(vec!["rr", "wlc", "sh"]).prop_map(Edit::Schedule),
        1 => (1..900_u32).prop_map(Edit::Timeout),
    ]
}

fn carry_out(candidate: &mut Candidate, key: ServiceKey, edit: &Edit) {
    let Some(service) = candidate.rules().services.get(&key).cloned() else {
        return;
    };
    let first = service.servers.keys().next().copied();
    let put = |candidate: &mut Candidate, server, value: Option<RealServer>| {
        let value = value.map(EntryValue::Server);
        candidate.put(EntryKey::Server(key, server), value);
    };
    match (edit, first) {
        (Edit::Weigh(weight), Some(first)) => {
            let mut server = service.servers[&first];
            server.weight = Weight::new((*weight).into()).unwrap();
            put(candidate, first, Some(server));
        }
        (Edit::Serve, _) => {
            let server = match key.family() {
                Family::Ipv4 => "10.9.9.9:80",
                Family::Ipv6 => "[2001:db8::99]:80",
            };
            let server = ServerKey::parse(server, &key).unwrap();
            put(candidate, server, Some(RealServer::default()));
        }
        (Edit::Unserve, Some(first)) => put(candidate, first, None),
        (Edit::Remove, _) => candidate.remove_service(key).unwrap(),
        (Edit::Schedule(name), _) => {
            let mut changed = service.options;
            changed.scheduler = ipvsh::model::Scheduler::parse(name).unwrap();
            changed.flags = ipvsh::model::SchedulerFlags::default();
            let value = Some(EntryValue::Service(changed));
            candidate.put(EntryKey::Service(key), value);
        }
        (Edit::Timeout(seconds), _) => {
            let kind = ipvsh::model::TimeoutKind::ALL[0];
            let value = Some(EntryValue::Setting(Setting::Timeout(*seconds)));
            candidate.put(EntryKey::Setting(SettingKey::Timeout(kind)), value);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 24,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_candidate_that_knows_a_part_ends_as_one_that_knows_all(
        rules in arbitrary::ruleset(),
        drifted in prop::collection::vec(any::<Index>(), 0..3),
        edits in prop::collection::vec((any::<Index>(), edit()), 1..6),
    ) {
        let mut rules = arbitrary::peaceful(rules);
        rules.services.extend(table().services);
        let all: Vec<ServiceKey> = rules.services.keys().copied().collect();
        let named: BTreeSet<ServiceKey> = edits.iter().map(|(at, _)| *at.get(&all)).collect();
        let dir = tempfile::tempdir().unwrap();
        let of_sled = SledStores::new(dir.path().join("db"), DatabaseKind::Sim);
        let mut ends = Vec::new();
        for (extent, stores) in [
            (Extent::Whole, Rc::new(MemoryStores::new()) as Rc<dyn Stores>),
            (named.clone().into(), Rc::new(MemoryStores::new()) as Rc<dyn Stores>),
            (named.clone().into(), Rc::new(of_sled) as Rc<dyn Stores>),
        ] {
            let kernel = Watched::new(&rules);
            let mut director = kernel.director(&stores);
            director.adopt(&[], false, &ChangeOptions::default()).unwrap();
            kernel.sim.edit(|live| {
                for at in &drifted {
                    live.rules.services.remove(at.get(&all));
                }
            });
            let mut candidate = director.candidate_within(extent).unwrap();
            for (at, edit) in &edits {
                carry_out(&mut candidate, *at.get(&all), edit);
            }
            let options = ChangeOptions { allow_removals: true, ..ChangeOptions::default() };
            let result = director.commit(&mut candidate, &options);
            let said = result.map(|report| report.plan.changes).map_err(|e| e.to_string());
            ends.push((said, director.head_rules().unwrap(), kernel.sim.live()));
        }
        prop_assert_eq!(&ends[0], &ends[1]);
        prop_assert_eq!(&ends[0], &ends[2]);
    }
}
