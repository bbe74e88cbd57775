// Numbers and names as people read them.

const format = new Intl.NumberFormat('en-GB');

export const number = (n) => format.format(n);

export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

export const CHANNELS = [
  ['kms', 'KMS'],
  ['adba', 'Directory (ADBA)'],
  ['relay', 'Relay'],
];

// A filter beside the channels: what clients told of the directory's activations, which touch no host.
export const SELF_REPORTED = 'self-reported';

export const channelName = (channel) => CHANNELS.find(([id]) => id === channel)?.[1] ?? channel;

// A product as the JSON has it; null if the catalogue does not know it. Office's editions name their product.
export function productName({ product, edition }) {
  if (product === null || !edition) return product;
  return edition.includes(product.split(' ').at(-1)) ? edition : `${product} ${edition}`;
}

export const STATUSES = [
  ['licensed', 'Licensed', 'good'],
  ['expiring', 'Expiring', 'warn'],
  ['grace', 'Grace period', 'warn'],
  ['not-licensed', 'Not licensed', 'bad'],
  ['lapsed', 'Lapsed', 'bad'],
];

export const statusLevel = (status) => STATUSES.find(([id]) => id === status)?.[2] ?? 'idle';

export const statusName = (status) => STATUSES.find(([id]) => id === status)?.[1] ?? status;
