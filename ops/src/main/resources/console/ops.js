// The status page: asks /api/status every two seconds and draws. Text goes in as text, never as markup.
'use strict';

const EVERY_MS = 2000;
const STALE_MS = 8000;
const SVG = 'http://www.w3.org/2000/svg';
const ENDED = ['completed', 'failed', 'expired', 'cancelled'];

const byId = id => document.getElementById(id);
const integer = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

let shown = null;        // the newest status
let seenAt = 0;          // by this browser's clock: when the data was measured
let problem = null;

function count(n) { return n == null ? '–' : integer.format(n); }

function short(n) {
  if (n == null) return '–';
  for (const [limit, unit] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']]) {
    if (Math.abs(n) >= limit) {
      const scaled = n / (unit === 'k' ? 1e3 : limit);
      return (scaled >= 100 ? scaled.toFixed(0) : scaled.toFixed(1).replace('.0', '')) + ' ' + unit;
    }
  }
  return integer.format(n);
}

function percent(share) { return share == null ? '–' : (100 * share).toFixed(share < 0.0995 && share > 0 ? 1 : 0) + ' %'; }

function duration(seconds) {
  if (seconds == null) return '–';
  if (seconds < 10) return seconds.toFixed(1) + ' s';
  if (seconds < 60) return Math.round(seconds) + ' s';
  const s = Math.round(seconds);
  if (s < 3600) return Math.floor(s / 60) + ' min ' + String(s % 60).padStart(2, '0') + ' s';
  if (s < 172800) return Math.floor(s / 3600) + ' h ' + String(Math.floor(s % 3600 / 60)).padStart(2, '0') + ' min';
  return (s / 86400).toFixed(1) + ' days';
}

function el(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children.filter(child => child != null));
  return node;
}

function set(id, text) { if (byId(id).textContent !== text) byId(id).textContent = text; }

// ---- overview

function work(status) { return status.lag.filter(topic => topic.topic !== 'completions'); }

function showTiles(status) {
  const topics = work(status);
  const records = topics.reduce((sum, topic) => sum + topic.records, 0);
  const tokens = topics.reduce((sum, topic) => sum + topic.prompt_tokens, 0);
  const oldest = Math.max(0, ...topics.map(topic => topic.oldest_age_seconds));
  const live = status.workers.filter(isLive);
  set('lag', short(records));
  set('lag-note', records === 0 ? 'all done' : '≈ ' + short(tokens) + ' tokens in');
  const left = records === 0 ? 0 : timeLeft(topics);
  set('left', records === 0 ? '0 s' : left == null ? 'unknown' : duration(left));
  set('left-note', records === 0 ? 'nothing waits' : left == null && live.length === 0 ? 'no worker runs'
    : 'oldest ' + duration(oldest));
  const sum = field => live.reduce((total, worker) => total + worker[field], 0);
  set('running', count(sum('running')) + ' · ' + count(sum('waiting')));
  set('running-note', live.length + (live.length === 1 ? ' worker' : ' workers'));
  const kvTotal = sum('kv_blocks_total');
  const kv = kvTotal === 0 ? null : sum('kv_blocks_used') / kvTotal;
  set('kv', percent(kv));
  byId('kv-bar').style.width = 100 * (kv || 0) + '%';
  set('hits', percent(status.throughput.cached_share));
  const ideal = status.throughput.ideal_cached_share;
  set('hits-note', ideal == null ? 'of prompt tokens' : 'of prompt tokens · ideal ' + percent(ideal));
  set('dead', count(status.dead_letters.count));
  set('dead-note', status.dead_letters.count === 0 ? 'none' : 'see below');
}

/** Prompts that wait for admission are behind those that are ready; both pass the same workers. */
function timeLeft(topics) {
  const ready = topics[topics.length - 1];
  if (ready.seconds_left == null || ready.records === 0) {
    const known = topics.filter(topic => topic.records > 0).map(topic => topic.seconds_left);
    return known.length && known.every(s => s != null) ? Math.max(...known) : null;
  }
  const records = topics.reduce((sum, topic) => sum + topic.records, 0);
  return ready.seconds_left * records / ready.records;
}

// ---- charts

