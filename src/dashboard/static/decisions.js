// What the host decided last, and why.

import { byId, el, empty, keyed, state } from './dom.js';
import { when } from './time.js';
import { channelName, count, productName } from './words.js';

const OUTCOMES = {
  granted: ['good', 'Granted'],
  counted: ['warn', 'Counted'],
  refused: ['bad', 'Refused'],
  relayed: ['good', 'Relayed'],
  host: ['idle', 'Host'],
};

function title(d) {
  if (d.outcome === 'host') return d.text;
  if (d.times !== undefined) return [el('b', {}, count(d.times, 'request')), ` from ${d.source} within a minute`];
  // What is relayed travels sealed: often neither is known.
  const name = d.machine === null ? '(sealed)' : d.machine || '(no name)';
  const product = productName(d) ?? d.activation_id;
  return [el('b', {}, name), product ? ` ${product}` : '',
    el('span', { class: 'why' }, `, from ${d.source}${d.channel ? `, ${channelName(d.channel)}` : ''}`)];
}

function item(decision, isNew) {
  const what = el('div', { class: 'what' }, el('p', {}, title(decision)), el('p', { class: 'why' }, decision.why,
    decision.code ? [' ', el('span', { class: 'code', title: decision.code_name }, decision.code)] : null));
  return el('li', { class: isNew ? 'new' : null }, state(...(OUTCOMES[decision.outcome] ?? ['idle', decision.outcome])), what,
    when(decision.when));
}

export function showDecisions(data) {
  const place = byId('decision-list');
  if (data.decisions.length === 0) {
    place.replaceChildren(data.outcome === 'refused'
      ? empty('Nothing was refused', 'The last 20,000 events that the ledger holds have no refusal.')
      : empty('Nothing was decided yet', 'Each request that is answered or refused appears here with the reason.',
        'adbactl kms events --follow'));
    return;
  }
  let list = place.querySelector('ol');
  if (!list) {
    list = el('ol', { class: 'decisions' });
    place.replaceChildren(list);
  }
  keyed(list, data.decisions, (d) => d.id, item);
}
