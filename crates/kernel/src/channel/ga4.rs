//! The public default channel group, rule by rule.
//!
//! Every regular expression of the published rules is matched by hand; beside each stands the
//! expression it equals. Texts are lower case and without line breaks.

use super::source_list::Category;
use super::{Channel, DIRECT, NONE, NOT_SET};

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs<'a> {
    pub(super) source: &'a str,
    pub(super) medium: &'a str,
    pub(super) campaign: &'a str,
    /// Category of the source.
    pub(super) category: Option<Category>,
    /// Category of the referring host.
    pub(super) referrer: Option<Category>,
    /// See [`is_paid_medium`].
    pub(super) is_paid: bool,
}

impl Signs<'_> {
    pub(super) fn is(&self, category: Category) -> bool {
        self.category == Some(category)
    }
}

/// A channel, and when it applies.
pub(super) type Rule = (Channel, fn(&Signs<'_>) -> bool);

/// In order; the first that applies wins.
#[rustfmt::skip]
pub(super) const RULES: [Rule; 19] = [
    (Channel::Direct, is_direct),
    (Channel::AiAssistant, |s| s.medium == "ai-assistant"),
    (Channel::CrossNetwork, |s| s.campaign.contains("cross-network")),
    (Channel::PaidShopping, |s| s.is_paid && (s.is(Category::Shopping) || is_shop_campaign(s.campaign))),
    (Channel::PaidSearch, |s| s.is_paid && s.is(Category::Search)),
    (Channel::PaidSocial, |s| s.is_paid && s.is(Category::Social)),
    (Channel::PaidVideo, |s| s.is_paid && s.is(Category::Video)),
    (Channel::Display, |s| matches!(s.medium, "display" | "banner" | "expandable" | "interstitial" | "cpm")),
    (Channel::PaidOther, |s| s.is_paid),
    (Channel::OrganicShopping, |s| s.is(Category::Shopping) || is_shop_campaign(s.campaign)),
    (Channel::OrganicSocial, |s| s.is(Category::Social) || is_social_medium(s.medium)),
    (Channel::OrganicVideo, |s| s.is(Category::Video) || s.medium.contains("video")),
    (Channel::OrganicSearch, |s| s.is(Category::Search) || s.medium == "organic"),
    (Channel::Referral, |s| matches!(s.medium, "referral" | "app" | "link")),
    (Channel::Email, |s| is_email(s.source) || is_email(s.medium)),
    (Channel::Affiliates, |s| s.medium == "affiliate"),
    (Channel::Audio, |s| s.medium == "audio"),
    (Channel::Sms, |s| s.source == "sms" || s.medium == "sms"),
    (Channel::MobilePush, is_push),
];

fn is_direct(s: &Signs<'_>) -> bool {
    s.source == DIRECT && matches!(s.medium, NOT_SET | NONE) || s.source == NOT_SET && s.medium == NOT_SET
}

/// `^(.*cp.*|ppc|retargeting|paid.*)$`
pub(super) fn is_paid_medium(medium: &str) -> bool {
    medium.contains("cp") || medium == "ppc" || medium == "retargeting" || medium.starts_with("paid")
}

/// `^(.*(([^a-df-z]|^)shop|shopping).*)$`: after the start, `e` or no letter; so not a workshop.
fn is_shop_campaign(campaign: &str) -> bool {
    let bytes = campaign.as_bytes();
    let may_precede = |at: usize| at == 0 || bytes.get(at - 1).is_none_or(|b| !matches!(b, b'a'..=b'd' | b'f'..=b'z'));
    let is_shop = |(at, word): (usize, &str)| {
        may_precede(at) || campaign.get(at + word.len()..).is_some_and(|r| r.starts_with("ping"))
    };
    campaign.match_indices("shop").any(is_shop)
}

fn is_social_medium(medium: &str) -> bool {
    matches!(medium, "social" | "social-network" | "social-media" | "sm" | "social network" | "social media")
}

fn is_email(text: &str) -> bool {
    matches!(text, "email" | "e-mail" | "e_mail" | "e mail")
}

fn is_push(s: &Signs<'_>) -> bool {
    s.medium.ends_with("push")
        || s.medium.contains("mobile")
        || s.medium.contains("notification")
        || s.source == "firebase"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `^(.*(([^a-df-z]|^)shop|shopping).*)$` read letter by letter.
    fn naive_shop(text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        let at = |i: usize, word: &str| word.chars().enumerate().all(|(j, c)| letters.get(i + j) == Some(&c));
        (0..letters.len()).any(|i| {
            at(i, "shopping")
                || i == 0 && at(0, "shop")
                || !('a'..='d').contains(&letters[i]) && !('f'..='z').contains(&letters[i]) && at(i + 1, "shop")
        })
    }

    #[test]
    fn shops_and_workshops() {
        for text in [
            "shop",
            "eshop",
            "e-shop",
            "spring-shop",
            "shopify",
            "shopping",
            "workshopping",
            "my shop",
            "2shop",
            "größeshop",
            "ßshop",
        ] {
            assert!(is_shop_campaign(text) && naive_shop(text), "{text}");
        }
        for text in ["", "workshop", "bookshop", "photoshop", "workshop-2026", "sho", "shpo"] {
            assert!(!is_shop_campaign(text) && !naive_shop(text), "{text}");
        }
    }

    #[test]
    fn paid_mediums() {
        for text in ["cpc", "cpm", "acpx", "ppc", "retargeting", "paid", "paidsocial", "paid social"] {
            assert!(is_paid_medium(text), "{text}");
        }
        for text in ["", "unpaid", "ppcs", "retargeting-eu", "organic", "referral"] {
            assert!(!is_paid_medium(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn shop_is_the_expression(text in "(shop|ping|work|e|-|ö|a){0,6}") {
            prop_assert_eq!(is_shop_campaign(&text), naive_shop(&text));
        }
    }
}
