//! Test vectors: messages of Pay v3 with keys, signatures and ciphertexts that other software computed. The keys protect nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::core::keys::{KeyPair, PublicKey};

pub(crate) fn merchant_key() -> KeyPair {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{MERCHANT_KEY}\n-----END PRIVATE KEY-----\n");
    KeyPair::from_pem(&pem).expect("a vector")
}

/// Whether the WeChat Pay public key of these vectors verifies the signature.
pub(crate) fn verify_platform_signature(message: &[u8], signature: &str) -> bool {
    let key = PublicKey::from_der(&STANDARD.decode(PUBLIC_KEY).expect("a vector")).expect("a vector");
    key.verify(message, signature)
}

/// The APIv3 key.
pub(crate) const API_V3_KEY: &str = "Cqw0WQiQRpXPvncM8jG4i6zgcDTuVLne";

/// A prepay request.
pub(crate) const PREPAY_BODY: &str = "\
    {\"appid\":\"wx95e6095a537e33b4\",\"mchid\":\"1916817080\",\"description\":\"小店-矿泉水 550ml×2\",\"\
    out_trade_no\":\"DGVm3tym4KYqJ727Msfbk\",\"notify_url\":\"https://example.com/prod/pay/notify\",\
    \"amount\":{\"total\":101,\"currency\":\"CNY\"},\"payer\":{\"openid\":\"o5wQws1FH2FD2uaNtxmrc1ji\
    G4dc\"}}";

/// The signature of the prepay request.
pub(crate) const PREPAY_SIGNATURE: &str = "\
    ZqHKg0ueOAtbhaWjytgybXJERVi1uqVhEgjF0bG6tyXshlyqovuLZznpcfGf0eA3zu5TiwYXdpomKf5QycKNc1QUGSmq3JOQ\
    tGAQXCHWq3mfslAPRcQtLzWlJ55BBvlo5PTFZmKwjEPjymSU8Oo5Ntm8ygbJByO6vuuG9kYNco3LjA/HjFRSH64uieaUA53a\
    mo12cr5ZMXUnK9TmwWde6DRVv3h5JwFaMdkVoix3lBY+D/dfs2FI5FcYlCLwFPvetT1+Z9pNvlrN/ym1DOaYX0xTvYqMvDuX\
    2/jy2K+yzhBPM2peQtlNOIAKfdBB8Qv4aBFj3cfnmH/WSVV6ldOZiw==";

/// The signature of a query.
pub(crate) const QUERY_SIGNATURE: &str = "\
    qDiRFA4GBI2b/epRlXUjLZw2CSWKS6845WlqXmq1WgA9h2X9F4TYc9NZTm8K27BIoW8F/RJvlJXxdloJqCpN15/jrjpdurq8\
    2BAYNZtNNxaVunKcLtybrC4T/H4rS8chBdXuGjseyF3fK4rYPm1N7vr487SLQpFCUiO75nytmseMIk3WiaStPl2E3ftf0ZY7\
    koc5vINm1YrhqVOk7fzCNoz6MfZ+IRjcUppam73urvZ5LPNf95RL/mBaskmE5ua5AfcMQFLwUvWslVzo7tZjYlYfmCKBY4D+\
    8CpJ3mx77uq53gqxqUv5AWkgchOFtmXvc6FetftUHE16Ch+XGTVY0A==";

/// `paySign` of `wx.requestPayment`.
pub(crate) const PAY_SIGN: &str = "\
    raaZKtKwOzskshuebBfBfB53ERtVqEMjGdm1Aqh+8DTAgpcNW4pFenY5uSdgkP6OameXy/F8b2rzjiSFXHRuCW1agETXzldg\
    qUCcWWJrvgSz80JXELFd/Are3b0IoF676YXcoyxodDJC49gqMQgOT44B1VLfNLB9ugUC2KX0MwQQcnZCtZ3KdcIcFSvgfi+u\
    cp3+V1RA4/Ed9m19ks2nYkQRwnQUtaqnf45FuR+H1MW9shLmf27atLNoSTYqlxDm/+riau+mCsaI36hxUzyDWeAZWRB+Yy/p\
    5K0d1oeswrNrjVfq0bSeGF1g/6EGxpTRLPJH6os3REoadlSnOjVlRg==";

