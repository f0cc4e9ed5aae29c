//! Checks of types http and https: one request of HTTP/1.1 on a connection of its own.

use std::net::SocketAddr;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::http::{Request, Response, header};
use regex::bytes::Regex;

use super::exchange::{exchange, receive};
use super::outcome::{Missed, Outcome, Passed, Progress, excerpt};
use super::{patterns, socket, tls};
use crate::health::Target;
use crate::model::address::endpoint;
use crate::model::policy::check::{Http, Route};

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
    let judge = async |response| judged(check, response, body, progress).await;
    match &check.tls {
        None => exchange(stream, request, judge).await,
        Some(tls) => {
            let stream = tls::handshake(stream, tls, check.host.as_deref(), to.ip()).await?;
            exchange(stream, request, judge).await
        }
    }
}

/// Judges an answer.
async fn judged(
    check: &Http,
    mut response: Response<Incoming>,
    body: Option<Regex>,
    progress: &mut Progress,
) -> Outcome {
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
