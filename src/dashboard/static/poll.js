// Asking again and again: each source has its own pace; an unchanged answer (304) costs next to nothing. Nothing is
// asked while nobody looks, and a daemon that is away is asked more slowly.

import { setRealTime } from './time.js';

const SLOWEST = 30000;

export class Source {
  // path(): the address to ask now. onData(data): a new or changed answer. onState(ok, error): after each attempt.
  constructor({ path, every, onData, onState }) {
    Object.assign(this, { path, every, onData, onState });
    this.etag = null;
    this.address = null;
    this.failures = 0;
    this.generation = 0;
  }

  start() {
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.ask();
    });
    this.ask();
  }

  // Asks at once, dropping an attempt under way.
  async ask() {
    const generation = ++this.generation;
    clearTimeout(this.timer);
    this.under?.abort();
    this.under = new AbortController();
    const limit = setTimeout(() => this.under.abort(), 15000);
    try {
      await this.get(this.path(), this.under.signal, generation);
      if (generation === this.generation) this.failures = 0;
      this.onState?.(true);
    } catch (error) {
      if (generation !== this.generation) return;
      this.failures++;
      this.onState?.(false, error);
    } finally {
      clearTimeout(limit);
      if (generation === this.generation) this.later();
    }
  }

  later() {
    if (document.hidden) return;
    const wait = Math.min(this.every * 2 ** Math.min(this.failures, 5), Math.max(this.every, SLOWEST));
    this.timer = setTimeout(() => this.ask(), wait);
  }

  async get(address, signal, generation) {
    const known = address === this.address && this.etag !== null;
    const answer = await fetch(address, {
      signal, cache: 'no-store', credentials: 'omit', headers: known ? { 'If-None-Match': this.etag } : {},
    });
    const date = Date.parse(answer.headers.get('Date'));
    if (!Number.isNaN(date)) setRealTime(date);
    if (answer.status === 304) return;
    if (!answer.ok) throw Object.assign(new Error(await answer.text()), { status: answer.status });
    const data = await answer.json();
    if (generation !== this.generation) return;
    this.etag = answer.headers.get('ETag');
    this.address = address;
    this.onData(data);
  }
}
