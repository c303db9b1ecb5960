//! What a run found: one line of JSON.

/// Prints one line; what is no number, such as a share of nothing, is 0.
pub(crate) fn print(facts: &[(&str, f64)]) {
    let words: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("\"{name}\": {:.4}", if value.is_finite() { *value } else { 0.0 }))
        .collect();
    println!("{{{}}}", words.join(", "));
}
