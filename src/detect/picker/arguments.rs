//! Arguments by name, as JSON holds them, read with their expected types.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Constructor arguments with the defaults of their class.
pub(super) struct Arguments<'a>(pub &'a Map<String, Value>);

impl<'a> Arguments<'a> {
    /// The argument; null where there is none.
    pub fn get(&self, name: &str) -> &'a Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    fn wrong<T>(&self, name: &str, expected: &str) -> Result<T> {
        let found = self.get(name);
        Err(Error::usage(format!("{name} is {found}, expected {expected}")))
    }

    /// A whole number from 1 to 2²⁰.
    pub fn count(&self, name: &str) -> Result<usize> {
        let value = self.get(name).as_f64().filter(|v| v.fract() == 0.0);
        match value.filter(|v| (1.0..=1_048_576.0).contains(v)) {
            Some(value) => Ok(value as usize),
            None => self.wrong(name, "a whole number from 1 to 1048576"),
        }
    }

    /// A finite number.
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.get(name).as_f64().filter(|v| v.is_finite()) {
            Some(value) => Ok(value),
            None => self.wrong(name, "a number"),
        }
    }

    /// True or false; absent is false.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            Value::Bool(value) => Ok(*value),
            Value::Null => Ok(false),
            _ => self.wrong(name, "true or false"),
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<&'a str> {
        match self.get(name) {
            Value::String(text) => Ok(text),
            _ => self.wrong(name, "a text"),
        }
    }

    /// Letters, or a list of texts; `None` for null.
    pub fn labels(&self, name: &str) -> Result<Option<Vec<String>>> {
        let expected = "a text of one letter a label, or a list of labels";
        match self.get(name) {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.chars().map(String::from).collect())),
            Value::Array(list) => {
                let labels: Option<Vec<String>> =
                    list.iter().map(|label| label.as_str().map(str::to_string)).collect();
                labels.map_or_else(|| self.wrong(name, expected), |labels| Ok(Some(labels)))
            }
            _ => self.wrong(name, expected),
        }
    }
}
