use super::*;
use proptest::prelude::*;

type Three<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn check(landing: &str, referrer: &str, expect: Option<Three<'_>>) {
    let own = OwnSites::new(["acme.io"], []);
    let page = Url::parse(landing).unwrap();
    let referrer_url = Url::parse(referrer).ok();
    let facts = source_of(&page, referrer_url.as_ref(), &own);
    let found = facts.as_ref().map(|f| (f.source.as_deref(), f.medium.as_deref(), f.campaign.as_deref()));
    assert_eq!(found, expect, "{landing} from {referrer}");
}

#[test]
fn utm_then_click_id_then_referrer() {
    let some = |source, medium| Some((Some(source), Some(medium), None));
    let at = |query: &str| alloc::format!("https://www.acme.com/x?{query}");
    for (query, referrer, expect) in [
        // tagged links
        (
            "utm_source=LinkedIn&utm_medium=PaidSocial&utm_campaign=+Q3%20Launch+",
            "",
            Some((Some("linkedin"), Some("paidsocial"), Some("q3 launch"))),
        ),
        ("UTM_Source=x&amp;utm_medium=y", "", some("x", "y")),
        ("utm_source=&utm_source=b&utm_source=c&utm_medium=%20", "https://other.com/", Some((Some("b"), None, None))),
        ("utm_medium=email", "https://other.com/", Some((None, Some("email"), None))),
        ("utm_source=a%00b%0Ac", "", Some((Some("a b c"), None, None))),
        ("utm_source=%ff", "", Some((Some("\u{fffd}"), None, None))),
        ("utm_source=GR%C3%96SSE", "", Some((Some("grösse"), None, None))),
        // click ids
        ("gclid=1", "https://www.google.com/", some("google", "cpc")),
        ("gbraid=1", "", some("google", "cpc")),
        ("wbraid=1", "", some("google", "cpc")),
        ("msclkid=1", "", some("bing", "cpc")),
        ("li_fat_id=1", "", some("linkedin", "paid social")),
        ("ttclid=1", "", some("tiktok", "paid social")),
        ("fbclid=1", "https://l.facebook.com/", some("facebook", "social")),
        ("fbclid=1&gclid=2", "", some("google", "cpc")),
        ("gclid=2&fbclid=1", "", some("google", "cpc")),
        ("gclid=", "", None),
        // utm wins, the ad fills gaps
        ("utm_source=news&utm_medium=email&gclid=1", "", some("news", "email")),
        ("utm_source=google&gclid=1", "", some("google", "cpc")),
        ("utm_campaign=brand&gclid=1", "", Some((Some("google"), Some("cpc"), Some("brand")))),
        ("utm_source=news&fbclid=1", "", Some((Some("news"), None, None))),
        ("utm_campaign=brand", "https://www.google.de/", Some((Some("google.de"), Some("organic"), Some("brand")))),
        ("utm_campaign=brand", "", Some((None, None, Some("brand")))),
        // referrers
        ("", "https://www.google.com/", some("google.com", "organic")),
        ("", "https://www.google.co.uk/", some("google.co.uk", "organic")),
        ("", "https://m.baidu.com/s", some("baidu.com", "organic")),
        ("", "https://duckduckgo.com/", some("duckduckgo.com", "organic")),
        ("", "https://lnkd.in/abc", some("lnkd.in", "referral")),
        ("", "https://www.linkedin.com/feed", some("linkedin.com", "referral")),
        ("", "https://de.linkedin.com/feed", some("linkedin.com", "referral")),
        ("", "https://gemini.google.com/app", some("gemini.google.com", "referral")),
        ("", "https://docs.google.com/d/1", some("docs.google.com", "referral")),
        ("", "https://blog.partner.co.uk/post", some("partner.co.uk", "referral")),
        ("", "https://shop.acme.com/", None),
        ("", "https://acme.io/", None),
        ("", "https://checkout.stripe.com/", None),
        ("", "https://accounts.google.com/", None),
        ("", "not a url", None),
        ("page=2", "", None),
        ("utm_term=x", "", None),
    ] {
        check(&at(query), referrer, expect);
    }
}

#[test]
fn term_content_and_bounds() {
    let own = OwnSites::new([], []);
    let text = alloc::format!("https://a.de/?gclid=1&utm_term=Rust&utm_content=B&utm_campaign={}", "é".repeat(200));
    let page = Url::parse(&text).unwrap();
    let facts = source_of(&page, None, &own).unwrap();
    assert_eq!((facts.term.as_deref(), facts.content.as_deref()), (Some("rust"), Some("b")));
    assert_eq!(facts.campaign.as_deref(), Some(&*"é".repeat(MAX_VALUE / 2)));
}

#[test]
fn plain_values_are_borrowed() {
    for value in ["linkedin", "a-b_c.d"] {
        assert!(matches!(clean(decode(value)), Some(Cow::Borrowed(same)) if same == value));
    }
}

proptest! {
    #[test]
    fn values_are_clean_once_and_for_all(value in "\\PC{0,40}|[ A-Zé\u{0}\n]{0,300}") {
        if let Some(clean_once) = clean(Cow::Borrowed(&value)) {
            prop_assert!(!clean_once.is_empty() && clean_once.len() <= MAX_VALUE);
            prop_assert!(clean_once.chars().all(|c| !c.is_control()) && clean_once.trim() == clean_once);
            prop_assert_eq!(clean(Cow::Borrowed(&clean_once)), Some(clean_once.clone()));
        }
    }

    #[test]
    fn never_panics(query in "(utm_|source|medium|gclid|=|&|%|[0-9a-f]|\\PC){0,40}", host in "[a-z0-9.-]{1,20}") {
        let (landing, referrer) = (alloc::format!("https://acme.com/?{query}"), alloc::format!("https://{host}/"));
        if let Ok(page) = Url::parse(&landing) {
            let referrer = Url::parse(&referrer).ok();
            let _facts = source_of(&page, referrer.as_ref(), &OwnSites::new([], []));
        }
    }
}
