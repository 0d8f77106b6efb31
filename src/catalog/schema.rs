//! The JSON Schema of manifests, for editors and for our own checks.

use super::Manifest;
use serde_json::Value;

impl Manifest {
    /// The schema of a whole manifest, after `extends` has been followed.
    pub fn schema() -> Value {
        let mut schema = schemars::schema_for!(Manifest).to_value();
        schema["title"] = "A manifest of allmcp".into();
        schema
    }

    /// The schema of a file. With `extends` only the id has to be there, and of the tables that
    /// are merged only what is different.
    pub fn file_schema() -> Value {
        let mut schema = Self::schema();
        let required = std::mem::take(&mut schema["required"]);
        schema["required"] = serde_json::json!(["id"]);
        for merged in ["Mcp", "Http", "Check"] {
            schema["$defs"][merged]["required"] = serde_json::json!([]);
        }
        schema["anyOf"] = serde_json::json!([{"required": ["extends"]}, {"required": required}]);
        schema
    }
}
