//! Many notes about the same, as one.

use std::collections::BTreeMap;

use super::{Note, Notes, Topic};

/// So many notes of one topic are told one by one, if each has a fix of its own.
const TOLD_APART: usize = 2;

/// The notes to tell: of many about the same the first, with the number of the others, or the least
/// that it can be, in its object.
pub fn fold(notes: &Notes) -> Vec<Note> {
    let mut topics: BTreeMap<Topic, Vec<&Note>> = BTreeMap::new();
    for note in &notes.all {
        let alike = topics.entry(note.topic).or_default();
        // Two services at one VIP lack the same address.
        if !alike.contains(&note) {
            alike.push(note);
        }
    }
    let mut told = Vec::new();
    for alike in topics.values() {
        match alike.as_slice() {
            [first, others @ ..]
                if others.len() >= TOLD_APART
                    || others.first().is_some_and(|other| other.fix == first.fix) =>
            {
                let least = match notes.is_cut && first.topic.needs_route() {
                    true => "at least ",
                    false => "",
                };
                told.push(Note {
                    object: format!("{} and {least}{} more", first.object, others.len()),
                    ..(*first).clone()
                });
            }
            few => told.extend(few.iter().copied().cloned()),
        }
    }
    told
}
