//! Connections as they come, a line each, in constant memory: the columns have fixed widths.

use std::io::{self, Write};
use std::ops::ControlFlow;

use super::paint::{Paint, Style, clean};
use crate::model::{Connection, json};

/// How wide the columns are; a longer name moves the rest of its line.
const SERVICE: usize = 26;
const END: usize = 21;
/// As the kernel has it.
const STATE: usize = 11;
const EXPIRES: usize = 7;

/// How a list of connections is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A table.
    Table(Paint),
    /// A JSON array, one connection a line.
    Json,
    /// A JSON array on one line.
    JsonLine,
}

/// A list under way.
pub struct Listing<W> {
    out: W,
    form: Form,
    some: bool,
    written: io::Result<()>,
}

impl<W: Write> Listing<W> {
    /// Begins a list.
    pub fn new(out: W, form: Form) -> Listing<W> {
        Listing {
            out,
            form,
            some: false,
            written: Ok(()),
        }
    }

    /// Adds a connection; says whether to go on: nothing more can be written after a failure.
    pub fn add(&mut self, connection: &Connection) -> ControlFlow<()> {
        if self.written.is_ok() {
            self.written = self.write(connection);
            self.some = true;
        }
        match self.written {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn write(&mut self, connection: &Connection) -> io::Result<()> {
        let first = !self.some;
        match self.form {
            Form::Table(paint) => {
                if first {
                    self.out.write_all(titles(paint).as_bytes())?;
                }
                self.out.write_all(line(connection).as_bytes())
            }
            form => {
                let before = match (form, first) {
                    (Form::JsonLine, true) => "[",
                    (Form::JsonLine, false) => ",",
                    (_, true) => "[\n  ",
                    (_, false) => ",\n  ",
                };
                self.out.write_all(before.as_bytes())?;
                serde_json::to_writer(&mut self.out, &json::connection(connection))?;
                Ok(())
            }
        }
    }

    /// Ends the list; says whether there was anything in it.
    ///
    /// # Errors
    /// As it could not be written.
    pub fn end(mut self) -> io::Result<bool> {
        self.written?;
        match (self.form, self.some) {
            (Form::Table(_), _) => {}
            (_, false) => writeln!(self.out, "[]")?,
            (Form::JsonLine, true) => writeln!(self.out, "]")?,
            (Form::Json, true) => writeln!(self.out, "\n]")?,
        }
        self.out.flush()?;
        Ok(self.some)
    }
}

fn titles(paint: Paint) -> String {
    let titles = format!(
        "{:<SERVICE$}  {:<END$}  {:<END$}  {:<STATE$}  {:>EXPIRES$}",
        "service", "client", "server", "state", "expires"
    );
    format!("{}\n", paint.paint(Style::Faint, &titles))
}

/// A connection, its seconds as minutes and seconds; at its end what only templates have.
fn line(connection: &Connection) -> String {
    let (service, client) = (
        connection.service.to_string(),
        connection.client.to_string(),
    );
    let server = connection.server.to_string();
    let expires = format!(
        "{:02}:{:02}",
        connection.expires / 60,
        connection.expires % 60
    );
    let end = match (&connection.engine, connection.template) {
        (Some(engine), _) => format!(
            "  template, {} {}",
            clean(&engine.name),
            clean(&engine.data)
        ),
        (None, true) => "  template".to_owned(),
        (None, false) => String::new(),
    };
    format!(
        "{service:<SERVICE$}  {client:<END$}  {server:<END$}  {:<STATE$}  {expires:>EXPIRES$}{end}\n",
        clean(&connection.state)
    )
}

/// Connections as one table.
pub fn connections(all: &[Connection], paint: Paint) -> String {
    let lines: String = all.iter().map(line).collect();
    match all.is_empty() {
        true => crate::views::View::Connections.facts().empty.to_owned(),
        false => format!("{}{lines}", titles(paint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc;
    use serde_json::Value;

    const LIST: &str = "\
TCP C6336401 8001 C0000201 0050 0A000001 0050 ESTABLISHED     899
UDP 2001:0db8:0000:0000:0000:0000:0000:0000 0000 2001:db8::1 13c4 2001:db8::2 13c4 ASSURED 61 sip a\u{1b}b
";

    fn listed(form: Form) -> String {
        let mut out = Vec::new();
        let mut listing = Listing::new(&mut out, form);
        proc::connections(LIST.as_bytes(), &mut |connection| listing.add(&connection)).unwrap();
        assert!(listing.end().unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_has_fixed_columns() {
        assert_eq!(
            listed(Form::Table(Paint::new(false))),
            "\
service                     client                 server                 state        expires
tcp 192.0.2.1:80            198.51.100.1:32769     10.0.0.1:80            ESTABLISHED    14:59
udp [2001:db8::1]:5060      [2001:db8::]:0         [2001:db8::2]:5060     ASSURED        01:01  template, sip a\u{fffd}b
"
        );
    }

    #[test]
    fn json_is_an_array_that_can_be_read_line_by_line() {
        let pretty = listed(Form::Json);
        let value: Value = serde_json::from_str(&pretty).unwrap();
        assert_eq!(value.as_array().unwrap().len(), pretty.lines().count() - 2);
        assert_eq!(value[0]["service"], "tcp 192.0.2.1:80");
        assert_eq!(value[1]["engine_data"], "a\u{1b}b");
        assert_eq!(value[1]["template"], true);
        let line = listed(Form::JsonLine);
        assert_eq!(line.lines().count(), 1);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    #[test]
    fn an_empty_list_is_an_empty_array() {
        for (form, text) in [(Form::Json, "[]\n"), (Form::Table(Paint::new(false)), "")] {
            let mut out = Vec::new();
            assert!(!Listing::new(&mut out, form).end().unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn a_reader_that_went_away_ends_it() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut seen = 0;
        let mut listing = Listing::new(Gone, Form::Json);
        proc::connections(LIST.as_bytes(), &mut |connection| {
            seen += 1;
            listing.add(&connection)
        })
        .unwrap();
        assert_eq!(seen, 1);
        let error = listing.end().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
