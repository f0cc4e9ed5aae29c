//! Keys: what each does to the state, and what it asks of whoever owns kernel and terminal.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::column::{Order, Showing};
use super::state::{Dialog, Row, Top};
use crate::model::ServiceKey;

/// What a key asks of whoever owns kernel and terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing but to draw.
    Nothing,
    /// To leave.
    Leave,
    /// To give the terminal back and stop until somebody says `fg`.
    Suspend,
    /// To draw everything anew: something else wrote on the terminal.
    Redraw,
    /// To zero the counters of a service, or of all.
    Zero(Option<ServiceKey>),
}

/// The keys, for the help: what to press, and what it does.
pub const KEYS: &[(&str, &str)] = &[
    ("up down PgUp PgDn", "move; Home: back to the first row"),
    (
        "Enter, right, left",
        "unfold and fold the servers of a service",
    ),
    ("+ -", "unfold, fold all"),
    ("< >", "sort by the column to the left, to the right"),
    ("r", "reverse the order"),
    ("/", "filter by the name of a service, server or scheduler"),
    ("c", "counters instead of rates, and back"),
    ("space", "freeze: nothing is read until it is pressed again"),
    ("[ ]", "read more often, less often"),
    ("z Z", "zero the counters of the selected service, of all"),
    ("? h", "this help"),
    ("Ctrl-Z", "to the shell, fg comes back"),
    ("q Esc Ctrl-C", "leave; Esc takes a filter away first"),
];

impl Top {
    /// Takes a key.
    pub fn press(&mut self, key: KeyEvent) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::Nothing;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('l') {
            return Action::Redraw;
        }
        self.notice = None;
        if control {
            return match key.code {
                KeyCode::Char('c' | 'd') => Action::Leave,
                KeyCode::Char('z') => Action::Suspend,
                KeyCode::Char('u') if self.dialog == Some(Dialog::Filter) => {
                    self.set_filter(String::new())
                }
                _ => Action::Nothing,
            };
        }
        match self.dialog {
            None => self.command(key.code),
            Some(Dialog::Filter) => self.typed(key.code),
            Some(Dialog::Help(line)) => self.in_help(key.code, line),
            Some(Dialog::Zero(service)) => self.answered(key.code, service),
        }
    }

    fn command(&mut self, key: KeyCode) -> Action {
        match key {
            KeyCode::Char('q') => return Action::Leave,
            KeyCode::Esc if self.filter.is_empty() => return Action::Leave,
            KeyCode::Esc => return self.set_filter(String::new()),
            KeyCode::Char('/') => self.dialog = Some(Dialog::Filter),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.dialog = Some(Dialog::Help(0)),
            KeyCode::Char(' ') => self.frozen = !self.frozen,
            KeyCode::Char('[') => self.change_interval(false),
            KeyCode::Char(']') => self.change_interval(true),
            KeyCode::Char('+' | '=') => self.unfold_all(true),
            KeyCode::Char('-') => self.unfold_all(false),
            KeyCode::Char('<' | ',') => self.sort(Order::of(self.order.column.moved(false))),
            KeyCode::Char('>' | '.') => self.sort(Order::of(self.order.column.moved(true))),
            KeyCode::Char('r') => self.sort(Order {
                descending: !self.order.descending,
                ..self.order
            }),
            KeyCode::Char('c') => {
                self.showing = match self.showing {
                    Showing::Rates => Showing::Counters,
                    Showing::Counters => Showing::Rates,
                };
                self.arrange();
            }
            KeyCode::Char('z') => {
                let current = self.current().map(|row| Dialog::Zero(Some(row.service)));
                self.dialog = current;
            }
            KeyCode::Char('Z') if !self.picture.services.is_empty() => {
                self.dialog = Some(Dialog::Zero(None));
            }
            KeyCode::Enter => self.fold(None),
            KeyCode::Right => self.fold(Some(true)),
            KeyCode::Left => self.fold(Some(false)),
            other => self.moved(other),
        }
        Action::Nothing
    }

    fn moved(&mut self, key: KeyCode) {
        match key {
            KeyCode::Up | KeyCode::Char('k') => self.move_to(self.cursor.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.move_to(self.cursor.saturating_add(1)),
            KeyCode::PageUp => self.move_to(self.cursor.saturating_sub(self.page)),
            KeyCode::PageDown => self.move_to(self.cursor.saturating_add(self.page)),
            KeyCode::Home | KeyCode::Char('g') => self.move_home(),
            KeyCode::End | KeyCode::Char('G') => self.move_to(usize::MAX),
            _ => {}
        }
    }

    fn sort(&mut self, order: Order) {
        self.order = order;
        self.arrange();
    }

    /// Unfolds or folds the selected service; without a wish the other than now.
    fn fold(&mut self, wish: Option<bool>) {
        if let Some(Row { service, .. }) = self.current() {
            let shown = wish.unwrap_or(!self.is_unfolded(&service));
            self.unfold(service, shown);
        }
    }

    fn set_filter(&mut self, filter: String) -> Action {
        self.filter = filter;
        self.arrange();
        Action::Nothing
    }

    /// A key while the filter is typed; those that move still do.
    fn typed(&mut self, key: KeyCode) -> Action {
        let mut filter = std::mem::take(&mut self.filter);
        match key {
            KeyCode::Char(letter) => filter.push(letter),
            // Nothing to take away: the end of typing, as in `less`.
            KeyCode::Backspace if filter.pop().is_none() => self.dialog = None,
            KeyCode::Enter => self.dialog = None,
            KeyCode::Esc => {
                self.dialog = None;
                filter.clear();
            }
            other => self.moved(other),
        }
        self.set_filter(filter)
    }

    fn in_help(&mut self, key: KeyCode, line: usize) -> Action {
        self.dialog = match key {
            KeyCode::Up | KeyCode::PageUp => Some(Dialog::Help(line.saturating_sub(1))),
            // Where the screen is too small for all of it; how far is seen when it is drawn.
            KeyCode::Down | KeyCode::PageDown => Some(Dialog::Help(line.saturating_add(1))),
            _ => None,
        };
        Action::Nothing
    }

    /// The answer to whether to zero; no to everything but y.
    fn answered(&mut self, key: KeyCode, service: Option<ServiceKey>) -> Action {
        self.dialog = None;
        match key {
            KeyCode::Char('y' | 'Y') => Action::Zero(service),
            _ => Action::Nothing,
        }
    }
}
