//! The bytes of the mirror's files: lines of the log, and the base.

use super::super::DatabaseKind;
use super::super::address::Address;
use super::super::content::{Rest, from_json, to_json};
use super::super::directory::kind_name;
use super::broken;
use super::commit::{Head, State};
use crate::error::Result;
use crate::model::{Ruleset, ServiceKey, VirtualService};

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
    format!("ipvsh mirror 1 {}\n", kind_name(kind))
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

pub(super) fn encode_base(kind: DatabaseKind, head: &Head, rules: &Ruleset) -> Result<Vec<u8>> {
    let mut bytes = header(kind).into_bytes();
    let mut line = |json: Vec<u8>| {
        bytes.extend(json);
        bytes.push(b'\n');
    };
    line(to_json(head)?);
    for service in &rules.services {
        line(to_json(&service)?);
    }
    line(to_json(&Rest::of(rules))?);
    let end = format!("end {}\n", Address::of(&[&bytes]));
    bytes.extend(end.into_bytes());
    Ok(bytes)
}

pub(super) fn decode_base(bytes: &[u8], kind: DatabaseKind) -> Result<(Head, Ruleset)> {
    // "end ", 32 digits, a newline.
    let (body, end) = bytes
        .len()
        .checked_sub(37)
        .and_then(|at| bytes.split_at_checked(at))
        .ok_or_else(|| broken("its base is cut"))?;
    if end != format!("end {}\n", Address::of(&[body])).as_bytes() {
        return Err(broken("its base does not fit its checksum"));
    }
    let mut lines = skip_header(body, kind)?
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .peekable();
    let cut = || broken("its base is incomplete");
    let head = from_json(lines.next().ok_or_else(cut)?, "the mirror's head")?;
    let mut rules = Ruleset::default();
    while let Some(line) = lines.next() {
        if lines.peek().is_none() {
            from_json::<Rest>(line, "the mirror")?.put_into(&mut rules);
            return Ok((head, rules));
        }
        let (key, service): (ServiceKey, VirtualService) = from_json(line, "the mirror")?;
        rules.services.insert(key, service);
    }
    Err(cut())
}
