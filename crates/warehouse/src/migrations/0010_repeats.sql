ALTER TABLE $data.conversions ADD COLUMN IF NOT EXISTS touch_repeat Array(UInt8) DEFAULT arrayWithConstant(length(touch_id), 0) COMMENT 'Of each touch: 1 where it is one with an earlier touch of its session, and only models that count each know it.' CODEC(ZSTD(1)) AFTER touch_kind;

ALTER TABLE $data.credit_ledger ADD COLUMN IF NOT EXISTS touch_repeat Array(UInt8) DEFAULT arrayWithConstant(length(touch_id), 0) COMMENT 'Of each touch: 1 where it is one with an earlier touch of its session, and only models that count each know it.' CODEC(ZSTD(1)) AFTER touch_kind;
