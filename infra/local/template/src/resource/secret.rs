//! `AWS::SecretsManager::Secret`: declared, generated, never written down.

use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its logical id.
    pub logical_id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// How Secrets Manager makes its first value; `None` leaves it without one until an operator puts it.
    pub generate: Option<GenerateSecretString>,
}

/// How a first value is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateSecretString {
    /// A JSON object and the key under which the random text is added to it; `None` makes the text the whole value.
    pub into: Option<(String, String)>,
    /// The length of the random text.
    pub length: u32,
    /// Characters that it must not have.
    pub exclude_characters: String,
    /// Whether it has no lower-case letters.
    pub exclude_lowercase: bool,
    /// Whether it has no digits.
    pub exclude_numbers: bool,
    /// Whether it has no punctuation.
    pub exclude_punctuation: bool,
    /// Whether it has no upper-case letters.
    pub exclude_uppercase: bool,
    /// Whether it may have spaces.
    pub include_space: bool,
}

impl Secret {
    pub(crate) fn read(
        logical_id: &str,
        name: String,
        arn: String,
        properties: &Fields<'_>,
    ) -> Result<Self, TemplateError> {
        if properties.value("SecretString").is_some() {
            return Err(TemplateError::SecretInTemplate { place: properties.place().to_owned() });
        }
        properties.only(&["GenerateSecretString", "Name"], &["Description", "KmsKeyId", "Tags"])?;
        let generate =
            properties.object("GenerateSecretString")?.map(|fields| generate(&fields)).transpose()?;
        Ok(Self { logical_id: logical_id.to_owned(), arn, name, generate })
    }
}

fn generate(fields: &Fields<'_>) -> Result<GenerateSecretString, TemplateError> {
    fields.only(
        &[
            "ExcludeCharacters",
            "ExcludeLowercase",
            "ExcludeNumbers",
            "ExcludePunctuation",
            "ExcludeUppercase",
            "GenerateStringKey",
            "IncludeSpace",
            "PasswordLength",
            "SecretStringTemplate",
        ],
        // Whether every class of characters must occur changes nothing for a local value.
        &["RequireEachIncludedType"],
    )?;
    let into = match (fields.string("SecretStringTemplate")?, fields.string("GenerateStringKey")?) {
        (Some(template), Some(key)) => Some((template, key)),
        (None, None) => None,
        (Some(_), None) => return Err(fields.missing("GenerateStringKey")),
        (None, Some(_)) => return Err(fields.missing("SecretStringTemplate")),
    };
    if let Some((template, _)) = &into
        && !serde_json::from_str::<serde_json::Value>(template).is_ok_and(|value| value.is_object())
    {
        let place = fields.below("SecretStringTemplate");
        return Err(TemplateError::unexpected(&place, "a JSON object as text", &template.as_str().into()));
    }
    let flag = |name| Ok::<_, TemplateError>(fields.bool(name)?.unwrap_or(false));
    Ok(GenerateSecretString {
        into,
        length: fields.number("PasswordLength")?.unwrap_or(32),
        exclude_characters: fields.string("ExcludeCharacters")?.unwrap_or_default(),
        exclude_lowercase: flag("ExcludeLowercase")?,
        exclude_numbers: flag("ExcludeNumbers")?,
        exclude_punctuation: flag("ExcludePunctuation")?,
        exclude_uppercase: flag("ExcludeUppercase")?,
        include_space: flag("IncludeSpace")?,
    })
}
