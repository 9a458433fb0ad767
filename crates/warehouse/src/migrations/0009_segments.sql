ALTER TABLE $data.leads ADD COLUMN IF NOT EXISTS account_segment LowCardinality(String) DEFAULT '(none)' COMMENT 'What the lead''s own attributes make of its company, such as mid-market.' AFTER account;

ALTER TABLE $data.leads ADD COLUMN IF NOT EXISTS account_segment_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the attribute behind it was said last; null while none was.' CODEC(ZSTD(1)) AFTER account_segment;

ALTER TABLE $data.stage_entries ADD COLUMN IF NOT EXISTS score_centi Int64 COMMENT 'Score on entering, in hundredths of a point.' CODEC(ZSTD(1)) AFTER channel;

ALTER TABLE $data.conversion_watch COMMENT COLUMN IF EXISTS dimension 'What the segment is one of: all, channel, persona, account_segment, content or rep.';
