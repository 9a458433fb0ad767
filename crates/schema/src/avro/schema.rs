//! Writer schemas, parsed into a flat arena in which names are already resolved.

use super::READER_SCHEMAS;
use crate::reject::{Reason, Rejected, shown};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Largest schema text in bytes.
pub(super) const SCHEMA_MAX: usize = 256 << 10;
/// Deepest nesting of types in a schema.
const NESTING_MAX: usize = 32;

/// The schema a datum was written with.
#[derive(Clone, Debug)]
pub struct WriterSchema {
    nodes: Vec<Node>,
    pub(super) root: TypeId,
}

/// Index of a type in its schema's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(usize);

/// One type of a schema.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Null,
    Boolean,
    Int,
    Date,
    Long,
    /// A time in a unit finer than milliseconds: divided by this it is one.
    FineTime(i64),
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Vec<String>),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Record),
}

/// A record type.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The event this is, by its name or an alias of ours.
    pub(super) event: Option<&'static str>,
    pub(super) fields: Vec<(String, TypeId)>,
}

impl WriterSchema {
    /// Parses the JSON text of a schema.
    ///
    /// # Errors
    /// [`Reason::InvalidAvro`] with what is wrong, [`Reason::TooLarge`] beyond 256 KiB, [`Reason::TooDeep`] beyond 32
    /// levels.
    pub fn parse(text: &str) -> Result<Self, Rejected> {
        if text.len() > SCHEMA_MAX {
            return Err(Rejected::new(Reason::TooLarge, format!("avro schema is larger than {SCHEMA_MAX} bytes")));
        }
        let json: Value =
            serde_json::from_str(text).map_err(|error| invalid(format!("avro schema is not JSON: {error}")))?;
        let mut parser = Parser { nodes: Vec::new(), named: HashMap::new() };
        let root = parser.node(&json, "", NESTING_MAX)?;
        Ok(Self { nodes: parser.nodes, root })
    }

    pub(super) fn node(&self, id: TypeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }
}

struct Parser {
    nodes: Vec<Node>,
    named: HashMap<String, TypeId>,
}

impl Parser {
    fn node(&mut self, json: &Value, namespace: &str, levels: usize) -> Result<TypeId, Rejected> {
        let levels = levels.checked_sub(1).ok_or_else(|| {
            Rejected::new(Reason::TooDeep, format!("avro schema is nested deeper than {NESTING_MAX} levels"))
        })?;
        match json {
            Value::String(name) => self.by_name(name, "", namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.node(branch, namespace, levels));
                let branches = branches.collect::<Result<_, _>>()?;
                Ok(self.push(Node::Union(branches)))
            }
            Value::Object(object) => self.object(object, namespace, levels),
            _ => Err(invalid("avro schema holds a value that is no type")),
        }
    }

    fn object(&mut self, json: &Map<String, Value>, namespace: &str, levels: usize) -> Result<TypeId, Rejected> {
        let kind = match json.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(inner) => return self.node(inner, namespace, levels),
            None => return Err(invalid("avro schema holds an object without \"type\"")),
        };
        match kind {
            "record" | "error" => self.record(json, namespace, levels),
            "enum" => {
                let symbols = list(json, "symbols")?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                self.define(json, namespace, Node::Enum(symbols)).map(|(id, _)| id)
            }
            "fixed" => {
                let size = json.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or_else(|| invalid("avro schema holds a fixed without \"size\""))?;
                self.define(json, namespace, Node::Fixed(size)).map(|(id, _)| id)
            }
            "array" => {
                let items = self.node(member(json, "items")?, namespace, levels)?;
                Ok(self.push(Node::Array(items)))
            }
            "map" => {
                let values = self.node(member(json, "values")?, namespace, levels)?;
                Ok(self.push(Node::Map(values)))
            }
            name => self.by_name(name, text(json, "logicalType").unwrap_or_default(), namespace),
        }
    }

    fn record(&mut self, json: &Map<String, Value>, namespace: &str, levels: usize) -> Result<TypeId, Rejected> {
        let (id, namespace) = self.define(json, namespace, Node::Null)?;
        let reader = reader_of(text(json, "name").unwrap_or_default());
        let mut fields = Vec::new();
        for field in list(json, "fields")? {
            let field = field.as_object().ok_or_else(|| invalid("avro schema holds a field that is no object"))?;
            let name = text(field, "name").ok_or_else(|| invalid("avro schema holds a field without \"name\""))?;
            let name = reader.and_then(|reader| reader.fields.get(name)).map_or(name, String::as_str);
            fields.push((name.to_owned(), self.node(member(field, "type")?, &namespace, levels)?));
        }
        if let Some(slot) = self.nodes.get_mut(id.0) {
            *slot = Node::Record(Record { event: reader.map(|reader| reader.event), fields });
        }
        Ok(id)
    }

    /// A primitive type, or a type that was named before.
    fn by_name(&mut self, name: &str, logical: &str, namespace: &str) -> Result<TypeId, Rejected> {
        let node = match (name, logical) {
            ("null", _) => Node::Null,
            ("boolean", _) => Node::Boolean,
            ("int", "date") => Node::Date,
            ("int", _) => Node::Int,
            ("long", "timestamp-micros") => Node::FineTime(1_000),
            ("long", "timestamp-nanos") => Node::FineTime(1_000_000),
            ("long", _) => Node::Long,
            ("float", _) => Node::Float,
            ("double", _) => Node::Double,
            ("bytes", _) => Node::Bytes,
            ("string", _) => Node::Text,
            _ => {
                let known = self.named.get(&full_name(name, namespace)).or_else(|| self.named.get(name));
                return known.copied().ok_or_else(|| invalid(format!("avro schema uses unknown type {}", shown(name))));
            }
        };
        Ok(self.push(node))
    }

    /// Adds a named type and returns it with the namespace its parts live in.
    fn define(&mut self, json: &Map<String, Value>, outer: &str, node: Node) -> Result<(TypeId, String), Rejected> {
        let name = text(json, "name").ok_or_else(|| invalid("avro schema holds a named type without \"name\""))?;
        let full = full_name(name, text(json, "namespace").unwrap_or(outer));
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        let id = self.push(node);
        match self.named.insert(full, id) {
            None => Ok((id, namespace)),
            Some(_) => Err(invalid(format!("avro schema defines {} twice", shown(name)))),
        }
    }

    fn push(&mut self, node: Node) -> TypeId {
        self.nodes.push(node);
        TypeId(self.nodes.len().saturating_sub(1))
    }
}

