//! Checks of types http and https: one request of HTTP/1.1 on a connection of its own.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::http::{Request, Response, header};
use hyper::rt;
use regex::bytes::Regex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::errors::answering;
use super::outcome::{Missed, Outcome, Passed, Progress, excerpt};
use super::{patterns, socket, tls};
use crate::health::Target;
use crate::model::address::endpoint;
use crate::model::policy::check::{Http, Route};

/// The most bytes of the answer's head, and the most headers in it.
const HEAD: usize = 64 * 1024;
const HEADERS: usize = 256;

/// The most bytes of a body that are read; a longer one is judged by its beginning.
const BODY: usize = 1024 * 1024;

/// Runs the check: the status decides first, then the body.
pub(super) async fn run(
    check: &Http,
    route: &Route,
    target: &Target,
    progress: &mut Progress,
) -> Outcome {
    let body = check.body.as_ref().map(patterns::compiled).transpose()?;
    let to = socket::destination_with_port(route, target)?;
    let request = request(check, to)?;
    let stream = socket::stream(to, route).await?;
    progress.is_connected = true;
    match &check.tls {
        None => exchange(check, stream, request, body, progress).await,
        Some(tls) => {
            let stream = tls::handshake(stream, tls, check.host.as_deref(), to.ip()).await?;
            exchange(check, stream, request, body, progress).await
        }
    }
}

/// Sends the request on a connection, and judges the answer.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    check: &Http,
    stream: S,
    request: Request<Empty<Bytes>>,
    body: Option<Regex>,
    progress: &mut Progress,
) -> Outcome {
    let mut client = http1::Builder::new();
    client.max_buf_size(HEAD).max_headers(HEADERS);
    let handshake = client.handshake(Stream(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| said(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await;
        let mut response = response.map_err(|error| said(&error))?;
        let status = response.status();
        let answer = status.as_u16().to_string();
        if !check.status.contains(status.as_u16()) {
            return Err(Missed::failed(answer.clone()).with(answer));
        }
        progress.answer = answer.clone().into_bytes();
        let received = receive(&mut response).await;
        let received = received.map_err(|missed| missed.with(answer.clone()))?;
        match body.is_none_or(|body| body.is_match(&received)) {
            true => Ok(Passed::with(answer)),
            false => {
                let answer = format!("{answer}, {}", excerpt(&received));
                Err(Missed::failed("the body does not match").with(answer))
            }
        }
    };
    drive(connection, exchange).await
}

/// The request.
fn request(check: &Http, to: SocketAddr) -> Result<Request<Empty<Bytes>>, Missed> {
    let usual = match check.tls {
        None => 80,
        Some(_) => 443,
    };
    let host = match (&check.host, to) {
        (Some(host), _) => host.clone(),
        (None, SocketAddr::V6(to)) if to.port() == usual => format!("[{}]", to.ip()),
        (None, to) if to.port() == usual => to.ip().to_string(),
        (None, to) => endpoint(to.ip(), to.port()),
    };
    let mut request = Request::builder()
        .method(check.method.as_str())
        .uri(check.path.as_str())
        .header(header::HOST, host)
        .header(header::CONNECTION, "close");
    let defaults = [(header::USER_AGENT, "ipvsh"), (header::ACCEPT, "*/*")];
    for (name, value) in defaults {
        let is_named = |theirs: &String| theirs.eq_ignore_ascii_case(name.as_str());
        if !check.headers.keys().any(is_named) {
            request = request.header(name, value);
        }
    }
    for (name, value) in &check.headers {
        request = request.header(name, value);
    }
    // The call has checked all parts; a database could hold others.
    request
        .body(Empty::new())
        .map_err(|error| Missed::no_result(format!("the request cannot be made: {error}")))
}

/// Reads the body to its end, or as much of it as counts.
async fn receive(response: &mut Response<Incoming>) -> Result<Vec<u8>, Missed> {
    let mut received = Vec::new();
    while let Some(frame) = response.frame().await {
        let frame = frame.map_err(|error| said(&error))?;
        if let Some(data) = frame.data_ref() {
            let room = BODY.saturating_sub(received.len());
            received.extend_from_slice(data.get(..room).unwrap_or(data));
            if received.len() >= BODY {
                break;
            }
        }
    }
    Ok(received)
}

/// Lets the connection work until the exchange is over. The connection ends first where the server
/// closes it; the exchange then hears of it.
async fn drive<T>(connection: impl Future, exchange: impl Future<Output = T>) -> T {
    let mut connection = pin!(connection);
    let mut exchange = pin!(exchange);
    let mut is_open = true;
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = exchange.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        if is_open && connection.as_mut().poll(cx).is_ready() {
            is_open = false;
            return exchange.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}

/// What went wrong with an exchange.
fn said(error: &hyper::Error) -> Missed {
    let closed = || Missed::failed("closed before the answer was complete");
    let source = std::error::Error::source(error);
    if let Some(error) = source.and_then(|source| source.downcast_ref::<io::Error>()) {
        return match error.kind() {
            _ if error.raw_os_error().is_some() => answering(error),
            io::ErrorKind::UnexpectedEof => closed(),
            // A chunk that is none.
            _ => Missed::failed(format!("the answer is not HTTP: {error}")),
        };
    }
    if error.is_parse() {
        return Missed::failed(format!("the answer is not HTTP: {error}"));
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return closed();
    }
    Missed::failed(error.to_string())
}

/// A stream of tokio's as hyper wants it.
struct Stream<S>(S);

impl<S: AsyncRead + Unpin> rt::Read for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 8192];
        let room = bytes.len().min(into.remaining());
        let mut buffer = ReadBuf::new(bytes.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        into.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> rt::Write for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
