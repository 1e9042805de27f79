import { budgetsContract } from '../../../ports/budgets.contract.ts';
import { createMemoryBudgets } from './index.ts';

budgetsContract('budgets in memory', async () => createMemoryBudgets());
