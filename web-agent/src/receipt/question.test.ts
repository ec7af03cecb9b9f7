import { expect, test } from 'vitest';
import { numberOf, tidied, wrongFields } from './question';

test('a number is taken as people write it', () => {
  for (const written of [
    'SH20261124-0007',
    ' sh20261124-0007 ',
    'SH202611240007',
    'ＳＨ２０２６１１２４－０００７',
    'SH2026 1124-0007',
  ]) {
    expect(tidied({ receipt: written, phoneEnd: ' ８００1 ' }), written).toEqual({
      receipt: 'SH20261124-0007',
      phoneEnd: '8001',
    });
  }
});

test('what is wrong is told before anything is sent', () => {
  const wrong = (receipt: string, phoneEnd: string) => wrongFields(tidied({ receipt, phoneEnd })).join(' ');
  expect(wrong('SH20261124-0007', '8001')).toBe('');
  expect(wrong('ZB20261124-12345', '8001')).toBe('');
  expect(wrong('', '')).toBe('receipt phoneEnd');
  expect(wrong('SH2026-7', '8001')).toBe('receipt');
  expect(wrong('SH20261124-0007', '13800138001')).toBe('phoneEnd');
  expect(wrong('SH20261124-0007', '80a1')).toBe('phoneEnd');
});

test('the address may bring a number and nothing else', () => {
  expect(numberOf('#SH20261124-0007')).toBe('SH20261124-0007');
  for (const other of ['', '#', '#<script>', `#${'1'.repeat(33)}`]) expect(numberOf(other), other).toBe('');
});
