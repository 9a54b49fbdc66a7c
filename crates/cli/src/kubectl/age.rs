//! Ages and dates as kubectl prints them.

use jiff::Timestamp;

/// How long ago, as `k8s.io/apimachinery/pkg/util/duration.HumanDuration` rounds it: two units for small values.
pub(crate) fn human(seconds: i64) -> String {
    let minutes = seconds / 60;
    let hours = seconds / 3600;
    let two = |big: i64, unit: char, small: i64, small_unit: char| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{small_unit}") }
    };
    match seconds {
        // A clock that is ahead by a second is no fault; one that is further off shows.
        i64::MIN..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(hours / 24, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{}d", hours / 24),
        63_072_000..252_288_000 => two(hours / 24 / 365, 'y', hours / 24 % 365, 'd'),
        252_288_000.. => format!("{}y", hours / 24 / 365),
    }
}

/// The age of an RFC 3339 instant at `now`; `<unknown>` where there is none.
pub(crate) fn since(text: Option<&str>, now: Timestamp) -> String {
    match text.and_then(|text| text.parse::<Timestamp>().ok()) {
        Some(then) => human(now.as_second() - then.as_second()),
        None => "<unknown>".to_owned(),
    }
}

/// A date as `describe` writes it (RFC 1123 with a numeric zone).
pub(crate) fn date(text: Option<&str>) -> String {
    match text.and_then(|text| text.parse::<Timestamp>().ok()) {
        Some(then) => then.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S %z").to_string(),
        None => "<unset>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_rounded_as_kubectl_does() {
        for (seconds, expected) in [
            (-5, "<invalid>"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (150, "2m30s"),
            (3599, "59m"),
            (7200, "120m"),
            (10_800, "3h"),
            (12_000, "3h20m"),
            (100_000, "27h"),
            (180_000, "2d2h"),
            (10 * 86_400, "10d"),
            (800 * 86_400, "2y70d"),
        ] {
            assert_eq!(human(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn dates_are_in_universal_time() {
        assert_eq!(date(Some("2026-11-22T10:06:13Z")), "Sun, 22 Nov 2026 10:06:13 +0000");
        assert_eq!(date(None), "<unset>");
    }
}
