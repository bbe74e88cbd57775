// Columns stacked by channel, drawn as SVG. Each channel has a pattern as well as a colour.

import { byId, el, svg, setText } from './dom.js';
import { absolute, day } from './time.js';
import { CHANNELS, channelName, count, number } from './words.js';
import { Table } from './table.js';

const HEIGHT = 240, TOP = 10, BOTTOM = 26, RIGHT = 4;

// The step between grid lines, so that at most five of them hold max: 1, 2 or 5 times a power of ten.
export function niceStep(max) {
  const raw = Math.max(1, max / 5);
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= raw);
}

function patterns() {
  return svg('defs', {},
    svg('pattern', { id: 'cut', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      svg('path', { d: 'M0 0V5', class: 'cut' })),
    svg('pattern', { id: 'dots', width: 5, height: 5, patternUnits: 'userSpaceOnUse' },
      svg('circle', { cx: 2.5, cy: 2.5, r: 1, class: 'dot' })));
}

const OVER = { adba: 'url(#cut)', relay: 'url(#dots)' };

function column(channel, x, y, width, height) {
  const place = { x, y, width, height };
  return [svg('rect', { ...place, class: channel }), OVER[channel] ? svg('rect', { ...place, fill: OVER[channel] }) : null];
}

const label = (data, i) => {
  const at = data.from + i * data.step;
  return data.step < 86400 ? absolute(at).slice(0, 16) : day(at);
};

export const totals = (data) => data.channels.kms.map((_, i) =>
  CHANNELS.reduce((sum, [id]) => sum + data.channels[id][i], 0));

function title(data, i) {
  const parts = CHANNELS.filter(([id]) => data.channels[id][i] > 0)
    .map(([id, name]) => `${name} ${number(data.channels[id][i])}`);
  return `${label(data, i)}: ${parts.length > 0 ? parts.join(', ') : 'none'}`;
}

function draw(data, width) {
  const sums = totals(data);
  const step = niceStep(Math.max(...sums));
  const top = Math.max(step, Math.ceil(Math.max(...sums) / step) * step);
  const left = 12 + number(top).length * 7;
  const scale = (HEIGHT - TOP - BOTTOM) / top;
  const each = (width - left - RIGHT) / sums.length;
  const gap = each > 6 ? Math.min(4, each * .2) : each * .12;
  const base = HEIGHT - BOTTOM;
  const grid = [], columns = [], marks = [];

  for (let value = 0; value <= top; value += step) {
    const y = Math.round(base - value * scale) + .5;
    grid.push(svg('line', { x1: left, x2: width - RIGHT, y1: y, y2: y, class: value === 0 ? 'base' : 'grid' }),
      svg('text', { x: left - 8, y: y + 4, 'text-anchor': 'end' }, number(value)));
  }
  const every = Math.ceil(sums.length / Math.max(2, Math.floor((width - left) / 78)));
  sums.forEach((_, i) => {
    const x = left + i * each + gap / 2;
    let y = base;
    for (const [id] of CHANNELS) {
      const height = data.channels[id][i] * scale;
      if (height === 0) continue;
      y -= height;
      columns.push(...column(id, x, y, each - gap, height).filter(Boolean));
    }
    columns.push(svg('rect', { x: left + i * each, y: TOP, width: each, height: base - TOP, class: 'hit' },
      svg('title', {}, title(data, i))));
    if (i % every === 0) {
      const text = data.step < 86400 && data.range === '24h' ? label(data, i).slice(11) : label(data, i).slice(5, 10);
      marks.push(svg('text', { x: x + (each - gap) / 2, y: HEIGHT - 6, 'text-anchor': i === 0 ? 'start' : 'middle' },
        text));
    }
  });
  return svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-labelledby': 'chart-title' },
    svg('title', { id: 'chart-title' }, 'Answered requests by channel; the table below has the numbers'),
    patterns(), grid, columns, marks);
}

function legend(data) {
  return el('div', { class: 'legend' }, CHANNELS.map(([id, name]) => {
    const sum = data.channels[id].reduce((a, b) => a + b, 0);
    return el('span', {}, svg('svg', { viewBox: '0 0 14 14', class: id, 'aria-hidden': 'true' },
      column(id, 0, 0, 14, 14).filter(Boolean)), `${name} ${number(sum)}`);
  }));
}

const RANGES = { '24h': 'the last 24 hours', '7d': 'the last 7 days', '30d': 'the last 30 days' };

export class Chart {
  constructor() {
    this.node = byId('chart');
    this.line = byId('activations-line');
    this.table = new Table({
      caption: 'Answered and refused requests by channel',
      plain: true,
      key: (row) => String(row.at),
      columns: [
        { id: 'at', title: 'From (UTC)', cell: (row) => row.label },
        ...CHANNELS.map(([id]) => ({ id, title: channelName(id), number: true, cell: (row) => number(row[id]) })),
        { id: 'refused', title: 'Refused', number: true, cell: (row) => number(row.refused) },
        { id: 'told', title: 'Self-reported', number: true, cell: (row) => number(row.told) },
      ],
    });
    const details = byId('chart-table');
    details.querySelector('div').append(this.table.node);
    details.addEventListener('toggle', () => this.showTable());
    new ResizeObserver(() => this.redraw()).observe(this.node);
  }

  show(data) {
    this.data = data;
    const sum = totals(data).reduce((a, b) => a + b, 0);
    const refused = data.refused.reduce((a, b) => a + b, 0);
    const told = data.self_reported.reduce((a, b) => a + b, 0);
    const also = told > 0 ? ` ${count(told, 'activation')} through the directory ${told === 1 ? 'was' : 'were'} self-reported.` : '';
    setText(this.line, sum + refused === 0
      ? `Nobody asked in ${RANGES[data.range]}.${also}`
      : `${count(sum, 'request')} answered and ${number(refused)} refused in ${RANGES[data.range]}, `
        + `by ${data.step < 86400 ? (data.step === 3600 ? 'hour' : `${data.step / 3600} hours`) : 'day'} (UTC).${also}`);
    this.width = 0;
    this.redraw();
    this.showTable();
  }

  redraw() {
    const width = Math.floor(this.node.clientWidth);
    if (!this.data || width === 0 || width === this.width) return;
    this.width = width;
    this.node.replaceChildren(legend(this.data), draw(this.data, width));
  }

  showTable() {
    if (!this.data || !byId('chart-table').open) return;
    const { data } = this;
    const rows = totals(data).map((_, i) => ({
      at: data.from + i * data.step, label: label(data, i), refused: data.refused[i], told: data.self_reported[i],
      ...Object.fromEntries(CHANNELS.map(([id]) => [id, data.channels[id][i]])),
    }));
    this.table.show(rows.reverse().filter((row) => row.refused + row.told + row.kms + row.adba + row.relay > 0));
  }
}
