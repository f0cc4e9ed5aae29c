//! Command lines against the kernel: changes, lists, and what is said of refusals.

use std::io::Write;

use super::host::Names;
use super::kernel_table::KernelTable;
use super::kind::{Command, Kind};
use super::line::Line;
use super::listing::Format;
use super::refusal::Refusal;
use super::{connections, daemons, help, listing, order, rules, words};
use crate::ipvs::{
    CONNECTION_FILES, Info, IpvsClient, IpvsError, OnError, Outcome, Request, Service,
    each_connection, open_connections,
};

/// The status of a line that the kernel refused, or that was not understood.
const REFUSED: u8 = 255;

/// How many changes travel together at most.
const BATCH: usize = 64;

/// The program ends, with this status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended(pub(super) u8);

/// What a command line asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// What is done.
    Done,
    /// `-R`: the lines on standard input.
    ToRestore,
}

/// Why a list was not finished.
enum Unlisted {
    Kernel(IpvsError),
    /// Said already, if there is anything to say.
    Silent,
    /// Standard output does not take it.
    Output(std::io::Error),
}

impl From<IpvsError> for Unlisted {
    fn from(error: IpvsError) -> Self {
        Self::Kernel(error)
    }
}

impl From<std::io::Error> for Unlisted {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

/// One run of the program: a command line, or the lines of `-R`.
pub(super) struct Session<'a> {
    program: &'a str,
    client: Box<dyn KernelTable>,
    info: Info,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// Is told each change that was sent, in words: for the system log.
    log: &'a mut dyn FnMut(&str),
    /// Changes of `-R` that are not sent yet, each with the words that ask for it.
    pending: Vec<(Request, String)>,
    status: u8,
}

