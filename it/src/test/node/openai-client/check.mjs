// The official client, unmodified, against a running Batch API:  node check.mjs BASE_URL MODEL FOLDER
// Prints one line for each thing that holds and ends with 0, or throws.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import OpenAI, { APIError } from 'openai';

const [baseURL, model, folder] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'any-key', maxRetries: 0 });
const JOBS = 300;

function holds(what) {
  console.log(`ok ${what}`);
}

function line(customId, content, url = '/v1/chat/completions') {
  const body = { model, messages: [{ role: 'user', content }] };
  return JSON.stringify({ custom_id: customId, method: 'POST', url, body });
}

async function upload(name, lines) {
  const file = path.join(folder, name);
  fs.writeFileSync(file, lines.join('\n') + '\n');
  return client.files.create({ file: fs.createReadStream(file), purpose: 'batch' });
}

async function create(file, more = {}, options = {}) {
  const body = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h', ...more };
  return client.batches.create(body, options);
}

async function awaitEnd(batch) {
  const over = ['completed', 'failed', 'expired', 'cancelled'];
  const seen = new Set();
  for (let i = 0; i < 600; i++) {
    const now = await client.batches.retrieve(batch.id);
    seen.add(now.status);
    if (over.includes(now.status)) {
      return now;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`batch ${batch.id} has not ended; it went through ${[...seen]}`);
}

async function download(fileId) {
  const text = await (await client.files.content(fileId)).text();
  return text.split('\n').filter(Boolean).map((each) => JSON.parse(each));
}

async function fails(status, promise) {
  const error = await promise.then(() => assert.fail(`expected ${status}`), (e) => e);
  assert.ok(error instanceof APIError, `${error}`);
  assert.equal(error.status, status);
  assert.ok(error.message && error.type, 'an error names message and type');
  return error;
}

async function runsABatch() {
  let models = await client.models.list();
  while (models.data.length === 0) {
    // The worker has only just started and has not reported yet.
    await new Promise((resolve) => setTimeout(resolve, 50));
    models = await client.models.list();
  }
  assert.deepEqual(models.data.map((each) => each.id), [model]);
  assert.equal((await client.models.retrieve(model)).object, 'model');
  holds('models');

  const lines = [...Array(JOBS).keys()].map((i) => line(`job-${i}`, `say ${i} ümlaut €`));
  lines.splice(7, 0, line('embed', 'x', '/v1/embeddings'));
  const file = await upload('prompts ünd.jsonl', lines);
  assert.equal(file.object, 'file');
  assert.equal(file.filename, 'prompts ünd.jsonl');
  assert.equal(file.bytes, Buffer.byteLength(lines.join('\n')) + 1);
  assert.deepEqual(await client.files.retrieve(file.id), file);
  assert.equal(await (await client.files.content(file.id)).text(), lines.join('\n') + '\n');
  holds('upload and download unchanged');

  const created = await create(file, { metadata: { project: 'it' } });
  assert.equal(created.object, 'batch');
  assert.ok(['validating', 'in_progress'].includes(created.status), created.status);
  assert.match(created._request_id, /^req_/);
  const batch = await awaitEnd(created);
  assert.equal(batch.status, 'completed');
  assert.deepEqual(batch.request_counts, { total: JOBS + 1, completed: JOBS, failed: 1 });
  assert.deepEqual(batch.metadata, { project: 'it' });
  assert.equal(batch.model, model);
  assert.equal(batch.expires_at - batch.created_at, 24 * 3600);
  assert.ok(batch.created_at <= batch.in_progress_at && batch.in_progress_at <= batch.finalizing_at);
  assert.ok(batch.finalizing_at <= batch.completed_at);
  assert.ok(batch.usage.input_tokens > 0 && batch.usage.output_tokens >= JOBS);
  holds('a batch from creation to completion');

  const answers = await download(batch.output_file_id);
  const byId = new Map(answers.map((each) => [each.custom_id, each]));
  assert.equal(answers.length, JOBS);
  for (let i = 0; i < JOBS; i++) {
    const { response, error } = byId.get(`job-${i}`);
    assert.equal(error, null);
    assert.equal(response.status_code, 200);
    assert.equal(response.body.choices[0].message.content, `say ${i} ümlaut €`);
  }
  holds('each job has its answer once');

  const errors = await download(batch.error_file_id);
  assert.deepEqual(errors.map((each) => each.custom_id), ['embed']);
  assert.match(errors[0].error.message, /\/v1\/embeddings/);
  assert.equal((await client.files.retrieve(batch.output_file_id)).purpose, 'batch_output');
  holds('a line that is not served ends in the error file');
  return { file, batch };
}

async function listsAndCursors({ file, batch }) {
  const second = await upload('second.jsonl', [line('only', 'once')]);
  const listed = [];
  for await (const each of client.files.list({ limit: 1, purpose: 'batch' })) {
    listed.push(each.id);
  }
  assert.deepEqual(listed, [second.id, file.id], 'newest first, across pages');
  const oldestFirst = await client.files.list({ order: 'asc', purpose: 'batch' });
  assert.deepEqual(oldestFirst.data.map((each) => each.id), [file.id, second.id]);

  const other = await create(second);
  const batches = [];
  for await (const each of client.batches.list({ limit: 1 })) {
    batches.push(each.id);
  }
  assert.deepEqual(batches, [other.id, batch.id]);
  await awaitEnd(other);
  holds('lists page by cursor');

  const key = { headers: { 'Idempotency-Key': 'once' } };
  const first = await create(second, {}, key);
  const again = await create(second, {}, key);
  assert.equal(again.id, first.id);
  await fails(409, create(second, { metadata: { a: 'b' } }, key));
  await awaitEnd(first);
  holds('an idempotency key makes one batch');
  return second;
}

async function cancels() {
  const file = await upload('long.jsonl', [...Array(10000).keys()].map((i) => line(`c-${i}`, `${i}`)));
  const early = await client.batches.cancel((await create(file)).id);
  assert.equal((await awaitEnd(early)).status, 'cancelled');

  const batch = await create(file);
  while ((await client.batches.retrieve(batch.id)).request_counts.completed === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const cancelling = await client.batches.cancel(batch.id);
  assert.ok(['cancelling', 'cancelled'].includes(cancelling.status), cancelling.status);
  const end = await awaitEnd(cancelling);
  assert.equal(end.status, 'cancelled');
  assert.ok(end.cancelling_at <= end.cancelled_at);
  const { total, completed, failed } = end.request_counts;
  assert.equal(total, completed + failed);
  const written = end.output_file_id ? (await download(end.output_file_id)).length : 0;
  assert.equal(written, completed, 'partial output is kept');
  assert.equal((await client.batches.cancel(end.id)).status, 'cancelled');
  holds(`cancel (${completed} of ${total} were answered)`);
}

async function refuses({ file, batch }, second) {
  const gone = await fails(404, client.files.retrieve('file-0123'));
  assert.equal(gone.param, 'id');
  await fails(404, client.files.retrieve('../../etc/passwd'));
  await fails(404, client.batches.retrieve('batch_0123'));
  await fails(404, client.models.retrieve('nothing'));
  await fails(404, client.chat.completions.create({ model, messages: [{ role: 'user', content: 'x' }] }));
  const embeddings = await fails(400, create(file, { endpoint: '/v1/embeddings' }));
  assert.equal(embeddings.param, 'endpoint');
  assert.match(embeddings.message, /\/v1\/embeddings/);
  assert.equal((await fails(400, create(file, { completion_window: 'soon' }))).param, 'completion_window');
  assert.equal((await fails(400, create({ id: 'file-nothing' }))).param, 'input_file_id');
  assert.equal((await fails(400, create({ id: batch.output_file_id }))).param, 'input_file_id');
  const pairs = Object.fromEntries([...Array(17).keys()].map((i) => [`k${i}`, 'v']));
  assert.equal((await fails(400, create(file, { metadata: pairs }))).param, 'metadata');
  await fails(409, client.batches.cancel(batch.id));
  const purpose = client.files.create({ file: new File(['{}'], 'x.jsonl'), purpose: 'fine-tune' });
  assert.equal((await fails(400, purpose)).param, 'purpose');
  const anonymous = await fetch(`${baseURL}/files`);
  assert.equal(anonymous.status, 401);
  assert.equal((await anonymous.json()).error.code, 'invalid_api_key');
  holds('errors have status, type, param and code');

  const bad = await upload('bad.jsonl', ['{"custom_id":', line('e', 'x', '/v1/embeddings')]);
  const failed = await awaitEnd(await create(bad));
  assert.equal(failed.status, 'failed');
  assert.deepEqual(failed.errors.data.map((each) => each.line), [1, 2]);
  assert.equal(failed.errors.data[1].param, 'url');
  holds('a file without a good line fails with reasons');

  assert.deepEqual(await client.files.delete(second.id), { id: second.id, object: 'file', deleted: true });
  await fails(404, client.files.retrieve(second.id));
  await fails(404, client.files.content(second.id));
  holds('delete');
}

const ran = await runsABatch();
const second = await listsAndCursors(ran);
await cancels();
await refuses(ran, second);
