// Times. The daemon's clock may be a lab clock, so "now" is what the daemon says, not this computer.

let offset = 0; // seconds of the server's real clock before this computer's
let ahead = 0; // seconds of the daemon's clock before real time

// The Date header of an answer has whole seconds: within two it is the same clock.
export function setRealTime(milliseconds) {
  const difference = (milliseconds - Date.now()) / 1000;
  if (Math.abs(difference - offset) > 2) offset = difference;
}

export function setAhead(seconds) {
  ahead = seconds;
}

export const now = () => Date.now() / 1000 + offset + ahead;

const MINUTE = 60, HOUR = 3600, DAY = 86400;

export function span(seconds) {
  const s = Math.abs(seconds);
  if (s < 2 * MINUTE) return `${Math.floor(s)} s`;
  if (s < 2 * HOUR) return `${Math.floor(s / MINUTE)} min`;
  if (s < 2 * DAY) return `${Math.floor(s / HOUR)} h`;
  return `${Math.floor(s / DAY)} days`;
}

export function relative(when, reference = now()) {
  const ago = reference - when;
  if (Math.abs(ago) < 2) return 'now';
  return ago > 0 ? `${span(ago)} ago` : `in ${span(ago)}`;
}

// As the logs have it.
export function absolute(when) {
  return new Date(when * 1000).toISOString().replace('T', ' ').replace('.000', '').replace('Z', ' UTC');
}

export const day = (when) => new Date(when * 1000).toISOString().slice(0, 10);

// A time element that says how long ago, and when exactly on hover and to a screen reader's details.
export function when(seconds, className) {
  const node = document.createElement('time');
  node.dateTime = new Date(Math.floor(seconds) * 1000).toISOString().replace('.000', '');
  node.title = absolute(Math.floor(seconds));
  node.dataset.when = String(seconds);
  node.textContent = relative(seconds);
  if (className) node.className = className;
  return node;
}

export function refreshTimes(root = document) {
  for (const node of root.querySelectorAll('time[data-when]')) {
    const text = relative(Number(node.dataset.when));
    if (node.textContent !== text) node.textContent = text;
  }
}
