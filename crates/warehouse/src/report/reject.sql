SELECT stream, position, reason, detail, rejected_at, length,
    if(isValidUTF8(r.bytes), r.bytes, concat('0x', hex(r.bytes))) AS bytes
FROM $views.rejects AS r
WHERE stream = {stream:String} AND position = {position:UInt64}
