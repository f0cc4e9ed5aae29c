//! One exchange of HTTP/1.1 on a connection that is open already.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::http::{Request, Response, header};
use hyper::rt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::errors::answering;
use super::outcome::Missed;

/// The most bytes of the answer's head, and the most headers in it.
const HEAD: usize = 64 * 1024;
const HEADERS: usize = 256;

/// The most bytes of a body that are read; a longer one is judged by its beginning.
const BODY: usize = 1024 * 1024;

/// Sends a request, and has `judge` read the answer.
pub(super) async fn exchange<T>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Empty<Bytes>>,
    judge: impl AsyncFnOnce(Response<Incoming>) -> Result<T, Missed>,
) -> Result<T, Missed> {
    let mut client = http1::Builder::new();
    client.max_buf_size(HEAD).max_headers(HEADERS);
    let handshake = client.handshake(Stream(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| said(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await;
        judge(response.map_err(|error| said(&error))?).await
    };
    drive(connection, exchange).await
}

/// Reads the body to its end, or as much of it as counts.
pub(super) async fn receive(response: &mut Response<Incoming>) -> Result<Vec<u8>, Missed> {
    let mut received = Vec::new();
    // Such a body ends with the connection; over TLS many servers end that without a word.
    let has_end = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    let has_end = has_end
        .iter()
        .any(|name| response.headers().contains_key(name));
    while let Some(frame) = response.frame().await {
        let frame = match frame {
            Err(error) if !has_end && is_end(&error) => break,
            frame => frame.map_err(|error| said(&error))?,
        };
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

/// Returns true if the connection ended.
fn is_end(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let error = source.and_then(|source| source.downcast_ref::<io::Error>());
    error.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
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
