//! The checks of pictures and sounds: download, verdict, push.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::file_kind::{is_judged, is_video};
use super::media_check::{MediaCheck, MediaCheckState};
use crate::base::Base;
use crate::core::faults::Fault;
use crate::core::lock::lock;
use crate::core::push::sender::PushSender;
use crate::core::verdict::{Suggest, Verdict};

/// The checks of pictures and sounds. Clones share one state.
#[derive(Clone)]
pub(super) struct MediaChecks {
    base: Arc<Base>,
    pushes: Arc<PushSender>,
    checks: Arc<Mutex<Vec<MediaCheck>>>,
}

impl MediaChecks {
    pub(super) fn new(base: &Arc<Base>, pushes: &Arc<PushSender>) -> Self {
        Self { base: Arc::clone(base), pushes: Arc::clone(pushes), checks: Arc::default() }
    }

    /// The checks, oldest first.
    pub(super) fn list(&self) -> Vec<MediaCheck> {
        lock(&self.checks).clone()
    }

    /// Adds a check, and starts it unless a fault says otherwise.
    pub(super) fn add(&self, check: MediaCheck) {
        let trace_id = check.trace_id.clone();
        lock(&self.checks).push(check);
        let stalled = |fault: &Fault| matches!(fault, Fault::VerdictStalled { .. });
        if self.base.context.take_fault(stalled).is_none() {
            // It was added just now, so it can be started.
            let _ = self.start(&trace_id);
        }
    }

    /// Downloads the file, judges it and pushes the verdict, in the background.
    ///
    /// # Errors
    ///
    /// A sentence that says why there is nothing to judge.
    pub(super) fn start(&self, trace_id: &str) -> Result<(), String> {
        let check = {
            let mut checks = lock(&self.checks);
            let check = checks.iter_mut().find(|check| check.trace_id == trace_id);
            let check = check.ok_or_else(|| format!("there is no check {trace_id}"))?;
            if check.state != MediaCheckState::Stalled {
                return Err(format!("the verdict of {trace_id} does not wait"));
            }
            check.state = MediaCheckState::Pending;
            check.clone()
        };
        let checks = self.clone();
        self.pushes.notices().spawn(async move {
            // The answer to the request is usually sent first.
            tokio::time::sleep(AFTER_ANSWER).await;
            checks.judge(&check).await;
        });
        Ok(())
    }

    /// The verdict on this content, or the one that a fault names.
    pub(super) fn verdict_on(&self, content: &str) -> Verdict {
        match self.base.context.take_fault(|fault| matches!(fault, Fault::Verdict { .. })) {
            Some(Fault::Verdict { suggest, label, .. }) => Verdict::new(suggest, label),
            _ => Verdict::on(content),
        }
    }

    async fn judge(&self, check: &MediaCheck) {
        let file = self.pushes.notices().download(&check.media_url, MAX_SIZE).await;
        let file = file.and_then(|bytes| match is_judged(check.media_type, &bytes) {
            true => Ok(bytes),
            false => Err("WeChat does not judge such files".to_owned()),
        });
        let state = match file {
            Ok(bytes) if is_video(&bytes) => MediaCheckState::Judged(Verdict::new(Suggest::Pass, None)),
            Ok(bytes) => MediaCheckState::Judged(self.verdict_on(&String::from_utf8_lossy(&bytes))),
            Err(why) => MediaCheckState::Failed(why),
        };
        let event = self.event(check, &state);
        if let Some(kept) = lock(&self.checks).iter_mut().find(|kept| kept.trace_id == check.trace_id) {
            kept.state = state;
        }
        self.pushes.push(&check.openid, event);
    }

    /// The event of a verdict. For pictures it has `errcode` and numbers as labels, and for sounds neither, because WeChat sends both
    /// forms. Without the file there is no `result`.
    fn event(&self, check: &MediaCheck, state: &MediaCheckState) -> Map<String, Value> {
        let mut event = json!({
            "MsgType": "event",
            "Event": "wxa_media_check",
            "appid": self.base.account().app_id,
            "trace_id": check.trace_id,
            "version": 2,
            "detail": [],
        });
        let more = match state {
            MediaCheckState::Judged(Verdict { suggest, label }) if check.media_type == PICTURE => json!({
                "detail": [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}],
                "result": {"suggest": suggest, "label": label},
                "errcode": 0,
                "errmsg": "ok",
            }),
            MediaCheckState::Judged(Verdict { suggest, label }) => {
                let label = label.to_string();
                json!({
                    "detail": [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}],
                    "result": {"suggest": suggest, "label": label},
                })
            }
            _ => json!({"errcode": -1008, "errmsg": "下载错误，请检查媒体链接是否有效"}),
        };
        let mut fields = event.as_object_mut().map(std::mem::take).unwrap_or_default();
        fields.extend(more.as_object().cloned().unwrap_or_default());
        fields
    }
}

/// `media_type` of a picture.
const PICTURE: u8 = 2;

/// The largest file in bytes.
const MAX_SIZE: usize = 10 * 1024 * 1024;

/// The time between the request and the download, in real time.
const AFTER_ANSWER: Duration = Duration::from_millis(20);
