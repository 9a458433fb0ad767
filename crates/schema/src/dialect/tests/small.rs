//! The dialects of few columns: a pipeline without people, spend, rates.

use super::*;

#[test]
fn crm_deals_open_and_close_with_their_account() {
    let deals = "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n\
        W,Moses,GTXPro,Cancity,Won,2016-10-20,2017-03-01,1054\n\
        L,Moses,New Thing,Nowhere,Lost,2016-10-21,2017-03-02,0\n\
        E,Moses,GTX Pro,,Engaging,2016-10-22,,\n\
        P,Moses,MG,,Prospecting,,,\n\
        X,Moses,MG,,Won,2016-10-23,,10\n\
        Y,Moses,MG,,Dreaming,,,\n";
    check(
        Dialect::Crm,
        &[
            ("sales_pipeline.csv", deals),
            ("accounts.csv", "account,sector\nCancity,retail\nUnused,retail\n"),
            ("products.csv", "product,series\nGTX Pro,GTX\nUnsold,GTX\n"),
            ("sales_teams.csv", "sales_agent\nMoses\n"),
        ],
        &[
            "crm:deal:W:engaged 2016-10-20T00:00 created=W account=Cancity amount=105400USD stage=Engaging \
             pipeline=GTX Pro owner=Moses",
            "crm:deal:W:won 2017-03-01T00:00 won=W account=Cancity amount=105400USD stage=Won pipeline=GTX Pro owner=Moses",
            "crm:deal:L:engaged 2016-10-21T00:00 created=L account=Nowhere amount=0USD stage=Engaging \
             pipeline=New Thing owner=Moses",
            "crm:deal:L:lost 2017-03-02T00:00 lost=L account=Nowhere amount=0USD stage=Lost pipeline=New Thing owner=Moses",
            "crm:deal:E:engaged 2016-10-22T00:00 created=E stage=Engaging pipeline=GTX Pro owner=Moses",
            "crm:deal:P:prospect 2017-03-02T00:00 created=P stage=Prospecting pipeline=MG owner=Moses",
            "missing_field: file \"sales_pipeline.csv\" line 6 column \"close_date\" is blank <X,Moses,MG,,Won,2016-10-23,,10>",
            "invalid_value: file \"sales_pipeline.csv\" line 7 column \"deal_stage\" holds \"Dreaming\", which is none of \
             Prospecting, Engaging, Won, Lost <Y,Moses,MG,,Dreaming,,,>",
        ],
        &[
            ("sales_pipeline.csv", [6, 4, 0, 0, 2]),
            ("accounts.csv", [2, 0, 1, 1, 0]),
            ("products.csv", [2, 0, 1, 1, 0]),
            ("sales_teams.csv", [1, 0, 0, 1, 0]),
        ],
    );
}

#[test]
fn spend_is_exact_and_never_counted_twice() {
    let spend = "day;channel;campaign;amount;currency;clicks\n\
        2026-03-01;Paid Search;brand;1234,56;eur;7\n\
        2026-03-01;Paid Search;other;100;JPY;\n\
        2026-03-01;Paid Search;brand;1,00;EUR;\n\
        2026-03-01;;;1,00;EUR;\n\
        2026-03-02;Display;;1,005;EUR;\n\
        2026-03-02;Display;;1;XYZ;\n\
        2026-03-02;Display;;1;EUR;-1\n";
    let found = import(Dialect::Spend, &[("spend.csv", spend)]).expect("an import");
    assert!(found.balanced());
    let lines: Vec<String> = found.records.iter().map(line).collect();
    let problems = [
        "duplicate_field: file \"spend.csv\" line 4: the day and campaign of line 2 again",
        "missing_field: file \"spend.csv\" line 5: channel, source, medium and campaign are all blank",
        "invalid_amount: file \"spend.csv\" line 6 column \"amount\" holds \"1,005\"",
        "unknown_currency: file \"spend.csv\" line 7 column \"currency\" holds \"XYZ\"",
        "invalid_value: file \"spend.csv\" line 8 column \"clicks\" holds \"-1\"",
    ];
    assert!(lines[0].ends_with("channel=Paid Search campaign=brand amount=123456EUR clicks=7"), "{}", lines[0]);
    assert!(lines[1].ends_with("channel=Paid Search campaign=other amount=100JPY"), "{}", lines[1]);
    for (line, problem) in lines[2..].iter().zip(problems) {
        assert!(line.starts_with(problem), "{line}");
    }
    assert_eq!(lines.len(), 7);
    // The id comes from the key alone: not from the amount, the delimiter or the place in the file.
    let again = "amount,currency,day,channel,campaign\n5,EUR,2026-03-01,Paid Search,brand\n";
    let again = import(Dialect::Spend, &[("again.csv", again)]).expect("an import");
    let first = |import: &Import| import.records[0].record.outcome.clone().expect("an event");
    let id = |import: &Import| first(import).event.event_id;
    assert_eq!(id(&found), id(&again));
}

