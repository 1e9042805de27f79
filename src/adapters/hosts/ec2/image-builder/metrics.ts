import type { Meanings } from '../../../../ports/telemetry.ts';

export const metrics = {
  builds: 'image_builds_total',
  failing: 'image_builds_failed',
} as const;

export const meanings: Meanings<typeof metrics> = {
  builds: {
    kind: 'count',
    unit: 'count',
    says: 'Builds of images that were started, by image.',
    series: null,
  },
  failing: {
    kind: 'gauge',
    unit: 'count',
    says: 'Builds of an image that failed since the last one that did not: it keeps an older runner meanwhile.',
    series: [],
    zeroIsSilent: true,
  },
};