const CHARTS = [
  { title: 'Tokens in per second', series: [['prompt_rate', 'prompt'], ['cached_rate', 'of these cached']], format: short },
  { title: 'Tokens out per second', series: [['generation_rate', 'generated']], format: short },
  { title: 'Unfinished jobs', series: [['lag', 'published and not finished']], format: short },
  { title: 'Running and waiting', series: [['running', 'running'], ['waiting', 'waiting']], format: short },
  { title: 'KV cache in use', series: [['kv_share', 'share of blocks']], format: percent, max: 1 },
  { title: 'Prefix hits', series: [['hit_ratio', 'cached prompt tokens']], format: percent, max: 1 },
];

function showCharts(series) {
  const box = byId('charts');
  if (!box.childElementCount) CHARTS.forEach(() => box.append(el('figure', 'chart card')));
  CHARTS.forEach((chart, i) => box.children[i].replaceChildren(...drawChart(chart, series)));
}

function drawChart(chart, data) {
  const columns = chart.series.map(([key]) => data[key]);
  const known = columns.flat().filter(v => v != null);
  const top = chart.max || niceTop(Math.max(0, ...known));
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 600 84');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  const latest = columns.map(column => column.length ? column[column.length - 1] : null);
  svg.setAttribute('aria-label', chart.title + ': now ' + chart.format(latest[0]) + ', at most ' + chart.format(Math.max(0, ...known)));
  const base = document.createElementNS(SVG, 'line');
  for (const [name, value] of [['x1', 0], ['x2', 600], ['y1', 83], ['y2', 83]]) base.setAttribute(name, value);
  base.setAttribute('class', 'base');
  svg.append(base);
  columns.forEach((column, s) => drawSeries(svg, data.at_ms, column, top, s));
  const times = data.at_ms;
  const span = times.length > 1 ? (times[times.length - 1] - times[0]) / 1000 : 0;
  const legend = chart.series.map(([, label], s) => el('span', 's' + s, label));
  return [
    el('header', '', el('h3', '', chart.title), el('span', 'now', chart.format(latest[0]))),
    svg,
    el('div', 'axis', el('span', '', span ? duration(span) + ' ago' : ''), el('span', '', 'top ' + chart.format(top)), el('span', '', 'now')),
    el('div', 'legend', ...legend),
  ];
}

function drawSeries(svg, times, values, top, s) {
  if (times.length < 2) return;
  const from = times[0], span = times[times.length - 1] - from;
  const x = i => (600 * (times[i] - from) / span).toFixed(1);
  const y = v => (83 - 80 * Math.min(v, top) / top).toFixed(1);
  let line = '', area = '', start = null, last = null;
  values.forEach((v, i) => {
    if (v == null) { if (start != null) area += `L${x(last)} 83Z`; start = null; return; }
    line += (start == null ? 'M' : 'L') + x(i) + ' ' + y(v);
    area += (start == null ? `M${x(i)} 83L` : 'L') + x(i) + ' ' + y(v);
    if (start == null) start = i;
    last = i;
  });
  if (start != null) area += `L${x(last)} 83Z`;
  for (const [name, d] of [['area', area], ['line', line]]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', name + ' s' + s);
    path.setAttribute('d', d || 'M0 0');
    svg.append(path);
  }
}

function niceTop(max) {
  if (max <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 2, 2.5, 5, 10].map(step => step * power).find(value => value >= max);
}

// ---- batches

const BATCH_TONE = { completed: 'good', in_progress: 'good', finalizing: 'good', failed: 'bad', expired: 'warn', cancelled: 'warn', cancelling: 'warn' };

function showBatches(status) {
  const rows = status.batches.map(batchRow);
  const forecast = status.last_forecast;
  byId('batches').replaceChildren(rows.length ? el('div', 'rows', ...rows)
    : el('p', 'card empty', 'No batch yet. ', el('code', '', 'millrace submit -i FILE.jsonl --wait'), ' makes one.'),
    forecast ? el('p', 'muted', `Time left, checked: half-way through “${forecast.batch}” ${duration(forecast.predicted_seconds)} were `
      + `predicted, it took ${duration(forecast.actual_seconds)}.`) : '');
}

