//! Moments as people type them: `22:00`, `2026-11-19`, `2026-11-19T22:00:30+01:00`, `2h`.
//!
//! A moment without an offset is local time. What the clock shows twice (when summer time ends)
//! is the later one that is past; what it skips (when summer time begins) is read as if it had
//! not been put forward yet.

use std::fmt;

use chrono::{
    DateTime, Days, Local, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Utc,
};

use crate::error::{Error, Result};

/// The longest gap that a clock is known to have skipped, in hours, and some more.
const LONGEST_GAP: i64 = 36;

/// A moment, relative to a time zone and to now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    text: String,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// The most recent one that is past.
    TimeOfDay(NaiveTime),
    /// On the clock of the time zone.
    Local(NaiveDateTime),
    /// With an offset.
    Fixed(DateTime<Utc>),
    /// So long ago; of a moment to come, in so long.
    Ago(TimeDelta),
}

impl Moment {
    /// Parses a moment.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse(text: &str) -> Result<Moment> {
        let text = text.trim();
        let form = read(text).ok_or_else(|| {
            Error::invalid(format!("\"{text}\" is not a time"))
                .about(text)
                .hint(
                    "a time is 22:00, 2026-11-19, 2026-11-19T22:00 (local; with Z or +01:00 \
                 elsewhere), or how long ago: 90s, 30m, 2h, 3d, 1w",
                )
        })?;
        Ok(Moment {
            text: text.to_owned(),
            form,
        })
    }

    /// The moment that a date and a time of day name together, as two words of a command line.
    pub fn with_time(&self, time: &Moment) -> Option<Moment> {
        let is_date = NaiveDate::parse_from_str(&self.text, "%Y-%m-%d").is_ok();
        match (&time.form, is_date) {
            (Form::TimeOfDay(_), true) => Moment::parse(&format!("{self} {time}")).ok(),
            _ => None,
        }
    }

    /// The moment itself.
    ///
    /// # Errors
    /// `invalid` where it is outside of what can be reckoned with.
    pub fn at<Tz: TimeZone>(&self, now: &DateTime<Tz>) -> Result<DateTime<Utc>> {
        let zone = now.timezone();
        let now_utc = now.with_timezone(&Utc);
        let found = match &self.form {
            Form::Fixed(time) => Some(*time),
            Form::Ago(ago) => now_utc.checked_sub_signed(*ago),
            Form::Local(time) => {
                let times = on_the_clock(&zone, *time);
                let past = times.iter().rfind(|time| **time <= now_utc);
                past.or(times.first()).copied()
            }
            Form::TimeOfDay(time) => {
                let today = now.naive_local().date();
                let days = [today.checked_sub_days(Days::new(1)), Some(today)];
                let times = days.into_iter().flatten().map(|day| day.and_time(*time));
                let times = times.flat_map(|time| on_the_clock(&zone, time));
                times.filter(|time| *time <= now_utc).max()
            }
        };
        found.ok_or_else(|| Error::invalid("it is too far away").object(format!("time {self}")))
    }
}

impl Moment {
    /// The length of time that it names, where it is one: `2d`.
    pub fn length(&self) -> Option<TimeDelta> {
        match self.form {
            Form::Ago(length) => Some(length),
            _ => None,
        }
    }