/// What our schema of an event says of names: the event, and its fields by their aliases.
struct ReaderNames {
    event: &'static str,
    aliases: Vec<String>,
    fields: HashMap<String, String>,
}

static READERS: LazyLock<Vec<ReaderNames>> = LazyLock::new(|| {
    let names = READER_SCHEMAS.iter().map(|(event, schema)| {
        let json: Value = serde_json::from_str(schema).unwrap_or_default();
        let aliases = |json: &Value| -> Vec<String> {
            let aliases = json.get("aliases").and_then(Value::as_array).into_iter().flatten();
            aliases.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let fields = json.get("fields").and_then(Value::as_array).into_iter().flatten();
        let fields = fields.flat_map(|field| {
            let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
            aliases(field).into_iter().map(|alias| (alias, name.to_owned())).collect::<Vec<_>>()
        });
        ReaderNames { event, aliases: aliases(&json), fields: fields.collect() }
    });
    names.collect()
});

/// Our schema for a writer's record: by its name without namespace, or an alias.
fn reader_of(name: &str) -> Option<&'static ReaderNames> {
    let name = name.rsplit('.').next().unwrap_or(name);
    READERS.iter().find(|reader| reader.event == name || reader.aliases.iter().any(|alias| alias == name))
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn text<'j>(json: &'j Map<String, Value>, key: &str) -> Option<&'j str> {
    json.get(key).and_then(Value::as_str)
}

fn member<'j>(json: &'j Map<String, Value>, key: &str) -> Result<&'j Value, Rejected> {
    json.get(key).ok_or_else(|| invalid(format!("avro schema holds a type without \"{key}\"")))
}

fn list<'j>(json: &'j Map<String, Value>, key: &str) -> Result<&'j [Value], Rejected> {
    let list = member(json, key)?.as_array();
    list.map(Vec::as_slice).ok_or_else(|| invalid(format!("avro schema: \"{key}\" is no list")))
}

fn invalid(detail: impl Into<String>) -> Rejected {
    Rejected::new(Reason::InvalidAvro, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_schemas_are_refused() {
        let nested = |n: usize| format!("{}\"null\"{}", "[".repeat(n), "]".repeat(n));
        for (schema, reason) in [
            ("", Reason::InvalidAvro),
            ("{}", Reason::InvalidAvro),
            ("\"nothing\"", Reason::InvalidAvro),
            (r#"{"type":"record","name":"a","fields":[{"name":"b","type":"c"}]}"#, Reason::InvalidAvro),
            (r#"{"type":"record","fields":[]}"#, Reason::InvalidAvro),
            (r#"{"type":"record","name":"a","fields":{}}"#, Reason::InvalidAvro),
            (r#"{"type":"fixed","name":"a","size":-1}"#, Reason::InvalidAvro),
            (
                r#"[{"type":"enum","name":"a","symbols":[]},{"type":"enum","name":"a","symbols":[]}]"#,
                Reason::InvalidAvro,
            ),
            (&nested(40), Reason::TooDeep),
            (&nested(100_000), Reason::InvalidAvro),
            (&format!("\"{}\"", "x".repeat(SCHEMA_MAX)), Reason::TooLarge),
        ] {
            let refused = WriterSchema::parse(schema).map(|_| ()).map_err(|rejected| rejected.reason);
            assert_eq!(refused, Err(reason), "{}", schema.chars().take(80).collect::<String>());
        }
    }
}
