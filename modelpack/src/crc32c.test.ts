import { describe, expect, it } from '@jest/globals';
import { crc32c, maskedCrc32c } from './crc32c.ts';

describe('the checksum of TensorFlow', () => {
  it.each([
    // RFC 3720, B.4.
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['nine digits', Buffer.from('123456789'), 0xe3069283],
  ])('of %s is that of the standard', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it('is masked where it is stored', () => {
    // As crc32c_test.cc of LevelDB: it is neither the plain one, nor lost.
    const plain = crc32c(Buffer.from('foo'));
    const masked = maskedCrc32c(Buffer.from('foo'));
    const turned = (masked - 0xa282ead8) >>> 0;
    expect(masked).not.toBe(plain);
    expect(((turned >>> 17) | (turned << 15)) >>> 0).toBe(plain);
  });
});
