//! Taints and tolerations.

use serde_json::{Value, json};

use super::object::ObjectExt;

/// Returns true if a toleration covers a taint.
pub fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let effect = toleration.str_at("/effect");
    if !effect.is_empty() && effect != taint.str_at("/effect") {
        return false;
    }
    let key = toleration.str_at("/key");
    if !key.is_empty() && key != taint.str_at("/key") {
        return false;
    }
    match toleration.str_at("/operator") {
        "Exists" => true,
        "" | "Equal" => !key.is_empty() && toleration.str_at("/value") == taint.str_at("/value"),
        _ => false,
    }
}

/// Finds the first taint of these effects that no toleration covers.
pub fn untolerated<'a>(
    taints: &'a [Value],
    tolerations: &[Value],
    effects: &[&str],
) -> Option<&'a Value> {
    taints.iter().find(|t| {
        effects.contains(&t.str_at("/effect")) && !tolerations.iter().any(|o| tolerates(o, t))
    })
}

/// Returns true if a node has a taint of that key and effect.
pub fn has(node: &Value, key: &str, effect: &str) -> bool {
    node.list_at("/spec/taints").iter().any(|t| t["key"] == key && t["effect"] == effect)
}

/// Adds or removes a taint; `at` is the `timeAdded` of NoExecute taints.
pub fn put(node: &mut Value, key: &str, effect: &str, wanted: bool, at: &str) {
    if has(node, key, effect) == wanted {
        return;
    }
    let mut list = node.list_at("/spec/taints").to_vec();
    if wanted {
        let mut taint = json!({"key": key, "effect": effect});
        taint["timeAdded"] = json!(at);
        list.push(taint);
    } else {
        list.retain(|t| !(t["key"] == key && t["effect"] == effect));
    }
    let spec = super::object::child(node, "spec");
    if list.is_empty() {
        if let Some(m) = spec.as_object_mut() {
            m.remove("taints");
        }
    } else {
        spec["taints"] = json!(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerations_cover_by_key_value_and_effect() {
        let taint = json!({"key": "k", "value": "v", "effect": "NoSchedule"});
        assert!(tolerates(&json!({"operator": "Exists"}), &taint));
        assert!(tolerates(&json!({"key": "k", "value": "v"}), &taint));
        assert!(!tolerates(&json!({"key": "k", "value": "w"}), &taint));
        assert!(!tolerates(
            &json!({"key": "k", "operator": "Exists", "effect": "NoExecute"}),
            &taint
        ));
        assert!(!tolerates(&json!({}), &taint));
    }

    #[test]
    fn the_list_goes_with_its_last_taint() {
        let mut n = json!({"spec": {}});
        put(&mut n, "k", "NoSchedule", true, "t");
        put(&mut n, "k", "NoSchedule", true, "u");
        assert_eq!(n["spec"]["taints"].as_array().unwrap().len(), 1);
        put(&mut n, "k", "NoSchedule", false, "t");
        assert!(n["spec"].get("taints").is_none());
    }
}
