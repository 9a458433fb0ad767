//! Which browsers are none: crawlers, link previews, monitors, scripts.

/// Whether a user agent names a robot.
///
/// An empty one is no evidence. Robots that claim to be browsers are not found here.
pub fn is_bot(user_agent: &str) -> bool {
    let agent = user_agent.as_bytes();
    let mut letters = 0;
    agent.iter().enumerate().any(|(at, byte)| {
        letters = after(letters, *byte);
        let start = at.checked_sub(START - 1).and_then(|start| agent.get(start..));
        start.is_some_and(|rest| INDEX.has(rest, letters))
    })
}

/// Length of the start of a mark that is looked up; no mark is shorter.
const START: usize = 3;

/// The last letters of Cubot, a maker of phones.
const CUBOT: u64 = 0x0063_7562_6f74;

static INDEX: Index = Index::new();

/// The marks by the hash of their start, so that one pass over a user agent compares next to none.
struct Index {
    /// Number of the first mark of a hash plus one; 0 is none.
    first: [u16; 1 << 12],
    /// The same for the next mark of the hash of each mark.
    next: [u16; MARKS.len()],
}

impl Index {
    const fn new() -> Self {
        let mut index = Self { first: [0; 1 << 12], next: [0; MARKS.len()] };
        let mut mark = 0;
        while mark < MARKS.len() {
            let text = MARKS[mark].as_bytes();
            let slot = slot(after(after(after(0, text[0]), text[1]), text[2]));
            index.next[mark] = index.first[slot];
            mark += 1;
            index.first[slot] = mark as u16;
        }
        index
    }

    /// Whether `rest` begins with a mark. `letters` are those read up to the mark's start, inclusive.
    fn has(&self, rest: &[u8], letters: u64) -> bool {
        let mut mark = self.first[slot(letters)];
        while let Some(at) = usize::from(mark).checked_sub(1) {
            let text = MARKS[at].as_bytes();
            let is_here = rest.get(..text.len()).is_some_and(|word| word.eq_ignore_ascii_case(text));
            if is_here && letters & 0xff_ffff_ffff != CUBOT {
                return true;
            }
            mark = self.next[at];
        }
        false
    }
}

/// The last eight letters, case ignored, one byte each.
const fn after(letters: u64, byte: u8) -> u64 {
    letters << 8 | byte.to_ascii_lowercase() as u64
}

/// Where the last [`START`] letters are looked up.
const fn slot(letters: u64) -> usize {
    ((letters as u32) << 8).wrapping_mul(0x9e37_79b1) as usize >> 20
}