function batchRow(batch) {
  const counts = batch.request_counts;
  const bad = counts.failed + counts.expired + counts.cancelled;
  const done = counts.completed + bad;
  const total = Math.max(counts.total, done + (batch.lag ? batch.lag.records : 0), 1);
  const ended = ENDED.includes(batch.status);
  const good = el('i'), failed = el('i', 'failed');
  good.style.width = 100 * counts.completed / total + '%';
  failed.style.width = 100 * bad / total + '%';
  const bar = el('div', 'bar', good, failed);
  bar.setAttribute('role', 'progressbar');
  bar.setAttribute('aria-label', 'Progress of batch ' + batch.id);
  bar.setAttribute('aria-valuemin', 0);
  bar.setAttribute('aria-valuemax', total);
  bar.setAttribute('aria-valuenow', done);
  const time = ended ? (batch.in_progress_at && endOf(batch) ? 'took ' + duration(endOf(batch) - batch.in_progress_at) : '')
    : batch.seconds_left == null ? done === 0 && batch.lag ? 'waits its turn' : 'time left unknown' : duration(batch.seconds_left) + ' left';
  return el('div', 'card batch',
    el('div', 'line',
      el('span', '', el('span', 'name', batch.id), ' ', pill(batch.status.replace('_', ' '), BATCH_TONE[batch.status]), ' ',
        batch.tenant === 'default' ? '' : el('span', 'muted', batch.tenant)),
      el('span', 'numbers', el('b', '', percent(done / total)), time ? ' · ' + time : '')),
    bar,
    batch.hold_reason ? el('div', 'muted', 'Waits: ' + batch.hold_reason) : '',
    el('div', 'line numbers',
      el('span', '', el('b', '', count(done)), ' of ' + count(Math.max(counts.total, done + (batch.lag ? batch.lag.records : 0))) + (bad ? ' · ' + count(bad) + ' not completed' : '')
        + (counts.duplicates ? ' · ' + count(counts.duplicates) + ' duplicates' : '')),
      el('span', '', short(batch.usage.prompt_tokens) + ' in (' + short(batch.usage.cached_tokens) + ' cached) · '
        + short(batch.usage.completion_tokens) + ' out')));
}

function endOf(batch) { return batch.completed_at || batch.cancelled_at || batch.expired_at; }

function pill(text, tone) { return el('span', 'pill ' + (tone || ''), text); }

// ---- tables

function table(headers, rows, caption) {
  const node = el('table', 'stack');
  node.append(el('caption', 'skip', caption));
  const head = el('tr');
  headers.forEach(([text, className]) => { const th = el('th', className, text); th.scope = 'col'; head.append(th); });
  node.append(el('thead', '', head));
  const body = el('tbody');
  for (const row of rows) {
    const tr = el('tr');
    row.forEach((cell, i) => {
      const td = el('td', headers[i][1], i === 0 ? cell : el('span', '', cell));
      td.dataset.label = headers[i][0];
      tr.append(td);
    });
    body.append(tr);
  }
  node.append(body);
  return el('div', 'card scroll', node);
}

const WORKER_TONE = { running: 'good', starting: 'warn', draining: 'warn', stopped: '', lost: 'bad' };

function isLive(worker) { return worker.state !== 'lost' && worker.state !== 'stopped'; }

function showWorkers(status) {
  const headers = [['Worker', 'text'], ['State', 'text'], ['Model', 'text'], ['Device', 'text'], ['Partitions', ''], ['Running', ''],
    ['Waiting', ''], ['KV', ''], ['Tokens in/s', ''], ['Tokens out/s', ''], ['Jobs', ''], ['Preempted', '']];
  const rows = status.workers.map(w => [el('span', 'name', w.id), pill(w.state, WORKER_TONE[w.state]), w.model, w.device,
    count(w.partitions.length), count(w.running), count(w.waiting),
    w.kv_blocks_total ? percent(w.kv_blocks_used / w.kv_blocks_total) : '–', isLive(w) ? short(w.prompt_tokens_per_second) : '–',
    isLive(w) ? short(w.completion_tokens_per_second) : '–', count(w.jobs_finished), count(w.preemptions)]);
  const holds = status.workers.filter(w => isLive(w) && w.hold_reason)
    .map(w => el('p', 'muted', w.id + ' takes no jobs: ' + w.hold_reason));
  byId('workers').replaceChildren(...rows.length ? [table(headers, rows, 'Workers'), ...holds]
    : [el('p', 'card empty', 'No worker has reported in pool “' + status.pool + '”.')]);
}

