//! Quantities (`500m`, `1.5`, `2Gi`, `1e3`) as the API writes amounts of CPU, memory and storage. They
//! are exact down to a billionth of their unit, as those of Kubernetes are.

use std::fmt;

use serde_json::Value;

/// An amount in nano-units, with the family of its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity {
    nanos: i128,
    family: Family,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Decimal,
    Binary,
    Exponent,
}

const NANO: i128 = 1_000_000_000;
const BINARY: [(&str, i128); 6] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
];
/// Each suffix and how many nano-units it is, largest first.
const DECIMAL: [(&str, i128); 10] = [
    ("E", NANO * 1_000_000_000_000_000_000),
    ("P", NANO * 1_000_000_000_000_000),
    ("T", NANO * 1_000_000_000_000),
    ("G", NANO * 1_000_000_000),
    ("M", NANO * 1_000_000),
    ("k", NANO * 1_000),
    ("", NANO),
    ("m", NANO / 1_000),
    ("u", NANO / 1_000_000),
    ("n", 1),
];

impl Quantity {
    /// Parses an amount; returns `None` if the text is not one.
    pub(crate) fn parse(text: &str) -> Option<Quantity> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (unit, family) = unit(suffix)?;
        let mut nanos: i128 = 0;
        if !whole.is_empty() {
            nanos = whole.parse::<i128>().ok()?.checked_mul(unit)?;
        }
        // From the last digit on, so that rounding up at each digit rounds the sum up once.
        let below = fraction
            .bytes()
            .rev()
            .fold(0, |below, digit| divide_up(below + i128::from(digit - b'0') * unit, 10));
        nanos = nanos.checked_add(below)?;
        Some(Quantity { nanos: if negative { -nanos } else { nanos }, family })
    }

    /// Reads an amount from a field, which holds it as a text or as a number.
    pub(crate) fn read(value: &Value) -> Option<Quantity> {
        match value {
            Value::String(text) => Quantity::parse(text),
            Value::Number(number) => Quantity::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Returns the amount in whole units, rounded away from zero.
    pub(crate) fn whole(self) -> i64 {
        self.in_units_of(NANO)
    }

    /// Returns the amount in thousandths of its unit, rounded away from zero.
    pub(crate) fn milli(self) -> i64 {
        self.in_units_of(NANO / 1_000)
    }

    fn in_units_of(self, unit: i128) -> i64 {
        let count = divide_up(self.nanos.abs(), unit) * self.nanos.signum();
        // An amount that does not fit counts as the most that does, as in Kubernetes.
        i64::try_from(count).unwrap_or(if self.nanos < 0 { i64::MIN } else { i64::MAX })
    }

    /// Returns true if the amount is below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Returns true if the amount is not below another one.
    pub(crate) fn at_least(self, other: Quantity) -> bool {
        self.nanos >= other.nanos
    }
}

/// Divides what is not negative; rounds up.
fn divide_up(number: i128, by: i128) -> i128 {
    number / by + i128::from(number % by > 0)
}

/// Returns how many nano-units a suffix is, and its family.
fn unit(suffix: &str) -> Option<(i128, Family)> {
    if let Some((_, unit)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((unit * NANO, Family::Binary));
    }
    if let Some((_, unit)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((*unit, Family::Decimal));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = u32::try_from(exponent + 9).ok().filter(|power| *power <= 27)?;
    Some((10_i128.pow(power), Family::Exponent))
}

/// The canonical form: the largest suffix of its family that needs no fraction.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.family == Family::Binary && self.nanos % NANO == 0 {
            let units = self.nanos / NANO;
            // Below 1024 the decimal form is the canonical one.
            if units.abs() >= 1024 {
                for (suffix, unit) in BINARY.iter().rev() {
                    if units % unit == 0 {
                        return write!(f, "{}{suffix}", units / unit);
                    }
                }
            }
            return write!(f, "{units}");
        }
        for (suffix, unit) in DECIMAL {
            if self.nanos % unit == 0 {
                let count = self.nanos / unit;
                if self.family == Family::Exponent && unit >= NANO {
                    let power = (unit / NANO).ilog10();
                    return if power == 0 {
                        write!(f, "{count}")
                    } else {
                        write!(f, "{count}e{power}")
                    };
                }
                return write!(f, "{count}{suffix}");
            }
        }
        write!(f, "{}n", self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;
    use serde_json::json;

    #[test]
    fn amounts_take_their_canonical_form() {
        for (given, canonical) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("100Mi", "100Mi"),
            ("1000Mi", "1000Mi"),
            ("1e3", "1e3"),
            ("1000", "1k"),
            ("0", "0"),
            ("512", "512"),
            ("10Gi", "10Gi"),
            ("1000M", "1G"),
            ("-1", "-1"),
            ("0.1n", "1n"),
        ] {
            assert_eq!(Quantity::parse(given).unwrap().to_string(), canonical, "{given}");
        }
    }

    #[test]
    fn every_suffix_is_known() {
        for (given, milli, whole) in [
            ("250m", 250, 1),
            ("1.5", 1500, 2),
            ("+2", 2000, 2),
            ("1500000n", 2, 1),
            ("2000u", 2, 1),
            ("1n", 1, 1),
            ("3k", 3_000_000, 3_000),
            ("1M", 1_000_000_000, 1_000_000),
            ("64Mi", 67_108_864_000, 67_108_864),
            ("1Ki", 1_024_000, 1_024),
            ("0.3Ki", 307_200, 308),
            ("1e3", 1_000_000, 1_000),
            ("1E3", 1_000_000, 1_000),
            ("1e-3", 1, 1),
            ("12e+1", 120_000, 120),
            ("1P", 1_000_000_000_000_000_000, 1_000_000_000_000_000),
            ("1E", i64::MAX, 1_000_000_000_000_000_000),
            ("1Ei", i64::MAX, 1 << 60),
            ("16Ei", i64::MAX, i64::MAX),
            ("-250m", -250, -1),
            ("-1.5", -1500, -2),
            ("-2Ki", -2_048_000, -2_048),
            ("-16Ei", i64::MIN, i64::MIN),
        ] {
            let quantity = Quantity::parse(given).unwrap();
            assert_eq!((quantity.milli(), quantity.whole()), (milli, whole), "{given}");
            assert_eq!(quantity.is_negative(), given.starts_with('-'), "{given}");
        }
    }

    #[test]
    fn amounts_are_exact() {
        // Both are beyond what a floating-point number holds.
        let parse = |text| Quantity::parse(text).unwrap();
        assert_eq!(parse("9007199254740993").whole(), 9_007_199_254_740_993);
        assert!(!parse("9007199254740992").at_least(parse("9007199254740993")));
        // Rounding happens once, however many digits there are.
        assert!(parse("0.333333333333333333Ki").at_least(parse("341333333334n")));
        assert!(parse("341333333334n").at_least(parse("0.333333333333333333Ki")));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in [
            "", "-", ".", "Mi", "1 Gi", " 1", "1GiB", "1.2.3", "one", "1K", "1mi", "1e", "1e1.5",
            "--1", "1e99",
        ] {
            assert!(Quantity::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn fields_hold_texts_or_numbers() {
        let read = |value| Quantity::read(&value).map(Quantity::milli);
        assert_eq!(read(json!("250m")), Some(250));
        assert_eq!(read(json!(2)), Some(2000));
        assert_eq!(read(json!(0.1)), Some(100));
        assert_eq!(read(json!("many")), None);
        assert_eq!(read(json!(null)), None);
        assert_eq!(read(json!(true)), None);
    }
}
