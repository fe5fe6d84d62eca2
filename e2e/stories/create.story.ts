import assert from 'node:assert/strict';
import type { Golden } from '../harness/models.ts';
import { story } from '../harness/story.ts';

const TOLERANCE = 1e-5;

function assertAnswer(data: unknown, golden: Golden): void {
  const numbers = (data as unknown[]).flat(Infinity) as number[];
  assert.equal(numbers.length, golden.answer.length);
  numbers.forEach((value, i) =>
    assert.ok(Math.abs(value - (golden.answer[i] ?? NaN)) <= TOLERANCE, `element ${i} is ${value}`),
  );
}

export const stories = ['saved_model', 'tfjs', 'tfjs_layers'].map((format) =>
  story(
    `a ${format} model that is applied becomes Ready and answers what Keras answers`,
    async ({ given, when, then, models, mdep, client }) => {
      const golden = models.golden('v1');
      const digest = await given('a model in the registry', () =>
        models.push(`digits/v1/${format}`, `create/${format}`, '1'),
      );
      await when('a ModelDeployment is applied', () =>
        mdep.apply('digits', { model: { uri: models.uri(`create/${format}`, '1'), version: '1' } }),
      );
      const status = await then('it becomes Ready', () => mdep.untilReady('digits', 1));
      assert.equal(status.stable?.digest, digest);
      assert.equal(status.phase, 'Ready');
      const caller = await client();
      await then('the Open Inference Protocol answers', async () => {
        const answer = await caller.call('POST', 'http://digits/v2/models/digits/infer', golden.body);
        assert.equal(answer.status, 200, answer.body);
        const body = JSON.parse(answer.body) as {
          model_name: string;
          model_version: string;
          outputs: { data: number[] }[];
        };
        assert.equal(body.model_name, 'digits');
        assert.equal(body.model_version, '1');
        assertAnswer(body.outputs[0]?.data, golden);
      });
      await then("TensorFlow Serving's protocol answers", async () => {
        const { inputs } = JSON.parse(golden.body) as { inputs: { name: string; data: number[] }[] };
        const rows = { instances: [{ [inputs[0]?.name ?? '']: inputs[0]?.data }] };
        const answer = await caller.call('POST', 'http://digits/v1/models/digits:predict', JSON.stringify(rows));
        assert.equal(answer.status, 200, answer.body);
        assertAnswer((JSON.parse(answer.body) as { predictions: unknown }).predictions, golden);
      });
      await then('bad input is told what is wrong, and the server lives on', async () => {
        const bad = await caller.call(
          'POST',
          'http://digits/v2/models/digits/infer',
          '{"inputs":[{"name":"wrong","shape":[1],"datatype":"FP32","data":[1]}]}',
        );
        assert.equal(bad.status, 400);
        assert.match((JSON.parse(bad.body) as { error: string }).error, /wrong/);
        assert.equal((await caller.call('GET', 'http://digits/v2/models/digits/ready')).status, 200);
      });
      await then('kubectl get shows it in one line', async () => {
        const line = await mdep.kubectl('get', 'mdep', 'digits', '--no-headers');
        assert.match(line, /^digits\s+1\s+1\s+Ready\s+1\/1\s+Serving\s/);
      });
    },
  ),
);
