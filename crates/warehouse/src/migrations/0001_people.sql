CREATE TABLE IF NOT EXISTS $data.web_events (
    workspace     LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    visitor       String COMMENT 'Browser that viewed the page.' CODEC(ZSTD(1)),
    viewed_at     DateTime64(3, 'UTC') COMMENT 'When the page was viewed.' CODEC(Delta, ZSTD(1)),
    event_id      String COMMENT 'Event that brought the view.' CODEC(ZSTD(1)),
    lead          String COMMENT 'Lead the visitor was then, as hexadecimal id; (none) while anonymous.' CODEC(ZSTD(1)),
    session_at    DateTime64(3, 'UTC') COMMENT 'Start of the session the view belongs to.' CODEC(Delta, ZSTD(1)),
    channel       LowCardinality(String) COMMENT 'Channel the interaction came through.',
    subchannel    LowCardinality(String) COMMENT 'Finer channel, such as the network.',
    source        LowCardinality(String) COMMENT 'Source, as in UTM.',
    medium        LowCardinality(String) COMMENT 'Medium, as in UTM.',
    campaign      LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    content       LowCardinality(String) COMMENT 'Normalised path or asset id.',
    content_group LowCardinality(String) COMMENT 'Group of the content, such as blog or ebook.',
    buyer_stage   LowCardinality(String) COMMENT 'Stage of the buyer''s journey the content serves.',
    referrer_host LowCardinality(String) COMMENT 'Host of the page before.',
    bot           UInt8 COMMENT '1 where the view was made by a bot.' CODEC(ZSTD(1)),
    partition     UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version       UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted    UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest    UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(viewed_at)
ORDER BY (workspace, visitor, viewed_at, event_id)
SETTINGS $settings
COMMENT 'One row per page view, anonymous ones too; bots are flagged.';

CREATE TABLE IF NOT EXISTS $data.touches (
    workspace       LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead            String COMMENT 'Lead that was touched, as hexadecimal id.' CODEC(ZSTD(1)),
    touch_at        DateTime64(3, 'UTC') COMMENT 'When the touch happened.' CODEC(Delta, ZSTD(1)),
    touch_id        String COMMENT 'Event that made the touch.' CODEC(ZSTD(1)),
    account         String COMMENT 'Account of the lead.' CODEC(ZSTD(1)),
    kind            LowCardinality(String) COMMENT 'visit, email_click, form, event, enablement or self_reported.',
    channel         LowCardinality(String) COMMENT 'Channel the interaction came through.',
    subchannel      LowCardinality(String) COMMENT 'Finer channel, such as the network.',
    source          LowCardinality(String) COMMENT 'Source, as in UTM.',
    medium          LowCardinality(String) COMMENT 'Medium, as in UTM.',
    campaign        LowCardinality(String) COMMENT 'Campaign, as in UTM.',
    content         LowCardinality(String) COMMENT 'Normalised path or asset id.',
    content_group   LowCardinality(String) COMMENT 'Group of the content, such as blog or ebook.',
    buyer_stage     LowCardinality(String) COMMENT 'Stage of the buyer''s journey the content serves.',
    visitor         String COMMENT 'Browser the touch came from; (none) for mail and CRM touches.' CODEC(ZSTD(1)),
    ruleset_version LowCardinality(String) COMMENT 'Version of the channel rules and source list that classified it.',
    partition       UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version         UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted      UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest      UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(touch_at)
ORDER BY (workspace, lead, touch_at, touch_id)
SETTINGS $settings
COMMENT 'One row per touch of a known lead.';

CREATE TABLE IF NOT EXISTS $data.leads (
    workspace          LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead               String COMMENT 'The lead, as hexadecimal id.' CODEC(ZSTD(1)),
    email              String COMMENT 'E-mail address; empty when unknown or erased. Withhold it by a grant on the column.' CODEC(ZSTD(1)),
    contact_id         String COMMENT 'CRM contact id; empty when unknown or erased. Withhold it by a grant on the column.' CODEC(ZSTD(1)),
    domain             String COMMENT 'Business domain of the address.' CODEC(ZSTD(1)),
    account            String COMMENT 'Account the lead belongs to.' CODEC(ZSTD(1)),
    persona            LowCardinality(String) COMMENT 'Persona the lead was recognised as.',
    owner              LowCardinality(String) COMMENT 'Rep who owns the lead.',
    stage              LowCardinality(String) COMMENT 'Stage the lead stands at.',
    score_centi        Int64 COMMENT 'Score in hundredths of a point: fit and behaviour together.' CODEC(ZSTD(1)),
    fit_centi          Int64 COMMENT 'Fit part of the score, in hundredths.' CODEC(ZSTD(1)),
    behaviour_centi    Int64 COMMENT 'Behaviour part of the score, in hundredths.' CODEC(ZSTD(1)),
    created_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When the lead was created; null while only mail was sent to it.' CODEC(ZSTD(1)),
    first_touch_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'First touch.' CODEC(ZSTD(1)),
    last_touch_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest touch.' CODEC(ZSTD(1)),
    first_channel      LowCardinality(String) COMMENT 'Channel the interaction came through, of the first touch.',
    first_subchannel   LowCardinality(String) COMMENT 'Finer channel, such as the network, of the first touch.',
    first_source       LowCardinality(String) COMMENT 'Source, as in UTM, of the first touch.',
    first_medium       LowCardinality(String) COMMENT 'Medium, as in UTM, of the first touch.',
    first_campaign     LowCardinality(String) COMMENT 'Campaign, as in UTM, of the first touch.',
    touches            UInt32 COMMENT 'Number of touches.' CODEC(ZSTD(1)),
    mqls               UInt32 COMMENT 'Times the lead became marketing-qualified.' CODEC(ZSTD(1)),
    sqls               UInt32 COMMENT 'Times the lead became sales-qualified.' CODEC(ZSTD(1)),
    deals              UInt32 COMMENT 'Deals the lead is on.' CODEC(ZSTD(1)),
    won_deals          UInt32 COMMENT 'Won deals the lead is on.' CODEC(ZSTD(1)),
    merged_into        String COMMENT 'Lead that owns everything of this one since a merge; (none) for a lead of its own.' CODEC(ZSTD(1)),
    erased             UInt8 COMMENT '1 where the person asked to be forgotten.' CODEC(ZSTD(1)),
    definition_version LowCardinality(String) COMMENT 'Version of the definitions the row was made with.',
    partition          UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version            UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted         UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest         UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (workspace, lead)
SETTINGS $settings
COMMENT 'One row per lead, as it stands.';

CREATE TABLE IF NOT EXISTS $data.lead_events (
    workspace   LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead        String COMMENT 'The lead, as hexadecimal id.' CODEC(ZSTD(1)),
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened.' CODEC(Delta, ZSTD(1)),
    event_id    String COMMENT 'Event it came from.' CODEC(ZSTD(1)),
    event       LowCardinality(String) COMMENT 'What happened, such as email_opened, call, verdict_rejected or updated.',
    campaign    LowCardinality(String) COMMENT 'Campaign of the mail.',
    content     LowCardinality(String) COMMENT 'Mail, asset or form.',
    rep         LowCardinality(String) COMMENT 'Rep who did it.',
    detail      String COMMENT 'Outcome of an activity, reason of a verdict.' CODEC(ZSTD(1)),
    partition   UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version     UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted  UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest  UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (workspace, lead, occurred_at, event_id)
SETTINGS $settings
COMMENT 'One row per mail, call, verdict or CRM update of a lead: what a timeline shows beside touches and stages.';

CREATE TABLE IF NOT EXISTS $data.stage_entries (
    workspace          LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead               String COMMENT 'The lead, as hexadecimal id.' CODEC(ZSTD(1)),
    entered_at         DateTime64(3, 'UTC') COMMENT 'When the stage was entered.' CODEC(Delta, ZSTD(1)),
    stage              LowCardinality(String) COMMENT 'Stage that was entered.',
    from_stage         LowCardinality(String) COMMENT 'Stage the lead stood at before.',
    reason             LowCardinality(String) COMMENT 'What made it: score, crm, verdict, a deal, or the reason sales gave.',
    inferred           UInt8 COMMENT '1 where the stage was skipped and is entered at the time of a later one.' CODEC(ZSTD(1)),
    previous_ms        Int64 COMMENT 'Milliseconds spent in the stage before.' CODEC(ZSTD(1)),
    persona            LowCardinality(String) COMMENT 'Persona of the lead.',
    account            String COMMENT 'Account of the lead.' CODEC(ZSTD(1)),
    channel            LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    definition_version LowCardinality(String) COMMENT 'Version of the definitions the row was made with.',
    partition          UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version            UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted         UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest         UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(entered_at)
ORDER BY (workspace, lead, entered_at, stage)
SETTINGS $settings
COMMENT 'One row per entry of a lead into a stage; every entry is kept.';

CREATE TABLE IF NOT EXISTS $data.handoffs (
    workspace         LowCardinality(String) COMMENT 'Workspace the row belongs to.',
    lead              String COMMENT 'The lead, as hexadecimal id.' CODEC(ZSTD(1)),
    mql_at            DateTime64(3, 'UTC') COMMENT 'When the lead became marketing-qualified: the clock starts.' CODEC(Delta, ZSTD(1)),
    first_activity_at Nullable(DateTime64(3, 'UTC')) COMMENT 'First sales activity after it; null while there is none.' CODEC(ZSTD(1)),
    verdict_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'Verdict of sales; null while there is none.' CODEC(ZSTD(1)),
    verdict           LowCardinality(String) COMMENT 'accepted, rejected, recycled, qualified or disqualified.',
    reason            String COMMENT 'Reason of the verdict.' CODEC(ZSTD(1)),
    rep               LowCardinality(String) COMMENT 'Rep who answered.',
    account           String COMMENT 'Account of the lead.' CODEC(ZSTD(1)),
    persona           LowCardinality(String) COMMENT 'Persona of the lead.',
    channel           LowCardinality(String) COMMENT 'Channel of the lead''s first touch.',
    partition         UInt32 COMMENT 'Journal partition that wrote the row.' CODEC(ZSTD(1)),
    version           UInt64 COMMENT 'Journal offset of the tick that settled the row; the highest version of a key holds.' CODEC(Delta, ZSTD(1)),
    is_deleted        UInt8 COMMENT '1 where the key is gone since this version.' CODEC(ZSTD(1)),
    row_digest        UInt64 COMMENT 'Content hash of the row, for checksums; 0 where rows are immutable or gone.' CODEC(NONE)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(mql_at)
ORDER BY (workspace, lead, mql_at)
SETTINGS $settings
COMMENT 'One row per hand-off of a marketing-qualified lead to sales.';
