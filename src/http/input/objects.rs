//! Reads objects from objects only. Serde reads the items of an array as the members of a struct, in their order.

use serde::{
    Deserializer,
    de::{
        Error, IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

/// A JSON value that refuses an array where the type has named members, at any depth.
pub(super) struct Objects(pub(super) Value);

type Failed = serde_json::Error;

impl<'de> Deserializer<'de> for Objects {
    type Error = Failed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Objects));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (name, Objects(value)));
                let mut members = MapDeserializer::new(members);
                let value = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(value)
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        if self.0.is_array() {
            return Err(Failed::custom("is an array; send a JSON object"));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, Failed> for Objects {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Inner {
        name: Option<String>,
        count: Option<f64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        inner: Option<Inner>,
        list: Vec<Inner>,
        pairs: Vec<(u8, u8)>,
        any: Value,
    }

    fn read(value: Value) -> Result<Outer, Failed> {
        Outer::deserialize(Objects(value))
    }

    #[test]
    fn an_array_is_no_object_at_any_depth() {
        let right = json!({ "inner": { "count": 2 }, "list": [{ "name": "印" }], "pairs": [[1, 2]], "any": [1, { "a": null }] });
        let expected = Outer {
            inner: Some(Inner { name: None, count: Some(2.0) }),
            list: vec![Inner { name: Some("印".to_owned()), count: None }],
            pairs: vec![(1, 2)],
            any: json!([1, { "a": null }]),
        };
        assert_eq!(read(right.clone()).unwrap(), expected);
        for (path, wrong) in
            [("/inner", json!([null, null])), ("/list/0", json!(["印", 1])), ("/pairs/0", json!([1, 2, 3]))]
        {
            let mut value = right.clone();
            *value.pointer_mut(path).unwrap() = wrong;
            assert!(read(value).is_err(), "{path}");
        }
        let mut without = right;
        without["inner"] = Value::Null;
        assert_eq!(read(without).unwrap().inner, None);
    }
}
