//! The property `Events` of a function: its routes, schedules and streams.

use crate::error::TemplateError;
use crate::read::fields::Fields;
use crate::resource::api::HttpApi;
use route::Route;
use schedule::Schedule;
use stream::Stream;

pub(crate) mod cron;
pub(crate) mod filter;
pub(crate) mod route;
pub(crate) mod schedule;
pub(crate) mod stream;

/// The API that the events of functions refer to.
pub(crate) struct EventContext<'a> {
    /// The API that routes belong to.
    pub(crate) api: &'a HttpApi,
    /// Whether the template declares the API. Events don't name an API that SAM creates.
    pub(crate) api_is_declared: bool,
    /// The value of `!Ref` of the API.
    pub(crate) api_id: &'a str,
}

/// The events of one function.
#[derive(Default)]
pub(crate) struct FunctionEvents {
    pub(crate) routes: Vec<Route>,
    pub(crate) schedules: Vec<Schedule>,
    pub(crate) streams: Vec<Stream>,
}

/// Reads the property `Events` of a function.
pub(crate) fn read_all(
    logical_id: &str,
    function: &Fields<'_>,
    context: &EventContext<'_>,
) -> Result<FunctionEvents, TemplateError> {
    let mut events = FunctionEvents::default();
    let Some(section) = function.object("Events")? else { return Ok(events) };
    for (name, value) in section.entries() {
        let event = Fields::new(section.below(name), value)?;
        event.only(&["Properties", "Type"], &[])?;
        let properties = || event.object("Properties")?.ok_or_else(|| event.missing("Properties"));
        match event.required_string("Type")?.as_str() {
            "DynamoDB" => events.streams.push(Stream::read(name, &properties()?)?),
            "HttpApi" => events.routes.push(Route::read(&properties()?, context)?),
            "Schedule" => events.schedules.push(Schedule::read_rule(logical_id, name, &properties()?)?),
            "ScheduleV2" => events.schedules.push(Schedule::read(logical_id, name, &properties()?)?),
            unknown => return Err(TemplateError::unsupported(&event.below("Type"), unknown, &TYPES)),
        }
    }
    Ok(events)
}

const TYPES: [&str; 4] = ["DynamoDB", "HttpApi", "Schedule", "ScheduleV2"];
