//! What is said over the control socket: one line of JSON each way.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::TargetName;
use crate::error::{Error, Kind, Result};

/// The version of the messages; a daemon and a command of different versions refuse each other.
pub(super) const VERSION: u32 = 1;

/// The longest request, in bytes.
pub(super) const LONGEST_REQUEST: usize = 4 << 20;

/// The longest answer, in bytes.
pub(super) const LONGEST_ANSWER: usize = 256 << 20;

/// What a command asks of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// A commit happened: look at the head now.
    Poke,
    /// The state of every check.
    Report,
    /// Runs the checks of these servers once and changes nothing; all where none is named.
    Now {
        /// The servers.
        targets: Vec<TargetName>,
    },
    /// Ends the guard.
    Unfreeze,
    /// The daemon itself: its process, its head, its options.
    State,
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done, or will be in a moment.
    Done,
    /// What was asked for.
    Data(Value),
}

#[derive(Serialize)]
struct Asking<'a> {
    version: u32,
    request: &'a Request,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Deserialize)]
struct Asked {
    request: Request,
}

#[derive(Serialize, Deserialize)]
struct Answering {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

#[derive(Serialize, Deserialize)]
struct Refusal {
    message: String,
    hints: Vec<String>,
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)
        .map_err(|error| Error::new(Kind::Bug, error.to_string()).caused_by(error))?;
    line.push(b'\n');
    Ok(line)
}

/// Checks a line's version before anything else of it is understood.
fn check_version(line: &[u8], speaker: &str) -> Result<()> {
    let Versioned { version } = serde_json::from_slice(line).map_err(|error| {
        Error::invalid(format!("the {speaker} sent what is no message")).caused_by(error)
    })?;
    if version != VERSION {
        return Err(Error::new(
            Kind::State,
            format!(
                "the {speaker} speaks version {version} of the control socket, and this program \
                 version {VERSION}"
            ),
        )
        .hint("after an upgrade: systemctl try-restart ipvsh-daemon"));
    }
    Ok(())
}

pub(super) fn encode_request(request: &Request) -> Result<Vec<u8>> {
    encode(&Asking {
        version: VERSION,
        request,
    })
}

pub(super) fn decode_request(line: &[u8]) -> Result<Request> {
    check_version(line, "command")?;
    let asked: Asked = serde_json::from_slice(line).map_err(|error| {
        Error::invalid(format!("the daemon does not know this request: {error}")).caused_by(error)
    })?;
    Ok(asked.request)
}

pub(super) fn encode_answer(result: Result<Answer>) -> Result<Vec<u8>> {
    let (answer, refusal) = match result {
        Ok(answer) => (Some(answer), None),
        Err(error) => (
            None,
            Some(Refusal {
                message: error.to_string(),
                hints: error.hints().to_vec(),
            }),
        ),
    };
    encode(&Answering {
        version: VERSION,
        answer,
        refusal,
    })
}

pub(super) fn decode_answer(line: &[u8]) -> Result<Answer> {
    check_version(line, "daemon")?;
    let unknown = |cause: String| Error::new(Kind::State, cause);
    let answering: Answering = serde_json::from_slice(line).map_err(|error| {
        unknown(format!("the daemon's answer cannot be understood: {error}")).caused_by(error)
    })?;
    match (answering.answer, answering.refusal) {
        (Some(answer), _) => Ok(answer),
        (None, Some(refusal)) => {
            let error = unknown(refusal.message);
            Err(refusal.hints.into_iter().fold(error, Error::hint))
        }
        (None, None) => Err(unknown("the daemon's answer is empty".to_owned())),
    }
}