    /// The moment as one that is to come: a length of time counts from now, and a time of day is the
    /// next one. One that is past by its own words stays past.
    ///
    /// # Errors
    /// `invalid` where it is outside of what can be reckoned with.
    pub fn coming<Tz: TimeZone>(&self, now: &DateTime<Tz>) -> Result<DateTime<Utc>> {
        let zone = now.timezone();
        let now_utc = now.with_timezone(&Utc);
        let found = match &self.form {
            Form::Fixed(time) => Some(*time),
            Form::Ago(length) => now_utc.checked_add_signed(*length),
            Form::Local(time) => {
                let times = on_the_clock(&zone, *time);
                let coming = times.iter().find(|time| **time > now_utc);
                coming.or(times.last()).copied()
            }
            Form::TimeOfDay(time) => {
                let today = now.naive_local().date();
                let days = [Some(today), today.checked_add_days(Days::new(1))];
                let times = days.into_iter().flatten().map(|day| day.and_time(*time));
                let times = times.flat_map(|time| on_the_clock(&zone, time));
                times.filter(|time| *time > now_utc).min()
            }
        };
        found.ok_or_else(|| Error::invalid("it is too far away").object(format!("time {self}")))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A time as tables and sentences show it: local.
pub fn local(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn read(text: &str) -> Option<Form> {
    if let Some(ago) = read_ago(text) {
        return Some(Form::Ago(ago));
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(Form::Local(date.and_time(NaiveTime::MIN)));
    }
    if let Some(time) = read_time(text) {
        return Some(Form::TimeOfDay(time));
    }
    let (date, rest) = text.split_once(['T', ' '])?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    if let Some(time) = rest.strip_suffix('Z').and_then(read_time) {
        return Some(Form::Fixed(date.and_time(time).and_utc()));
    }
    if let Some(sign) = rest.find(['+', '-']) {
        let (time, offset) = rest.split_at_checked(sign)?;
        // The parser knows offsets only beside a whole date and time.
        let whole = format!("{} {offset}", date.and_time(read_time(time)?));
        let fixed = DateTime::parse_from_str(&whole, "%Y-%m-%d %H:%M:%S %z").ok()?;
        return Some(Form::Fixed(fixed.to_utc()));
    }
    Some(Form::Local(date.and_time(read_time(rest)?)))
}

fn read_time(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"]
        .into_iter()
        .find_map(|shape| NaiveTime::parse_from_str(text, shape).ok())
}

fn read_ago(text: &str) -> Option<TimeDelta> {
    let number = text.strip_suffix(['s', 'm', 'h', 'd', 'w'])?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        _ => 604_800,
    };
    TimeDelta::try_seconds(number.parse::<i64>().ok()?.checked_mul(seconds)?)
}

/// The moments, earliest first, at which a clock shows a time.
fn on_the_clock<Tz: TimeZone>(zone: &Tz, time: NaiveDateTime) -> Vec<DateTime<Utc>> {
    match zone.from_local_datetime(&time) {
        LocalResult::Single(one) => vec![one.to_utc()],
        LocalResult::Ambiguous(one, other) => {
            let (one, other) = (one.to_utc(), other.to_utc());
            vec![one.min(other), one.max(other)]
        }
        LocalResult::None => (1..=LONGEST_GAP)
            .filter_map(|hours| {
                let back = TimeDelta::try_hours(hours)?;
                let before = zone.from_local_datetime(&time.checked_sub_signed(back)?);
                before.latest()?.to_utc().checked_add_signed(back)
            })
            .next()
            .into_iter()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    fn at(text: &str) -> String {
        let zone = FixedOffset::east_opt(3600).unwrap();
        let now = zone.with_ymd_and_hms(2026, 11, 21, 3, 0, 0).unwrap();
        let moment = Moment::parse(text).unwrap();
        assert_eq!(moment.to_string(), text);
        moment.at(&now).unwrap().to_rfc3339()
    }

    #[test]
    fn what_people_type_is_read() {
        assert_eq!(at("22:00"), "2026-11-20T21:00:00+00:00");
        assert_eq!(at("02:59:59"), "2026-11-21T01:59:59+00:00");
        assert_eq!(at("03:00"), "2026-11-21T02:00:00+00:00");
        assert_eq!(at("2026-11-19"), "2026-11-18T23:00:00+00:00");
        assert_eq!(at("2026-11-19T22:00"), "2026-11-19T21:00:00+00:00");
        assert_eq!(at("2026-11-19 22:00:30"), "2026-11-19T21:00:30+00:00");
        assert_eq!(at("2026-11-19T22:00Z"), "2026-11-19T22:00:00+00:00");
        assert_eq!(at("2026-11-19T22:00:30-05:00"), "2026-11-20T03:00:30+00:00");
        assert_eq!(at("2026-11-19T22:00+0530"), "2026-11-19T16:30:00+00:00");
        assert_eq!(at("90m"), "2026-11-21T00:30:00+00:00");
        assert_eq!(at("3d"), "2026-11-18T02:00:00+00:00");
        assert_eq!(at("1w"), "2026-11-14T02:00:00+00:00");
    }

    #[test]
    fn a_moment_to_come_is_read() {
        let zone = FixedOffset::east_opt(3600).unwrap();
        let now = zone.with_ymd_and_hms(2026, 11, 21, 3, 0, 0).unwrap();
        let coming = |text| {
            Moment::parse(text)
                .unwrap()
                .coming(&now)
                .unwrap()
                .to_rfc3339()
        };
        assert_eq!(coming("90m"), "2026-11-21T03:30:00+00:00");
        assert_eq!(coming("2d"), "2026-11-23T02:00:00+00:00");
        assert_eq!(coming("22:00"), "2026-11-21T21:00:00+00:00");
        assert_eq!(coming("03:00"), "2026-11-22T02:00:00+00:00");
        assert_eq!(coming("2026-12-01"), "2026-11-30T23:00:00+00:00");
        assert_eq!(coming("2026-12-01T10:00Z"), "2026-12-01T10:00:00+00:00");
        assert_eq!(
            coming("2026-11-19"),
            "2026-11-18T23:00:00+00:00",
            "it stays past"
        );
    }

    #[test]
    fn a_date_and_a_time_are_one_moment() {
        let moment = |text| Moment::parse(text).unwrap();
        let whole = moment("2026-11-19").with_time(&moment("22:00"));
        assert_eq!(whole, Some(moment("2026-11-19 22:00")));
        for (date, time) in [
            ("22:00", "23:00"),
            ("2026-11-19", "2026-11-20"),
            ("2026-11-19 22:00", "23:00"),
            ("2026-11-19", "2h"),
        ] {
            assert_eq!(moment(date).with_time(&moment(time)), None, "{date} {time}");
        }
    }

    /// Put forward from 02:00 to 03:00 on 2026-03-29, and back from 03:00 to 02:00 on 2026-10-25.
    #[derive(Debug, Clone, Copy)]
    struct Summer;

    fn hours(hours: i32) -> FixedOffset {
        FixedOffset::east_opt(hours * 3600).unwrap()
    }

    impl TimeZone for Summer {
        type Offset = FixedOffset;

        fn from_offset(_: &FixedOffset) -> Summer {
            Summer
        }

        fn offset_from_local_date(&self, day: &NaiveDate) -> LocalResult<FixedOffset> {
            self.offset_from_local_datetime(&day.and_time(NaiveTime::MIN))
        }

        fn offset_from_local_datetime(&self, time: &NaiveDateTime) -> LocalResult<FixedOffset> {
            match time.to_string().as_str() {
                t if t < "2026-03-29 02:00:00" => LocalResult::Single(hours(1)),
                t if t < "2026-03-29 03:00:00" => LocalResult::None,
                t if t < "2026-10-25 02:00:00" => LocalResult::Single(hours(2)),
                t if t < "2026-10-25 03:00:00" => LocalResult::Ambiguous(hours(2), hours(1)),
                _ => LocalResult::Single(hours(1)),
            }
        }

        fn offset_from_utc_date(&self, day: &NaiveDate) -> FixedOffset {
            self.offset_from_utc_datetime(&day.and_time(NaiveTime::MIN))
        }

        fn offset_from_utc_datetime(&self, time: &NaiveDateTime) -> FixedOffset {
            match time.to_string().as_str() {
                t if t < "2026-03-29 01:00:00" => hours(1),
                t if t < "2026-10-25 01:00:00" => hours(2),
                _ => hours(1),
            }
        }
    }

    #[test]
    fn summer_time_begins_and_ends() {
        let at = |now: &str, text: &str| {
            let now: DateTime<Utc> = now.parse().unwrap();
            let moment = Moment::parse(text).unwrap();
            moment.at(&now.with_timezone(&Summer)).unwrap().to_rfc3339()
        };
        // Skipped: as if the clock had not been put forward.
        let skipped = "2026-03-29T01:30:00+00:00";
        assert_eq!(at("2026-04-01T00:00:00Z", "2026-03-29T02:30"), skipped);
        assert_eq!(at("2026-03-29T10:00:00Z", "02:30"), skipped);
        // Shown twice: the later one that is past.
        let (first, second) = ("2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00");
        assert_eq!(at("2026-10-25T00:45:00Z", "02:30"), first);
        assert_eq!(at("2026-10-25T10:00:00Z", "02:30"), second);
        assert_eq!(at("2026-11-01T00:00:00Z", "2026-10-25T02:30"), second);
        assert_eq!(at("2026-10-25T00:45:00Z", "2026-10-25T02:30"), first);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "h",
            "22",
            "25:00",
            "2026-13-01",
            "2026-11-19T",
            "2026-11-19T22:00+",
            "-2h",
            "2h30m",
            "99999999999999999999d",
            "9223372036854775807w",
            "yesterday",
        ] {
            assert!(Moment::parse(text).is_err(), "{text:?} was accepted");
        }
        let far = Moment::parse("9223372036854775s").unwrap();
        assert!(far.at(&Utc::now()).is_err());
    }
}
