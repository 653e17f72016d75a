//! `POST /api/admin/cases/{caseId}/close`: an operator closes a case, with a note about the decision.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::CloseCaseOutcome,
};

use crate::{CasesFunction, view::CaseView};

#[derive(Deserialize)]
struct CloseBody {
    note: Option<String>,
}

#[derive(Serialize)]
struct CloseAnswer {
    case: CaseView,
}

impl CasesFunction {
    pub(crate) async fn close_case(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let case_id = request::path(request, "caseId")?;
        // DynamoDB refuses longer keys, so there is no such case.
        if case_id.len() > MAX_KEY_BYTES {
            return Err(Code::NotFound.into());
        }
        let note = parse(request::json(request)?)?;
        let operator = request::operator(request)?;
        match self.cases.close(&case_id, &note, Some(&operator)).await? {
            CloseCaseOutcome::Closed(case) => Ok(response::success(&CloseAnswer { case: (*case).into() })),
            CloseCaseOutcome::Unknown => Err(Code::NotFound.into()),
        }
    }
}

fn parse(body: CloseBody) -> Result<String, ApiError> {
    let note = request::required("note", body.note)?;
    let note = note.trim();
    if note.is_empty() || note.chars().count() > MAX_NOTE_CHARACTERS {
        return Err(ApiError::invalid("note", "须为 1 到 200 个字"));
    }
    Ok(note.to_owned())
}

const MAX_KEY_BYTES: usize = 1024;
const MAX_NOTE_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Result<String, ApiError> {
        parse(CloseBody { note: Some(text.to_owned()) })
    }

    #[test]
    fn a_note_has_1_to_200_characters() {
        assert_eq!(note(" 已补货 ").unwrap(), "已补货");
        assert!(note(&"字".repeat(200)).is_ok());
        for wrong in ["", " \n", &"字".repeat(201)] {
            assert_eq!(note(wrong).unwrap_err().message(), "参数有误：note 须为 1 到 200 个字");
        }
        assert!(parse(CloseBody { note: None }).is_err());
    }
}
