//! A place in the description.

use std::ptr;

use serde_json::Value;

/// A value of the description and where it stands.
#[derive(Debug, Clone)]
pub struct Node<'d> {
    root: &'d Value,
    /// The JSON pointer of the value.
    pub pointer: String,
    /// The value, which can be a `$ref`.
    pub value: &'d Value,
}

impl<'d> Node<'d> {
    /// The whole description.
    #[must_use]
    pub fn of(root: &'d Value) -> Self {
        Self { root, pointer: String::new(), value: root }
    }

    /// What a `$ref` leads to. Any other value is its own target.
    ///
    /// # Panics
    /// If a `$ref` leads nowhere.
    #[must_use]
    pub fn target(&self) -> Self {
        let Some(to) = self.value.get("$ref").and_then(Value::as_str) else { return self.clone() };
        let pointer = to.strip_prefix('#').unwrap_or_else(|| panic!("{to} is in another file"));
        let value = self.root.pointer(pointer).unwrap_or_else(|| panic!("{to} leads nowhere"));
        Self { root: self.root, pointer: pointer.to_owned(), value }.target()
    }

    /// The member `name` of an object, behind a `$ref` too.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Self> {
        let target = self.target();
        let value = target.value.get(name)?;
        Some(target.child(name, value))
    }

    /// The members of an object with their names, behind a `$ref` too.
    #[must_use]
    pub fn members(&self) -> Vec<(&'d str, Self)> {
        let target = self.target();
        let members = target.value.as_object().into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), target.child(name, value))).collect()
    }

    /// The items of the list `name` of an object.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<Self> {
        let Some(list) = self.get(name) else { return Vec::new() };
        let items = list.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| list.child(&index.to_string(), value)).collect()
    }

    /// The member `name` as a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'d str> {
        self.target().value.get(name)?.as_str()
    }

    /// Whether this is a `$ref`.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        !ptr::eq(self.target().value, self.value)
    }

    fn child(&self, name: &str, value: &'d Value) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { root: self.root, pointer: format!("{}/{name}", self.pointer), value }
    }
}
