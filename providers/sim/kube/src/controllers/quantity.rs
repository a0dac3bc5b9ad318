//! Resource quantities (`250m`, `64Mi`, `2`) and int-or-percent values.

use serde_json::Value;

/// A quantity in thousandths of its unit; `None` when it is no quantity.
pub fn milli(v: &Value) -> Option<i64> {
    match v {
        Value::Number(n) => n.as_f64().map(|f| (f * 1000.0).ceil() as i64),
        Value::String(s) => parse(s),
        _ => None,
    }
}

/// A quantity in whole units (bytes), rounded up.
pub fn whole(v: &Value) -> Option<i64> {
    milli(v).map(|m| m.saturating_add(999) / 1000)
}

fn parse(s: &str) -> Option<i64> {
    let s = s.trim();
    let split =
        s.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(s.len());
    let (number, suffix) = s.split_at(split);
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        exp if exp.starts_with(['e', 'E']) => 10f64.powi(exp[1..].parse().ok()?),
        _ => return None,
    };
    Some((number * factor * 1000.0).ceil() as i64)
}

/// An int-or-percent of `total`; percents round up or down as asked.
pub fn int_or_percent(v: &Value, total: i64, round_up: bool) -> Option<i64> {
    match v {
        Value::Number(n) => n.as_i64(),
        Value::String(s) => match s.strip_suffix('%') {
            Some(p) => {
                let scaled = p.trim().parse::<i64>().ok()? * total;
                Some(if round_up { (scaled + 99) / 100 } else { scaled / 100 })
            }
            None => s.parse().ok(),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities() {
        assert_eq!(milli(&json!("250m")), Some(250));
        assert_eq!(milli(&json!("1.5")), Some(1500));
        assert_eq!(milli(&json!(2)), Some(2000));
        assert_eq!(whole(&json!("64Mi")), Some(64 * 1024 * 1024));
        assert_eq!(whole(&json!("1e3")), Some(1000));
        assert_eq!(milli(&json!("many")), None);
    }

    #[test]
    fn percents_round_the_asked_way() {
        assert_eq!(int_or_percent(&json!("25%"), 3, true), Some(1));
        assert_eq!(int_or_percent(&json!("25%"), 3, false), Some(0));
        assert_eq!(int_or_percent(&json!(2), 3, false), Some(2));
    }
}
