//! Reads `template.yaml`, so that the local world has the routes, environment, permissions and tables of a deployment.
//!
//! ```text
//! template.yaml ─ Template::read ─▶ Template ─ deploy(parameters) ─▶ Stack { functions, tables, secrets, api, … }
//! ```
//!
//! Invariants:
//!
//! - Nothing is ignored silently. A resource type, property, intrinsic, event type or IAM action that this reader does
//!   not support is an error that names the place and the supported values. Properties that have no meaning locally (thresholds
//!   of alarms, tracing, tags) are listed by name in the code.
//! - A [`Stack`] contains no intrinsic: every `!Ref` and `!Sub` is replaced by its value, with [`PseudoParameters`] for region and
//!   account.
//! - Permissions are explicit: no managed policy, no policy template, no wildcard.
//!
//! It follows "AWS SAM template anatomy" and the "CloudFormation template reference"
//! (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-reference.html>).

mod error;
mod globals;
mod intrinsic;
mod parameter;
mod pseudo_parameters;
mod read;
mod resource;
mod stack;
mod template;

pub use error::{ParameterProblem, TemplateError};
pub use parameter::Parameter;
pub use pseudo_parameters::PseudoParameters;
pub use read::yaml::parse as parse_yaml;
pub use resource::api::{HttpApi, RouteAuth, Throttling};
pub use resource::bucket::Bucket;
pub use resource::event::cron::Cron;
pub use resource::event::filter::Filter;
pub use resource::event::route::Route;
pub use resource::event::schedule::{Schedule, ScheduleExpression};
pub use resource::event::stream::{StartingPosition, Stream};
pub use resource::event_bus::EventBus;
pub use resource::function::Function;
pub use resource::log_group::LogGroup;
pub use resource::policy::{ConditionKey, Statement, StatementCondition};
pub use resource::queue::Queue;
pub use resource::secret::{GenerateSecretString, Secret};
pub use resource::table::Table;
pub use stack::Stack;
pub use template::Template;
