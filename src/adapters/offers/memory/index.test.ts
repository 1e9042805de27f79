import { offersContract } from '../../../ports/offers.contract.ts';
import { createMemoryOffers } from './index.ts';

offersContract('offers in memory', async () => createMemoryOffers());
