import { expect, test } from 'vitest';
import { encodeWav } from './wav';

test('samples become PCM of 16 bits behind a header that says so', () => {
  const view = new DataView(encodeWav(new Float32Array([0, 1, -1, 0.5, 2, -2])));
  const text = (at: number) => String.fromCharCode(...[0, 1, 2, 3].map((n) => view.getUint8(at + n)));
  expect([text(0), text(8), text(12), text(36)]).toEqual(['RIFF', 'WAVE', 'fmt ', 'data']);
  expect([view.getUint32(4, true), view.getUint32(40, true)]).toEqual([48, 12]);
  expect([view.getUint16(22, true), view.getUint32(24, true), view.getUint16(34, true)]).toEqual([1, 16_000, 16]);
  const samples = [0, 1, 2, 3, 4, 5].map((n) => view.getInt16(44 + n * 2, true));
  expect(samples).toEqual([0, 32_767, -32_768, 16_384, 32_767, -32_768]);
});
