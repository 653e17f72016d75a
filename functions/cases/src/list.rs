//! `GET /api/admin/cases?kind=&cursor=`: the open cases of a kind, the oldest first.

use serde::Serialize;
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
    store::CaseKind,
};

use crate::{CasesFunction, cursor, view::CaseView};

#[derive(Serialize)]
struct ListAnswer {
    cases: Vec<CaseView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl CasesFunction {
    pub(crate) async fn list_cases(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let kind = parse(request::query(request, "kind"))?;
        let cursor = request::query(request, "cursor").map(|text| cursor::parse(&text, kind));
        let cursor =
            cursor.map(|parsed| parsed.ok_or_else(|| ApiError::invalid("cursor", "不是上一页给出的值")));
        let page = self.cases.list_open(kind, cursor.transpose()?.as_ref()).await?;
        let cases = page.cases.into_iter().map(CaseView::from).collect();
        Ok(response::success(&ListAnswer { cases, cursor: page.cursor.as_ref().map(cursor::encode) }))
    }
}

fn parse(kind: Option<String>) -> Result<CaseKind, ApiError> {
    kind.as_deref().and_then(CaseKind::named).ok_or_else(|| {
        let kinds = CaseKind::ALL.map(CaseKind::as_str);
        ApiError::invalid("kind", &format!("须为 {} 之一", kinds.join("、")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_parsed_and_the_error_names_them_all() {
        for kind in CaseKind::ALL {
            assert_eq!(parse(Some(kind.as_str().to_owned())).unwrap(), kind);
        }
        for kind in [None, Some(""), Some("oversold"), Some("OTHER")] {
            let error = parse(kind.map(str::to_owned)).unwrap_err();
            let names: Vec<_> = CaseKind::ALL.into_iter().map(CaseKind::as_str).collect();
            assert_eq!(error.message(), format!("参数有误：kind 须为 {} 之一", names.join("、")));
        }
    }
}