/// The notice of a payment.
pub(crate) const PAYMENT_NOTICE: &str = "\
    {\"id\":\"be0b8dcf-e5f1-5c4b-9d3a-2eb08343a272\",\"create_time\":\"2023-11-15T06:14:02+08:00\",\"\
    resource_type\":\"encrypt-resource\",\"event_type\":\"TRANSACTION.SUCCESS\",\"summary\":\"支付成功\"\
    ,\"resource\":{\"original_type\":\"transaction\",\"algorithm\":\"AEAD_AES_256_GCM\",\"ciphertext\
    \":\"bc+Buhj3W33UcJHjpd5przGk4MTwYhIAvLmDLydqmU7grU2lYfN8CzXCU8pjwd9LaCg+26bdI9EHVpbhNec2To93S9n\
    wLTGsiKwI3NZnAoskP4W+MR7vDwYXuvIy6Gpof7krCLvYuUegjYg9OCVvCEXQKSMBBpoU3hP7+DHDaxNdqQOm0Z8B14QWJpx\
    Tt2QJxCprCaqY+tokMFQyIGmCEFfHYs3SzmbRw1odyXZ2FVTm+dHrvSOkQCxzSHI0tQvv00cJli/ZVfVQcTcRLwhMOAzqFBn\
    7FZ2EQKlvyJrWfWY65iI4DWFyOw1Vn1Ng2k1aW0oYpeMFTqQtieNo84gaUEqwfjKKhoqDDpDSboIclkFkynzeijsJinkIVqG\
    iSy1Vx+iEsksEzT6cUCvt6KFm3UiTsf7JuFPT0yhBG+V3/5RaIMMR0JosT9w7Vb09bM/VrdAy7iFftGxTLpc/seBV3xwP1zY\
    gT0WIVGYRbG9UlsRG8gQNvDQtZ5ekaCnr/IfSibJxlK6+81CFeNeTpuLcA90/ofOOrgK1Dz+u2jDCxcP5CPZw1vmdyDJl41K\
    YqL2N4nahApCOE4qs5mzrvgqJfBEgvuuYySoch11K8Qo=\",\"associated_data\":\"transaction\",\"nonce\":\"\
    OXgawrRv8WIB\"}}";

/// The signature of that notice.
pub(crate) const PAYMENT_NOTICE_SIGNATURE: &str = "\
    z9SIRjbZB4AZ974mKxPRMtzYZhphcMyNhLgveGFErMj/TqUmQ2nfMuyfjVWebqeuDfgFSYoZIBaMey4QMw0yRkbkgF5rAcu3\
    PSOiBbem2RyaAuGLELMlzQthSnLq1vddLhuwmezPqd4P7g3T8IZmrSpifOQDijbGiYPdZpCWmN2xM8gMS/M28MT9ckCuLJWk\
    f8M+UpdycX8QUSPlNwuUeI0X1vHtiBJT+7RmEyJYkLBhXLJLEt/c1xfKEoaux1ZFi41hD6tSTg1MzfQj6v09Wc5iFdUzqAVF\
    Ux38wcS922HvK/9eDhGgI6+WAxIznmL3hNGjnxUY3Z1onGfgfa0nFw==";

/// The decrypted resource of that notice.
pub(crate) const PAYMENT: &str = "\
    {\"transaction_id\":\"4200329252049536687864243889\",\"amount\":{\"payer_total\":91,\"total\":10\
    1,\"currency\":\"CNY\",\"payer_currency\":\"CNY\"},\"mchid\":\"1916817080\",\"trade_state\":\"SU\
    CCESS\",\"bank_type\":\"OTHERS\",\"promotion_detail\":[],\"success_time\":\"2023-11-15T06:14:02+\
    08:00\",\"payer\":{\"openid\":\"o5wQws1FH2FD2uaNtxmrc1jiG4dc\"},\"out_trade_no\":\"DGVm3tym4KYqJ\
    727Msfbk\",\"appid\":\"wx95e6095a537e33b4\",\"trade_state_desc\":\"支付成功\",\"trade_type\":\"JSAPI\
    \",\"attach\":\"\"}";