/// What robots call themselves. Lower case; case is ignored.
#[rustfmt::skip]
const MARKS: &[&str] = &[
    // crawlers
    "bot", "crawl", "spider", "slurp", "archiver", "mediapartners-google", "google-inspectiontool", "googleother",
    "google-extended", "google-read-aloud", "google favicon", "googleimageproxy", "feedfetcher", "feedburner",
    "apis-google", "google-safety", "yandeximages", "yandexmetrika", "yandexdirect", "yandexfavicons", "yeti/", "daumoa",
    "heritrix", "nutch", "ltx71", "netcraft", "censys", "shodan", "zgrab", "masscan", "nmap", "nuclei", "nikto", "sqlmap",
    "expanse, a palo alto", "internet-measurement", "builtwith", "wappalyzer", "screaming frog", "siteauditor",
    "sitechecker", "xenu link", "linkchecker", "link checker", "w3c_validator", "w3c-checklink", "validator.nu",
    "wordpress/", "scrapy", "scraper", "harvest", "collectd", "brandwatch", "mention.com", "trendsmap", "turnitin",
    // AI
    "chatgpt-user", "perplexity-user", "claude-user", "claude-web", "anthropic-ai", "cohere-ai", "mistralai-user",
    "meta-externalagent", "meta-externalfetcher", "google-cloudvertex", "firecrawl", "duckassist",
    // previews of links
    "facebookexternalhit", "facebookcatalog", "whatsapp/", "skypeuripreview", "bingpreview", "linkpreview",
    "link preview", "slack-imgproxy", "embedly", "iframely", "vkshare", "flipboardproxy", "tumblr/",
    "outbrain", "quora link", "nuzzel", "pocketparser", "snap url preview", "viber/preview", "teams/preview",
    "microsoftpreview", "google-pagerenderer", "google web preview", "google-structured-data", "prerender",
    // monitors and measurements
    "pingdom", "uptime", "statuscake", "site24x7", "newrelicpinger", "datadog", "synthetic", "catchpoint", "gtmetrix",
    "ptst/", "lighthouse", "pagespeed", "webpagetest", "speedcurve", "calibre", "rigor", "alertsite", "monitis",
    "montastic", "nagios", "check_http", "zabbix", "healthcheck", "health check", "kube-probe", "elb-health",
    "googlehc/", "watchmouse", "hetrixtools", "freshping", "checkly", "better stack", "betterstack", "updown.io",
    "cloudflare-alwaysonline", "cloudflare-healthchecks", "onetrust", "cookieinformation", "observepoint",
    "ghost inspector", "dynatrace", "appdynamics", "apachebench", "siege/", "k6/", "jmeter", "gatling", "locust",
    // browsers without a person
    "headless", "phantomjs", "selenium", "webdriver", "puppeteer", "playwright", "cypress", "slimerjs", "htmlunit",
    "splash", "nightmare", "zombie.js", "jsdom", "browsershots", "browserless",
    // scripts
    "curl/", "wget", "python", "aiohttp", "httpx/", "urllib", "httpclient", "http_client", "http-client", "http client",
    "libwww", "lwp::", "lwp-", "java/", "jakarta", "go-http", "fasthttp", "node-fetch", "node.js", "axios/", "undici",
    "superagent", "got (http", "needle/", "guzzle", "php/", "ruby", "faraday", "mechanize", "winhttp", "powershell",
    "postmanruntime", "insomnia/", "httpie", "rest-client", "restsharp", "dart/", "reqwest", "hyper/", "libcurl",
    "cfnetwork-test", "fetcher", "email scanner", "url scanner", "urlscan", "virustotal", "barracuda", "mimecast",
    "proofpoint", "safebrowsing", "security scanner", "trendmicro", "wtp scanner", "bluecoat", "zscaler probe",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robots_and_people() {
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
            "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
            "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "LinkedInBot/1.0 (compatible; Mozilla/5.0; Jakarta Commons-HttpClient/3.1 +http://www.linkedin.com)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/119.0 Safari/537.36",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.1; +https://openai.com/gptbot",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
            "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
            "Mozilla/5.0 (Linux; Android 11; moto g power) Chrome/119 Mobile Safari/537.36 Chrome-Lighthouse",
            "Mozilla/5.0 (Linux; Android 9; CUBOT X18) AppleWebKit/537.36 (compatible; AdsBot-Google-Mobile)",
            "curl/8.4.0",
            "Wget/1.21.4",
            "python-requests/2.31.0",
            "Go-http-client/1.1",
            "Java/17.0.8",
            "axios/1.6.0",
            "WhatsApp/2.23.20.0",
        ] {
            assert!(is_bot(agent), "{agent}");
            assert!(is_bot(&agent.to_ascii_uppercase()), "{agent}");
        }
        for agent in [
            "",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [LinkedInApp]/9.29",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 300.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 [FBAN/FBIOS;FBAV/440.0]",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 GSA/290.0 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; U; Android 13; SM-G991B) SamsungBrowser/23.0 Chrome/115.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/120.0 Electron/28.0 Slack/4.36 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Version/4.0 Chrome/120.0 Mobile DuckDuckGo/5 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 12; Pinterest/Android) Chrome/120.0 Mobile Safari/537.36",
        ] {
            assert!(!is_bot(agent), "{agent}");
        }
    }

    #[test]
    fn every_mark_is_found() {
        for mark in MARKS {
            assert!(mark.len() >= START && *mark == mark.to_ascii_lowercase(), "{mark}");
            assert!(is_bot(&alloc::format!("Mozilla/5.0 {mark}")), "{mark}");
        }
    }
}
