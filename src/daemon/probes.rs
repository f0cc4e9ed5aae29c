//! The thread that carries checks out, many at once.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};

use super::news::News;
use super::slots::Slots;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::health::{Finding, Job, ProbeId, Target, Verdict};
use crate::model::Check;
use crate::probe;

/// How often the thread says that it runs.
const ALIVE: Duration = Duration::from_secs(1);

/// A run of a check that a command asked for.
#[derive(Debug)]
pub(super) struct OnDemandRun {
    pub(super) request: u64,
    pub(super) place: usize,
    pub(super) check: Arc<Check>,
    pub(super) target: Target,
}

enum Order {
    Scheduled(Job),
    OnDemand(OnDemandRun),
}

/// The thread; dropping it breaks off what runs.
pub(super) struct Probes {
    orders: Option<UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Probes {
    /// Starts the thread.
    ///
    /// # Errors
    /// `system`.
    pub(super) fn start(news: Sender<News>) -> Result<Probes> {
        let failed = |error: &std::io::Error| Error::system("cannot run checks", error);
        // Made here, so that a failure is the start's.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        let (orders, received) = unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("checks".to_owned())
            .spawn(move || {
                LocalSet::new().block_on(&runtime, carry_out(received, news));
                // A look-up that hangs would hold the end up for nothing.
                runtime.shutdown_background();
            })
            .map_err(|error| failed(&error))?;
        Ok(Probes {
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Runs a check that is due.
    pub(super) fn run(&self, job: Job) {
        self.order(Order::Scheduled(job));
    }

    /// Runs a check for a command.
    pub(super) fn run_on_demand(&self, run: OnDemandRun) {
        self.order(Order::OnDemand(run));
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A thread that is gone says nothing any more, which the main one notices.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn carry_out(mut orders: UnboundedReceiver<Order>, news: Sender<News>) {
    let slots = Rc::new(Slots::new());
    let alive = news.clone();
    spawn_local(async move {
        while alive.send(News::ProbesRun).is_ok() {
            tokio::time::sleep(ALIVE).await;
        }
    });
    while let Some(order) = orders.recv().await {
        let (slots, news) = (Rc::clone(&slots), news.clone());
        match order {
            Order::Scheduled(job) => {
                spawn_local(async move {
                    let reply = Reply::new(news, Addressee::Probe(job.id));
                    let _held = slots.take(Some(job.id), &job.check).await;
                    let finding = probe::run(&job.check, &job.target).await;
                    let limit = Duration::from_millis(job.check.timing.timeout.into());
                    slots.note(job.id, finding.took >= limit);
                    reply.send(finding);
                });
            }
            Order::OnDemand(run) => {
                spawn_local(async move {
                    let reply = Reply::new(news, Addressee::Request(run.request, run.place));
                    let _held = slots.take(None, &run.check).await;
                    reply.send(probe::run(&run.check, &run.target).await);
                });
            }
        }
    }
}

enum Addressee {
    Probe(ProbeId),
    Request(u64, usize),
}

/// Sends the finding of a run, whatever becomes of the run: a probe whose run is never over would not
/// run again.
struct Reply {
    news: Sender<News>,
    to: Addressee,
    is_sent: bool,
}

impl Reply {
    fn new(news: Sender<News>, to: Addressee) -> Reply {
        Reply {
            news,
            to,
            is_sent: false,
        }
    }

    fn send(mut self, finding: Finding) {
        self.tell(finding);
    }

    fn tell(&mut self, finding: Finding) {
        self.is_sent = true;
        let news = match self.to {
            Addressee::Probe(id) => News::Found {
                id,
                finding,
                at: SystemClock.monotonic(),
            },
            Addressee::Request(request, place) => News::FoundOnDemand {
                request,
                place,
                finding,
            },
        };
        // At the end of the daemon nobody listens.
        let _ = self.news.send(news);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.is_sent {
            self.tell(Finding {
                verdict: Verdict::NoResult("the run broke off".to_owned()),
                answer: String::new(),
                took: Duration::ZERO,
            });
        }
    }
}