/// The notice of a refund.
pub(crate) const REFUND_NOTICE: &str = "\
    {\"id\":\"EV-4284984168527588193\",\"create_time\":\"2023-11-15T06:14:02+08:00\",\"resource_type\
    \":\"encrypt-resource\",\"event_type\":\"REFUND.SUCCESS\",\"summary\":\"退款成功\",\"resource\":{\"o\
    riginal_type\":\"refund\",\"algorithm\":\"AEAD_AES_256_GCM\",\"ciphertext\":\"8D+RshxZs455uGNUu8\
    oB3HUgPNdbRQ38YXOevzHjHOObMGxT+f4IMSa/NlWEKe8aYTsJrfUrMSgbCY1rbIAL8fnUgLLoz8Harr+NhOsNDWwB7XKW5k\
    u6o7PNZv0evKtKNFbbj6DxnIdZ8jum2A7H0HYXl9HMWLcEiltV+8LTNefRGL/PVzz5hKkETsd//dfwNGO0aQUE8OQT3ZAX2E\
    FCoK7LxqiHbBoNMqViGsXOqYc54OiA67jIhmdxbl7d29ylZbv/wei1C41SpjCsMVZl7Vaum/Rqu+DOPz4A9Umbo+gR9Skjq+\
    W7TdRchuTgjv42KHm+O6s9huiM4SGVvBU+klcRpX2kEH9P5Qq1YlWJfxn4qGwql7MHaSzdAiyv/JbQ5f9/X3HRXLmgi0WjnR\
    UuF9+bqExSqJIm84WRI0jUw0KD1c2zfqEM+1175X4vEiuTr0zf0dJsUqB6BjKZiFDpVebsflBCiT/1hdvDSbuLmtYH2LrRNy\
    dyW5E5xKjryQx933hDhw==\",\"associated_data\":\"refund\",\"nonce\":\"w8e1aEmTnY9S\"}}";

/// The signature of that notice.
pub(crate) const REFUND_NOTICE_SIGNATURE: &str = "\
    ZiEpvOI+wcSsLVLDiYkfO4eMsrYIsmziyn/xwYpN5X+jgF+Xs+adWsvdslv/uuki67FmdghcJys8G+w3LeponxJ9DaHUi+a9\
    vTelIu0iYLkU4sHtnwkF0EcXrUJKeVFemeou3raRevH9a4NmUDD/uszIDECbd4tFITjjYubkzkUa3FlkXCx9ibZEO5ryoVAB\
    QEE6yupGRjKl8vVjrkCW60HiZHQG0oy4dv2gEdltWvdxP7u++3r1hhyn8YIWEJHyQ4zVKIgLqNMJ0w2Us9PfoG7Vs7QJAkX4\
    GYhu9Xr01t2mM03p9y+ShiQ6R6UajeM4GWYc9sm+u8AtJhCmZEiG9Q==";

/// The decrypted resource of that notice.
pub(crate) const REFUND: &str = "\
    {\"mchid\":\"1916817080\",\"out_trade_no\":\"DGVm3tym4KYqJ727Msfbk\",\"transaction_id\":\"420032\
    9252049536687864243889\",\"out_refund_no\":\"R0EgNwm1JxxPTUDJ\",\"refund_id\":\"5030593958031154\
    8698981796597\",\"refund_status\":\"SUCCESS\",\"success_time\":\"2023-11-15T06:14:02+08:00\",\"a\
    mount\":{\"total\":101,\"refund\":50,\"payer_total\":91,\"payer_refund\":50},\"user_received_acc\
    ount\":\"支付用户零钱\"}";

/// The signature of a response without a body.
pub(crate) const EMPTY_SIGNATURE: &str = "\
    UE9VqNpZ3PTE/GPSnQD3YM2eegfXFwmzLBSSYqienaxLg8UnslgHQxyYkKkwajgiw1wZu1/M5Phf17pe/NQKvdDbzoZN0UHa\
    zfrT3fjDGYRnzfsZS+ML+hVgEqy4g7ja1qjqCtWGXbFx9t4X2D+iUEaxpdSzbO5jv11I0EJgrfvso6gcilLucJoEDdxsGEeb\
    3SrZYUyMs/r5ScqSCEBrduZzreXtCrM0RJ8KTOqCmb3YiSge/GHga3jEirDwYswTdvhrXx8qFWGI3UHWlSE4ykTLCY6zdd5c\
    nU794bJlfEKEPyn6Oh+Triz/rOTz2PquT16JSvln2lPF70jiSWmBqg==";

/// The nonce of an encrypted certificate.
pub(crate) const CERTIFICATE_NONCE: &str = "zq2mV3eWMgmx";

