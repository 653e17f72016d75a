//! `HttpApi` events: the routes of the API.

use super::Context;
use crate::error::TemplateError;
use crate::read::fields::Fields;

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its method in upper case, or `ANY`.
    pub method: String,
    /// Its path; variables stand as `{name}`, a greedy one as `{name+}`.
    pub path: String,
    /// What it demands of the caller before the function sees the request.
    pub auth: RouteAuth,
    /// After how long the API stops waiting for the function, if the template says so.
    pub timeout_millis: Option<u32>,
}

/// What a route demands of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAuth {
    /// A request signed by an identity that may call it (`AWS_IAM`).
    AwsIam,
    /// Nothing.
    None,
}

impl RouteAuth {
    pub(crate) fn parse(name: &str, iam_enabled: bool, place: &str) -> Result<Self, TemplateError> {
        match name {
            "AWS_IAM" if iam_enabled => Ok(Self::AwsIam),
            "AWS_IAM" => {
                let hint = "; the API's Auth must set EnableIamAuthorizer".to_owned();
                Err(TemplateError::UnknownName { place: place.to_owned(), name: name.to_owned(), hint })
            }
            "NONE" => Ok(Self::None),
            unknown => Err(TemplateError::unsupported(place, unknown, &["AWS_IAM", "NONE"])),
        }
    }
}

impl Route {
    pub(crate) fn read(fields: &Fields<'_>, context: &Context<'_>) -> Result<Self, TemplateError> {
        fields.only(
            &["ApiId", "Auth", "Method", "Path", "PayloadFormatVersion", "TimeoutInMillis"],
            &["RouteSettings"],
        )?;
        match (fields.string("ApiId")?, context.api_is_declared) {
            (None, true) => return Err(fields.missing("ApiId")),
            (Some(id), _) if id != context.api_id => {
                return Err(TemplateError::wrong(&fields.below("ApiId"), "a !Ref of the API", &id.into()));
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
            return Err(TemplateError::wrong(
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

fn auth(fields: &Fields<'_>, context: &Context<'_>) -> Result<RouteAuth, TemplateError> {
    let Some(auth) = fields.object("Auth")? else { return Ok(context.api.default_auth) };
    auth.only(&["Authorizer"], &[])?;
    match auth.string("Authorizer")? {
        None => Ok(context.api.default_auth),
        Some(name) => RouteAuth::parse(&name, context.api.iam_enabled, &auth.below("Authorizer")),
    }
}

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
