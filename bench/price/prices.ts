// What AWS charges in us-east-1, in US$. None of it is asked of AWS: prices change seldom, and a copy that says so is
// better than a figure that nobody can check. `recalled` marks what was written down without its page at hand.

interface Price {
  usd: number;
  /** For so many of what is counted. */
  per: number;
  recalled: boolean;
}

const perMillion = (usd: number): Price => ({ usd, per: 1_000_000, recalled: true });
const each = (usd: number): Price => ({ usd, per: 1, recalled: true });

export const prices = {
  lambdaRequests: { usd: 0.2, per: 1_000_000, recalled: false },
  lambdaGbSecondsArm: { usd: 13.3334, per: 1_000_000, recalled: true },
  httpApiRequests: perMillion(1),
  dynamoDbWriteUnits: perMillion(0.625),
  dynamoDbReadUnits: perMillion(0.125),
  snsPublishes: perMillion(0.5),
  snsFifoPublishes: perMillion(0.3),
  sqsRequests: perMillion(0.4),
  sqsFifoRequests: perMillion(0.5),
  logGigabytes: each(0.5),
  metricMonths: each(0.3),
  alarmMetricMonths: each(0.1),
  compositeAlarmMonths: each(0.5),
  secretMonths: each(0.4),
} as const satisfies Readonly<Record<string, Price>>;

type Item = keyof typeof prices;

/** How much of what. What is not named is none. */
export type Usage = Partial<Readonly<Record<Item, number>>>;

export interface CostLine {
  item: Item;
  quantity: number;
  usd: number;
  recalled: boolean;
}

/** The dearest first. */
export function costOf(usage: Usage): { lines: CostLine[]; usd: number } {
  const lines = (Object.keys(usage) as Item[])
    .map((item): CostLine => {
      const { usd, per, recalled } = prices[item];
      const quantity = usage[item] ?? 0;
      return { item, quantity, usd: (quantity * usd) / per, recalled };
    })
    .filter(({ quantity }) => quantity > 0)
    .sort((a, b) => b.usd - a.usd);
  return { lines, usd: lines.reduce((sum, line) => sum + line.usd, 0) };
}

export function times(usage: Usage, factor: number): Usage {
  return Object.fromEntries(Object.entries(usage).map(([item, quantity]) => [item, quantity * factor]));
}

export function sum(...usages: readonly Usage[]): Usage {
  const all: Partial<Record<Item, number>> = {};
  for (const usage of usages)
    for (const item of Object.keys(usage) as Item[]) all[item] = (all[item] ?? 0) + (usage[item] ?? 0);
  return all;
}
