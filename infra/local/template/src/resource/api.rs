//! `AWS::Serverless::HttpApi`, declared or implied by the events of functions.

use std::collections::BTreeMap;

use crate::error::TemplateError;
use crate::event::route::RouteAuth;
use crate::intrinsic::physical::DEFAULT_STAGE;
use crate::read::fields::Fields;

/// The HTTP API of the stack.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpApi {
    /// Its logical id; `ServerlessHttpApi` when events imply it.
    pub logical_id: String,
    /// Where it would answer when deployed; environment variables built from `!Ref` of the API contain this text.
    pub endpoint: String,
    /// Its stage; `$default` has no path of its own.
    pub stage: String,
    /// Whether routes may demand IAM signatures.
    pub iam_enabled: bool,
    /// What routes without an `Auth` of their own demand.
    pub default_auth: RouteAuth,
    /// How many requests it lets through.
    pub throttling: Option<Throttling>,
    /// Routes that have a share of their own, as `POST /path`.
    pub route_throttling: BTreeMap<String, Throttling>,
}

/// How many requests an API lets through before it answers 429.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttling {
    /// Requests at once.
    pub burst: u32,
    /// Requests a second.
    pub rate: f64,
}

/// The logical id of the API that SAM makes when events name none.
pub(crate) const IMPLIED: &str = "ServerlessHttpApi";

impl HttpApi {
    pub(crate) fn read(
        logical_id: &str,
        endpoint: String,
        properties: &Fields<'_>,
    ) -> Result<Self, TemplateError> {
        properties.only(
            &["Auth", "DefaultRouteSettings", "RouteSettings", "StageName"],
            &[
                "AccessLogSettings",
                "Description",
                "DisableExecuteApiEndpoint",
                "Domain",
                "FailOnWarnings",
                "Name",
                "PropagateTags",
                "StageVariables",
                "Tags",
            ],
        )?;
        let (iam_enabled, default_auth) = auth(properties)?;
        Ok(Self {
            logical_id: logical_id.to_owned(),
            endpoint,
            stage: properties.string("StageName")?.unwrap_or_else(|| DEFAULT_STAGE.to_owned()),
            iam_enabled,
            default_auth,
            throttling: properties
                .object("DefaultRouteSettings")?
                .map_or(Ok(None), |all| throttling(&all))?,
            route_throttling: route_throttling(properties)?,
        })
    }
}

fn auth(properties: &Fields<'_>) -> Result<(bool, RouteAuth), TemplateError> {
    let Some(auth) = properties.object("Auth")? else { return Ok((false, RouteAuth::None)) };
    auth.only(&["DefaultAuthorizer", "EnableIamAuthorizer"], &[])?;
    let iam_enabled = auth.bool("EnableIamAuthorizer")?.unwrap_or(false);
    let place = auth.below("DefaultAuthorizer");
    let default = match auth.string("DefaultAuthorizer")? {
        None => RouteAuth::None,
        Some(name) => RouteAuth::parse(&name, iam_enabled, &place)?,
    };
    Ok((iam_enabled, default))
}

fn route_throttling(properties: &Fields<'_>) -> Result<BTreeMap<String, Throttling>, TemplateError> {
    let Some(routes) = properties.object("RouteSettings")? else { return Ok(BTreeMap::new()) };
    let mut limits = BTreeMap::new();
    for (route, value) in routes.entries() {
        if let Some(limit) = throttling(&Fields::new(routes.below(route), value)?)? {
            limits.insert(route.to_owned(), limit);
        }
    }
    Ok(limits)
}

fn throttling(settings: &Fields<'_>) -> Result<Option<Throttling>, TemplateError> {
    settings.only(
        &["ThrottlingBurstLimit", "ThrottlingRateLimit"],
        &["DataTraceEnabled", "DetailedMetricsEnabled", "LoggingLevel"],
    )?;
    let place = settings.below("ThrottlingRateLimit");
    let rate = settings.string("ThrottlingRateLimit")?;
    let rate = rate
        .map(|text| text.parse::<f64>().map_err(|_| TemplateError::wrong(&place, "a number", &text.into())))
        .transpose()?;
    match (settings.number("ThrottlingBurstLimit")?, rate) {
        (Some(burst), Some(rate)) => Ok(Some(Throttling { burst, rate })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(settings.missing("ThrottlingRateLimit")),
        (None, Some(_)) => Err(settings.missing("ThrottlingBurstLimit")),
    }
}
