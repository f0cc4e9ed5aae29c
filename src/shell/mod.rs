//! The interactive prompt.
//!
//! Layer 6. A line is a script's, a bare word (`plan`, `status`), or a verb of the command line
//! (`rollback 2`), which the command line runs; what it gives is shown as the right table. A line
//! for ipvsadm is answered in our language. The database is open only while a line runs. Ctrl-C clears the line or interrupts what runs, Ctrl-D leaves.

pub mod complete;
mod context;
mod helper;
mod highlight;
mod hints;
mod ipvsadm;
mod reader;
mod record;
mod split;
mod standard;
mod startup;
mod typed;
mod verbs;
mod words;
pub mod world;

use std::cell::{RefCell, RefMut};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::error::ReadlineError;
use rustyline::{CompletionType, Config};
use serde_json::json;

use crate::api::help;
use crate::api::synonyms::Meaning;
use crate::director::{ChangeOptions, Status};
use crate::error::{Error, Kind, Result};
use crate::kernel::Names;
use crate::output::{self, Facts, Output, clean, count, status, value};
use crate::script::{Ended, Interpreter, Shown};
use crate::signals;

use helper::LineHelper;
use ipvsadm::Answer;
use reader::LineReader;
use record::Typed;
use words::Word;
use world::{PromptWorld, SnapshotsOf};

pub use verbs::{Offer, TypedVerb, Verbs};
pub use words::VerbGroup;

/// How many lines the history keeps.
const HISTORY: usize = 10_000;

/// Adds what the host says to a director's status.
pub type FactsOf = Box<dyn Fn(Result<Status>) -> Facts>;

/// Shares a simulated kernel with other processes; says in a sentence where one of them committed.
pub type Reconcile = Box<dyn Fn() -> Result<Option<String>>>;

/// What a prompt is given beside its interpreter.
pub struct PromptSetup {
    /// Where this is: the host's name, or `sim`.
    pub place: String,
    /// The text before the first line.
    pub greeting: String,
    /// The file that keeps the lines, where there is one.
    pub history: Option<PathBuf>,
    /// The script with the user's own functions, where there may be one.
    pub startup: Option<PathBuf>,
    /// Adds what the host says to a director's status.
    pub facts: FactsOf,
    /// The schedulers and engines of this kernel.
    pub names: Names,
    /// Reads the history for completion, without waiting.
    pub snapshots: SnapshotsOf,
    /// Runs the verbs of the command line.
    pub verbs: Rc<dyn Verbs>,
    /// The verbs in groups, for the help.
    pub groups: Vec<VerbGroup>,
    /// Shares a simulated kernel with other processes, before and after each line.
    pub reconcile: Reconcile,
}

/// A prompt on an interpreter.
pub struct Shell {
    interpreter: Rc<RefCell<Interpreter>>,
    world: Rc<PromptWorld>,
    verbs: Rc<dyn Verbs>,
    out: Output,
    reader: LineReader,
    place: String,
    greeting: String,
    groups: Vec<VerbGroup>,
    reconcile: Reconcile,
    history: Option<PathBuf>,
    startup: Option<PathBuf>,
    facts: FactsOf,
    /// What the next line begins with.
    offered: Option<String>,
    /// What was typed for the next commit.
    typed: Typed,
}

fn failed(error: ReadlineError) -> Error {
    Error::new(Kind::System, error.to_string())
        .attempt("cannot read the terminal")
        .caused_by(error)
}

/// A text in lines of a width.
fn wrapped(text: &str, width: usize) -> String {
    help::wrap(text, width).join("\n")
}

/// What follows a line.
enum Next {
    Line,
    Leave(u8),
}

