// The page: which source feeds which part.

import { byId, setText } from './dom.js';
import { absolute, now, refreshTimes } from './time.js';
import { Source } from './poll.js';
import { showOverview } from './overview.js';
import { showChecks, showObjects } from './directory.js';
import { Chart } from './chart.js';
import { Machines } from './machines.js';
import { showDecisions } from './decisions.js';

const seen = {};

function overview() {
  if (seen.status) showOverview(seen.status, seen.checks);
}

// ---- live or not ----

const lost = new Set();

function live(name) {
  return (ok, error) => {
    const before = lost.size;
    if (ok) lost.delete(name);
    else lost.add(name);
    if (lost.size > 0 && before === 0) seen.lost = now();
    const node = byId('live');
    node.classList.toggle('lost', lost.size > 0);
    if (lost.size === 0) setText(node, 'Live');
    else if (error?.status) setText(node, `Waiting: ${error.message.trim()}`);
    else if (error) setText(node, `No answer since ${absolute(Math.floor(seen.lost)).slice(11)}; trying again`);
  };
}

function source(name, path, every, onData) {
  const made = new Source({ path: typeof path === 'string' ? () => path : path, every, onData, onState: live(name) });
  made.start();
  return made;
}

function choice(name, changed) {
  byId(name).addEventListener('change', changed);
  return () => byId(name).querySelector('input:checked').value;
}

source('status', '/api/status', 2000, (data) => {
  seen.status = data;
  overview();
});
source('objects', '/api/objects', 5000, showObjects);
source('warnings', '/api/warnings', 5000, (data) => {
  seen.checks = data;
  showChecks(data);
  overview();
});

const chart = new Chart();
const range = choice('range', () => activations.ask());
const activations = source('activations', () => `/api/activations?range=${range()}`, 5000, (data) => chart.show(data));

const machines = new Machines(() => inventory.ask());
const inventory = source('machines', () => machines.path(), 5000, (data) => machines.show(data));

const outcome = choice('outcome', () => decisions.ask());
const decisions = source('decisions', () => `/api/decisions?limit=20${outcome() ? `&outcome=${outcome()}` : ''}`, 2000,
  showDecisions);

setInterval(refreshTimes, 1000, document);

// ---- where in the page ----

const links = new Map([...document.querySelectorAll('.top nav a')].map((a) => [a.hash.slice(1), a]));
const inView = new Set();
const watch = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) inView.add(entry.target.id);
    else inView.delete(entry.target.id);
  }
  const current = [...links.keys()].find((id) => inView.has(id));
  for (const [id, link] of links) {
    if (id === current) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}, { rootMargin: '-140px 0px -55% 0px' });
for (const id of links.keys()) watch.observe(byId(id));
