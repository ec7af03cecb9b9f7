import { expect, test } from 'vitest';
import { parseCalendarFile } from './calendarFile';

test('the years of a file are read in order, with days that have no name', () => {
  const text = JSON.stringify({
    note: 'for people',
    years: {
      2027: { days_off: [{ date: '2027-01-01', name: '元旦' }], work_days: [] },
      2026: { days_off: [], work_days: [{ date: '2026-01-04' }] },
    },
  });
  expect(parseCalendarFile(text)).toEqual([
    { year: '2026', daysOff: [], workDays: [{ date: '2026-01-04', name: '' }] },
    { year: '2027', daysOff: [{ date: '2027-01-01', name: '元旦' }], workDays: [] },
  ]);
});

test.each([
  '',
  'null',
  '[]',
  '{}',
  '{"years":{}}',
  '{"years":{"2027":{"days_off":[1],"work_days":[]}}}',
  '{"years":{"2027":null}}',
])('another file is none: %s', (text) => expect(parseCalendarFile(text)).toBeNull());