/// 100.00 over three days are 33.34, 33.33, 33.33; -0.05 over two are -0.02, -0.03; the parts of a cost add up.
#[test]
fn the_cost_of_a_campaign_is_spread_by_day_to_the_penny() {
    let spend = "day,until,campaign,amount,currency,clicks\n\
        2026-03-01,2026-03-03,fair,100.00,EUR,4\n\
        2026-03-01,2026-03-02,refund,-0.05,EUR,\n\
        2026-03-03,2026-03-04,fair,1,EUR,\n\
        2026-03-09,2026-03-08,late,1,EUR,\n\
        2026-03-05,,plain,1,EUR,\n\
        2026-03-06,,most,9999999999999.99,EUR,\n\
        2026-03-07,,more,10000000000000,EUR,\n";
    let found = import(Dialect::Spend, &[("spend.csv", spend)]).expect("an import");
    assert!(found.balanced());
    let ends: Vec<String> = found.records.iter().map(line).collect();
    let expect = [
        "campaign=fair amount=3334EUR clicks=2",
        "campaign=fair amount=3333EUR clicks=1",
        "campaign=fair amount=3333EUR clicks=1",
        "campaign=refund amount=-2EUR",
        "campaign=refund amount=-3EUR",
    ];
    let spread: Vec<&String> = ends.iter().filter(|line| line.contains("fair") || line.contains("refund")).collect();
    for (line, expect) in spread.iter().zip(expect) {
        assert!(line.ends_with(expect), "{line}");
    }
    let refused = |problem: &str| ends.iter().filter(|line| line.starts_with(problem)).count();
    assert_eq!(refused("duplicate_field: file \"spend.csv\" line 4: the day and campaign of line 2 again"), 1);
    assert_eq!(refused("invalid_value: file \"spend.csv\" line 5: ends before it begins"), 1);
    assert_eq!(refused("amount_overflow: file \"spend.csv\" line 8 column \"amount\" holds"), 1);
    for whole in ["campaign=plain amount=100EUR", "campaign=most amount=999999999999999EUR"] {
        assert!(ends.iter().any(|line| line.ends_with(whole)), "{whole}");
    }
}

#[test]
fn rates_are_exact_decimals() {
    let rates = "day,currency,rate\n2026-03-01,BRL,0.1834\n2026-03-01,brl,0.2\n2026-03-02,BRL,0\n2026-03-03,,1\n2027-03-01,BRL,1\n";
    check(
        Dialect::Rates,
        &[("rates.csv", rates)],
        &[
            "rate:2026-03-01:BRL 2026-03-01T00:00 BRL=0.1834",
            "duplicate_field: file \"rates.csv\" line 3: the day and currency of line 2 again <2026-03-01,brl,0.2>",
            "invalid_amount: file \"rates.csv\" line 4 column \"rate\" holds \"0\", which is no positive decimal of at most \
             twelve places <2026-03-02,BRL,0>",
            "missing_field: file \"rates.csv\" line 5 column \"currency\" is blank <2026-03-03,,1>",
            "time_out_of_range: file \"rates.csv\" line 6: 2027-03-01T00:00:00.000Z is before 1990 or more than a day ahead \
             <2027-03-01,BRL,1>",
        ],
        &[("rates.csv", [5, 1, 0, 0, 4])],
    );
}
