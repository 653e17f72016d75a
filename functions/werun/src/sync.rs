//! `POST /api/werun/decrypt`: decrypts the steps of the last days and stores them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::{DatedSteps, DaySteps, RankProfile, StepHistory},
    types::{Caller, Day, UnixSeconds},
    wechat::loose_json,
};

use crate::WerunFunction;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SyncBody {
    encrypted_data: Option<String>,
    iv: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SyncAnswer {
    step_info_list: Vec<StepInfo>,
}

/// A day of WeChat's data.
#[derive(Debug, Serialize)]
struct StepInfo {
    timestamp: UnixSeconds,
    step: u32,
}

impl WerunFunction {
    pub(crate) async fn sync_steps(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let body: SyncBody = request::json(request)?;
        let data = request::required("encryptedData", body.encrypted_data)?;
        let iv = request::required("iv", body.iv)?;
        let (session, stored, profile) = self.groups.get_with_steps(&self.steps, caller).await?;
        let session = self.wechat_sessions.open(caller, session.ok_or(Code::SessionExpired)?).await?;
        let list = read(&session.decrypt(&data, &iv)?)?;
        let days = list.iter().map(|info| DaySteps { day: Day::of(info.timestamp), steps: info.step });
        let days: Vec<_> = days.collect();
        self.store_days(caller, stored, &days).await?;
        self.show_to_groups(caller, profile, &days).await?;
        Ok(response::success(&SyncAnswer { step_info_list: list }))
    }

    /// Shows today's steps to the groups that the user is in. Does nothing for a user who is in none, or whose steps they know.
    async fn show_to_groups(
        &self,
        caller: &Caller,
        profile: Option<RankProfile>,
        days: &[DaySteps],
    ) -> Result<(), ApiError> {
        let today = Day::of(self.host.now());
        let steps = days.iter().filter(|info| info.day == today).map(|info| info.steps).max();
        if let (Some(steps), true) = (steps, profile.is_some()) {
            let steps = DatedSteps { day: today, steps };
            let change = |profile: &mut RankProfile| profile.set_steps(steps);
            self.groups.change_profile(&caller.user_id, profile, change).await?;
        }
        Ok(())
    }

    /// Stores the days. If a concurrent sync has stored steps meanwhile, the days are merged with those.
    async fn store_days(
        &self,
        caller: &Caller,
        mut stored: StepHistory,
        days: &[DaySteps],
    ) -> Result<(), ApiError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.steps.store_days(caller, &stored, days, Day::of(self.host.now())).await? {
                None => return Ok(()),
                Some(newer) => stored = newer,
            }
        }
        Err(ApiError::new(Code::UpstreamBusy).with_cause("other syncs were always quicker"))
    }
}

fn read(data: &Map<String, Value>) -> Result<Vec<StepInfo>, ApiError> {
    let list = data.get("stepInfoList").and_then(Value::as_array).filter(|list| list.len() <= MAX_DAYS);
    let list = list.and_then(|list| list.iter().map(StepInfo::read).collect());
    list.ok_or_else(|| ApiError::invalid("encryptedData", "不是微信运动数据"))
}

impl StepInfo {
    fn read(info: &Value) -> Option<Self> {
        let timestamp = UnixSeconds::new(loose_json::whole_number(info.get("timestamp")?)?);
        let step = loose_json::whole_number(info.get("step")?)?.try_into().ok()?;
        Some(Self { timestamp, step })
    }
}

const MAX_ATTEMPTS: u32 = 5;
/// A limit on WeChat's list, which has 31 days.
const MAX_DAYS: usize = 62;