impl<'a> Session<'a> {
    /// Opens the kernel's IPVS, or works on another table.
    pub(super) fn open(
        table: Option<Box<dyn KernelTable>>,
        program: &'a str,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        log: &'a mut dyn FnMut(&str),
    ) -> Result<Session<'a>, Ended> {
        let opened = match table {
            Some(table) => Ok(table),
            None => {
                IpvsClient::open_or_load().map(|client| Box::new(client) as Box<dyn KernelTable>)
            }
        };
        let opened = opened.and_then(|mut client| {
            let info = client.info()?;
            Ok((client, info))
        });
        match opened {
            Ok((client, info)) => Ok(Session {
                program,
                client,
                info,
                out,
                err,
                log,
                pending: Vec::new(),
                status: 0,
            }),
            Err(error) => {
                let why = words::error(&error);
                say(
                    err,
                    &format!(
                        "Can't initialize ipvs: {why}\n\
                         Are you sure that IP Virtual Server is built in the kernel or as module?"
                    ),
                );
                Err(Ended(2))
            }
        }
    }

    /// Carries a command line out at once. `-R` is left to the caller, and refused while it is going
    /// on.
    pub(super) fn run(&mut self, words: Vec<String>, restoring: bool) -> Result<Asked, Ended> {
        let text = command_line(&words);
        match Line::parse(words) {
            Ok(line) if line.command == Command::Restore => {
                self.flush();
                match restoring {
                    true => Err(self.end(Refusal::NoCommand)),
                    false => Ok(Asked::ToRestore),
                }
            }
            Ok(line) => self.carry_out(&line, text, restoring).map(|()| Asked::Done),
            Err(Refusal::Line(why)) => {
                self.flush();
                say(self.err, &why);
                self.status = REFUSED;
                Ok(Asked::Done)
            }
            Err(refusal) => {
                self.flush();
                Err(self.end(refusal))
            }
        }
    }

    /// Lists everything, as without any word.
    pub(super) fn list_all(&mut self) -> Result<(), Ended> {
        self.run(vec!["-L".to_owned()], false).map(|_| ())
    }

    /// Removes all services; used by ipvsadm-restore, which goes on whatever happens.
    pub(super) fn clear(&mut self) {
        let text = command_line(&["-C".to_owned()]);
        self.pending.push((Request::Flush, text));
        self.flush();
        self.status = 0;
    }

    /// The status of the last line.
    pub(super) fn status(&self) -> u8 {
        self.status
    }

    fn end(&mut self, refusal: Refusal) -> Ended {
        match refusal {
            Refusal::Fail(why) => {
                say(self.err, &why);
                Ended(2)
            }
            Refusal::NoCommand => {
                say(self.err, &help::pointer(self.program));
                Ended(REFUSED)
            }
            Refusal::Line(why) => {
                say(self.err, &why);
                Ended(REFUSED)
            }
            Refusal::Help => self.print_and_end(&help::text(self.program)),
            Refusal::Version => self.print_and_end(help::VERSION),
        }
    }

    fn print_and_end(&mut self, text: &str) -> Ended {
        match self.out.write_all(text.as_bytes()) {
            Ok(()) => Ended(0),
            Err(error) => self.unlisted(Unlisted::Output(error)).unwrap_or(Ended(0)),
        }
    }

    fn carry_out(&mut self, line: &Line, text: String, restoring: bool) -> Result<(), Ended> {
        if let Some(request) = request(line) {
            self.pending.push((request, text));
            if !restoring || self.pending.len() >= BATCH {
                self.flush();
            }
            return Ok(());
        }
        self.flush();
        self.status = 0;
        match self.list(line) {
            Ok(()) => Ok(()),
            Err(unlisted) => self.unlisted(unlisted).map_or(Ok(()), Err),
        }
    }

    /// Sends the changes that wait, and says which the kernel refused.
    pub(super) fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let (requests, texts): (Vec<Request>, Vec<String>) =
            std::mem::take(&mut self.pending).into_iter().unzip();
        let report = self.client.execute(&requests, OnError::Continue);
        for (outcome, text) in report.outcomes.iter().zip(texts) {
            self.status = match outcome {
                Outcome::Done => {
                    (self.log)(&text);
                    0
                }
                Outcome::Refused(error) => {
                    let why = words::refusal(error);
                    say(self.err, &why);
                    (self.log)(&format!("{text}: refused: {why}"));
                    REFUSED
                }
                Outcome::NotSent => REFUSED,
                Outcome::Unknown => {
                    (self.log)(&format!("{text}: the kernel did not answer"));
                    REFUSED
                }
            };
        }
        if let Some(failure) = report.failure {
            say(self.err, &words::error(&failure));
        }
    }

    fn list(&mut self, line: &Line) -> Result<(), Unlisted> {
        let given = &line.given;
        if line.command == Command::Save {
            return self.list_services(line, None);
        }
        if given.has(Kind::Connection) {
            return self.list_connections(line);
        }
        if let Some(id) = &line.id {
            let format = Format::of(given);
            let Some(service) = self.client.service(id)? else {
                say(self.err, "No such service");
                return Err(Unlisted::Silent);
            };
            self.out.write_all(listing::title(format.view).as_bytes())?;
            let mut names = Names::new(given.has(Kind::Numeric));
            return self.list_service(line, &service, Some(format), &mut names);
        }
        if given.has(Kind::Timeout) {
            let timeouts = self.client.timeouts().map_err(|_| Unlisted::Silent)?;
            self.out
                .write_all(daemons::timeouts(&timeouts).as_bytes())?;
        } else if given.has(Kind::Daemon) {
            let all = self.client.daemons().map_err(|_| Unlisted::Silent)?;
            self.out.write_all(daemons::daemons(&all).as_bytes())?;
        } else {
            self.out.write_all(listing::head(&self.info).as_bytes())?;
            self.list_services(line, Some(Format::of(given)))?;
        }
        Ok(())
    }

    /// Lists all services; as rules where there is no format.
    fn list_services(&mut self, line: &Line, format: Option<Format>) -> Result<(), Unlisted> {
        let mut services = self.client.services()?;
        if !line.given.has(Kind::NoSort) {
            order::services(&mut services);
        }
        if let Some(format) = format {
            self.out.write_all(listing::title(format.view).as_bytes())?;
        }
        let mut names = Names::new(line.given.has(Kind::Numeric));
        for service in &services {
            self.list_service(line, service, format, &mut names)?;
        }
        Ok(())
    }

    fn list_service(
        &mut self,
        line: &Line,
        service: &Service,
        format: Option<Format>,
        names: &mut Names,
    ) -> Result<(), Unlisted> {
        let mut servers = self.client.destinations(&service.id)?;
        if !line.given.has(Kind::NoSort) {
            order::servers(&mut servers);
        }
        let text = match format {
            Some(format) => listing::entry(service, &servers, format, names),
            None => rules::entry(service, &servers, names),
        };
        Ok(self.out.write_all(text.as_bytes())?)
    }

    fn list_connections(&mut self, line: &Line) -> Result<(), Unlisted> {
        if !self.client.has_connections() {
            let title = connections::title(line.given.has(Kind::PersistentConn));
            return Ok(self.out.write_all(title.as_bytes())?);
        }
        let Ok(list) = open_connections() else {
            let [_, file] = CONNECTION_FILES;
            say(self.err, &format!("cannot open file {file}"));
            return Err(Unlisted::Silent);
        };
        let with_engine = line.given.has(Kind::PersistentConn);
        let mut names = Names::new(line.given.has(Kind::Numeric));
        self.out
            .write_all(connections::title(with_engine).as_bytes())?;
        let mut written = Ok(());
        each_connection(list, |connection| {
            let text = connections::entry(&connection, with_engine, &mut names);
            written = self.out.write_all(text.as_bytes());
            written.is_ok()
        })
        .map_err(|_| Unlisted::Silent)?;
        Ok(written?)
    }

    /// Says why a list was not finished; none where nobody reads it any more.
    fn unlisted(&mut self, unlisted: Unlisted) -> Option<Ended> {
        match unlisted {
            Unlisted::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => None,
            Unlisted::Output(error) => {
                say(
                    self.err,
                    &format!("cannot write to standard output: {error}"),
                );
                Some(Ended(1))
            }
            Unlisted::Kernel(error) => {
                say(self.err, &words::error(&error));
                Some(Ended(1))
            }
            Unlisted::Silent => Some(Ended(1)),
        }
    }
}

