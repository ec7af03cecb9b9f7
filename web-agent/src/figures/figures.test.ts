import { describe, expect, test } from 'vitest';
import type { FigureDefinition, FigureNumber } from '../generated/protocol';
import { change, changeText, NONE, partsText, percentText, spanText, tone, valueText } from './numbers';
import { daysBetween, plusDays, preset, readRoute, writeRoute, type Route } from './route';
import { SECTIONS } from './sections';

const both = { zh: '', en: '' };
const define = (shape: FigureDefinition['shape']): FigureDefinition => ({
  figure: 'within_minute',
  shape,
  name: both,
  numerator: both,
  denominator: both,
  source: both,
});
const number = (part: Partial<FigureNumber>): FigureNumber => ({
  of: 0,
  hits: 0,
  sum: 0,
  longest: null,
  p50: null,
  p90: null,
  p99: null,
  ...part,
});

describe('numbers', () => {
  test('100% is said only when nothing was missed, and nothing of nothing is no rate', () => {
    expect([percentText(0, 0), percentText(9_999, 10_000), percentText(7, 7), percentText(1, 3)]).toEqual([
      NONE,
      '99.9%',
      '100%',
      '33.3%',
    ]);
  });

  test('spans are read at a glance', () => {
    expect([null, 0, 7_300, 59_999, 60_000, 245_000, 3_723_000].map(spanText)).toEqual([
      NONE,
      '0 s',
      '7.3 s',
      '60.0 s',
      '1:00',
      '4:05',
      '1:02:03',
    ]);
  });

  test('each shape shows what it is made of', () => {
    const one = number({ of: 4, hits: 3, sum: 18_000 });
    expect(valueText(define('rate'), one)).toBe('75.0%');
    expect(partsText(define('rate'), one)).toBe('3 / 4');
    expect(valueText(define('count'), one)).toBe('4');
    expect(valueText(define('span'), one)).toBe('4.5 s');
    expect(partsText(define('span'), one)).toBe('n = 4');
    expect(valueText(define('mean'), number({ of: 3, sum: 13 }))).toBe('4.33');
    expect(valueText(define('mean'), undefined)).toBe(NONE);
    expect(valueText(define('count'), undefined)).toBe('0');
  });

  test('a change is points of a rate and percent of a count; without a before there is none', () => {
    const rate = define('rate');
    const by = change(rate, number({ of: 4, hits: 3 }), number({ of: 2, hits: 1 }));
    expect(changeText(rate, by, 'points')).toBe('+25.0 points');
    expect(change(rate, number({ of: 4, hits: 3 }), undefined)).toBeNull();
    const count = define('count');
    expect(changeText(count, change(count, number({ of: 3 }), number({ of: 4 })), '')).toBe('−25.0%');
    expect(change(count, number({ of: 3 }), number({ of: 0 }))).toBeNull();
    expect([tone('within_minute', 1), tone('wait', 1), tone('wait', -1), tone('requests', 5)]).toEqual([
      'good',
      'bad',
      'good',
      'plain',
    ]);
  });
});

describe('route', () => {
  const start: Route = {
    screen: 'overview',
    filter: { from: '2026-11-24', to: '2026-11-24' },
    by: 'team',
    figure: 'within_minute',
    part: 'of',
    conversation: '',
  };

  test('an address says all of it again', () => {
    const route: Route = {
      ...start,
      screen: 'rows',
      filter: { from: '2026-11-01', to: '2026-11-24', unit: 'xuhui', item: '', channel: 'kiosk' },
      by: 'day',
      figure: 'wait',
      part: 'of',
    };
    expect(readRoute(writeRoute(route), start)).toEqual(route);
    const history: Route = { ...start, screen: 'history', conversation: 'cv_0a' };
    expect(readRoute(writeRoute(history), start).conversation).toBe('cv_0a');
  });

  test('nonsense in an address is not taken', () => {
    for (const query of ['from=x&to=y', 'from=2026-11-25&to=2026-11-24', 'from=2026-13-99&to=2026-13-99']) {
      expect(readRoute(`#/overview?${query}`, start).filter).toEqual(start.filter);
    }
    expect(readRoute('#/nowhere', start).screen).toBe('overview');
  });

  test('presets are whole days, over the end of a year too', () => {
    expect(preset('yesterday', '2027-01-01')).toEqual({ from: '2026-12-31', to: '2026-12-31' });
    expect(preset('lastMonth', '2027-01-15')).toEqual({ from: '2026-12-01', to: '2026-12-31' });
    expect(preset('week', '2026-03-03')).toEqual({ from: '2026-02-25', to: '2026-03-03' });
    expect([plusDays('2028-02-28', 1), daysBetween('2026-11-01', '2026-11-30')]).toEqual(['2028-02-29', 29]);
  });
});

test('every figure stands in one section', () => {
  const all = SECTIONS.flatMap(({ figures }) => figures);
  expect(new Set(all).size).toBe(all.length);
  expect(all).toHaveLength(25);
});
