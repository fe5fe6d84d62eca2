import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { JsonWriter } from '../protocol/json/writer.ts';
import { Admission } from './admission.ts';
import { unpack } from './unpack.ts';

const MiB = 1024 * 1024;
const LIMITS = { bodyBytes: 8 * MiB, requests: 10, answerBytes: 1000, memoryBytes: 10 * MiB, bytesPerSecond: 1000 };

let admission: Admission;
beforeEach(() => {
  admission = new Admission(LIMITS);
});

/** Bytes that hardly get smaller. */
const noise = (size: number) => Buffer.from(Array.from({ length: size }, (_, i) => (i * i * 48271) % 251));

describe('a body that is unpacked', () => {
  it('is as it was, and counted', async () => {
    const body = noise(300_000);
    const ticket = admission.enter();
    const { chunks, length } = await unpack([gzipSync(body)], ticket);
    expect([Buffer.concat(chunks).equals(body), length, admission.bytes]).toEqual([true, body.length, body.length]);
  });

  it('and grows beyond all measure is refused at its first MiB', async () => {
    const ticket = admission.enter();
    await expect(unpack([gzipSync(Buffer.alloc(6 * MiB))], ticket)).rejects.toThrow('200 times as large');
    expect(admission.bytes).toBeLessThan(2 * MiB);
  });

  it('is refused when there is no room, before all of it is there', async () => {
    admission.enter().take(7 * MiB);
    const body = Buffer.concat([noise(200_000), Buffer.alloc(6 * MiB), noise(200_000)]);
    await expect(unpack([gzipSync(body)], admission.enter())).rejects.toMatchObject({ status: 503 });
    expect(admission.bytes).toBeLessThanOrEqual(LIMITS.memoryBytes);
  });

  it('is one of few: more than wait for their turn are refused', async () => {
    const packed = gzipSync(noise(1000));
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => unpack([packed], admission.enter())));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(66);
  });
});

describe('an answer', () => {
  it('that is larger than it may be is not written', () => {
    const tensor = { name: 'y', dtype: 'FP32', shape: [100_000], data: new Float32Array(100_000).fill(0.1) } as const;
    expect(() => new JsonWriter(100_000).nested(tensor)).toThrow('larger than 100000 bytes');
  });
});
