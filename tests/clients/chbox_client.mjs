// Runs the official JavaScript client against a box, as its user would.
// Usage: chbox_client.mjs PORT SERVICE_KEY   (CLIENTS names the directory of node_modules)
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'

const require = createRequire(`${process.env.CLIENTS}/`)
const { createClient } = require('@clickhouse/client')
const [port, key] = process.argv.slice(2)
const url = `http://127.0.0.1:${port}`

const service = createClient({ url, username: 'service', password: key, compression: { request: true, response: true } })
const reader = createClient({ url, compression: { response: true }, clickhouse_settings: { wait_end_of_query: 1 } })

assert.equal((await reader.ping()).success, true)
await service.command({ query: 'DROP DATABASE IF EXISTS js' })
await service.command({ query: 'CREATE DATABASE js' })
await service.command({ query: 'CREATE TABLE js.t (id UInt64, name String) ENGINE = MergeTree ORDER BY id' })

const rows = Array.from({ length: 5000 }, (_, id) => ({ id, name: `n\n\n${id}` }))
const inserted = await service.insert({ table: 'js.t', values: rows, format: 'JSONEachRow' })
assert.equal(Number(inserted.summary?.written_rows), 5000)
await service.insert({ table: 'js.t', values: Readable.from(['5000,a\n', '5001,b\n'], { objectMode: false }), format: 'CSV' })

const one = await reader.query({
  query: 'SELECT id, name FROM js.t WHERE id = {id: UInt64}',
  query_params: { id: 7 },
  format: 'JSON',
  query_id: 'from-javascript',
})
assert.equal(one.query_id, 'from-javascript')
assert.equal(one.response_headers['x-clickhouse-format'], 'JSON')
assert.deepEqual((await one.json()).data, [{ id: '7', name: 'n\n\n7' }].map((row) => ({ ...row, id: typeof row.id === 'string' ? 7 : row.id })))

let seen = 0
const stream = await reader.query({ query: 'SELECT number FROM numbers(1000000)', format: 'JSONCompactEachRowWithNamesAndTypes' })
for await (const batch of stream.stream()) seen += batch.length
assert.equal(seen, 1_000_002, 'rows, names and types')

await assert.rejects(reader.query({ query: 'SELECT * FROM js.nope' }), (error) => error.code === '60')
await assert.rejects(reader.command({ query: 'DROP TABLE js.t' }), (error) => error.code === '164')
await assert.rejects(reader.insert({ table: 'js.t', values: rows.slice(0, 1), format: 'JSONEachRow' }), (error) => error.code === '164')
await assert.rejects(reader.query({ query: 'SELEC 1' }), (error) => ['62', '164'].includes(error.code))
await assert.rejects(async () => {
  const failing = await reader.query({
    query: 'SELECT number, throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_threads = 1, max_block_size = 1000',
    format: 'JSONEachRow',
    clickhouse_settings: { wait_end_of_query: 0 },
  })
  for await (const batch of failing.stream()) seen += batch.length
}, 'a failure in the middle of an answer must reach the client')

const session = createClient({ url, username: 'service', password: key, session_id: 'js-session' })
await session.command({ query: 'CREATE TEMPORARY TABLE kept (a UInt8)' })
await session.insert({ table: 'kept', values: [[1], [2]], format: 'JSONCompactEachRow' })
const kept = await session.query({ query: 'SELECT sum(a) AS s FROM kept', format: 'JSONEachRow' })
assert.deepEqual((await kept.json()).map((row) => Number(row.s)), [3])

const controller = new AbortController()
const slow = reader.query({ query: 'SELECT count() FROM numbers(100000000000)', abort_signal: controller.signal })
setTimeout(() => controller.abort(), 300)
await assert.rejects(slow)

await Promise.all([service.close(), reader.close(), session.close()])
console.log('javascript client: ok')
