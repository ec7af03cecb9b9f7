import { describe, expect, it } from 'vitest';
import type { FileLimits } from '../../generated/protocol';
import { acceptOf, attachmentOf, boxOf, durationText, endingOf, familyOf, sizeText } from './kinds';

const limits: FileLimits = {
  imageBytes: 1_000,
  fileBytes: 2_000,
  voiceBytes: 500,
  voiceSeconds: 60,
  endings: ['pdf', 'docx', 'csv'],
};

describe('what a chosen file is', () => {
  it.each([
    ['a.png', 'image/png', 1_000, { kind: 'image', name: 'a.png', size: 1_000 }],
    ['a.png', 'image/png', 1_001, 'too_large'],
    ['居住证.PDF', 'application/pdf', 2_000, { kind: 'file', name: '居住证.PDF', size: 2_000 }],
    ['a.docx', '', 2_001, 'too_large'],
    ['a.pdf', '', 0, 'empty'],
    ['a.exe', 'application/octet-stream', 5, 'unsupported'],
    ['a.svg', 'image/svg+xml', 5, 'unsupported'],
    ['pdf', '', 5, 'unsupported'],
    ['.pdf', '', 5, 'unsupported'],
  ])('%s of type "%s" and %d bytes', (name, type, size, expected) => {
    expect(attachmentOf({ name, type, size }, limits)).toEqual(expected);
  });

  it('has an ending, a colour, and is offered by the chooser', () => {
    expect([endingOf('a.b.XLSX'), endingOf('a'), endingOf('.x')]).toEqual(['xlsx', '', '']);
    expect(['a.pdf', 'a.csv', 'a.docx'].map(familyOf)).toEqual(['print', 'table', 'text']);
    expect(acceptOf(limits)).toBe('image/jpeg,image/png,image/gif,image/webp,.pdf,.docx,.csv');
  });
});

describe('numbers as people read them', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KB'],
    [10_189, '10 KB'],
    [1_023_000, '999 KB'],
    [1_024 * 1_024 - 1, '1.0 MB'],
    [10 << 20, '10 MB'],
  ])('%d bytes', (bytes, text) => expect(sizeText(bytes)).toBe(text));

  it.each([
    [0, '0:00'],
    [499, '0:00'],
    [59_600, '1:00'],
    [61_000, '1:01'],
  ])('%d ms', (ms, text) => expect(durationText(ms)).toBe(text));
});

describe('the place of a picture in the thread', () => {
  it.each([
    [800, 600, { width: 240, height: 180 }],
    [100, 120, { width: 100, height: 120 }],
    // A long screenshot and a banner are cut, a tiny one stands in a place that can be hit.
    [400, 4_000, { width: 96, height: 240 }],
    [4_000, 400, { width: 240, height: 96 }],
    [1, 1, { width: 96, height: 96 }],
    [0, 0, { width: 240, height: 180 }],
  ])('%d x %d', (width, height, box) => expect(boxOf(width, height, 240)).toEqual(box));
});
