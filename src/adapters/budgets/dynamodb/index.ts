// Budgets in the table of the deployment, one item each:
//
//   pk B#<kind>#<account>   sk B   fullAtUs, blockedUntilMs, wrote
//
// What decides is core/token-clock.ts; here one conditional update writes what it decided, if the clock is still the
// one that it decided on. An update that is refused brings the clock as it is, so nothing is read first: what was last
// seen is the guess; of what was never seen, that all tokens are there, as they are when nothing happened for a while.
// Where the guess is right, that is one call; else two.

import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import {
  blockTokens,
  fullTokenClock,
  giveTokensBack,
  reserveTokens,
  type TokenClock,
  tokensLeft,
} from '../../../core/token-clock.ts';
import type { BudgetKey, Budgets } from '../../../ports/budgets.ts';
import type { Clock, EpochMs, Random } from '../../../ports/clock.ts';

export interface DynamoDbBudgetsOptions {
  client: DynamoDBDocumentClient;
  tableName: string;
  clock: Clock;
  random: Random;
}

/** Of n callers at once one wins each round: more than a hundred launchers of one account do not meet in a moment. */
const attemptsMax = 100;
/** An update takes some ms; whoever lost waits up to so long, longer the more often it lost. */
const pauseMsFirst = 5;
const pauseMsMax = 200;

/** `null`: there is no item yet, or all tokens were back by then and none was refused: the same to all who decide. */
type Seen = TokenClock | null;
type Updated = { done: true } | { done: false; seen: Seen };

export function createDynamoDbBudgets({ client, tableName, clock, random }: DynamoDbBudgetsOptions): Budgets {
  /** One for each installation and host: the configuration bounds it. */
  const lastSeen = new Map<string, Seen>();

  async function read(pk: string): Promise<Seen> {
    const key = { pk, sk: 'B' };
    const { Item } = await client.send(
      new GetCommand({ TableName: tableName, Key: key, ConsistentRead: true }),
    );
    return Item ? clockOf(Item) : null;
  }

  async function update(
    pk: string,
    seen: Seen,
    { fullAtUs, blockedUntilMs }: TokenClock,
    now: EpochMs,
  ): Promise<Updated> {
    const wrote = Math.floor(random() * 2 ** 53).toString(36);
    try {
      await client.send(
        new UpdateCommand({
          TableName: tableName,
          Key: { pk, sk: 'B' },
          UpdateExpression: 'SET fullAtUs = :full, blockedUntilMs = :blocked, wrote = :wrote',
          ConditionExpression:
            seen === null
              ? 'attribute_not_exists(pk) OR (fullAtUs <= :nowUs AND blockedUntilMs = :never)'
              : 'fullAtUs = :seenFull AND blockedUntilMs = :seenBlocked',
          ExpressionAttributeValues: {
            ':full': fullAtUs,
            ':blocked': blockedUntilMs,
            ':wrote': wrote,
            ...(seen === null
              ? { ':nowUs': Math.floor(now * 1_000), ':never': 0 }
              : { ':seenFull': seen.fullAtUs, ':seenBlocked': seen.blockedUntilMs }),
          },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return { done: true };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      const found = error.Item ? unmarshall(error.Item) : null;
      // The answer to our own update was lost, and the SDK has sent it again.
      if (found?.['wrote'] === wrote) return { done: true };
      return { done: false, seen: found ? clockOf(found) : null };
    }
  }

  /** Moves the clock as `decide` says, once. */
  async function move<Decision extends { clock: TokenClock }>(
    { kind, account }: BudgetKey,
    now: EpochMs,
    decide: (seen: TokenClock) => Decision,
  ): Promise<Decision> {
    const pk = `B#${kind}#${account}`;
    let seen = lastSeen.get(pk) ?? null;
    let isGuess = true;
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      let decision = decide(seen ?? fullTokenClock);
      // That nothing is there for us is not decided on a guess: somebody may have given tokens back.
      if (decision.clock === (seen ?? fullTokenClock)) {
        if (isGuess) seen = await read(pk);
        isGuess = false;
        decision = decide(seen ?? fullTokenClock);
        lastSeen.set(pk, seen);
        if (decision.clock === (seen ?? fullTokenClock)) return decision;
      }
      const updated = await update(pk, seen, decision.clock, now);
      lastSeen.set(pk, updated.done ? decision.clock : updated.seen);
      if (updated.done) return decision;
      seen = updated.seen;
      // A guess that was wrong met nobody.
      if (!isGuess) await clock.sleep(random() * Math.min(pauseMsMax, pauseMsFirst * 2 ** attempt));
      isGuess = false;
    }
    throw new Error(
      `budget ${kind} of ${account}: changed by others at each of ${attemptsMax} tries; nothing was written`,
    );
  }

  return {
    async reserve(key, terms, asked, now) {
      const { granted, nextAtMs } = await move(key, now, (seen) => reserveTokens(seen, terms, asked, now));
      return { granted, nextAt: nextAtMs };
    },
    async giveBack(key, terms, tokens, now, reservedAt = now) {
      await move(key, now, (seen) => ({ clock: giveTokensBack(seen, terms, tokens, now, reservedAt) }));
    },
    async left({ kind, account }, terms, now) {
      return tokensLeft((await read(`B#${kind}#${account}`)) ?? fullTokenClock, terms, now);
    },
    async block(key, until) {
      await move(key, clock.now(), (seen) => ({ clock: blockTokens(seen, until) }));
    },
  };
}

function clockOf(item: Record<string, unknown>): TokenClock {
  return { fullAtUs: Number(item['fullAtUs']), blockedUntilMs: Number(item['blockedUntilMs']) };
}
