//! Kubernetes quantities: exact parsing, comparison, arithmetic and canonical print.
//!
//! The syntax and the canonical form are those of apimachinery's `resource.Quantity`: a decimal number with a
//! binary suffix (`Ki` … `Ei`), a decimal one (`n` … `E`) or an exponent; at most nano precision, rounded up;
//! magnitudes are capped at 2^63-1.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// The number of nano-units in one unit.
const NANO: i128 = 1_000_000_000;
/// The greatest magnitude, in nano-units: 2^63-1 units.
const CEILING: i128 = i64::MAX as i128 * NANO;
/// The text of the API server for a string that is not a quantity.
const SYNTAX: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// An exact amount of a resource: bytes of memory, CPUs, objects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quantity {
    nanos: i128,
    form: Form,
}

/// How a quantity is written; the canonical print keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `500m`, `2`, `3k`.
    DecimalSi,
    /// `512Mi`.
    BinarySi,
    /// `5e3`.
    DecimalExponent,
}

/// The string is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{SYNTAX}")]
pub(crate) struct InvalidQuantity;

impl Quantity {
    /// Nothing, in decimal form.
    pub(crate) const ZERO: Self = Self { nanos: 0, form: Form::DecimalSi };

    /// Returns a whole number of units in decimal form.
    pub(crate) fn whole(units: i64) -> Self {
        Self { nanos: i128::from(units) * NANO, form: Form::DecimalSi }
    }

    /// Reads a JSON string or number, as the API server does.
    pub(crate) fn from_json(value: &Value) -> Result<Self, InvalidQuantity> {
        match value {
            Value::String(text) => text.parse(),
            Value::Number(number) => number.to_string().parse(),
            _ => Err(InvalidQuantity),
        }
    }

    /// Returns the number of units, rounded up as the API server's `Value()` does.
    pub(crate) fn value(self) -> i64 {
        let up = self.nanos.div_euclid(NANO) + i128::from(self.nanos.rem_euclid(NANO) != 0);
        i64::try_from(up).unwrap_or(if up < 0 { i64::MIN } else { i64::MAX })
    }

    /// Returns whether it is a whole number of units.
    pub(crate) fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }

    /// Returns whether it is below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Returns whether it is zero.
    pub(crate) fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Returns the same amount written in `form`.
    pub(crate) fn in_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Returns the amount as a float, for ratios only.
    pub(crate) fn as_f64(self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    /// Adds; a zero takes the other's form.
    pub(crate) fn plus(self, other: Self) -> Self {
        let form = if self.nanos == 0 { other.form } else { self.form };
        Self { nanos: (self.nanos + other.nanos).clamp(-CEILING, CEILING), form }
    }

    /// Takes away; a zero takes the other's form.
    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(Self { nanos: -other.nanos, ..other })
    }

    /// Describes the quantity's Go form, which LimitRange validation errors of 1.20 print.
    pub(crate) fn form(self) -> Form {
        self.form
    }

    /// Returns the mantissa without trailing zeros and its power of ten.
    pub(crate) fn decimal(self) -> (i128, i32) {
        let (mut mantissa, mut exponent) = (self.nanos, -9);
        while mantissa != 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        if mantissa == 0 { (0, 0) } else { (mantissa, exponent) }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// What a suffix multiplies by.
enum Scale {
    Ten(i32),
    Two(u32),
}

fn scale(suffix: &str) -> Option<(Scale, Form)> {
    let ten = |exponent| Some((Scale::Ten(exponent), Form::DecimalSi));
    let two = |exponent| Some((Scale::Two(exponent), Form::BinarySi));
    match suffix {
        "" => ten(0),
        "n" => ten(-9),
        "u" => ten(-6),
        "m" => ten(-3),
        "k" => ten(3),
        "M" => ten(6),
        "G" => ten(9),
        "T" => ten(12),
        "P" => ten(15),
        "E" => ten(18),
        "Ki" => two(10),
        "Mi" => two(20),
        "Gi" => two(30),
        "Ti" => two(40),
        "Pi" => two(50),
        "Ei" => two(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            Some((Scale::Ten(exponent.parse().ok()?), Form::DecimalExponent))
        }
    }
}

impl FromStr for Quantity {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let (negative, rest) = match text.strip_prefix(['+', '-']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(InvalidQuantity);
        }
        let (scale, form) = scale(suffix).ok_or(InvalidQuantity)?;
        let magnitude = magnitude(whole, fraction, &scale);
        Ok(Self { nanos: if negative { -magnitude } else { magnitude }, form })
    }
}

