//! When a CronJob is due: five fields, or a word such as `@hourly`.
//!
//! The grammar, the meaning and the error texts are those of `robfig/cron` v3 as Kubernetes uses it
//! (`cron.ParseStandard`): where both the day of the month and the day of the week are given, either will do.

use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// How many years ahead a time is looked for.
const HORIZON: i16 = 5;

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// At certain minutes of certain days.
    Fields(Fields),
    /// Again and again after a pause.
    Every(Duration),
}

/// The five fields, each as a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether any day of the month will do, for the rule of the days.
    days_are: Days,
}

/// Which of the two fields of days were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    /// One of them at most: both must hold.
    Both,
    /// Both: either will do.
    Either,
}

/// Why a schedule cannot be read, in the words of the real parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unparseable(String);

impl fmt::Display for Unparseable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Unparseable {}

struct Bounds {
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds { least: 0, most: 59, names: &[] };
const HOURS: Bounds = Bounds { least: 0, most: 23, names: &[] };
const DAYS: Bounds = Bounds { least: 1, most: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds = Bounds { least: 0, most: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Schedule {
    /// Reads a schedule.
    pub(crate) fn parse(text: &str) -> Result<Schedule, Unparseable> {
        let fail = |message: String| Err(Unparseable(message));
        if text.is_empty() {
            return fail("empty spec string".to_owned());
        }
        if let Some(word) = text.strip_prefix('@') {
            let line = match word {
                "yearly" | "annually" => "0 0 1 1 *",
                "monthly" => "0 0 1 * *",
                "weekly" => "0 0 * * 0",
                "daily" | "midnight" => "0 0 * * *",
                "hourly" => "0 * * * *",
                _ => {
                    return match word.strip_prefix("every ") {
                        Some(pause) => match go_duration(pause) {
                            Some(pause) => Ok(Schedule::Every(pause.max(Duration::from_secs(1)))),
                            None => fail(format!("failed to parse duration {text}: time: invalid duration {pause:?}")),
                        },
                        None => fail(format!("unrecognized descriptor: {text}")),
                    };
                }
            };
            return Schedule::parse(line);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return fail(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
        };
        let is_any = |field: &str| field.split(',').any(|part| part.starts_with(['*', '?']));
        Ok(Schedule::Fields(Fields {
            minutes: bits(minutes, &MINUTES)?,
            hours: bits(hours, &HOURS)?,
            days: bits(days, &DAYS)?,
            months: bits(months, &MONTHS)?,
            weekdays: bits(weekdays, &WEEKDAYS)?,
            days_are: if is_any(days) || is_any(weekdays) { Days::Both } else { Days::Either },
        }))
    }

    /// Returns the first time after `after`; `None` where there is none in sight.
    pub(crate) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let fields = match self {
            Schedule::Every(pause) => {
                let whole = Timestamp::from_second(after.as_second()).ok()?;
                return whole.checked_add(*pause).ok();
            }
            Schedule::Fields(fields) => fields,
        };
        let local = zone.to_datetime(after);
        let mut date = local.date();
        let mut earliest = local.time().hour() as u32 * 60 + local.time().minute() as u32 + 1;
        let last = date.year().checked_add(HORIZON)?;
        while date.year() <= last {
            if fields.allows(date) {
                for minute in earliest..24 * 60 {
                    if has(fields.hours, minute / 60) && has(fields.minutes, minute % 60) {
                        let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
                        let found =
                            zone.to_timestamp(DateTime::from_parts(date, jiff::civil::time(hour, minute, 0, 0)));
                        // A time that a change of the clocks skips is the next one.
                        if let Ok(found) = found
                            && found > after
                        {
                            return Some(found);
                        }
                    }
                }
            }
            earliest = 0;
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }
}

impl Fields {
    fn allows(&self, date: Date) -> bool {
        let day = has(self.days, u32::from(date.day().unsigned_abs()));
        let weekday = has(self.weekdays, u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs()));
        has(self.months, u32::from(date.month().unsigned_abs()))
            && match self.days_are {
                Days::Both => day && weekday,
                Days::Either => day || weekday,
            }
    }
}

fn has(bits: u64, number: u32) -> bool {
    bits.checked_shr(number).is_some_and(|bits| bits & 1 == 1)
}

fn bits(field: &str, bounds: &Bounds) -> Result<u64, Unparseable> {
    field.split(',').filter(|part| !part.is_empty()).try_fold(0, |all, part| Ok(all | range(part, bounds)?))
}

fn range(part: &str, bounds: &Bounds) -> Result<u64, Unparseable> {
    let fail = |message: String| Err(Unparseable(message));
    let mut halves = part.split('/');
    let span = halves.next().unwrap_or_default();
    let step = halves.next();
    if halves.next().is_some() {
        return fail(format!("too many slashes: {part}"));
    }
    let ends: Vec<&str> = span.split('-').collect();
    let (first, mut last) = match ends.as_slice() {
        ["*" | "?"] => (bounds.least, bounds.most),
        [only] => {
            let number = number(only, bounds)?;
            (number, number)
        }
        [first, last] => (number(first, bounds)?, number(last, bounds)?),
        _ => return fail(format!("too many hyphens: {part}")),
    };
    let step = match step {
        None => 1,
        Some(step) => {
            let step = plain(step)?;
            // `5/15` is `5-59/15`.
            if ends.len() == 1 && !matches!(ends[0], "*" | "?") {
                last = bounds.most;
            }
            step
        }
    };
    if first < bounds.least {
        return fail(format!("beginning of range ({first}) below minimum ({}): {part}", bounds.least));
    }
    if last > bounds.most {
        return fail(format!("end of range ({last}) above maximum ({}): {part}", bounds.most));
    }
    if first > last {
        return fail(format!("beginning of range ({first}) beyond end of range ({last}): {part}"));
    }
    let Some(step) = usize::try_from(step).ok().filter(|step| *step > 0) else {
        return fail(format!("step of range should be a positive number: {part}"));
    };
    Ok((first..=last).step_by(step).fold(0, |bits, number| bits | 1 << number))
}

fn number(text: &str, bounds: &Bounds) -> Result<u32, Unparseable> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|name| *name == lower) {
        Some(index) => Ok(u32::try_from(index).unwrap_or_default() + bounds.least),
        None => plain(text),
    }
}

fn plain(text: &str) -> Result<u32, Unparseable> {
    match text.parse::<i64>() {
        Ok(number) => {
            u32::try_from(number).map_err(|_| Unparseable(format!("negative number ({number}) not allowed: {text}")))
        }
        Err(_) => {
            Err(Unparseable(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")))
        }
    }
}

/// Reads a duration as Go writes it: `1h30m`, `90s`.
fn go_duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (Duration::ZERO, text);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: u32 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, length) = match rest.as_bytes() {
            [b'm', b's', ..] => (Duration::from_millis(1), 2),
            [b'h', ..] => (Duration::from_secs(3600), 1),
            [b'm', ..] => (Duration::from_secs(60), 1),
            [b's', ..] => (Duration::from_secs(1), 1),
            _ => return None,
        };
        total = total.checked_add(unit.checked_mul(amount)?)?;
        rest = &rest[length..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let found = Schedule::parse(schedule).unwrap().next(after.parse().unwrap(), &TimeZone::UTC);
        found.map_or("never".to_owned(), |time| time.to_string())
    }

    #[test]
    fn times_are_found() {
        let after = "2026-01-05T08:00:30Z";
        assert_eq!(next("* * * * *", after), "2026-01-05T08:01:00Z");
        assert_eq!(next("*/15 * * * *", after), "2026-01-05T08:15:00Z");
        assert_eq!(next("0 8 * * *", after), "2026-01-06T08:00:00Z");
        assert_eq!(next("5/20 9-17 * * mon-fri", after), "2026-01-05T09:05:00Z");
        assert_eq!(next("0 0 29 2 *", after), "2028-02-29T00:00:00Z");
        assert_eq!(next("0 0 31 2 *", after), "never");
        assert_eq!(next("@hourly", after), "2026-01-05T09:00:00Z");
        assert_eq!(next("@every 90s", after), "2026-01-05T08:02:00Z");
        // Either day will do where both are given: the 13th, or a Friday.
        assert_eq!(next("0 0 13 * 5", after), "2026-01-09T00:00:00Z");
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_the_real_words() {
        let fail = |text: &str| Schedule::parse(text).unwrap_err().to_string();
        assert_eq!(fail("bad"), "expected exactly 5 fields, found 1: [bad]");
        assert_eq!(fail("60 * * * *"), "end of range (60) above maximum (59): 60");
        assert_eq!(fail("* * 0 * *"), "beginning of range (0) below minimum (1): 0");
        assert_eq!(fail("*/0 * * * *"), "step of range should be a positive number: */0");
        assert_eq!(fail("5-1 * * * *"), "beginning of range (5) beyond end of range (1): 5-1");
        assert_eq!(fail("x * * * *"), "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax");
        assert_eq!(fail("@often"), "unrecognized descriptor: @often");
    }
}
