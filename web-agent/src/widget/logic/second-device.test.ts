import jsQR from 'jsqr';
import { afterEach, expect, test, vi } from 'vitest';
import type { ContinuationView } from '../../generated/protocol';
import { qrPicture } from './qr';
import {
  codeOf,
  continueUrl,
  forgetRedeemed,
  redeem,
  storedRedeemed,
  wayState,
  withView,
  type Way,
} from './second-device';

const way: Way = {
  id: 'cn_1',
  conversation: 'cv_1',
  code: 'c',
  short: 'ABCD-EFGH',
  expiresAt: 120_000,
  redeemedAt: null,
  revokedAt: null,
};
const view: ContinuationView = {
  id: 'cn_1',
  conversation: 'cv_1',
  expiresAt: 120_000,
  redeemedAt: null,
  revokedAt: null,
};

afterEach(() => vi.unstubAllGlobals());

/** The picture as a camera sees it: four pixels for a unit. */
function photograph(text: string): string | undefined {
  const { size, path } = qrPicture(text);
  const scale = 4;
  const pixels = new Uint8ClampedArray((size * scale) ** 2 * 4).fill(255);
  for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row++) {
      for (let column = Number(x) * scale; column < (Number(x) + Number(width)) * scale; column++) {
        pixels.fill(0, (row * size * scale + column) * 4, (row * size * scale + column) * 4 + 3);
      }
    }
  }
  return jsQR(pixels, size * scale, size * scale)?.data;
}

test('what the picture says is what a camera reads, and what the other page takes', () => {
  for (const origin of [
    'https://help.example',
    'http://127.0.0.1:8080',
    'https://very-long-name.district.city.example:8443',
  ]) {
    const url = continueUrl(origin, '0aZ_-9bcdefghijklmnopq');
    expect(photograph(url)).toBe(url);
    expect(codeOf(new URL(url).hash)).toBe('0aZ_-9bcdefghijklmnopq');
  }
  for (const none of ['', '#', '#continue=', '#continue', '#other=1']) expect(codeOf(none), none).toBeNull();
});

test('a code is open, then expired, unless it was used or ended', () => {
  expect(wayState(way, 0)).toEqual({ kind: 'open', left: 120 });
  expect(wayState(way, 119_001)).toEqual({ kind: 'open', left: 1 });
  expect(wayState(way, 120_000)).toEqual({ kind: 'expired' });
  const used = withView(way, { ...view, redeemedAt: 5 });
  expect(wayState(used, 500_000)).toEqual({ kind: 'used' });
  expect(withView(used, view).redeemedAt, 'an older word').toBe(5);
  expect(wayState(withView(used, { ...view, redeemedAt: 5, revokedAt: 9 }), 10)).toEqual({ kind: 'ended' });
  expect(withView(way, { ...view, id: 'cn_2', redeemedAt: 5 })).toBe(way);
});

test('who was let in stays so in this tab until the token ends', async () => {
  const redeemed = { token: 't', expiresAt: 1_000, conversation: 'cv_1' };
  const fetched = vi.fn(() => Promise.resolve(new Response(JSON.stringify(redeemed))));
  vi.stubGlobal('fetch', fetched);
  expect(await redeem('abcd efgh')).toEqual(redeemed);
  expect(fetched.mock.calls[0]).toMatchObject(['/api/citizen/continue', { body: '{"code":"abcd efgh"}' }]);
  expect(storedRedeemed(999)).toEqual(redeemed);
  expect(storedRedeemed(1_000)).toBeNull();
  forgetRedeemed();
  expect(storedRedeemed(0)).toBeNull();
});
