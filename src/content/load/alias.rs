use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::alias::{ActionAlias, AliasFormat, Extra, Format, Reply, required};
use crate::content::SourceFile;
use crate::expression::unknown_in_template;
use crate::id::PackName;
use crate::yaml::{Dialect, Node};

use super::{Loader, check::formats_key};

/// The keys of an alias file; StackStorm accepts no other.
#[derive(Deserialize)]
struct RawAlias {
    name: String,
    action_ref: String,
    pack: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "super::yes")]
    enabled: bool,
    #[serde(default)]
    formats: Vec<Value>,
    #[serde(default)]
    ack: Value,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    extra: Value,
    #[serde(default)]
    immutable_parameters: IndexMap<String, Value>,
    #[serde(default, rename = "id")]
    _id: Value,
    #[serde(default, rename = "ref")]
    _ref: Value,
    #[serde(default, rename = "uid")]
    _uid: Value,
    #[serde(default, rename = "metadata_file")]
    _metadata_file: Value,
}

impl Loader<'_> {
    pub(super) fn alias(&mut self, pack: &PackName, file: &SourceFile) {
        let Some(node) = file.read(&mut self.diagnostics) else { return };
        let Some(raw) = file.decode::<RawAlias>(&node, &mut self.diagnostics) else { return };
        if let Some(other) = raw.pack.as_ref().filter(|it| *it != pack.as_str()) {
            let message = format!("the alias says pack `{other}` but lies in pack `{pack}`");
            return self.error(file, node.place_of("pack"), message);
        }
        let mut formats = Vec::new();
        for (index, format) in raw.formats.iter().enumerate() {
            match alias_format(format) {
                Ok(format) => formats.push(format),
                Err(message) => return self.error(file, node.find(&format!("formats[{index}]")), message),
            }
        }
        if formats.is_empty() {
            self.warning(file, node.place, "the alias has no formats, so nobody can say it");
        }
        self.extras(file, &node, &raw);
        let alias = ActionAlias {
            name: raw.name,
            pack: pack.to_string(),
            action_ref: raw.action_ref,
            description: raw.description,
            enabled: raw.enabled,
            formats,
            ack: reply(&raw.ack),
            result: reply(&raw.result),
            extra: raw.extra,
            immutable_parameters: raw.immutable_parameters,
        };
        self.add_alias(file, &node, alias);
    }

    /// What StackStorm's chat adapters read and nobody reads here, and formats that are always refused.
    fn extras(&mut self, file: &SourceFile, node: &Node, raw: &RawAlias) {
        for (name, reply) in [("ack", &raw.ack), ("result", &raw.result)] {
            let (_, unread) = Extra::read(reply.get("extra").unwrap_or(&Value::Null));
            if !unread.is_empty() {
                let message = format!(
                    "of `{name}.extra`, `{}` is not read here: a card has its own colours, and no pictures",
                    unread.join("`, `")
                );
                self.warning(file, node.find(&format!("{name}.extra")), message);
            }
        }
        for (name, reply) in [("ack", &raw.ack), ("result", &raw.result)] {
            let format = reply.get("format").and_then(Value::as_str).unwrap_or_default();
            for it in unknown_in_template(format) {
                let message = format!("{}, so `{name}` cannot be said", it.fault.message);
                self.objection(file, node.find(&format!("{name}.format")), message);
            }
        }
        if raw.extra.pointer("/security/twofactor").is_some() {
            let message = "no second factor is asked for here; say who may run it with a group, or put it behind a gate";
            self.warning(file, node.find("extra.security"), message);
        }
        for (index, format) in alias_formats(&raw.formats) {
            let mut asked = format.representations.iter().flat_map(|it| required(it));
            let fixed = asked.find(|it| raw.immutable_parameters.contains_key(it));
            if let Some(name) = fixed {
                let message = format!(
                    "the format asks for `{name}`, which `immutable_parameters` sets, so whatever it matches is refused"
                );
                self.objection(file, node.find(&format!("formats[{index}]")), message);
            }
        }
    }

    /// Checks an alias against the others and adds it. Names are unique over all packs: StackStorm looks an alias up by
    /// its bare name, so a second one would silently replace the first.
    pub(super) fn add_alias(&mut self, file: &SourceFile, node: &Node, alias: ActionAlias) {
        let key = match file.dialect {
            Dialect::Strict => format!("alias {}", alias.name),
            Dialect::StackStorm => format!("alias {}.{}", alias.pack, alias.name),
        };
        if let Some((first, _)) = self.places.get(&key) {
            let message = format!("alias `{}` is there twice: also in {first}", alias.name);
            return self.error(file, node.place_of("name"), message);
        }
        for (index, format) in alias.formats.iter().enumerate() {
            for pattern in &format.representations {
                if let Err(fault) = Format::compile(pattern) {
                    self.error(
                        file,
                        node.find(&format!("formats[{index}]")),
                        format!("format `{pattern}`: {fault}"),
                    );
                    return;
                }
            }
        }
        self.places.insert(key, (file.path.clone(), node.place_of("name")));
        let own = format!("alias of {}.{}", alias.pack, alias.name);
        self.places.insert(own, (file.path.clone(), node.place_of("action_ref")));
        self.places.insert(formats_key(&alias), (file.path.clone(), node.place_of("formats")));
        self.catalogue.aliases.push(alias);
    }
}

fn alias_formats(raw: &[Value]) -> impl Iterator<Item = (usize, AliasFormat)> {
    raw.iter().enumerate().filter_map(|(index, it)| Some((index, alias_format(it).ok()?)))
}

fn alias_format(raw: &Value) -> Result<AliasFormat, String> {
    match raw {
        Value::String(text) => Ok(AliasFormat::from_text(text)),
        Value::Object(map) => {
            let representations = match map.get("representation") {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::String(text)) => vec![text.clone()],
                Some(Value::Array(items)) => items
                    .iter()
                    .map(|it| it.as_str().map(str::to_owned).ok_or("a representation is a text"))
                    .collect::<Result<_, _>>()?,
                Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
                    return Err("`representation` is a list of texts".to_owned());
                }
            };
            let display = map.get("display").and_then(Value::as_str).map(str::to_owned);
            let match_multiple = map.get("match_multiple").and_then(Value::as_bool).unwrap_or(false);
            Ok(AliasFormat { display, representations, match_multiple })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err("a format is a text, or a mapping of display and representation".to_owned())
        }
    }
}

fn reply(raw: &Value) -> Reply {
    let flag = |name: &str| raw.get(name).and_then(Value::as_bool).unwrap_or(true);
    Reply {
        enabled: flag("enabled"),
        format: raw.get("format").and_then(Value::as_str).map(str::to_owned),
        extra: raw.get("extra").cloned().unwrap_or_default(),
        append_url: flag("append_url"),
    }
}
