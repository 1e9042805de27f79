import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftOutside } from './left-outside.ts';

test('a deployment that had machines of EC2, or built images, is told what it may leave that costs', () => {
  assert.deepEqual(leftOutside(['AWS::SQS::Queue', 'AWS::Lambda::Function']), []);
  const [hosts, ...none] = leftOutside(['AWS::SQS::Queue', 'AWS::EC2::LaunchTemplate']);
  assert.match(hosts ?? '', /describe-hosts .*release-hosts/);
  assert.deepEqual(none, []);
  const both = leftOutside(['AWS::EC2::LaunchTemplate', 'AWS::ImageBuilder::ImagePipeline']);
  assert.match(both[1] ?? '', /describe-images/);
});