impl Shell {
    /// A prompt on an interpreter.
    ///
    /// # Errors
    /// `system` where the terminal cannot be used.
    pub fn new(mut interpreter: Interpreter, out: Output, setting: PromptSetup) -> Result<Shell> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY)
            .and_then(|builder| builder.history_ignore_dups(true))
            .map_err(failed)?
            .history_ignore_space(true)
            .build();
        interpreter.on_report(move |report| out.report(report, false));
        interpreter.on_news(move |news| out.news(news, false));
        let interpreter = Rc::new(RefCell::new(interpreter));
        let world = Rc::new(PromptWorld::new(
            Rc::clone(&interpreter),
            setting.names,
            setting.snapshots,
            Rc::clone(&setting.verbs),
        ));
        let helper = LineHelper::new(out.paint, world.clone());
        let reader = LineReader::new(config, helper).map_err(failed)?;
        Ok(Shell {
            interpreter,
            world,
            verbs: setting.verbs,
            out,
            reader,
            place: clean(&setting.place),
            greeting: setting.greeting,
            groups: setting.groups,
            reconcile: setting.reconcile,
            history: setting.history,
            startup: setting.startup,
            facts: setting.facts,
            offered: None,
            typed: Typed::default(),
        })
    }

    /// Reads and runs lines until the user leaves; gives the exit status.
    ///
    /// # Errors
    /// `system` where the terminal fails, `interrupted` by SIGTERM or SIGHUP.
    pub fn run(&mut self) -> Result<u8> {
        // Ctrl-C behind Enter would else end the prompt, with what is staged.
        let _interrupts = signals::hold_interrupts();
        self.open_history();
        self.start_up();
        self.out.say(self.greeting.trim_end());
        loop {
            let prompt = self.prepare()?;
            let offered = self.offered.take();
            let next = match self.reader.read(&prompt, offered.as_deref()) {
                Ok(line) => match self.behind_offer(offered, &line) {
                    Some((offered, rest)) => {
                        let next = self.line(rest)?;
                        self.offer_behind(offered);
                        next
                    }
                    None => match self.block(line) {
                        Some(block) => self.line(&block)?,
                        None => Next::Line,
                    },
                },
                Err(ReadlineError::Interrupted) => self.drop_block(),
                Err(ReadlineError::Eof) if self.is_in_block() => self.drop_block(),
                Err(ReadlineError::Eof) => Next::Leave(0),
                Err(error) if typed::is_no_text(&error) => {
                    typed::drop_typed_ahead();
                    self.out.error(&typed::no_text());
                    self.drop_block()
                }
                Err(error) => {
                    signals::check()?;
                    return Err(failed(error));
                }
            };
            if let Next::Leave(status) = next
                && self.may_leave()
            {
                return Ok(status);
            }
        }
    }

    /// Looks at what others changed, and gives the text before the next line. The terminal is in its
    /// ordinary mode meanwhile, where Ctrl-C is a signal: it drops what was typed ahead, as at the
    /// prompt, and ends nothing.
    fn prepare(&mut self) -> Result<String> {
        let _hold = signals::hold();
        self.world.refresh();
        let mut prompt = self.prompt();
        if let Some(helper) = self.reader.editor.helper_mut() {
            helper.indent = prompt.chars().count();
            if !helper.before.is_empty() {
                prompt = format!("{:>1$}", "> ", helper.indent);
            }
        }
        if signals::interrupted() == Some("SIGINT") {
            signals::forget();
        }
        signals::check()?;
        Ok(prompt)
    }

    /// What was offered and is left as it was, and what a line has behind it, where that is a line
    /// of its own: lines that a terminal sends faster than they are answered come behind the offer
    /// that the first of them led to.
    fn behind_offer<'l>(
        &self,
        offered: Option<String>,
        line: &'l str,
    ) -> Option<(String, &'l str)> {
        let offered = offered?;
        let rest = line.strip_prefix(offered.as_str())?;
        let variables = self.interpreter().variables();
        let is_line = rest.starts_with(|c: char| !c.is_whitespace())
            && (ipvsadm::is_line(rest, &variables)
                || words::topic(rest).is_some()
                || Word::parse(rest, &variables).is_some()
                || verbs::command_of(rest, self.verbs.all(), &variables).is_some());
        is_line.then_some((offered, rest))
    }

    /// Offers something again that was not run, before what was offered since.
    fn offer_behind(&mut self, offered: String) {
        self.offered = Some(match self.offered.take() {
            Some(more) => format!("{offered};\n{more}"),
            None => offered,
        });
    }

    /// The whole block that a line ends; none where the block goes on.
    fn block(&mut self, line: String) -> Option<String> {
        let Some(helper) = self.reader.editor.helper_mut() else {
            return Some(line);
        };
        let mut whole = std::mem::take(&mut helper.before);
        whole.push_str(&line);
        if !helper.is_unfinished(&whole) {
            return Some(whole);
        }
        whole.push('\n');
        helper.before = whole;
        None
    }

    fn is_in_block(&self) -> bool {
        let helper = self.reader.editor.helper();
        helper.is_some_and(|helper| !helper.before.is_empty())
    }

    /// Forgets the block that was begun.
    fn drop_block(&mut self) -> Next {
        if let Some(helper) = self.reader.editor.helper_mut() {
            helper.before.clear();
        }
        Next::Line
    }

    /// Runs lines as if they were typed, each shown behind its prompt: for where there is no
    /// terminal.
    ///
    /// # Errors
    /// `interrupted` by a signal.
    pub fn play<'l>(&mut self, lines: impl IntoIterator<Item = &'l str>) -> Result<()> {
        for line in lines {
            self.out.print(&format!("\n{}{line}", self.prompt()));
            if let Next::Leave(_) = self.line(line)? {
                break;
            }
        }
        Ok(())
    }

    /// `lb1>`, or `lb1*3>` with three changes staged, or `lb1 (confirm: 240 s)>` while a commit
    /// awaits confirmation.
    fn prompt(&self) -> String {
        let interpreter = self.interpreter();
        let mut session = interpreter.session();
        let staged = match session.staged() {
            0 => String::new(),
            staged => format!("*{staged}"),
        };
        let awaiting = session.director().glance();
        let awaiting = awaiting.map_or(String::new(), |awaiting| {
            format!(" (confirm: {})", awaiting.time())
        });
        format!("{}{staged}{awaiting}> ", self.place)
    }

    fn interpreter(&self) -> RefMut<'_, Interpreter> {
        self.interpreter.borrow_mut()
    }

    /// Runs the user's own script, or says why not.
    fn start_up(&mut self) {
        let Some(path) = self.startup.take() else {
            return;
        };
        let _hold = signals::hold();
        let ran = match startup::read(&path) {
            Ok(Some(source)) => self.interpreter().start_up(&source).map(|_| ()),
            Ok(None) => return,
            Err(error) => return self.out.note(&format!("{error}: not read")),
        };
        if let Err(error) = ran {
            self.out.error(&error);
        }
        let staged = self.interpreter().session().staged();
        if staged > 0 {
            let changes = count(staged, "change");
            self.out
                .note(&format!("{changes} staged by {}", path.display()));
        }
        signals::forget();
    }

    fn line(&mut self, line: &str) -> Result<Next> {
        if line.trim().is_empty() {
            return Ok(Next::Line);
        }
        self.remember(line);
        let _hold = signals::hold();
        self.reconcile();
        let next = match self.execute(line) {
            Ok(next) => next,
            Err(error) => {
                self.out.error(&error);
                Next::Line
            }
        };
        self.reconcile();
        if signals::interrupted() == Some("SIGINT") {
            signals::forget();
        }
        signals::check()?;
        match output::written() {
            Ok(()) => Ok(next),
            // A prompt that cannot show what was done is of no use; the program's end says why.
            Err(_) => Ok(Next::Leave(u8::from(
                self.interpreter().session().staged() > 0,
            ))),
        }
    }

    fn reconcile(&self) {
        match (self.reconcile)() {
            Ok(Some(followed)) => self.out.note(&followed),
            Ok(None) => {}
            Err(error) => self.out.note(&error.to_string()),
        }
    }

    /// What a word is: a verb of the command line, which works here too, a word of the prompt, or
    /// what scripts have of it.
    fn explained(&self, topic: &str) -> String {
        let width = self.width();
        let verb = self.verbs.all().iter().find(|(name, _)| name == topic);
        let word = words::WORDS.iter().find(|(name, _, _)| *name == topic);
        let itself = match (verb, word) {
            (Some((name, doc)), _) => {
                let more = format!("options and examples: {name} --help");
                format!("{}\n{more}\n", wrapped(&format!("{name}: {doc}"), width))
            }
            (None, Some((name, _, doc))) => format!("{name}: {doc}\n"),
            (None, None) => return help::topic(topic, width),
        };
        match help::exactly(topic, width) {
            Some(in_scripts) => format!("{itself}\nin a script:\n{in_scripts}"),
            None => itself,
        }
    }

    /// How many columns the terminal has.
    fn width(&self) -> usize {
        self.out.width.map_or(help::WIDTH, usize::from)
    }

    fn execute(&mut self, line: &str) -> Result<Next> {
        self.out.measure();
        if let Some(topic) = words::topic(line) {
            let text = match topic {
                "" => self.help(),
                topic => self.explained(topic),
            };
            self.out.long().help(&text);
            return Ok(Next::Line);
        }
        let variables = self.interpreter().variables();
        if ipvsadm::is_line(line, &variables) {
            return self.answer(line);
        }
        if let Some(lines) = self.lines_of_verbs(line, &variables) {
            for line in lines {
                if let leave @ Next::Leave(_) = self.execute(line)? {
                    return Ok(leave);
                }
            }
            return Ok(Next::Line);
        }
        self.refresh();
        if words::is_for_a_shell(line, &variables) {
            split::split(line)?;
        }
        if let Some(error) = words::commit_with_words(line, &variables) {
            return Err(error);
        }
        if words::calls_clear(line) && !self.interpreter().defines("clear") {
            return Err(words::clear_is_no_call());
        }
        let (code, empty) = match Word::parse(line, &variables) {
            None => match verbs::command_of(line, self.verbs.all(), &variables) {
                Some(command) => return self.verb(line, command),
                None => match words::meant(line, &variables) {
                    Some((word, _)) if self.interpreter().defines(word) => (line, ""),
                    Some((
                        _,
                        Meaning {
                            word: Some(ours), ..
                        },
                    )) if words::is_one_word(line) => {
                        self.out.say(&format!("in ipvsh's words: {ours}"));
                        return self.execute(ours);
                    }
                    Some((word, meaning)) => return Err(words::is_elsewhere(word, &meaning)),
                    None => (line, ""),
                },
            },
            // With nothing staged, what a commit would do is nothing.
            Some(Word::Plan) if self.interpreter().session().staged() == 0 => {
                return self.verb(line, line.trim());
            }
            Some(Word::Plan) => return self.plan_of_staged(),
            Some(Word::Code(code, empty)) => (code, empty),
            Some(Word::Leave) => return Ok(Next::Leave(0)),
            Some(Word::Clear) => {
                if self.reader.can_edit() {
                    let cleared = self.reader.editor.clear_screen();
                    cleared.map_err(failed)?;
                }
                return Ok(Next::Line);
            }
            Some(Word::Help) => {
                self.out.print(&self.help());
                return Ok(Next::Line);
            }
            Some(Word::Verb) => return self.verb(line, line.trim()),
            Some(Word::Status) => {
                self.status();
                return Ok(Next::Line);
            }
        };
        match self.code(code, empty) {
            Err(error) if error.kind() == Kind::Guarded && words::is_one_change(code) => {
                self.guarded(code, error)
            }
            Ok(next) => {
                if words::leaves_staged_out(line) {
                    self.tell_of_staged();
                }
                Ok(next)
            }
            Err(error) => Err(error),
        }
    }

    /// The lines of an entry that has several, where each is a word or a verb: hints that were
    /// pasted together.
    fn lines_of_verbs<'l>(&self, entry: &'l str, variables: &[String]) -> Option<Vec<&'l str>> {
        let lines = entry.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<&str> = lines.collect();
        let is_verb = |line: &&str| {
            Word::parse(line, variables).is_some()
                || verbs::command_of(line, self.verbs.all(), variables).is_some()
        };
        (lines.len() > 1 && lines.iter().all(is_verb)).then_some(lines)
    }

    /// Runs a verb of the command line; what is staged then is on the new head.
    fn verb(&mut self, line: &str, command: &str) -> Result<Next> {
        let words = split::split(command)?;
        if words.first().is_some_and(|first| first == "ipvsadm") {
            return self.answer(command);
        }
        let staged = self.interpreter().session().staged();
        if staged > 0 && words == ["plan"] {
            return self.plan_of_staged();
        }
        let leaves_out = words
            .first()
            .is_some_and(|verb| verbs::LOOKING.contains(&verb.as_str()));
        let interpreter = Rc::clone(&self.interpreter);
        let ran = self.verbs.run(&TypedVerb {
            words,
            typed: line.trim(),
            may_commit: &|| interpreter.borrow().session().give_way(),
        });
        self.refresh();
        ran?;
        if leaves_out {
            self.tell_of_staged();
        }
        Ok(Next::Line)
    }

    /// Shows what a commit of what is staged would do; what differs without it is another plan.
    fn plan_of_staged(&mut self) -> Result<Next> {
        let next = self.code("plan()", "")?;
        self.out
            .note("this is the plan of what is staged; `plan head` shows the one without it");
        Ok(next)
    }

    /// Says that what was shown does not hold what is staged, where something is.
    fn tell_of_staged(&self) {
        let staged = self.interpreter().session().staged();
        if staged > 0 {
            let changes = count(staged, "change");
            self.out.note(&format!(
                "{changes} staged, not part of this: `plan` shows, `commit` keeps"
            ));
        }
    }

    /// Asks whether what a safety rule refused is to be done all the same.
    fn guarded(&mut self, code: &str, error: Error) -> Result<Next> {
        if !matches!(
            self.agrees(&format!("{}. Go on? [y/N] ", error.risk())),
            Ok(true)
        ) {
            return Err(error);
        }
        self.interpreter().session().allow_removals(true);
        let done = self.code(code, "");
        self.interpreter().session().allow_removals(false);
        done
    }

    /// Asks a question; no is the answer to everything but y and yes.
    fn agrees(&mut self, question: &str) -> rustyline::Result<bool> {
        if let Some(helper) = self.reader.editor.helper_mut() {
            helper.answering = true;
        }
        let answer = self.reader.read(question, None);
        if let Some(helper) = self.reader.editor.helper_mut() {
            helper.answering = false;
        }
        let answer = match answer {
            Err(error) if typed::is_no_text(&error) => {
                typed::drop_typed_ahead();
                return Ok(false);
            }
            answer => answer?,
        };
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// What there is, as wide as the terminal.
    fn help(&self) -> String {
        words::help(&self.groups, self.width())
    }

    /// Others may have changed the kernel, and, while nothing is staged, the head.
    fn refresh(&self) {
        let interpreter = self.interpreter();
        let mut session = interpreter.session();
        // A history that cannot be read is told of by the line that needs it.
        if let Ok(Some(followed)) = session.director().follow_others() {
            self.out.note(&followed);
        }
        match session.is_untouched() {
            true => session.discard(),
            false => session.refresh(),
        }
    }

    /// Answers a line of ipvsadm.
    fn answer(&mut self, line: &str) -> Result<Next> {
        match ipvsadm::answer(line)? {
            Answer::Offer(code) if !self.reader.can_edit() => {
                self.out.say(&format!("in ipvsh's words: {code}"));
            }
            Answer::Offer(code) => {
                self.out.say("in ipvsh's words, ready to run:");
                self.offered = Some(code);
            }
            Answer::Run(verb) => {
                self.out.say(&format!("in ipvsh's words: {verb}"));
                self.refresh();
                return self.verb(line, &verb);
            }
            Answer::Say(words) => self.out.say(words),
        }
        Ok(Next::Line)
    }

    /// Runs code and shows its value; `empty` is what to say of an empty list. What it commits is
    /// recorded with what was typed for it.
    fn code(&mut self, code: &str, empty: &str) -> Result<Next> {
        let before = self.typed.begin(code, &mut self.interpreter().session());
        let staged = self.interpreter().session().staged();
        let next = self.run_code(code, empty).map_err(|error| {
            let more = self.interpreter().session().staged().saturating_sub(staged);
            match more {
                0 => error,
                // What a line did before it failed is there all the same.
                more => error.hint(format!(
                    "{} staged before that: plan() shows, discard() drops all that is staged",
                    count(more, "change")
                )),
            }
        });
        let interpreter = self.interpreter.borrow();
        self.typed.end(code, &before, &interpreter.session());
        drop(interpreter);
        next
    }

    fn run_code(&mut self, code: &str, empty: &str) -> Result<Next> {
        let mut interpreter = self.interpreter();
        let ended = interpreter.line(code)?;
        match ended {
            Ended::Value(Shown::Json(list)) if list == json!([]) && !empty.is_empty() => {
                self.out.sentence(empty);
                Ok(Next::Line)
            }
            Ended::Value(shown) => {
                let mut session = interpreter.session();
                value::show(&self.out.long(), &shown, &mut session)?;
                Ok(Next::Line)
            }
            Ended::Exit(status) => Ok(Next::Leave(u8::try_from(status).unwrap_or(1))),
            Ended::Closed => Ok(Next::Leave(1)),
        }
    }

    fn status(&mut self) {
        let answer = self
            .interpreter()
            .session()
            .director()
            .status(&ChangeOptions::default());
        let facts = (self.facts)(answer);
        self.out.print(&status(&facts, self.out.paint));
        let staged = self.interpreter().session().staged();
        if staged > 0 {
            let changes = count(staged, "change");
            self.out
                .print(&format!("{changes} staged: plan() shows, commit() keeps"));
        }
    }

    /// Asks where changes are staged; Ctrl-D once more is a yes.
    fn may_leave(&mut self) -> bool {
        let staged = self.interpreter().session().staged();
        if staged == 0 || output::written().is_err() {
            self.out.not_committed(staged);
            return true;
        }
        let changes = count(staged, "change");
        let question = format!("{changes} staged. Leave without committing? [y/N] ");
        match self.agrees(&question) {
            Ok(agreed) => agreed,
            Err(ReadlineError::Interrupted) => false,
            Err(_) => true,
        }
    }

    /// The directory is the user's alone; rustyline gives the file mode 0600.
    fn open_history(&mut self) {
        let Some(path) = &self.history else {
            return;
        };
        if let Some(dir) = path.parent() {
            // What cannot be made or read is no history; the prompt works without.
            let _ = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        }
        if typed::mend_lines(path).unwrap_or(false) {
            self.out.note(&format!(
                "{} held bytes that are not UTF-8 text: they are replaced",
                path.display()
            ));
        }
        let _ = self.reader.editor.load_history(path);
    }

    /// At once, so that a lost terminal loses no line.
    fn remember(&mut self, line: &str) {
        if self.reader.editor.add_history_entry(line).unwrap_or(false)
            && let Some(path) = &self.history
        {
            let _ = self.reader.editor.append_history(path);
        }
    }
}
