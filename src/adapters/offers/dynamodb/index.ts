// What had no capacity, in the table of the deployment: one partition, so that one query tells of all offers.
//
//   pk O   sk <offer>   untilMs, expires
//
// There are as many items as were refused lately, of those that pools name; DynamoDB deletes them some time after
// they expire.

import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, paginateQuery, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { EpochMs } from '../../../ports/clock.ts';
import type { Offer, Offers } from '../../../ports/offers.ts';

export interface DynamoDbOffersOptions {
  client: DynamoDBDocumentClient;
  tableName: string;
}

export function createDynamoDbOffers({ client, tableName }: DynamoDbOffersOptions): Offers {
  return {
    async remember(offer, noCapacityUntil) {
      const until = Math.ceil(noCapacityUntil);
      const command = new UpdateCommand({
        TableName: tableName,
        Key: { pk: 'O', sk: offer },
        UpdateExpression: 'SET untilMs = :until, expires = :expires',
        ConditionExpression: 'attribute_not_exists(pk) OR untilMs < :until',
        ExpressionAttributeValues: { ':until': until, ':expires': Math.ceil(until / 1_000) },
      });
      try {
        await client.send(command);
      } catch (error) {
        // A later time is known already.
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },

    async unavailable(offers, now) {
      const found = new Map<Offer, EpochMs>();
      if (offers.length === 0) return found;
      const asked = new Set(offers);
      const pages = paginateQuery(
        { client },
        {
          TableName: tableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :pk',
          FilterExpression: 'untilMs > :now',
          ExpressionAttributeValues: { ':pk': 'O', ':now': now },
        },
      );
      for await (const { Items = [] } of pages)
        for (const { sk, untilMs } of Items) if (asked.has(sk)) found.set(sk, Number(untilMs));
      return found;
    },
  };
}
