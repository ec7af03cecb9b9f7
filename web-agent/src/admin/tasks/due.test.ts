import { describe, expect, it } from 'vitest';
import { dueState, span } from './due';

const HOUR = 3_600_000;
const at = 1_000 * HOUR;

describe('a deadline', () => {
  it('stands as the task does', () => {
    const task = (state: 'open' | 'working' | 'done' | 'dropped', inTime: boolean | null) => ({
      state,
      inTime,
      dueAt: at,
    });
    expect(dueState(task('open', null), at - 25 * HOUR)).toBe('open');
    expect(dueState(task('working', null), at - 24 * HOUR)).toBe('soon');
    expect(dueState(task('open', null), at)).toBe('soon');
    expect(dueState(task('open', false), at + 1)).toBe('overdue');
    expect(dueState(task('done', true), at + 1)).toBe('kept');
    expect(dueState(task('done', false), at + 1)).toBe('late');
    expect(dueState(task('dropped', null), at + 1)).toBe('dropped');
  });

  it('is told in its biggest unit', () => {
    expect(span(at, at + 49 * HOUR)).toEqual({ unit: 'days', count: 2 });
    expect(span(at, at - 23 * HOUR)).toEqual({ unit: 'hours', count: 23 });
    expect(span(at, at + 59_000)).toEqual({ unit: 'minutes', count: 1 });
  });
});
