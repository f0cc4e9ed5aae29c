//! Checks of type tcp: a connection, and an exchange where one is named.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::errors::answering;
use super::outcome::{Missed, Outcome, Passed, Progress, excerpt};
use super::{patterns, socket};
use crate::health::Target;
use crate::model::policy::check::{Route, Tcp};

/// The most bytes of an answer that are read.
const MOST: usize = 64 * 1024;

/// Runs the check. What arrives is compared as it comes: the answer need not end.
pub(super) async fn run(
    check: &Tcp,
    route: &Route,
    target: &Target,
    progress: &mut Progress,
) -> Outcome {
    let expect = check.expect.as_ref().map(patterns::compiled).transpose()?;
    let to = socket::destination_with_port(route, target)?;
    let mut stream = socket::stream(to, route).await?;
    progress.is_connected = true;
    if let Some(payload) = &check.send {
        let sent = stream.write_all(payload.bytes()).await;
        sent.map_err(|error| answering(&error))?;
    }
    let Some(expect) = expect else {
        return Ok(Passed::with("connected"));
    };
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await;
        let count = read.map_err(|error| answering(&error).with(excerpt(&progress.answer)))?;
        let answer = &mut progress.answer;
        answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if expect.is_match(answer) {
            return Ok(Passed::with(excerpt(answer)));
        }
        if count == 0 && answer.is_empty() {
            return Err(Missed::failed("closed without an answer"));
        }
        if count == 0 || answer.len() >= MOST {
            return Err(Missed::failed("the answer does not match").with(excerpt(answer)));
        }
    }
}
