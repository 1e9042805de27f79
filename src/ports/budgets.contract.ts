import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BudgetKey, Budgets } from './budgets.ts';

const startMs = 1_700_000_000_000;
const mint: BudgetKey = { kind: 'github-mint', account: '1' };
const terms = { burst: 10, perSecond: 2 };

/** What every store of budgets does. `createBudgets` gives an empty one. */
export function budgetsContract(name: string, createBudgets: () => Promise<Budgets>): void {
  test(`${name}: a new budget grants its burst, and then says when the next token comes`, async () => {
    const budgets = await createBudgets();
    assert.deepEqual(await budgets.reserve(mint, terms, 4, startMs), { granted: 4, nextAt: null });
    assert.deepEqual(await budgets.reserve(mint, terms, 10, startMs), { granted: 6, nextAt: startMs + 500 });
    assert.deepEqual(await budgets.reserve(mint, terms, 1, startMs + 499), {
      granted: 0,
      nextAt: startMs + 500,
    });
    assert.deepEqual(await budgets.reserve(mint, terms, 1, startMs + 500), { granted: 1, nextAt: null });
  });

  test(`${name}: tokens come back at the rate, and no more than the burst is saved up`, async () => {
    const budgets = await createBudgets();
    await budgets.reserve(mint, terms, 10, startMs);
    assert.equal((await budgets.reserve(mint, terms, 100, startMs + 2_000)).granted, 4);
    assert.equal((await budgets.reserve(mint, terms, 100, startMs + 3_600_000)).granted, 10);
  });

  test(`${name}: callers at the same time get together no more than there is`, async () => {
    const budgets = await createBudgets();
    const grants = await Promise.all(
      Array.from({ length: 25 }, (_, i) => budgets.reserve(mint, terms, 1 + (i % 3), startMs)),
    );
    assert.equal(
      grants.reduce((sum, { granted }) => sum + granted, 0),
      terms.burst,
    );
  });

  test(`${name}: each kind and account has a budget of its own`, async () => {
    const budgets = await createBudgets();
    await budgets.reserve(mint, terms, 10, startMs);
    const others: BudgetKey[] = [
      { kind: 'github-mint', account: '2' },
      { kind: 'host-launch', account: '1' },
      { kind: 'github-mint', account: '' },
    ];
    for (const key of others) assert.equal((await budgets.reserve(key, terms, 10, startMs)).granted, 10);
    assert.equal((await budgets.reserve(mint, terms, 10, startMs)).granted, 0);
  });

  test(`${name}: tokens given back are there again, up to the burst`, async () => {
    const budgets = await createBudgets();
    await budgets.reserve(mint, terms, 10, startMs);
    await budgets.giveBack(mint, terms, 3, startMs);
    assert.equal((await budgets.reserve(mint, terms, 10, startMs)).granted, 3);
    await budgets.giveBack(mint, terms, 1_000, startMs);
    assert.equal((await budgets.reserve(mint, terms, 1_000, startMs)).granted, 10);
  });

  test(`${name}: tokens given back late are not given twice`, async () => {
    const budgets = await createBudgets();
    await budgets.reserve(mint, terms, 10, startMs);
    await budgets.reserve(mint, terms, 5, startMs + 5_000);
    await budgets.giveBack(mint, terms, 10, startMs + 5_000, startMs);
    assert.equal((await budgets.reserve(mint, terms, 10, startMs + 5_000)).granted, 5);
  });

  test(`${name}: to give back to a budget that was never used changes nothing`, async () => {
    const budgets = await createBudgets();
    await budgets.giveBack(mint, terms, 3, startMs);
    assert.equal((await budgets.reserve(mint, terms, 100, startMs)).granted, 10);
  });

  test(`${name}: a blocked budget grants nothing, then one token, then the rate`, async () => {
    const budgets = await createBudgets();
    await budgets.block(mint, startMs + 60_000);
    await budgets.block(mint, startMs + 1_000);
    assert.deepEqual(await budgets.reserve(mint, terms, 5, startMs + 59_999), {
      granted: 0,
      nextAt: startMs + 60_000,
    });
    assert.deepEqual(await budgets.reserve(mint, terms, 5, startMs + 60_000), {
      granted: 1,
      nextAt: startMs + 60_500,
    });
    assert.equal((await budgets.reserve(mint, terms, 5, startMs + 61_000)).granted, 2);
  });

  test(`${name}: what was reserved before a block is not given back`, async () => {
    const budgets = await createBudgets();
    await budgets.reserve(mint, terms, 10, startMs);
    await budgets.block(mint, startMs + 1_000);
    await budgets.giveBack(mint, terms, 10, startMs + 1_000, startMs);
    assert.equal((await budgets.reserve(mint, terms, 10, startMs + 1_000)).granted, 1);
  });

  test(`${name}: what is left is told, and is still there`, async () => {
    const budgets = await createBudgets();
    assert.equal(await budgets.left(mint, terms, startMs), 10);
    await budgets.reserve(mint, terms, 7, startMs);
    assert.equal(await budgets.left(mint, terms, startMs), 3);
    assert.equal(await budgets.left(mint, terms, startMs), 3);
    assert.equal(await budgets.left({ ...mint, account: '2' }, terms, startMs), 10);
    assert.equal(await budgets.left(mint, terms, startMs + 1_000), 5);
    assert.equal(await budgets.left(mint, terms, startMs + 3_600_000), 10);
    assert.equal((await budgets.reserve(mint, terms, 10, startMs)).granted, 3);
    assert.equal(await budgets.left(mint, terms, startMs), 0);
  });

  test(`${name}: of a blocked budget nothing is left, then one token, then the rate`, async () => {
    const budgets = await createBudgets();
    await budgets.block(mint, startMs + 60_000);
    assert.equal(await budgets.left(mint, terms, startMs + 59_999), 0);
    assert.equal(await budgets.left(mint, terms, startMs + 60_000), 1);
    assert.equal(await budgets.left(mint, terms, startMs + 61_000), 3);
  });

  test(`${name}: terms that make no sense are refused, and nothing is granted by that`, async () => {
    const budgets = await createBudgets();
    await assert.rejects(budgets.reserve(mint, { burst: 0, perSecond: 1 }, 1, startMs), /allowed is/);
    await assert.rejects(budgets.reserve(mint, terms, -1, startMs), /allowed is/);
    assert.equal((await budgets.reserve(mint, terms, 100, startMs)).granted, 10);
  });
}