function showLag(status) {
  const headers = [['Topic', 'text'], ['Tenant', 'text'], ['Records', ''], ['Prompt tokens', ''], ['Time left', ''], ['Oldest', '']];
  const rows = [];
  for (const topic of status.lag) {
    rows.push([el('span', 'name', topic.topic), 'all', count(topic.records), short(topic.prompt_tokens),
      topic.records ? topic.seconds_left == null ? 'unknown' : duration(topic.seconds_left) : '–',
      topic.records ? duration(topic.oldest_age_seconds) : '–']);
    const tenants = Object.entries(topic.tenants);
    if (tenants.length > 1 || tenants.some(([tenant]) => tenant && tenant !== 'default')) {
      tenants.forEach(([tenant, lag]) => rows.push(['', tenant || 'unknown', count(lag.records), short(lag.prompt_tokens),
        lag.seconds_left == null ? 'unknown' : duration(lag.seconds_left), duration(lag.oldest_age_seconds)]));
    }
  }
  const stuck = status.lag.flatMap(topic => topic.partitions.filter(p => p.idle_seconds > 300)
    .map(p => `${topic.topic}-${p.partition}: ${count(p.records)} records, none finished for ${duration(p.idle_seconds)}`));
  byId('topics').replaceChildren(table(headers, rows, 'Lag by topic and tenant'),
    ...stuck.map(text => el('p', 'muted', pill('stuck', 'bad'), ' ' + text)));
}

function showLetters(letters) {
  const headers = [['Source', 'text'], ['Code', 'text'], ['Set aside by', 'text'], ['When', 'text'], ['Reason', 'text wrap']];
  const rows = letters.newest.map(row => [el('span', 'name', row.source), row.code, row.failed_by,
    new Date(row.at_ms).toLocaleString(), row.reason]);
  byId('letters').replaceChildren(rows.length ? table(headers, rows, 'Newest dead letters')
    : el('p', 'card empty', 'None: every record could be read.'));
}

// ---- freshness

function showFreshness() {
  const age = shown ? (Date.now() - seenAt) / 1000 : null;
  const stale = problem != null || age == null || age * 1000 > STALE_MS;
  byId('freshness').className = 'freshness ' + (stale ? shown ? 'stale' : '' : 'fresh');
  set('freshness-text', shown == null ? 'no data yet' : stale ? 'stale: ' + duration(age) + ' old' : 'live');
  document.body.classList.toggle('is-stale', stale && shown != null);
  const starting = problem === 'starting';
  const text = problem == null || starting ? '' : problem + (shown ? ' What is shown is what was seen last.' : '');
  set('alert', text);
  byId('alert').hidden = !text;
}

function show(status) {
  set('pool', 'pool ' + status.pool);
  showTiles(status);
  showCharts(status.series);
  showBatches(status);
  showWorkers(status);
  showLag(status);
  showLetters(status.dead_letters);
  const left = byId('left').textContent, lag = byId('lag').textContent;
  document.title = lag === '0' ? 'Millrace: all done' : `${lag} left, ${left} · Millrace`;
}

async function refresh() {
  try {
    const response = await fetch('/api/status', { cache: 'no-store', signal: AbortSignal.timeout(10000) });
    if (!response.ok) throw new Error('it answers ' + response.status);
    const answer = await response.json();
    problem = answer.problem == null ? null : answer.problem === 'starting' ? 'starting' : 'Cannot see how things are: ' + answer.problem + '.';
    if (answer.status) {
      shown = answer.status;
      seenAt = Date.now() - Math.max(0, answer.now_ms - answer.status.at_ms);
      show(shown);
    }
  } catch (error) {
    problem = 'This page’s server does not answer.';
  }
  showFreshness();
  setTimeout(refresh, EVERY_MS);
}

setInterval(showFreshness, 1000);
refresh();
