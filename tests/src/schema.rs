//! Whether a line is what a JSON Schema says: the part of draft 2020-12 that `docs/stats.schema.json` uses. What is not
//! of that part is refused, so that no word of the schema goes unchecked.

use serde_json::{Map, Value};

/// What contradicts the schema, each with its place in `value`; nothing where all is well.
///
/// # Panics
/// The schema is none, or uses more than is understood here.
#[must_use]
pub fn contradictions(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { root: schema }.check(schema, value, "", &mut found);
    found
}

struct Check<'a> {
    root: &'a Value,
}

impl<'a> Check<'a> {
    fn check(&self, schema: &'a Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let schema = schema.as_object().expect("a schema is an object");
        for (keyword, said) in schema {
            match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" => {}
                "$ref" => self.check(self.referred(said), value, at, found),
                "oneOf" => self.one_of(said, value, at, found),
                "type" if !types(said).any(|name| is_of(value, name)) => {
                    found.push(format!("{at}: {value}, not {said}"))
                }
                "enum" if !said.as_array().expect("a list").contains(value) => {
                    found.push(format!("{at}: {value}, none of {said}"));
                }
                "minimum" if value.as_f64() < said.as_f64() && value.is_number() => {
                    found.push(format!("{at}: {value} is less than {said}"));
                }
                "required" => found.extend(missing(said, value).map(|name| format!("{at}/{name} is missing"))),
                "properties" => self.properties(said, schema, value, at, found),
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(said, item, &format!("{at}/{place}"), found);
                    }
                }
                "type" | "enum" | "minimum" | "additionalProperties" => {}
                other => panic!("{other} is not understood"),
            }
        }
    }

    fn referred(&self, said: &Value) -> &'a Value {
        let pointer = said.as_str().and_then(|said| said.strip_prefix('#')).expect("of this schema");
        self.root.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"))
    }

    /// Exactly one of them must fit; where none does, the one that comes nearest says why.
    fn one_of(&self, said: &'a Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let told = said.as_array().expect("a list").iter().map(|schema| {
            let mut found = Vec::new();
            self.check(schema, value, at, &mut found);
            found
        });
        let told: Vec<Vec<String>> = told.collect();
        match told.iter().filter(|found| found.is_empty()).count() {
            0 => found.extend(told.into_iter().min_by_key(Vec::len).unwrap_or_default()),
            1 => {}
            several => found.push(format!("{at}: {several} descriptions fit")),
        }
    }

    fn properties(
        &self,
        said: &'a Value,
        schema: &Map<String, Value>,
        value: &Value,
        at: &str,
        found: &mut Vec<String>,
    ) {
        let known = said.as_object().expect("properties are an object");
        let only = schema.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, inner) in value.as_object().into_iter().flatten() {
            match known.get(name) {
                Some(schema) => self.check(schema, inner, &format!("{at}/{name}"), found),
                None if only => found.push(format!("{at}/{name} is not described")),
                None => {}
            }
        }
    }
}

fn types(said: &Value) -> impl Iterator<Item = &str> {
    let several = said.as_array().into_iter().flatten().filter_map(Value::as_str);
    said.as_str().into_iter().chain(several)
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

fn missing<'a>(said: &'a Value, value: &'a Value) -> impl Iterator<Item = &'a str> {
    let names = said.as_array().expect("a list").iter().filter_map(Value::as_str);
    names.filter(|name| value.as_object().is_some_and(|object| !object.contains_key(*name)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let schema = json!({
            "type": "object", "required": ["a", "b"], "additionalProperties": false,
            "properties": {
                "a": {"type": "integer", "minimum": 0},
                "b": {"type": "array", "items": {"$ref": "#/$defs/word"}},
                "c": {"oneOf": [{"$ref": "#/$defs/word"}, {"type": "null"}]}
            },
            "$defs": {"word": {"type": "string", "enum": ["x", "y"]}}
        });
        let told = |value: Value| contradictions(&schema, &value);
        assert_eq!(told(json!({"a": 1, "b": ["x", "y"], "c": null})), [""; 0]);
        assert_eq!(told(json!({"a": 1})), ["/b is missing"]);
        assert_eq!(told(json!({"a": -1, "b": []})), ["/a: -1 is less than 0"]);
        assert_eq!(told(json!({"a": 1, "b": ["z"]})), [r#"/b/0: "z", none of ["x","y"]"#]);
        assert_eq!(told(json!({"a": 1, "b": [], "d": 1})), ["/d is not described"]);
        assert_eq!(told(json!({"a": 1, "b": [], "c": 1})).len(), 1);
    }

    #[test]
    #[should_panic(expected = "pattern is not understood")]
    fn a_word_of_the_schema_that_is_not_understood_is_no_check_passed() {
        let _ = contradictions(&json!({"pattern": "a"}), &json!("b"));
    }
}
