//! What schemas say about several fields at once. The derives can not; each stands beside its reader.

use serde_json::Value;

use crate::wire::marqeta::document;
use crate::wire::v1::{control, import, limit, posting};

const CONDITIONS: [(&str, &str); 5] = [
    ("CreateControl", control::CONDITIONS),
    ("CreateLimit", limit::CONDITIONS),
    ("CreatePosting", posting::CONDITIONS),
    ("ImportLine", import::CONDITIONS),
    ("JitRequest", document::CONDITIONS),
];

/// Adds them to the schemas that they are about.
pub(super) fn add(document: &mut Value) {
    for (name, text) in CONDITIONS {
        let conditions =
            serde_json::from_str(text).expect("conditions are JSON; a test reads them");
        document["components"]["schemas"][name]["allOf"] = conditions;
    }
    // Of choices, the derive does not say that there is nothing beside the one.
    let choices = &mut document["components"]["schemas"]["MerchantSelection"]["oneOf"];
    for choice in choices.as_array_mut().into_iter().flatten() {
        if choice["type"] == "object" {
            choice["additionalProperties"] = Value::Bool(false);
        }
    }
}
