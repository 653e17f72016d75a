//! `AWS::Serverless::HttpApi`, declared in the template or created by SAM for the events of functions.

use std::collections::BTreeMap;

use crate::error::TemplateError;
use crate::pseudo_parameters::DEFAULT_STAGE;
use crate::read::fields::Fields;

/// The HTTP API of the stack.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpApi {
    /// The logical id; `ServerlessHttpApi` when SAM creates the API.
    pub logical_id: String,
    /// The address that the deployed API would have. Variables that are built from `!Ref` of the API contain it.
    pub endpoint: String,
    /// The stage; `$default` adds nothing to the paths.
    pub stage: String,
    /// Whether routes may require IAM signatures.
    pub iam_enabled: bool,
    /// The authorization of routes without an `Auth` of their own.
    pub default_auth: RouteAuth,
    /// The limits of the API as a whole; `None` when the template sets none.
    pub throttling: Option<Throttling>,
    /// The limits of single routes, by route key such as `POST /path`.
    pub route_throttling: BTreeMap<String, Throttling>,
}

/// The limits beyond which API Gateway answers 429.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttling {
    /// The number of concurrent requests (`ThrottlingBurstLimit`).
    pub burst: u32,
    /// The number of requests per second (`ThrottlingRateLimit`).
    pub rate: f64,
}

/// The authorization that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAuth {
    /// `AWS_IAM`: a signature of an identity that may call the route.
    AwsIam,
    /// No authorization.
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

/// The logical id of the API that SAM creates when the template declares none.
pub(crate) const IMPLIED_API_ID: &str = "ServerlessHttpApi";

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
        .map(|text| {
            text.parse::<f64>().map_err(|_| TemplateError::unexpected(&place, "a number", &text.into()))
        })
        .transpose()?;
    match (settings.number("ThrottlingBurstLimit")?, rate) {
        (Some(burst), Some(rate)) => Ok(Some(Throttling { burst, rate })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(settings.missing("ThrottlingRateLimit")),
        (None, Some(_)) => Err(settings.missing("ThrottlingBurstLimit")),
    }
}
