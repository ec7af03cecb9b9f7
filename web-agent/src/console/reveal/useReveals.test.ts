import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setClock } from '../../shared/clock';
import { RevealError } from '../../shared/reveal';
import { hideAll, show, shownText, type Masked } from './useReveals';

const message: Masked = { conversation: 'cv_1', seq: 3 };
const phone: Masked = { conversation: 'cv_1', field: 'phone' };

function answer(status: number, body: unknown) {
  const reply = new Response(JSON.stringify(body), { status });
  return vi.spyOn(globalThis, 'fetch').mockResolvedValue(reply);
}

describe('what is shown unmasked', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    setClock(() => 1_000);
  });
  afterEach(() => {
    hideAll();
    setClock(() => Date.now());
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('is masked again when the minute of the server is over', async () => {
    const asked = answer(200, { text: '13800138001', until: 61_000 });
    await show(message, '核对身份', 'token');
    expect(JSON.parse(asked.mock.calls[0]![1]!.body as string)).toEqual({ ...message, reason: '核对身份' });
    expect([shownText(message), shownText(phone)]).toEqual(['13800138001', undefined]);
    vi.advanceTimersByTime(59_999);
    expect(shownText(message)).toBe('13800138001');
    vi.advanceTimersByTime(1);
    expect(shownText(message)).toBeUndefined();
  });

  it('is nothing after a refusal, which says why', async () => {
    answer(429, { error: { code: 'rate_limited', detail: '', retryable: true } });
    await expect(show(phone, '核对身份', 'token')).rejects.toEqual(new RevealError('rate_limited'));
    expect(shownText(phone)).toBeUndefined();
  });
});
