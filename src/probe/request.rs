//! Single requests, sent to see who answers: nothing is expected of the answer.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::http::{Request, Response, header};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout, timeout_at};

use super::errors::answering;
use super::exchange::{exchange, receive};
use super::outcome::{Missed, Progress, excerpt_of};
use super::socket;
use crate::error::{Error, Result};
use crate::health::Verdict;
use crate::model::policy::check::Route;
use crate::signals::SLICE;

/// The most characters of an answer that are kept.
const LONGEST: usize = 60;

/// How long a server that accepted a connection has to say something first.
const BANNER: Duration = Duration::from_millis(300);

/// What a request asks.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// A page, by GET.
    Http {
        /// The header Host.
        host: &'a str,
        /// Path and query.
        path: &'a str,
    },
    /// A connection, and what the server says first on it.
    Tcp,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// True if the server answered, whatever the answer says.
    pub is_answer: bool,
    /// The answer in a few words, or why there is none.
    pub text: String,
    /// The time until the last byte of the answer; of an answer without bytes, until the connection
    /// was accepted.
    pub took: Duration,
}

/// Sends requests, one at a time, each on a connection of its own.
#[derive(Debug)]
pub struct Asker {
    runtime: Runtime,
    limit: Duration,
}

impl Asker {
    /// An asker whose requests are over after `limit`, from the first packet to the last byte.
    ///
    /// # Errors
    /// `system` where this host has no room for a runtime.
    pub fn new(limit: Duration) -> Result<Asker> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::system("cannot send requests", &error))?;
        Ok(Asker { runtime, limit })
    }

    /// Sends one request; none where `is_over` becomes true before the request has ended.
    pub fn ask(
        &self,
        to: SocketAddr,
        asked: Asked<'_>,
        is_over: &dyn Fn() -> bool,
    ) -> Option<Reply> {
        self.runtime.block_on(async {
            let mut reply = pin!(reply(to, asked, self.limit));
            while !is_over() {
                if let Ok(reply) = timeout(SLICE, reply.as_mut()).await {
                    return Some(reply);
                }
            }
            None
        })
    }
}

async fn reply(to: SocketAddr, asked: Asked<'_>, limit: Duration) -> Reply {
    let started = Instant::now();
    let deadline = started + limit;
    let mut progress = Progress::default();
    let attempt = attempt(to, asked, deadline, &mut progress);
    let outcome = match timeout_at(deadline, attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err(progress.overdue(limit)),
    };
    match outcome {
        Ok((text, at)) => Reply {
            is_answer: true,
            text,
            took: at - started,
        },
        Err(missed) => Reply {
            is_answer: false,
            text: reason(&missed),
            took: started.elapsed(),
        },
    }
}

/// Why there is no answer, with the name of the system's error: `connection refused (ECONNREFUSED)`.
fn reason(missed: &Missed) -> String {
    let reason = match &missed.verdict {
        Verdict::Failed(reason) | Verdict::NoResult(reason) => reason.as_str(),
        Verdict::Passed => "",
    };
    match missed.errno {
        Some(errno) => format!("{reason} ({errno:?})"),
        None => reason.to_owned(),
    }
}

/// The answer, and when it was there.
async fn attempt(
    to: SocketAddr,
    asked: Asked<'_>,
    deadline: Instant,
    progress: &mut Progress,
) -> Result<(String, Instant), Missed> {
    let stream = socket::stream(to, &Route::default()).await?;
    progress.is_connected = true;
    match asked {
        Asked::Tcp => banner(stream, deadline).await,
        Asked::Http { host, path } => {
            let request = Request::builder()
                .uri(path)
                .header(header::HOST, host)
                .header(header::CONNECTION, "close")
                .header(header::USER_AGENT, "ipvsh")
                .header(header::ACCEPT, "*/*")
                .body(Empty::new())
                .map_err(|error| {
                    Missed::no_result(format!("the request cannot be made: {error}"))
                })?;
            exchange(stream, request, async |mut response| {
                progress.answer = response.status().as_str().as_bytes().to_vec();
                let received = receive(&mut response).await?;
                Ok((page(&response, &received), Instant::now()))
            })
            .await
        }
    }
}

/// The status, where it leads to, and the first line of the page.
fn page(response: &Response<Incoming>, body: &[u8]) -> String {
    let status = response.status();
    let location = response.headers().get(header::LOCATION);
    let mut words = vec![status.as_str().to_owned()];
    if let Some(location) = location.filter(|_| status.is_redirection()) {
        words.push(format!("to {}", excerpt_of(location.as_bytes(), LONGEST)));
    }
    words.push(excerpt_of(body, LONGEST));
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// What a server says first; most say nothing before they are asked.
async fn banner(mut stream: TcpStream, deadline: Instant) -> Result<(String, Instant), Missed> {
    let connected = Instant::now();
    let mut buffer = [0; 1024];
    let until = deadline.min(connected + BANNER);
    match timeout_at(until, stream.read(&mut buffer)).await {
        Err(_) => Ok(("connected".to_owned(), connected)),
        Ok(Ok(0)) => Ok(("connected, closed at once".to_owned(), connected)),
        Ok(Ok(count)) => {
            let said = buffer.get(..count).unwrap_or_default();
            let text = excerpt_of(said, LONGEST);
            Ok((format!("connected: {text}"), Instant::now()))
        }
        Ok(Err(error)) => Err(answering(&error)),
    }
}
