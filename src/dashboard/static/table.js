// Tables. The roles are written out because on a narrow screen each row is laid out as a block, and then browsers
// forget that it was a table.

import { el, keyed, svg } from './dom.js';

// columns: {id, title, number, sort, cell(item)}. sort: whether a click on the head sorts; onSort(id) is told.
export class Table {
  constructor({ caption, columns, key, plain = false, onSort }) {
    this.columns = columns;
    this.key = key;
    this.heads = columns.map((column) => this.head(column, onSort));
    this.body = el('tbody', { role: 'rowgroup' });
    this.node = el('table', { class: `table stack${plain ? ' plain' : ''}`, role: 'table' },
      el('caption', { class: 'hidden' }, caption),
      el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, this.heads)), this.body);
  }

  head(column, onSort) {
    const attributes = { scope: 'col', role: 'columnheader', class: column.number ? 'number' : null };
    if (!column.sort) return el('th', attributes, column.title);
    const button = el('button', { type: 'button', class: 'sort' }, column.title,
      svg('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' }, svg('path', { d: 'M5 1 9.5 9H.5z' })));
    button.addEventListener('click', () => onSort(column.id));
    return el('th', attributes, button);
  }

  sorted(id, descending) {
    this.columns.forEach((column, i) => {
      if (column.id === id) this.heads[i].setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      else this.heads[i].removeAttribute('aria-sort');
    });
  }

  show(items) {
    keyed(this.body, items, this.key, (item) => el('tr', { role: 'row' }, this.columns.map((column) =>
      el('td', { role: 'cell', 'data-label': column.title, class: [column.number && 'number', column.class]
        .filter(Boolean).join(' ') || null }, column.cell(item)))));
  }
}
