// The inventory: search, filters, order and page live in the page's address, so that a reload or a bookmark keeps them.
// The daemon does the work; here are only the rows of one page.

import { byId, el, empty, setText, state } from './dom.js';
import { when } from './time.js';
import { CHANNELS, SELF_REPORTED, STATUSES, channelName, count, number, productName, statusLevel, statusName } from './words.js';
import { Table } from './table.js';

export const PAGE = 25;

const DEFAULTS = { search: '', status: '', channel: '', product: '', sort: 'last', order: '', offset: 0 };
const FILTERS = ['search', 'status', 'channel', 'product'];

export function readQuery(search) {
  const given = new URLSearchParams(search);
  const query = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS))
    if (given.has(name)) query[name] = name === 'offset' ? Math.max(0, parseInt(given.get(name), 10) || 0) : given.get(name);
  return query;
}

export function writeQuery(query, names = Object.keys(DEFAULTS)) {
  const out = new URLSearchParams();
  for (const name of names) if (query[name] !== DEFAULTS[name]) out.set(name, query[name]);
  return out.toString();
}

const join = (path, query) => (query === '' ? path : `${path}?${query}`);

// When an order is chosen first, it goes this way; "last" has the newest on top.
export function nextOrder(query, id) {
  return { ...query, offset: 0, sort: id, order: query.sort === id && query.order === '' ? 'reverse' : '' };
}

const pointsDown = (query) => (query.sort === 'last') !== (query.order === 'reverse');

const COLUMNS = [
  { id: 'machine', title: 'Machine', sort: true, class: 'name', cell: (m) => [m.workstation === '' ? '(no name)' : m.workstation,
    el('span', { class: 'second', title: `CMID ${m.client_id}` }, m.peer, m.virtual ? ', virtual' : '',
      m.member === 'no-member' ? ', no member' : m.member === 'disabled' ? ', account disabled' : '')] },
  { id: 'product', title: 'Product', sort: true, cell: (m) => productName(m) ?? el('span', { class: 'code' }, m.activation_id) },
  { id: 'status', title: 'Status', sort: true, cell: (m) => [state(statusLevel(m.status), statusName(m.status)),
    m.status === 'grace' || m.status === 'not-licensed'
      ? el('span', { class: 'second' }, `count ${m.count} of ${m.required_count}`) : null] },
  { id: 'channel', title: 'Channel', sort: true, cell: (m) => [channelName(m.channel),
    m.self_reported ? el('span', { class: 'second', title: 'The client’s own word: the directory activates without asking this host' },
      'self-reported') : null] },
  { id: 'expires', title: 'Expires', sort: true, cell: (m) => (m.expires === null ? '–' : when(m.expires)) },
  { id: 'last', title: 'Last contact', sort: true, cell: (m) => when(m.last) },
];

export class Machines {
  // changed(): the question changed, ask again.
  constructor(changed) {
    this.query = readQuery(location.search);
    this.changed = changed;
    this.form = byId('filters');
    this.table = new Table({
      caption: 'Machines and how they were activated', columns: COLUMNS, key: (m) => `${m.client_id} ${m.activation_id}`,
      onSort: (id) => this.ask(nextOrder(this.query, id)),
    });
    this.options('status', STATUSES);
    this.options('channel', [...CHANNELS, [SELF_REPORTED, 'Self-reported']]);
    this.listen();
    this.fillForm();
  }

  options(name, pairs) {
    this.form.elements[name].append(...pairs.map(([id, text]) => el('option', { value: id }, text)));
  }

  listen() {
    this.form.addEventListener('submit', (event) => event.preventDefault());
    this.form.addEventListener('input', (event) => {
      clearTimeout(this.typing);
      if (event.target.type === 'search') this.typing = setTimeout(() => this.read(), 200);
      else this.read();
    });
    this.form.addEventListener('reset', (event) => {
      event.preventDefault();
      this.ask({ ...this.query, search: '', status: '', channel: '', product: '', offset: 0 });
      this.fillForm();
      this.form.elements.search.focus();
    });
    byId('previous').addEventListener('click', () => this.turn(-PAGE));
    byId('next').addEventListener('click', () => this.turn(PAGE));
  }

  fillForm() {
    for (const name of FILTERS) this.form.elements[name].value = this.query[name];
  }

  read() {
    const { elements } = this.form;
    this.ask({ ...this.query, offset: 0, ...Object.fromEntries(FILTERS.map((name) => [name, elements[name].value.trim()])) });
  }

  turn(by) {
    this.ask({ ...this.query, offset: Math.max(0, this.query.offset + by) });
    byId('machines').scrollIntoView();
  }

  ask(query) {
    this.query = query;
    history.replaceState(null, '', join(location.pathname, writeQuery(query)) + location.hash);
    this.changed();
  }

  path() {
    const query = writeQuery(this.query);
    return `${join('/api/machines', query)}${query === '' ? '?' : '&'}limit=${PAGE}`;
  }

  // The products are known only with the data; what is chosen stays chosen.
  products(products) {
    const select = this.form.elements.product;
    const known = JSON.stringify(products);
    if (this.known === known) return;
    this.known = known;
    select.replaceChildren(el('option', { value: '' }, 'any'), ...products.map((p) =>
      el('option', { value: p.activation_id }, productName(p) ?? p.activation_id)));
    select.value = this.query.product;
  }

  show(data) {
    this.products(data.products);
    if (data.offset > 0 && data.machines.length === 0) {
      this.turn(-this.query.offset);
      return;
    }
    setText(byId('machines-line'), this.line(data));
    byId('csv').href = join('/api/machines.csv', writeQuery(this.query, [...FILTERS, 'sort', 'order']));
    byId('reset').disabled = FILTERS.every((name) => this.query[name] === '');
    this.pager(data);
    const place = byId('machine-table');
    if (data.machines.length === 0) {
      place.replaceChildren(this.none(data));
      return;
    }
    if (this.table.node.parentNode !== place) place.replaceChildren(this.table.node);
    this.table.sorted(this.query.sort, pointsDown(this.query));
    this.table.show(data.machines);
  }

  line(data) {
    const all = count(data.total, 'licence');
    const silent = data.no_report > 0 ? ` ${count(data.no_report, 'member')} of the domain never asked this host, nor told it anything: `
      + 'the directory activates them, or nobody does (adbactl report compliance).' : '';
    return (data.matched === data.total ? `${all} of ${count(data.computers, 'machine')}, as of each one’s last contact.`
      : `${number(data.matched)} of ${all} match.`) + silent;
  }

  none(data) {
    if (data.total > 0)
      return empty('Nothing matches', 'Search looks in name, product, address and CMID; the filters apply together. '
        + 'Clear takes all of them back.');
    return empty('No machine has asked yet', 'Windows finds a KMS host by the SRV record _vlmcs._tcp of its domain. '
      + 'Try it with a simulated machine:', 'adbaclient --machine DIR slmgr /ato');
  }

  pager(data) {
    byId('pager').hidden = data.matched <= PAGE;
    byId('previous').disabled = data.offset === 0;
    byId('next').disabled = data.offset + data.machines.length >= data.matched;
    setText(byId('page'), `${number(data.offset + 1)}–${number(data.offset + data.machines.length)} of ${number(data.matched)}`);
  }
}
