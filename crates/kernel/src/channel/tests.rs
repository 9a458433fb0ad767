use super::*;

#[test]
fn names_are_unique_and_found() {
    for channel in Channel::ALL {
        assert_eq!(Channel::from_name(channel.name()), Some(channel));
    }
    assert_eq!(Channel::from_name("paid search"), None);
    assert_eq!(Channel::from_name(UNATTRIBUTED), None);
}

#[test]
fn what_is_bought() {
    for (channel, paid) in [
        ("Paid Search", true),
        ("Display", true),
        ("Cross-network", true),
        ("Paid Podcasts", true),
        ("paid-influencers", true),
        ("Organic Search", false),
        ("Affiliates", false),
        ("(unattributed)", false),
        ("Pé", false),
        ("", false),
    ] {
        assert_eq!(is_paid(channel), paid, "{channel}");
    }
    assert!(is_direct("Direct") && !is_direct("direct"));
}
