//! The templates that the account has chosen from the library.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::library::{Keyword, ONE_TIME};
use crate::core::context::Context;
use crate::core::faults::Fault;

/// The account's templates.
#[derive(Debug, Default)]
pub(super) struct AccountTemplates {
    pub(super) templates: Vec<AccountTemplate>,
    pub(super) deleted: HashSet<String>,
}

/// A template of the account.
#[derive(Debug)]
pub(super) struct AccountTemplate {
    pub(super) id: String,
    pub(super) title: &'static str,
    pub(super) keywords: Vec<&'static Keyword>,
}

impl AccountTemplates {
    /// The template, if it was added.
    pub(super) fn get(&self, id: &str) -> Option<&AccountTemplate> {
        self.templates.iter().find(|template| template.id == id)
    }

    /// Whether the account has the template. Every id counts as a template that was not deleted, unless a fault says otherwise,
    /// because most tests do not add their templates.
    pub(super) fn is_known(&self, id: &str, context: &Context) -> bool {
        let says_no =
            |fault: &Fault| matches!(fault, Fault::TemplateUnknown { template_id } if template_id == id);
        !self.deleted.contains(id) && !context.has_fault(says_no)
    }
}

impl AccountTemplate {
    /// The names of the keywords that a message's `data` must have.
    pub(super) fn keywords(&self) -> Vec<String> {
        self.keywords.iter().map(|keyword| keyword.key()).collect()
    }

    /// The values that the keyword's enumeration allows; empty if the keyword is no enumeration.
    pub(super) fn enum_values(&self, key: &str) -> &'static [&'static str] {
        self.keywords.iter().find(|keyword| keyword.key() == key).map_or(&[], |keyword| keyword.values)
    }

    pub(super) fn to_json(&self) -> Value {
        let content: String = self
            .keywords
            .iter()
            .map(|keyword| format!("{}:{{{{{}.DATA}}}}\n", keyword.name, keyword.key()))
            .collect();
        let example: String =
            self.keywords.iter().map(|keyword| format!("{}:{}\n", keyword.name, keyword.example)).collect();
        let enums: Vec<_> = self
            .keywords
            .iter()
            .filter(|keyword| !keyword.values.is_empty())
            .map(|keyword| json!({"keywordCode": format!("{}.DATA", keyword.key()), "enumValueList": keyword.values}))
            .collect();
        let mut fields = json!({
            "priTmplId": self.id,
            "title": self.title,
            "content": content,
            "example": example,
            "type": ONE_TIME,
        });
        if let Some(fields) = fields.as_object_mut().filter(|_| !enums.is_empty()) {
            fields.insert("keywordEnumValueList".to_owned(), enums.into());
        }
        fields
    }
}
