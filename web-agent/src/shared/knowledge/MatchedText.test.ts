import { mount } from '@vue/test-utils';
import { expect, test } from 'vitest';
import MatchedText, { split } from './MatchedText';

test('what matches is set off and nothing is lost', () => {
  const text = '😀居住证如何补办';
  const parts = split(text, [
    [2, 5],
    [7, 9],
  ]);
  expect(parts).toEqual([
    { text: '😀', hit: false },
    { text: '居住证', hit: true },
    { text: '如何', hit: false },
    { text: '补办', hit: true },
  ]);
  expect(split(text, [])).toEqual([{ text, hit: false }]);
  expect(split('', [])).toEqual([]);
  const shown = mount(MatchedText, { props: { text: '<b>居住证</b>', ranges: [[3, 6]] } });
  expect(shown.find('mark').text()).toBe('居住证');
  expect(shown.find('b').exists()).toBe(false);
});
