//! The numbers of enums, which discovery documents do not tell.
//!
//! Names are listed in the order of their numbers, and mostly count from 0. GKE's API has some enums
//! with gaps: [`GAPS`] holds those, as Google's published client has them.

use serde_json::Value;

/// The first two names of an enum with gaps, and the numbers of all of its names.
const GAPS: [(&str, &str, &[i64]); 10] = [
    ("CHANNEL_UNSPECIFIED", "CHANNEL_DISABLED", &[0, 1, 3, 4]),
    ("COMPONENT_UNSPECIFIED", "SYSTEM_COMPONENTS", &[0, 1, 2, 3, 4, 5, 7, 8, 9, 10]),
    (
        "COMPONENT_UNSPECIFIED",
        "SYSTEM_COMPONENTS",
        &[0, 1, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    ),
    ("CURRENT_STATE_UNSPECIFIED", "CURRENT_STATE_ENCRYPTED", &[0, 7, 2, 3, 4, 5, 6, 8, 9, 10]),
    ("GPU_DIRECT_STRATEGY_UNSPECIFIED", "RDMA", &[0, 2]),
    ("NODE_POOL_UPDATE_STRATEGY_UNSPECIFIED", "BLUE_GREEN", &[0, 2, 3, 5]),
    ("RELAY_MODE_UNSPECIFIED", "DISABLED", &[0, 1, 3, 4]),
    ("SCALABILITY_MODE_UNSPECIFIED", "DISABLED", &[0, 3, 4]),
    ("STATE_UNSPECIFIED", "SCHEDULED", &[0, 1, 3, 4, 5, 6]),
    (
        "TYPE_UNSPECIFIED",
        "CREATE_CLUSTER",
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19],
    ),
];

/// Returns true if an enum has this number.
pub(super) fn has(names: &[Value], number: i64) -> bool {
    let name = |at: usize| names.get(at).and_then(Value::as_str).unwrap_or_default();
    let gaps = GAPS.iter().find(|(first, second, numbers)| {
        *first == name(0) && *second == name(1) && numbers.len() == names.len()
    });
    match gaps {
        Some((_, _, numbers)) => numbers.contains(&number),
        None => usize::try_from(number).is_ok_and(|number| number < names.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gaps_hold_no_number() {
        let plain = [json!("A"), json!("B")];
        assert!(has(&plain, 0) && has(&plain, 1) && !has(&plain, 2) && !has(&plain, -1));
        let surge = ["NODE_POOL_UPDATE_STRATEGY_UNSPECIFIED", "BLUE_GREEN", "SURGE", "SHORT_LIVED"];
        let surge = surge.map(Value::from);
        assert!(has(&surge, 3) && has(&surge, 5) && !has(&surge, 1) && !has(&surge, 4));
    }
}
