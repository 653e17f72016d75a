use super::*;

fn read(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("")).map_err(|error| error.to_string())
}

fn refusal(text: &str) -> String {
    read(text).unwrap_err()
}

#[test]
fn an_empty_file_is_the_simulators_account() {
    let config = read("").unwrap();
    assert_eq!(config.account, Account::default());
    assert!(config.uses_simulator());
}

#[test]
fn every_part_can_be_set_alone() {
    let config = read("[merchant]\nmch_id = \"1900000109\"\nsign_type = \"MD5\"").unwrap();
    assert_eq!(config.account.mch_id, "1900000109");
    assert_eq!(config.account.app_id, Account::default().app_id);
    assert_eq!(config.sign_type, Some(SignType::Md5));
    assert_eq!(read("[orders]\nmax_unpaid = 3").unwrap().max_unpaid, Some(3));
    let config = read("[customer_service]\nhand_over = true\nwelcome_text = \"您好\"").unwrap();
    assert_eq!(config.customer_service_hand_over, Some(true));
    assert_eq!(config.customer_welcome_text.as_deref(), Some("您好"));
    let config = read("[upstream]\nwechat_api_base = \"https://api.weixin.qq.com/\"").unwrap();
    assert_eq!(config.wechat_api_base.as_deref(), Some("https://api.weixin.qq.com"));
    assert!(config.uses_simulator());
}

#[test]
fn the_message_push_has_the_named_token_key_and_mode() {
    let key = "kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2G";
    let text = format!("[message_push]\ntoken = \"AAAAA\"\nencoding_aes_key = \"{key}\"\nmode = \"plain\"");
    let config = read(&text).unwrap();
    assert_eq!(
        (config.account.push_token.as_str(), config.account.push_encoding_aes_key.as_str()),
        ("AAAAA", key)
    );
    assert_eq!(config.push_mode, Some(PushMode::Plain));
    assert_eq!(read("").unwrap().push_mode, None);
}

#[test]
fn a_real_platform_s_official_account_is_no_test_account_unless_named_one() {
    assert!(read("").unwrap().is_test_account);
    let real = "[upstream]\nwechat_api_base = \"https://api.weixin.qq.com\"";
    assert!(!read(real).unwrap().is_test_account);
    assert!(read(&format!("{real}\n[official_account]\nis_test = true")).unwrap().is_test_account);
    let hosts = read("[jssdk]\nhosts = [\"shop.example.com\", \"192.168.1.5:8080\"]").unwrap().jssdk_hosts;
    assert_eq!(hosts, ["shop.example.com", "192.168.1.5:8080"]);
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    assert!(refusal("[mini_program]\napp_id = \"wx0123456789abcdef\"\napp_key = \"x\"").contains("app_key"));
    assert!(refusal("[minipgram]").contains("minipgram"));
    assert!(refusal("port = 1").contains("port"));
    assert!(refusal("[merchant]\nplatform_keys = [{ id = \"A\", path = \"b\" }]").contains("path"));
}

#[test]
fn a_mistake_is_refused_with_its_line_and_key() {
    let text = refusal("[merchant]\n\nmch_id = 1900000109");
    assert!(text.contains("line 3") && text.contains("merchant.mch_id"), "{text}");
    assert!(refusal("[merchant\n").contains("line 1"));
}

#[test]
fn a_wrong_value_is_refused_with_what_to_write_and_without_the_secret() {
    for (text, key) in [
        ("[mini_program]\napp_id = \"gh_0123\"", "mini_program.app_id"),
        ("[mini_program]\napp_secret = \"se cret\"", "mini_program.app_secret"),
        ("[official_account]\napp_id = \"x\"", "official_account.app_id"),
        ("[merchant]\nmch_id = \"12a\"", "merchant.mch_id"),
        ("[merchant]\napi = \"v4\"", "merchant.api"),
        ("[merchant]\nsign_type = \"SHA1\"", "merchant.sign_type"),
        ("[merchant]\napi_v3_key = \"secret\"", "merchant.api_v3_key"),
        ("[merchant]\nserial_no = \"xyz\"", "merchant.serial_no"),
        ("[merchant]\nprivate_key = \"missing.pem\"", "merchant.private_key"),
        ("[merchant]\nclient_cert = \"missing.pem\"", "merchant.client_cert"),
        ("[merchant]\nplatform_keys = [{ id = \"A\", file = \"missing.pem\" }]", "merchant.platform_keys"),
        ("[jssdk]\nhosts = [\"https://a.example\"]", "jssdk.hosts"),
        ("[orders]\nmax_unpaid = 0", "orders.max_unpaid"),
        ("[message_push]\ntoken = \"a\"", "message_push.token"),
        ("[message_push]\nencoding_aes_key = \"secret\"", "message_push.encoding_aes_key"),
        ("[message_push]\nmode = \"compatible\"", "message_push.mode"),
        ("[upstream]\nwechat_api_base = \"api.weixin.qq.com\"", "upstream.wechat_api_base"),
        ("[upstream]\npay_api_base = \"https://a.example/b\"", "upstream.pay_api_base"),
        ("[upstream]\nca = \"missing.pem\"", "upstream.ca"),
        ("[public]\nbase_url = \"https://\"", "public.base_url"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(key) && refusal.contains("must be"), "{refusal}");
        assert!(!refusal.contains("secret\"") && !refusal.contains("se cret"), "{refusal}");
    }
}

#[test]
fn the_interface_is_v2_or_v3_and_nothing_else() {
    for (api, text) in [("v2", "[merchant]\napi = \"v2\""), ("v3", "[merchant]\napi = \"v3\"")] {
        assert_eq!(read(text).unwrap().pay_api, Some(api));
    }
    assert!(refusal("[merchant]\napi = \"v4\"").contains("must be \"v2\" or \"v3\""));
}

#[test]
fn files_are_looked_up_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), CERTIFICATE).unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, "[upstream]\nca = \"ca.pem\"").unwrap();
    assert_eq!(Config::read(&file).unwrap().roots.len(), 1);
    std::fs::write(folder.path().join("ca.pem"), "not a certificate").unwrap();
    assert!(Config::read(&file).unwrap_err().to_string().contains("at least one certificate"));
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