/// An encrypted certificate.
pub(crate) const CERTIFICATE: &str = "\
    THca9JQ53xHpVPD7MkMNd4xwZcuoVun2pq4JwNz7X/CWYwpMkNdANgP79cPVIimJT55Fm6SyhKet4Fw4Z4dF7jeBw0F5s/EL\
    8Q/MxRmZUxazJMOHX9OaxEKdWBsXy0cuCSbE+mz6UL2Hi+nSNUBtLns/Wc6FX7qzGhZzumvr26F8sIgL0v1Aot4Rrc0D/mAW\
    mHT97cieoIUBk1MBCrG04KevdFUcVVoReGr7fVvhC/hL9twa54vgiZQ284501GXton6y+Sd2JhLVx+815/vrODdY72nf//qj\
    hxK6U6RbP8gkrPsLOE0EAUUpZMW1Ij+JpPnwolv/WJW6GnlcfyJJlzxpQ4KdcS/EF1fvY1+DEq2is7haObJUEelOUmpXHvqX\
    VuDkDvTwWcDDmx1wOr9MlG4cplSjYMFliiWZb1OhE5pvqOiGtcQvywkSvJphtH4PvHOJ8O9reo8FiTfDBhjY84LP4OjecQp7\
    FVttdtUtN0vnAgICPDLUz5VYLNt6EwTNY+3KAIAtqiKY8+MBPZx19toSw6SES00u+aesEUcG0vhpKbZfBFmPR6SDcg3TMjEA\
    K6fcl99wkPgtzVTpS7PaYmvXfHaaKSYLXJthTjoEq5ySy3c0LqmGiQ9iHjzK5jLoll0cJn/RZ+oVoOgufHfbUnW2skJT5tm/\
    TjGI6PGK33/ZaTVGQdfXMx4w1n42oiQZ5kCLDQZFuVn4dvcJQwRpjSrjF/lajD3+BvprzOQQPEwjAyl1vD1AAYFnvFdye/Do\
    M73rVAVYfV/Gz+TYcZACoOL/GkUG9k9cwqpKfNlpqZkHKtEtCLr2HGe7X3HG5pO7KtyF6mxuo6GbxDN52/+ezIbKJkXP/fvS\
    P0nHRecKF5veon75Gd/wYFSU8aNol1MEqobJNtoWcG2eAsEmJsr1ftfRt5G40Nx8S3/mouQrVLdirGQ+V3rUmw0/V+jG/iEt\
    gjs43s1vPJtIeoHbO5Qe0HTqFgd4SsLkWuKvsrMUVkcPOz6Gvr/xabFg5vluZrDs+Bm6C1hMbr0mtJ+U3ZnWbOBGQoXFssPc\
    iLXdzGAS6/Nlyf1/IMuWN7028E37GJJt+TMljAPy0mTohWAHRTGf2Kx2kh6UpbvUU24hxMNGDyp+dT8GHcQWQw3D3GOun+/V\
    EgCP78rv7LdS831zje4HCZYCz5KueF0eckVn7qmwkYAtKViUShe0j0Xv+63Rzh9bJ7iGncbiJc760Q5iCmyN/8m8JT865XtX\
    7H7/bmXGQe+50TrCSt/LXIe1wdrdV2YH9IDH8l4PeRqPlh+6/BWX3sZNwnzUglLObK4Yv4X6Ti4lvYsGsXZJlTDD9QCEjaMb\
    mchJdtVmx9Ja2y4DnmA4KGOFdlMmkA5PnDF/Voyado2Z6UmwanUVr9LdocAP5WRU28aP6RnwrTrZ1V1kZ+Y=";

/// SHA-256 of that certificate in the clear.
pub(crate) const CERTIFICATE_SHA256: &str =
    "92342aab493b14c4bb77e0148278d6168d30e3d2d2b3d50e56dc6a329129ea06";

