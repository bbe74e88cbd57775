// Activation objects, and what the directory check says.

import { byId, el, empty, keyed, setText, state, svg } from './dom.js';
import { when } from './time.js';
import { count, number } from './words.js';
import { Table } from './table.js';

const LIFE = 730; // days that an activation object holds
const SOON = 60;

const WORDS = { good: ['good', 'verified'], expired: ['bad', 'expired'] };

const verdict = (object) => WORDS[object.verdict] ?? ['bad', object.verdict];

function daysLeft(object) {
  if (object.days_left === undefined || object.days_left === null) return '–';
  const left = Math.max(0, object.days_left);
  const level = left === 0 ? 'bad' : left < SOON ? 'warn' : 'good';
  return el('span', { class: 'days' }, svg('svg', { viewBox: '0 0 72 6', class: level, 'aria-hidden': 'true' },
    svg('rect', { x: 0, y: 0, width: 72, height: 6, class: 'track' }),
    svg('rect', { x: 0, y: 0, width: 72 * Math.min(1, left / LIFE), height: 6, class: 'fill' })),
    el('span', {}, number(object.days_left)));
}

const table = new Table({
  caption: 'Activation objects',
  plain: true,
  key: (object) => object.dn ?? object.name,
  columns: [
    { id: 'name', title: 'Name', class: 'name', cell: (o) => o.name ?? o.dn },
    { id: 'state', title: 'Verification', cell: (o) => [state(...verdict(o)),
      o.why ? el('span', { class: 'second' }, o.why) : null] },
    { id: 'group', title: 'Key group', cell: (o) => o.group ?? '–' },
    { id: 'ids', title: 'KMS ids', number: true, cell: (o) => (o.kms_ids === undefined ? '–' : number(o.kms_ids)) },
    { id: 'days', title: 'Days left', number: true, cell: daysLeft },
  ],
});

function line(data) {
  if (data.objects.length === 0) return 'Machines of the domain activate with these, without any count.';
  const good = data.objects.filter((o) => o.verdict === 'good').length;
  return `${number(good)} of ${count(data.objects.length, 'object')} verified: domain members they cover activate `
    + 'without any count.';
}

function missing(data) {
  switch (data.state) {
    case 'none':
      return empty('No directory is configured', 'Activation objects live in Active Directory or a lab directory. '
        + 'Name one in [directory] of adbad.conf, with what logs in there, check it, and restart adbad:',
      'adbactl directory check');
    case 'unknown':
      return empty('The directory is being asked', 'The first look takes a few seconds.');
    case 'down':
      return empty('The directory can’t be asked', data.why ?? '', 'adbactl directory check');
    default:
      return empty('No activation object yet', 'With one, members of the domain activate as soon as they start, whatever '
        + 'the count. Make one from a host key:', 'adbactl ao create');
  }
}

export function showObjects(data) {
  byId('directory-line').replaceChildren(line(data),
    ...(data.checked ? [' Looked at ', when(Date.parse(data.checked) / 1000), '.'] : []));
  const place = byId('objects');
  if (data.objects.length === 0) {
    place.replaceChildren(missing(data));
    return;
  }
  if (table.node.parentNode !== place) place.replaceChildren(table.node);
  table.show(data.objects);
}

const LEVELS = { ok: ['good', 'OK'], warning: ['warn', 'Warning'], failed: ['bad', 'Failed'] };

export function showChecks(data) {
  const place = byId('check-list');
  if (data.checks.length === 0) {
    setText(byId('checks-line'), 'Schema, container, access, clock and objects, as adbactl directory check sees them.');
    place.replaceChildren(empty('Nothing to check yet', 'The directory is checked each time it is looked at.',
      'adbactl directory check'));
    return;
  }
  const worst = data.checks.filter((c) => c.state !== 'ok').length;
  setText(byId('checks-line'), `${worst === 0 ? 'Nothing to complain about' : count(worst, 'finding')} in `
    + `${count(data.checks.length, 'check')}. SRV records and other domain controllers are looked at by adbactl `
    + 'directory check only.');
  let list = place.querySelector('ul');
  if (!list) {
    list = el('ul', { class: 'checks' });
    place.replaceChildren(list);
  }
  const order = ['failed', 'warning', 'ok'];
  const sorted = data.checks.map((c, i) => ({ ...c, place: i }))
    .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.place - b.place);
  keyed(list, sorted, (c) => `${c.check} ${c.finding}`, (c) => el('li', {}, state(...(LEVELS[c.state] ?? ['idle', c.state])),
    el('span', { class: 'check' }, c.check), el('div', {}, c.finding,
      c.remedy ? el('div', { class: 'remedy' }, c.remedy) : null)));
}
