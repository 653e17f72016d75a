//! `POST /api/werun/decrypt`: decrypts the days and keeps them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    error::{ApiError, Code},
    http::{answer, extract},
    runtime::{Body, Request, Response},
    session::Caller,
    store::{DaySteps, KeptSteps},
    types::{Day, UnixSeconds},
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

/// A day as WeChat tells it.
#[derive(Debug, Serialize)]
struct StepInfo {
    timestamp: UnixSeconds,
    step: u32,
}

impl WerunFunction {
    pub(crate) async fn sync(&self, caller: &Caller, request: &Request) -> Result<Response<Body>, ApiError> {
        let body: SyncBody = extract::json(request)?;
        let data = extract::required("encryptedData", body.encrypted_data)?;
        let iv = extract::required("iv", body.iv)?;
        let (session, kept) = self.steps.with_session(caller).await?;
        let session = self.live.open(caller, session.ok_or(Code::SessionExpired)?).await?;
        let list = read(&session.decrypt(&data, &iv)?)?;
        let days = list.iter().map(|info| DaySteps { day: Day::of(info.timestamp), steps: info.step });
        self.keep(caller, kept, days.collect()).await?;
        Ok(answer::success(&SyncAnswer { step_info_list: list }))
    }

    /// Keeps the days; when another sync was quicker, on top of what it kept.
    async fn keep(&self, caller: &Caller, mut kept: KeptSteps, days: Vec<DaySteps>) -> Result<(), ApiError> {
        for _ in 0..ROUNDS {
            match self.steps.keep(caller, &kept, &days, Day::of(self.host.now())).await? {
                None => return Ok(()),
                Some(newer) => kept = newer,
            }
        }
        Err(ApiError::new(Code::UpstreamBusy).because("other syncs were always quicker"))
    }
}

fn read(data: &Map<String, Value>) -> Result<Vec<StepInfo>, ApiError> {
    let list = data.get("stepInfoList").and_then(Value::as_array).filter(|list| list.len() <= MOST_DAYS);
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

const ROUNDS: u32 = 5;
/// WeChat gives 31.
const MOST_DAYS: usize = 62;
