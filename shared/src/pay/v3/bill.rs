//! The bill of APIv3: 申请交易账单, then 下载账单. The first answer is signed and brings the hash of the second, which is not.

use serde::Deserialize;
use url::Url;

use super::transport::UnsignedRequest;
use crate::{
    crypto::{equal, hex},
    host::AddressChoice,
    pay::{
        Bill, BillFile, MerchantContext, MerchantSecret, PayError,
        bill::{Download, LIMIT},
    },
    types::Day,
};

#[derive(Deserialize)]
struct Offer {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

/// `GET /v3/bill/tradebill`, and the file that it names.
pub(in crate::pay) async fn bill(
    merchant: &MerchantContext,
    secret: &MerchantSecret,
    day: Day,
) -> Result<Bill, PayError> {
    let target = format!("{BILL}?bill_date={}&bill_type=ALL&tar_type=GZIP", day.to_pay_v3());
    let bytes = match merchant.call(secret, &UnsignedRequest::get(BILL, target)).await {
        Ok(bytes) => bytes,
        Err(PayError::Business { code, .. }) if code == "NO_STATEMENT_EXIST" => return Ok(Bill::None),
        Err(PayError::Business { code, .. }) if code == "STATEMENT_CREATING" => return Ok(Bill::NotReady),
        Err(error) => return Err(error),
    };
    let not_verified = |what| PayError::NotVerified { path: BILL, what };
    let offer = bytes.parse::<Offer>().map_err(|_| not_verified("form"))?;
    let offer = offer.get();
    if offer.hash_type != "SHA1" {
        return Err(not_verified("hash_type"));
    }
    let target = merchant.upstream.base_urls().find_map(|base| target_of(base, &offer.download_url));
    let target = target.ok_or_else(|| not_verified("download_url"))?;
    let address = merchant.upstream.choose_address(AddressChoice::PrimaryOrBackup);
    let key_id = merchant.preferred_key(secret).await;
    let request =
        merchant.sign_request(secret, &UnsignedRequest::file(FILE, target), address, key_id.as_deref())?;
    let request = request.timeout(LIMIT);
    let spooled = Download::begin(FILE, request, (&merchant.upstream, address)).await?.file().await?;
    let hash = hex(&spooled.sha1);
    if !equal(hash.as_bytes(), offer.hash_value.to_ascii_lowercase().as_bytes()) {
        return Err(PayError::NotVerified { path: FILE, what: "hash" });
    }
    BillFile::verify(FILE, merchant, spooled).map(Bill::Ready)
}

/// Path and query of `url`, if its host is that of `base` or one of WeChat Pay's. The file is downloaded from `base` whichever host
/// was named, because the request carries our signature.
fn target_of(base: &str, url: &str) -> Option<String> {
    let (base, url) = (Url::parse(base).ok()?, Url::parse(url).ok()?);
    let place =
        |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    let is_wechat_pay = url.scheme() == "https"
        && url.port().is_none()
        && url.host_str().is_some_and(|host| HOSTS.contains(&host));
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || !(is_wechat_pay || place(&base) == place(&url)) {
        return None;
    }
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

/// WeChat Pay's hosts (跨城冗灾方案, 接入点), all of which give the same answers.
const HOSTS: [&str; 6] = [
    "api.mch.weixin.qq.com",
    "api2.mch.weixin.qq.com",
    "apihk.mch.weixin.qq.com",
    "apius.mch.weixin.qq.com",
    "api.wechatpay.cn",
    "api2.wechatpay.cn",
];
const BILL: &str = "/v3/bill/tradebill";
const FILE: &str = "/v3/billdownload/file";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_offered_at_another_host_is_requested_from_the_configured_one() {
        let path = "/v3/billdownload/file?token=a%2Fb";
        for base in ["https://api2.mch.weixin.qq.com", "https://api.mch.weixin.qq.com", "http://127.0.0.1:1"]
        {
            for host in HOSTS {
                assert_eq!(
                    target_of(base, &format!("https://{host}{path}")).as_deref(),
                    Some(path),
                    "{base} {host}"
                );
                for other in
                    [format!("http://{host}"), format!("https://{host}:8443"), format!("https://x@{host}")]
                {
                    let right = other.starts_with(&format!("{base}/"));
                    assert_eq!(target_of(base, &format!("{other}{path}")).is_some(), right, "{base} {other}");
                }
            }
        }
    }

    #[test]
    fn a_bill_is_fetched_only_from_where_it_was_asked_for() {
        let base = "https://api.mch.weixin.qq.com";
        let target = |url: &str| target_of(base, url);
        let (path, right) = ("/v3/billdownload/file?token=a%2Fb", "https://api.mch.weixin.qq.com");
        assert_eq!(target(&format!("{right}{path}")).as_deref(), Some(path));
        assert_eq!(target(&format!("{right}:443{path}")).as_deref(), Some(path));
        assert_eq!(target(&format!("{right}/file#part")).as_deref(), Some("/file"));
        for elsewhere in [
            "http://api.mch.weixin.qq.com",
            "https://api.mch.weixin.qq.com:8443",
            "https://api.mch.weixin.qq.com.example.com",
            "https://api.mch.weixin.qq.com@example.com",
            "https://somebody@api.mch.weixin.qq.com",
            "//api.mch.weixin.qq.com",
            "",
        ] {
            assert_eq!(target(&format!("{elsewhere}{path}")), None, "{elsewhere}");
        }
        assert_eq!(target_of("http://127.0.0.1:1", "http://127.0.0.1:1/f").as_deref(), Some("/f"));
        assert_eq!(target_of("http://127.0.0.1:1", "http://127.0.0.1:2/f"), None);
    }
}
