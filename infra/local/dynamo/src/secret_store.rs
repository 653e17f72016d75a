//! Secrets Manager's operation `GetSecretValue`, the only one that functions use.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use local_template::{GenerateSecretString, Secret, Stack};
use serde_json::{Value, json};

use crate::error::DynamoError;
use crate::response::AwsResponse;
use crate::sigv4::hash::{hmac_sha256, sha256_hex, uuid_from_hash};

/// The secrets of the stack and their values.
pub(crate) struct SecretStore {
    declared: Vec<Secret>,
    /// By logical id: the value with the label `AWSCURRENT`, then the one with `AWSPREVIOUS`.
    values: Mutex<BTreeMap<String, Vec<String>>>,
}

impl SecretStore {
    /// `configured` has values by logical id. A secret that CloudFormation would generate and that is not in `configured` gets a
    /// generated value, always the same for the same operator secret.
    pub(crate) fn new(
        stack: &Stack,
        configured: BTreeMap<String, String>,
        operator_secret: &str,
    ) -> Result<Self, DynamoError> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for secret in &stack.secrets {
            if let Some(generate) = &secret.generate {
                values.insert(
                    secret.logical_id.clone(),
                    vec![generate_value(generate, operator_secret, &secret.logical_id)?],
                );
            }
        }
        let secrets = Self { declared: stack.secrets.clone(), values: Mutex::new(values) };
        for (logical_id, value) in configured {
            if secrets.declared.iter().all(|secret| secret.logical_id != logical_id) {
                return Err(DynamoError::UnknownSecret(logical_id));
            }
            secrets.lock().insert(logical_id, vec![value]);
        }
        Ok(secrets)
    }

    /// The current value.
    pub(crate) fn current_value(&self, logical_id: &str) -> Option<String> {
        self.lock().get(logical_id)?.first().cloned()
    }

    /// Sets the value labelled `AWSCURRENT`. The value before it is labelled `AWSPREVIOUS`, and older ones are deleted.
    pub(crate) fn set_value(&self, logical_id: &str, value: String) -> Result<(), DynamoError> {
        if self.declared.iter().all(|secret| secret.logical_id != logical_id) {
            return Err(DynamoError::UnknownSecret(logical_id.to_owned()));
        }
        let mut values = self.lock();
        let versions = values.entry(logical_id.to_owned()).or_default();
        versions.insert(0, value);
        versions.truncate(2);
        Ok(())
    }

    /// The ARN of the secret that a request names; the request's own text when there is no such secret.
    pub(crate) fn requested_arn(&self, request: &Value) -> String {
        let id = secret_id(request);
        self.find(id).map_or(id, |secret| &secret.arn).to_owned()
    }

    pub(crate) fn run_operation(&self, operation: &str, request: &Value) -> AwsResponse {
        if operation != "GetSecretValue" {
            return AwsResponse::error(
                400,
                "UnknownOperationException",
                "Only GetSecretValue is known here.",
            );
        }
        let Some(secret) = self.find(secret_id(request)) else {
            return not_found("Secrets Manager can't find the specified secret.");
        };
        let stage = request.get("VersionStage").and_then(Value::as_str).unwrap_or("AWSCURRENT");
        let values = self.lock();
        let versions = values.get(&secret.logical_id).map(Vec::as_slice).unwrap_or_default();
        let found = VERSION_STAGES.iter().position(|known| *known == stage).and_then(|at| versions.get(at));
        let requested_version = request.get("VersionId").and_then(Value::as_str);
        match found {
            Some(value) if requested_version.is_none_or(|requested| requested == version_id(value)) => {
                AwsResponse::ok(&json!({
                    "ARN": secret.arn,
                    "Name": secret.name,
                    "SecretString": value,
                    "VersionId": version_id(value),
                    "VersionStages": [stage],
                    "CreatedDate": 1_767_225_600,
                }))
            }
            _ => not_found(&format!(
                "Secrets Manager can't find the specified secret value for staging label: {stage}"
            )),
        }
    }

    fn find(&self, id: &str) -> Option<&Secret> {
        self.declared.iter().find(|secret| secret.arn == id || secret.name == id)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn secret_id(request: &Value) -> &str {
    request.get("SecretId").and_then(Value::as_str).unwrap_or_default()
}

fn not_found(message: &str) -> AwsResponse {
    AwsResponse::error(400, "ResourceNotFoundException", message)
}

/// The id of a value's version, which has the form of a UUID.
fn version_id(value: &str) -> String {
    uuid_from_hash(&sha256_hex(value.as_bytes()))
}

fn generate_value(
    rule: &GenerateSecretString,
    operator_secret: &str,
    logical_id: &str,
) -> Result<String, DynamoError> {
    let text = derive_text(rule, operator_secret, logical_id);
    let Some((template, key)) = &rule.into else { return Ok(text) };
    let mut value: Value = serde_json::from_str(template)?;
    if let Some(value) = value.as_object_mut() {
        value.insert(key.clone(), text.into());
    }
    Ok(value.to_string())
}

fn derive_text(rule: &GenerateSecretString, operator_secret: &str, logical_id: &str) -> String {
    let classes = [
        (!rule.exclude_lowercase, "abcdefghijklmnopqrstuvwxyz"),
        (!rule.exclude_uppercase, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (!rule.exclude_numbers, "0123456789"),
        (!rule.exclude_punctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        (rule.include_space, " "),
    ];
    let alphabet: Vec<char> = classes
        .iter()
        .filter(|(wanted, _)| *wanted)
        .flat_map(|(_, characters)| characters.chars())
        .filter(|character| !rule.exclude_characters.contains(*character))
        .collect();
    (0..rule.length)
        .filter_map(|at| {
            let bytes =
                hmac_sha256(operator_secret.as_bytes(), format!("secret {logical_id} {at}").as_bytes());
            let number =
                bytes.iter().take(4).fold(0_usize, |number, byte| (number << 8) | usize::from(*byte));
            alphabet.get(number.checked_rem(alphabet.len())?).copied()
        })
        .collect()
}

const VERSION_STAGES: [&str; 2] = ["AWSCURRENT", "AWSPREVIOUS"];
