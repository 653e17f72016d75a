//! Reads `template.yaml`, so that what runs on this machine has the routes, the environment, the permissions and the
//! tables of what is deployed.
//!
//! ```text
//! template.yaml ─ Template::read ─▶ Template ─ deploy(parameters) ─▶ Stack { functions, tables, secrets, api, … }
//! ```
//!
//! Invariants:
//!
//! - Nothing is skipped in silence. A resource type, property, intrinsic, event type or IAM action that this reader does
//!   not know is an error that names the place and what is supported there. Properties without a meaning on one machine
//!   (alarms' thresholds, tracing, tags) are listed by name where they are ignored.
//! - A [`Stack`] holds no intrinsic: every `!Ref` and `!Sub` is replaced by the value it has in the local world, which
//!   [`PseudoParameters`] describes.
//! - Permissions are explicit: no managed policy, no policy template, no wildcard.
//!
//! It follows "AWS SAM template anatomy" and the "CloudFormation template reference"
//! (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-reference.html>).

mod error;
mod event;
mod globals;
mod intrinsic;
mod parameter;
mod pseudo_parameters;
mod read;
mod resource;
mod stack;
mod template;

pub use error::{ParameterProblem, TemplateError};
pub use event::cron::Cron;
pub use event::filter::Filter;
pub use event::route::Route;
pub use event::schedule::{Schedule, ScheduleExpression};
pub use event::stream::{StartingPosition, Stream};
pub use parameter::Parameter;
pub use pseudo_parameters::PseudoParameters;
pub use resource::api::{HttpApi, RouteAuth, Throttling};
pub use resource::event_bus::EventBus;
pub use resource::function::Function;
pub use resource::log_group::LogGroup;
pub use resource::policy::{Condition, ConditionKey, Statement};
pub use resource::queue::Queue;
pub use resource::secret::{GenerateSecretString, Secret};
pub use resource::table::Table;
pub use stack::Stack;
pub use template::Template;
