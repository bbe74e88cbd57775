// What matters first: is it in order, what is not, and how far the counts are from their thresholds.

import { byId, el, keyed, setText, shape, state, svg } from './dom.js';
import { setAhead, when } from './time.js';
import { count, number } from './words.js';

// ---- findings: {level: 'bad'|'warn', what, remedy, where} ----

function keyFindings(status) {
  if (status.relays_all) return []; // needs none
  if (status.mode === 'refuse')
    return [{ level: 'warn', what: 'KMS: every request is refused ([kms] mode = refuse)',
      remedy: 'Set [kms] mode = serve when machines should be activated again.' }];
  if (status.host_keys.length === 0)
    return [{ level: 'bad', what: 'KMS: no host key is installed, so every request is refused',
      remedy: 'adbactl hostkey issue, then adbactl hostkey install --activate.' }];
  return status.host_keys.filter((key) => !key.activated).map((key) => ({
    level: 'bad', what: `KMS: the host key of “${key.group}” is not activated`, remedy: 'adbactl hostkey activate.' }));
}

function directoryFindings({ directory, registry }) {
  const found = [];
  if (directory?.state === 'down')
    found.push({ level: 'bad', what: `Directory: not usable: ${directory.why}`,
      remedy: 'Machines are served by KMS meanwhile. adbactl directory check names the step that fails.' });
  if (registry && (registry.state === 'stale' || registry.state === 'never'))
    found.push({ level: 'warn', what: `Membership registry: ${registry.state}${registry.why ? `: ${registry.why}` : ''}`,
      remedy: 'adbactl membership sync; members are not told from strangers meanwhile.' });
  return found;
}

function relayFindings({ relay, relays_all: all }) {
  const upstreams = relay?.upstreams ?? [];
  const gone = upstreams.filter((up) => up.state === 'down' || up.state === 'no-address');
  const level = all && gone.length === upstreams.length ? 'bad' : 'warn'; // nothing else answers
  return gone.map((up) => ({
    level, what: `Relay: ${up.upstream} does not answer${up.why ? `: ${up.why}` : ''}`,
    remedy: 'adbactl relay test tells why.' }));
}

export function findings(status, checks) {
  const found = [];
  if (status.ledger.state !== 'up')
    found.push({ level: 'bad', what: `Ledger: can't be written: ${status.ledger.why}`,
      remedy: 'Nothing is answered until it is back. Look at the disk of the state folder.' });
  found.push(...keyFindings(status), ...directoryFindings(status), ...relayFindings(status));
  for (const line of checks?.checks ?? [])
    if (line.state !== 'ok')
      found.push({ level: line.state === 'failed' ? 'bad' : 'warn', what: `Directory check, ${line.check}: ${line.finding}`,
        remedy: line.remedy });
  return found.sort((a, b) => (a.level === b.level ? 0 : a.level === 'bad' ? -1 : 1));
}

export function verdict(found, status) {
  if (status.ledger.state !== 'up') return ['bad', 'Nothing can be activated now'];
  const bad = found.filter((f) => f.level === 'bad').length;
  if (bad > 0) return ['bad', `${count(bad, 'thing')} to repair`];
  if (found.length > 0) return ['warn', `Serving; ${count(found.length, 'thing')} to look at`];
  return ['good', 'Everything is in order'];
}

// ---- vital signs ----

function vital(name, level, word, detail) {
  return { name, level, word, detail };
}

function directoryVital({ directory }) {
  if (directory === null) return vital('Directory', 'idle', 'not configured', 'set [directory] uri');
  if (directory.state === 'unknown') return vital('Directory', 'idle', 'being asked', directory.uri);
  if (directory.state === 'down') return vital('Directory', 'bad', 'down', directory.uri);
  const kind = directory.ad_ds ? 'AD DS' : 'lab directory, not AD DS';
  return vital('Directory', 'good', directory.read_only ? 'up, read only' : 'up',
    `${directory.server ?? directory.uri}, ${kind}, forest ${directory.forest ?? 'unknown'}`);
}

function registryVital({ registry }) {
  if (!registry) return vital('Membership registry', 'idle', 'none', 'needs a directory');
  const level = registry.state === 'good' ? 'good'
    : registry.state === 'stale' ? 'warn' : 'idle';
  return { ...vital('Membership registry', level, `${count(registry.accounts, 'account')}`,
    `${registry.state}${registry.disabled > 0 ? `, ${number(registry.disabled)} disabled` : ''}`), synced: registry.synced };
}