/// The words of a change with the program that they are for, as a log shows them.
pub(super) fn command_line(words: &[String]) -> String {
    let words = words.iter().map(String::as_str);
    let words: Vec<&str> = std::iter::once("ipvsadm").chain(words).collect();
    words.join(" ")
}

/// The change that a line asks for; none where it is a list.
pub(super) fn request(line: &Line) -> Option<Request> {
    let id = line.id;
    let service = line.service.clone();
    let server = line.server.clone();
    Some(match line.command {
        Command::AddService => Request::AddService(service?),
        Command::EditService => Request::UpdateService(service?),
        Command::DeleteService => Request::RemoveService(id?),
        Command::Flush => Request::Flush,
        Command::AddServer => Request::AddDestination(id?, server?),
        Command::EditServer => Request::UpdateDestination(id?, server?),
        Command::DeleteServer => Request::RemoveDestination(id?, server?.id),
        Command::Timeouts => Request::SetTimeouts(line.timeouts),
        Command::StartDaemon => Request::StartDaemon(line.daemon.clone()?),
        Command::StopDaemon => Request::StopDaemon(line.daemon.as_ref()?.state),
        Command::Zero => Request::Zero(id),
        Command::List | Command::Restore | Command::Save => return None,
    })
}

/// Where standard error is gone there is nobody left to tell.
pub(super) fn say(err: &mut dyn Write, text: &str) {
    let _ = writeln!(err, "{text}");
}
