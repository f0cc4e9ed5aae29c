//! Editing the head as a text: what differs between the text that was handed out and the one that
//! came back is the change.

use chrono::{DateTime, SecondsFormat, Utc};

use super::options::ChangeOptions;
use super::report::Report;
use super::{Director, names};
use crate::candidate::Candidate;
use crate::error::{Error, Kind, Result};
use crate::model::{EntryKey, Ruleset, SnapshotId};

/// An edit of the head under way.
#[derive(Debug, Clone)]
pub struct HeadEdit {
    candidate: Candidate,
    /// It was interrupted and goes on: the commit merges it with the head that is there then.
    is_resumed: bool,
    /// When the snapshot was made that is edited.
    time: Option<DateTime<Utc>>,
}

impl HeadEdit {
    /// The snapshot that is edited, and when it was made, as a text can name it.
    pub fn origin(&self) -> Option<(SnapshotId, String)> {
        self.base().zip(self.time.map(in_words))
    }

    /// The snapshot that is edited; none where there is no snapshot yet.
    pub fn base(&self) -> Option<SnapshotId> {
        self.candidate.base_id()
    }

    /// The rules that are edited.
    pub fn rules(&self) -> &Ruleset {
        self.candidate.base()
    }

    /// The same edit with what differs between two rulesets: entries of `from` that `to` lacks are
    /// removed. What is the same in both stays as the head has it, even where a text cannot say it.
    fn edited(&self, from: &Ruleset, to: &Ruleset) -> Candidate {
        let mut candidate = self.candidate.clone();
        for entry in from.differences(to) {
            let value = to.get(&entry);
            let goes_with_its_service = matches!(entry, EntryKey::Server(service, _)
                if !to.services.contains_key(&service));
            if value.is_some() || !goes_with_its_service {
                candidate.hold(entry, value);
            }
        }
        if from.marks != to.marks {
            candidate.arrange_marks(to);
        }
        candidate
    }
}

fn in_words(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Director {
    /// Begins an edit of the head. Nothing is locked meanwhile.
    ///
    /// # Errors
    /// As [`Director::candidate`].
    pub fn begin_edit(&self) -> Result<HeadEdit> {
        let candidate = self.candidate()?;
        let base = candidate.base_id();
        let base = base.map(|base| self.stores.open()?.snapshot(base));
        Ok(HeadEdit {
            candidate,
            is_resumed: false,
            time: base.transpose()?.map(|base| base.time),
        })
    }

    /// Goes on with an edit that began on a snapshot, or before there was one. Its commit merges what
    /// it changed with the present head, as for any two commits.
    ///
    /// # Errors
    /// `not_found` where the snapshot is not there, or no longer, or is that of another history; as
    /// the store fails to open or read.
    pub fn resume_edit(&self, origin: Option<(SnapshotId, String)>) -> Result<HeadEdit> {
        let store = self.stores.open()?;
        let Some((base, time)) = origin else {
            return Ok(HeadEdit {
                candidate: Candidate::new(None, Ruleset::default()),
                is_resumed: true,
                time: None,
            });
        };
        let found = store.snapshot(base)?;
        let is_of = in_words(found.time);
        if is_of != time {
            return Err(Error::not_found(format!(
                "it was made from snapshot {base} of {time}, and that of this history is of {is_of}"
            )));
        }
        Ok(HeadEdit {
            candidate: Candidate::new(Some(base), store.ruleset(base)?),
            is_resumed: true,
            time: Some(found.time),
        })
    }

    /// Commits what differs between the ruleset that an editor was given and the one that it gave
    /// back.
    ///
    /// # Errors
    /// `conflict` where the head is another one by now, and the edit was not resumed; as
    /// [`Director::commit`].
    pub fn commit_edit(
        &mut self,
        edit: &HeadEdit,
        (from, to): (&Ruleset, &Ruleset),
        options: &ChangeOptions,
    ) -> Result<Report> {
        if !edit.is_resumed {
            self.refuse_moved(edit)?;
        }
        self.commit(&mut edit.edited(from, to), options)
    }

    /// Refuses an edit whose snapshot is no longer the head. A head that moves after this look is
    /// merged by the commit, or refused by it.
    fn refuse_moved(&self, edit: &HeadEdit) -> Result<()> {
        let store = self.stores.open()?;
        let head = store.head()?;
        let overdue = self
            .awaiting(&*store)?
            .is_some_and(|awaiting| awaiting.seconds_left() == 0);
        let now = head.as_ref().map(|head| head.id);
        if now == edit.base() || overdue {
            return Ok(());
        }
        let head = head.ok_or_else(names::no_snapshots)?;
        let (what, hint) = match edit.base() {
            Some(base) => (
                format!(
                    "the head is snapshot {}, \"{}\" by {}, and no longer {base}, which was edited",
                    head.id, head.message, head.author
                ),
                format!("what changed meanwhile: ipvsh diff {base} {}", head.id),
            ),
            None => (
                format!(
                    "there was no snapshot when it began, and now the head is snapshot {}, \"{}\" \
                     by {}",
                    head.id, head.message, head.author
                ),
                "what it holds: ipvsh export".to_owned(),
            ),
        };
        Err(Error::new(Kind::Conflict, what)
            .attempt("cannot commit the edit")
            .hint(hint))
    }
}