function relayVital({ relay }) {
  if (!relay?.configured) return vital('Relay', 'idle', 'not configured', 'genuine clients are refused');
  return vital('Relay', relay.healthy ? 'good' : 'warn', relay.healthy ? 'healthy' : 'not healthy',
    relay.upstreams.map((up) => `${up.upstream} ${up.state}`).join(', '));
}

function kmsVital(status, active) {
  if (status.relays_all) return vital('KMS', 'good', 'relaying everything', status.listening);
  if (status.mode === 'refuse') return vital('KMS', 'warn', 'refusing all', status.listening);
  if (active === 0) return vital('KMS', 'bad', 'no active host key', status.listening);
  return vital('KMS', 'good', 'serving', status.listening);
}

function keysVital(status, active) {
  const all = status.host_keys.length;
  const level = active > 0 && active === all ? 'good' : status.relays_all ? 'idle' : 'bad';
  const word = all > 0 ? `${active} of ${all} activated` : status.relays_all ? 'none needed' : 'none';
  return vital('Host keys', level, word, status.host_keys.map((key) => key.group).join(', '));
}

export function vitals(status) {
  const active = status.host_keys.filter((key) => key.activated).length;
  return [
    kmsVital(status, active),
    keysVital(status, active),
    directoryVital(status),
    registryVital(status),
    vital('Ledger', status.ledger.state === 'up' ? 'good' : 'bad', status.ledger.state,
      status.ledger.state === 'up' ? 'each answer is written first' : status.ledger.why),
    relayVital(status),
  ];
}

function showVital(item) {
  return el('div', {}, el('dt', {}, item.name),
    el('dd', {}, state(item.level, item.word), el('small', {}, item.detail,
      item.synced ? [', read ', when(Date.parse(item.synced) / 1000)] : null)));
}

// ---- counts ----

const NAMES = { windows: 'Windows', office: 'Office' };
const KINDS = { client: ['Windows clients', 'activate'], server: ['Windows servers', 'activate'], office: ['Office', 'activates'] };

function bar(app, steps) {
  const top = Math.max(...steps.map(([, n]) => n), app.count, 1) * 1.12;
  const width = 600;
  const at = (n) => Math.round(n / top * width);
  return svg('svg', { viewBox: `0 0 ${width} 24`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { x: 0, y: 4, width, height: 12, class: 'track' }),
    svg('rect', { x: 0, y: 4, width: at(app.count), height: 12, class: 'fill' }),
    steps.map(([, n]) => svg('line', { x1: at(n), x2: at(n), y1: 0, y2: 20 })));
}

function showCount(app) {
  const steps = Object.entries(app.thresholds).sort((a, b) => a[1] - b[1]);
  return el('div', { class: 'count' },
    el('h3', {}, `Count, ${NAMES[app.application] ?? app.application}`),
    el('p', { class: 'figure' }, number(app.count), el('small', {}, ' machines in 30 days')),
    bar(app, steps),
    el('ul', { class: 'steps' }, steps.map(([kind, n]) => el('li', {}, app.count >= n
      ? state('good', `${KINDS[kind].join(' ')} (${n} reached)`)
      : state('idle', `${KINDS[kind][0]}: ${number(n - app.count)} more to ${n}`)))));
}

// ---- all ----

export function showOverview(status, checks) {
  setAhead(status.ahead ?? 0);
  const found = findings(status, checks);
  const [level, text] = verdict(found, status);
  const heading = byId('verdict');
  if (heading.dataset.text !== level + text) {
    heading.dataset.text = level + text;
    heading.replaceChildren(el('span', { class: `state ${level}` }, shape(level), text));
    document.title = `${text} · adbad ${status.realm}`;
  }
  keyed(byId('attention'), found, (f) => f.what, (f) => el('li', {},
    state(f.level, f.level === 'bad' ? 'Repair' : 'Look at'),
    el('div', {}, f.what, f.remedy ? el('div', { class: 'remedy' }, f.remedy) : null)));
  keyed(byId('vitals'), vitals(status), (item) => item.name, showVital);
  keyed(byId('counts'), status.applications, (app) => app.application, showCount);
  setText(byId('realm'), status.realm);
  setText(byId('about'), `adbad ${status.version}, realm ${status.realm}, up since ${status.started}`
    + `${status.lab_clock ? ', on a lab clock' : ''}. This page only reads.`);
}
