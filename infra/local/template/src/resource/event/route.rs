//! `HttpApi` events: the routes of the API.

use super::EventContext;
use crate::error::TemplateError;
use crate::read::fields::Fields;
use crate::resource::api::RouteAuth;

/// A route of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method in upper case, or `ANY`.
    pub method: String,
    /// The path. A variable is written `{name}`, and `{name+}` if it also matches slashes.
    pub path: String,
    /// The authorization that API Gateway requires before it calls the function.
    pub auth: RouteAuth,
    /// How long the API waits for the function; `None` when the template sets no `TimeoutInMillis`.
    pub timeout_millis: Option<u32>,
}

impl Route {
    pub(crate) fn read(fields: &Fields<'_>, context: &EventContext<'_>) -> Result<Self, TemplateError> {
        fields.only(
            &["ApiId", "Auth", "Method", "Path", "PayloadFormatVersion", "TimeoutInMillis"],
            &["RouteSettings"],
        )?;
        match (fields.string("ApiId")?, context.api_is_declared) {
            (None, true) => return Err(fields.missing("ApiId")),
            (Some(id), _) if id != context.api_id => {
                return Err(TemplateError::unexpected(
                    &fields.below("ApiId"),
                    "a !Ref of the API",
                    &id.into(),
                ));
            }
            _ => {}
        }
        if let Some(version) = fields.string("PayloadFormatVersion")?
            && version != "2.0"
        {
            let place = fields.below("PayloadFormatVersion");
            return Err(TemplateError::unsupported(&place, version, &["\"2.0\""]));
        }
        let path = fields.required_string("Path")?;
        if !path.starts_with('/') {
            return Err(TemplateError::unexpected(
                &fields.below("Path"),
                "a path that starts with /",
                &path.into(),
            ));
        }
        Ok(Self {
            method: method(fields)?,
            path,
            auth: auth(fields, context)?,
            timeout_millis: fields.number("TimeoutInMillis")?,
        })
    }
}

fn method(fields: &Fields<'_>) -> Result<String, TemplateError> {
    let method = fields.required_string("Method")?.to_ascii_uppercase();
    match method.as_str() {
        "*" | "ANY" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => Ok("ANY".to_owned()),
        known if METHODS.contains(&known) => Ok(method),
        _ => Err(TemplateError::unsupported(&fields.below("Method"), method, &METHODS)),
    }
}

fn auth(fields: &Fields<'_>, context: &EventContext<'_>) -> Result<RouteAuth, TemplateError> {
    let Some(auth) = fields.object("Auth")? else { return Ok(context.api.default_auth) };
    auth.only(&["Authorizer"], &[])?;
    match auth.string("Authorizer")? {
        None => Ok(context.api.default_auth),
        Some(name) => RouteAuth::parse(&name, context.api.iam_enabled, &auth.below("Authorizer")),
    }
}

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
