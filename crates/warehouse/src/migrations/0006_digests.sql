ALTER TABLE $data.credit_ledger COMMENT COLUMN IF EXISTS row_digest 'Hash of the entry''s key, for checksums; 0 where it is gone.';

ALTER TABLE $data.rejects COMMENT COLUMN IF EXISTS row_digest 'Hash of the reject''s key, for checksums; 0 where it is gone.';
