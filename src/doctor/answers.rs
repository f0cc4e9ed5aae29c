//! A host whose missing answers are recorded, so that a rule that could not look says so.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

use crate::model::{Family, ForeignMark};
use crate::notes::{Host, Interface, ManagedAddress, Manager, NextKernel, Route};

/// A kind of question to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// Where packets go.
    Route,
    /// Whether packets are forwarded.
    Forwarding,
    /// The rules of iptables.
    Marks,
    /// The network interfaces.
    Interfaces,
    /// A kernel setting.
    Setting,
    /// Whatever else a rule asks.
    Other,
}

/// A host whose interfaces are listed once, however many rules ask.
pub(super) struct Shared<'a> {
    host: &'a dyn Host,
    interfaces: OnceCell<Option<Rc<[Interface]>>>,
}

impl<'a> Shared<'a> {
    /// A host.
    pub(super) fn of(host: &'a dyn Host) -> Shared<'a> {
        Shared {
            host,
            interfaces: OnceCell::new(),
        }
    }
}

/// A host, with the questions that it did not answer.
pub(super) struct Answers<'a> {
    host: &'a dyn Host,
    shared: &'a Shared<'a>,
    /// The first reason of each kind.
    missing: RefCell<BTreeMap<Question, String>>,
}

impl<'a> Answers<'a> {
    /// The answers of a host.
    pub(super) fn of(shared: &'a Shared<'a>) -> Answers<'a> {
        Answers {
            host: shared.host,
            shared,
            missing: RefCell::default(),
        }
    }

    /// Records that a question has no answer.
    pub(super) fn unanswered(&self, question: Question, why: impl Into<String>) {
        let why = match self.host.absence() {
            Some(why) => why.to_owned(),
            None => why.into(),
        };
        self.missing.borrow_mut().entry(question).or_insert(why);
    }

    /// Returns why a question of these kinds has no answer, where one has none.
    pub(super) fn missing(&self, questions: &[Question]) -> Option<String> {
        let missing = self.missing.borrow();
        questions.iter().find_map(|one| missing.get(one).cloned())
    }

    /// Returns why any question has no answer, where one has none.
    pub(super) fn any_missing(&self) -> Option<String> {
        self.missing.borrow().values().next().cloned()
    }

    /// A setting of a module that may not be loaded: then there is none, and nothing to report.
    pub(super) fn setting_of_module(&self, path: &str) -> Option<String> {
        match self.host.absence() {
            Some(_) => self.kernel_setting(path),
            None => self.host.kernel_setting(path),
        }
    }

    /// The network interfaces; none where they cannot be read.
    pub(super) fn all_interfaces(&self) -> Option<Rc<[Interface]>> {
        let ask = || self.host.interfaces().map(Rc::from);
        let answer = self.shared.interfaces.get_or_init(ask).clone();
        let why = "the network interfaces cannot be read";
        self.told(answer, Question::Interfaces, why)
    }

    fn told<T>(&self, answer: Option<T>, question: Question, why: &str) -> Option<T> {
        if answer.is_none() {
            self.unanswered(question, why);
        }
        answer
    }
}

impl Host for Answers<'_> {
    fn absence(&self) -> Option<&'static str> {
        self.host.absence()
    }

    fn route(&self, to: IpAddr) -> Option<Route> {
        let why = "the kernel does not say where packets go";
        self.told(self.host.route(to), Question::Route, why)
    }

    fn forwards(&self, family: Family, interface: Option<&str>) -> Option<bool> {
        let why = "the settings of forwarding cannot be read";
        let answer = self.host.forwards(family, interface);
        self.told(answer, Question::Forwarding, why)
    }

    fn marks(&self, family: Family) -> Option<Vec<ForeignMark>> {
        let why = "the rules of iptables cannot be read";
        self.told(self.host.marks(family), Question::Marks, why)
    }

    fn managers(&self) -> Vec<Manager> {
        self.host.managers()
    }

    fn addresses_of_managers(&self) -> Vec<ManagedAddress> {
        self.host.addresses_of_managers()
    }

    fn interfaces(&self) -> Option<Vec<Interface>> {
        self.all_interfaces().map(|all| all.to_vec())
    }

    fn ipvs_setting(&self, name: &str) -> Option<String> {
        let why = format!("net.ipv4.vs.{name} cannot be read");
        self.told(self.host.ipvs_setting(name), Question::Setting, &why)
    }

    fn kernel_setting(&self, path: &str) -> Option<String> {
        let why = format!("/proc/sys/{path} cannot be read");
        self.told(self.host.kernel_setting(path), Question::Setting, &why)
    }

    fn ftp_ports(&self) -> Option<Vec<u16>> {
        let why = "the helpers of IPVS cannot be read";
        self.told(self.host.ftp_ports(), Question::Other, why)
    }

    fn is_preferred(&self, addr: Ipv6Addr) -> Option<bool> {
        let why = "the IPv6 addresses cannot be read";
        self.told(self.host.is_preferred(addr), Question::Other, why)
    }

    fn schedulers(&self) -> Option<BTreeSet<String>> {
        let why = "the modules of this kernel cannot be listed";
        self.told(self.host.schedulers(), Question::Other, why)
    }

    fn schedulers_of_next_kernel(&self) -> Option<NextKernel> {
        let why = "the kernels that are installed cannot be listed";
        let answer = self.host.schedulers_of_next_kernel();
        self.told(answer, Question::Other, why)
    }

    fn enables(&self, unit: &str) -> Option<bool> {
        let why = "the units of systemd cannot be read";
        self.told(self.host.enables(unit), Question::Other, why)
    }
}