/// PKCS#8 in base64.
const MERCHANT_KEY: &str = "\
    MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC6Giga1xh7ZiUU/omgg1RlP04Mznem1JIvwX6xo3Ucmvg0\
    xi9gOh1eT2ZVxa9EgqbG5craEPDYNI0ZbvHgPV4tVes9Rp14GX8BQhS4GBG+RAoadgRiFUceAhdGXfGF2u8rJnkx6/LJA1SG\
    00Jgwjs6NqlGQVj784o3yZHw+UFVjy1yctUBVyLER/nymASQTnfo2ssBLTqp6r2Ci4Oydq8WnqK4jJybxMRRVpc/HZKMSbsQ\
    a87rGO+KVYVzV1LBZ6KCuDCOpeHAOLWONi9xjWlOa97n+/ZM0lSvRLeloIlcBeLXjLwwKZUXx/+0o/wsLB4loe1Fzt2gEsAm\
    eR3XN3EhAgMBAAECggEARErL88mCBOp/ahxcAcifxEW+TQnJM7Hm8VpmtSZAGB6wPaGKihvZYh3t9kTEY/Yz4GI8FdjIoPZr\
    3uztGrY6ZJWWbRaIO6XTivEmbEX84N7T/FDZm+ql/deTlfFsa4vjX2jPaafloKk1sAI/ZgVwuZSMeqkJT+/XhVBVW2IEfTIc\
    kINInFpVnNXRLbVKA+/7JDNJLiVC3drKB4uybwzHWqnMgbNV7BQ9wiizD98jxQBRBEmzb8+HFXramuXXcaqR5wNtG5gNOjx2\
    fTBD8LAe3s8EMQ27Fr/zijzFuc3oX2UpvuVn/dT+1sxCY+WmXuYTVlDSDraMzmSv+bz8B5DTJwKBgQDi8YS8TByh64um6NZM\
    jcVWUUq96jHzMvu9Gm46F6Q1Ocj/O/KcmoN2JIPy7dvePTRuCviJ1noh8J3Jet+8oxLsgts1tWy83ucCH+yZ2CFzZFNvVELi\
    YdI0f7r2rhn6HE1CiIWs7Ick06D+8g6/Z/7AlH9ypCsfMWHzwbqHZ+G3vwKBgQDR7f34xxSOJpTHdCgBu5a1LHjr47/KgqmT\
    +ISl3CAOQtzKQTjCX3g+lOblem7+/vx0tt0FzY0g8s8tp0ZxAsxXPqMLdD2O5f7XDprQE5cmoXZkMnUt0nQPPMAMKmfquJS0\
    QZpcwq9DexVWCICYLARWmIaYCX0AkuuCvloizmIPHwKBgQCqFXJyoORwohTnAefiNfpox8IpdYT8DQDIaC+mUCOcVHOEfoxE\
    vDS8bX+KqKO4+sv5kTVWMK0WFLxczT8zpFBBe40IwrD9GF2vpPdxEZ94WP+DF3aNLd0ZxYT87dzAK0foDmOJBzf97LHjgMx2\
    vV0bPfAKnmlHFn6f7lh6tOthBwKBgQC4MRbrVtGEP/m+Xv5TNuJuqEyYvEWlS6u6dwz78f32RVgv5bYFZXq9fixxIFGPTu73\
    ARNAai/vvttk9SXrNkdQLVclT6JLZSWKT/gppWazsGuOUm9Z+xN14xmmEvcGjVl8JytnRDI/BRmdWOxrmANeb4l4kKqq/D3D\
    g3zWmTqUhQKBgFebFS1q4yUPZ35MhU/IW3JgR7bhvr7kY6AqkiVtRGAagr1w8DOtIcDeMelbYU+5LgjbmsrENQrqWz58S0OF\
    Jbw+E8eCSmP3v/4n5UmEcK+E4udhBaXgwmjJYGIOsxTkkBxqgozdK2HcuRpW/jC4pbzH5iuLhrom8hjr4wWc4GlM";

/// `SubjectPublicKeyInfo` in base64.
const PUBLIC_KEY: &str = "\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4sDeK7oX7mZiCXplqE4sa58eYs1WsarmR144a4CGL4bofRlJ/GDQ\
    QeOKOXZgPNUt55LPfwmdp+K7MWjRrXMxLkUkbUmwzyeRqt1Nyfp018Tldrgse1d73l2gdUL6fNx4pU5nL1ko2u8yOiUBpuhb\
    YSj1C7dC3A6thJwiOn6hcX0kTugZA993fSnPXtGIfGF3Sq9ZHLgsiUTNxD9d3jiG+tN1O4qyR7haJfxYAD8biwNEocPXEbeq\
    c02zQygA7io9tl9yMpaKQqrXLMgEBrx2JCtPvOV+VcGiNd9/bMWnzL/g5UXEyVa65NRFsO3MlcQytBJRcwO7StxvdKDrlTxM\
    iwIDAQAB";
