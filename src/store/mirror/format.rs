//! The bytes of the mirror's log, and how its files begin.

use super::super::DatabaseKind;
use super::super::address::Address;
use super::super::directory::kind_name;
use super::broken;
use super::commit::State;
use crate::error::Result;

pub(super) struct Line<'a> {
    pub(super) state: State,
    pub(super) json: &'a [u8],
    pub(super) length: usize,
}

pub(super) fn encode_line(json: &[u8]) -> Vec<u8> {
    let sum = Address::of(&[json]);
    let mut line = format!("? {} {sum} ", json.len()).into_bytes();
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

/// Takes the first line; `None` where a crash cut it.
pub(super) fn take_line(bytes: &[u8]) -> Result<Option<Line<'_>>> {
    let cut_or = |cause: &str| match bytes.first() {
        // Only a line on its way can be cut; its pages may reach the disk in any order.
        None | Some(b'?' | 0) => {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let whole = end.is_some_and(|end| !bytes.iter().take(end).any(|byte| *byte == 0));
            if whole { Err(broken(cause)) } else { Ok(None) }
        }
        Some(_) => Err(broken(cause)),
    };
    let mut parts = bytes.splitn(4, |byte| *byte == b' ');
    let (Some(state), Some(length), Some(sum), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return cut_or("a line of its log is cut");
    };
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let state = match state {
        [byte] => State::of(*byte),
        _ => None,
    };
    let length: Option<usize> = text(length).and_then(|text| text.parse().ok());
    let sum = text(sum).and_then(Address::parse);
    let (Some(state), Some(length), Some(sum)) = (state, length, sum) else {
        return cut_or("a line of its log cannot be understood");
    };
    let Some((json, [b'\n', behind @ ..])) = rest.split_at_checked(length) else {
        return cut_or("a line of its log has another length than it says");
    };
    if Address::of(&[json]) != sum {
        return cut_or("a line of its log does not fit its checksum");
    }
    Ok(Some(Line {
        state,
        json,
        length: bytes.len().saturating_sub(behind.len()),
    }))
}

pub(super) fn header(kind: DatabaseKind) -> String {
    format!("ipvsh mirror 2 {}\n", kind_name(kind))
}

pub(super) fn skip_header(bytes: &[u8], kind: DatabaseKind) -> Result<&[u8]> {
    let expected = header(kind);
    bytes.strip_prefix(expected.as_bytes()).ok_or_else(|| {
        broken(&format!(
            "one of its files does not begin with \"{}\"",
            expected.trim_end()
        ))
    })
}
