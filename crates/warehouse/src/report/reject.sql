SELECT stream, position, reason, detail, rejected_at, length, bytes
FROM $views.rejects
WHERE stream = {stream:String} AND position = {position:UInt64}