/// Returns `whole.fraction × scale` in nano-units, rounded up and capped. The digits are ASCII digits.
fn magnitude(whole: &str, fraction: &str, scale: &Scale) -> i128 {
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    // Only the first 30 digits can matter under the cap; what is cut off still rounds up.
    let kept = digits.len().min(30);
    let cut = digits.len() - kept;
    let mut inexact = digits[kept..].bytes().any(|byte| byte != b'0');
    let mantissa: i128 = digits[..kept].parse().unwrap_or(CEILING);
    let places = |count: usize| i32::try_from(count).unwrap_or(i32::MAX / 4);
    let mut exponent = places(cut) - places(fraction.len()) + 9;
    let mut product = mantissa;
    match scale {
        Scale::Ten(power) => exponent = exponent.saturating_add(*power),
        Scale::Two(power) => {
            // 30 digits need at most 100 bits: shed digits until the multiplication is safe.
            while product >= (1_i128 << (126 - power)) {
                inexact |= product % 10 != 0;
                product /= 10;
                exponent += 1;
            }
            product <<= power;
        }
    }
    while exponent > 0 && product != 0 {
        product = match product.checked_mul(10) {
            Some(product) if product <= CEILING => product,
            _ => return CEILING,
        };
        exponent -= 1;
    }
    while exponent < 0 && (product != 0 || inexact) {
        inexact |= product % 10 != 0;
        product /= 10;
        exponent += 1;
        if product == 0 {
            break;
        }
    }
    (product + i128::from(inexact)).min(CEILING)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kibi = 1024 * NANO;
        match self.form {
            Form::BinarySi if self.nanos.abs() >= kibi && self.is_whole() => {
                let (mut units, mut power) = (self.nanos / NANO, 0);
                while power < 6 && units % 1024 == 0 {
                    units /= 1024;
                    power += 1;
                }
                write!(f, "{units}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power])
            }
            Form::BinarySi | Form::DecimalSi | Form::DecimalExponent => {
                let (mut mantissa, mut exponent) = self.decimal();
                while exponent.rem_euclid(3) != 0 || exponent > 18 {
                    mantissa *= 10;
                    exponent -= 1;
                }
                if self.form == Form::DecimalExponent && exponent != 0 {
                    return write!(f, "{mantissa}e{exponent}");
                }
                let suffix = match exponent {
                    -9 => "n",
                    -6 => "u",
                    -3 => "m",
                    3 => "k",
                    6 => "M",
                    9 => "G",
                    12 => "T",
                    15 => "P",
                    18 => "E",
                    _ => "",
                };
                write!(f, "{mantissa}{suffix}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(input: &str, canonical: &str) {
        let quantity: Quantity = input.parse().unwrap_or_else(|error| panic!("{input}: {error}"));
        assert_eq!(quantity.to_string(), canonical, "{input}");
    }

    #[test]
    fn canonical_form_is_the_api_servers() {
        for (input, canonical) in [
            ("0", "0"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("5.", "5"),
            ("1000", "1k"),
            ("100", "100"),
            ("12000k", "12M"),
            ("512Mi", "512Mi"),
            ("536870912", "536870912"),
            ("0.5Gi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("1024Ki", "1Mi"),
            ("1023Ki", "1023Ki"),
            ("1000Ki", "1000Ki"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("0Mi", "0"),
            ("-1Gi", "-1Gi"),
            ("+1", "1"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("12e6", "12e6"),
            ("1E", "1E"),
            ("5e-1", "500e-3"),
            ("0.0000000001", "1n"),
            ("1n", "1n"),
            ("99999999999999999999", "9223372036854775807"),
            ("8Ei", "9223372036854775807"),
            ("24581696Ki", "24581696Ki"),
            ("0.1Ki", "102400m"),
        ] {
            check(input, canonical);
        }
    }

    #[test]
    fn what_is_not_a_quantity_is_refused() {
        for input in ["", "Mi", "1Go", "1 Gi", "1.2.3", "--1", "1e", "1e+", "1mi", "0x1", "1,5", "١"] {
            assert_eq!(input.parse::<Quantity>(), Err(InvalidQuantity), "{input:?}");
        }
    }

    #[test]
    fn comparison_ignores_the_form() {
        let parse = |text: &str| text.parse::<Quantity>().unwrap();
        assert_eq!(parse("512Mi"), parse("536870912"));
        assert!(parse("1G") < parse("1Gi"));
        assert_eq!(parse("512Mi").plus(parse("512Mi")).to_string(), "1Gi");
        assert_eq!(Quantity::ZERO.plus(parse("64Mi")).to_string(), "64Mi");
        assert_eq!(parse("100m").value(), 1);
        assert_eq!(parse("-100m").value(), 0);
    }

    proptest! {
        #[test]
        fn printing_and_parsing_again_keeps_the_amount(units in any::<i64>(), form in 0..3, shift in 0..4_u32) {
            let form = [Form::DecimalSi, Form::BinarySi, Form::DecimalExponent][form as usize];
            let quantity = Quantity { nanos: i128::from(units >> (8 * shift)), form };
            let again: Quantity = quantity.to_string().parse().unwrap();
            prop_assert_eq!(quantity, again);
            prop_assert_eq!(quantity.to_string(), again.to_string());
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_panic(text in "[+-]?[0-9.]{0,60}[eEinumkKMGTP]{0,2}[-+]?[0-9]{0,12}") {
            if let Ok(quantity) = text.parse::<Quantity>() {
                prop_assert_eq!(quantity.to_string().parse::<Quantity>().unwrap(), quantity);
            }
        }

        #[test]
        fn order_is_that_of_the_numbers(left in -1_000_000_i64..1_000_000, right in -1_000_000_i64..1_000_000) {
            let milli = |number: i64| format!("{number}m").parse::<Quantity>().unwrap();
            prop_assert_eq!(milli(left).cmp(&milli(right)), left.cmp(&right));
            prop_assert_eq!(milli(left).plus(milli(right)), milli(left + right));
        }
    }
}
