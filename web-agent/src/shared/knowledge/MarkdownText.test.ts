import { mount } from '@vue/test-utils';
import { expect, test } from 'vitest';
import type { AnswerFile } from '../../generated/protocol';
import MarkdownText from './MarkdownText';

const shown = (text: string, files: AnswerFile[] = []) => mount(MarkdownText, { props: { text, files } });
const idOf = (n: number) => `fl_${String(n).padStart(32, '0')}`;

test('paragraphs, lists, emphasis and tables become elements', () => {
  const answer = shown(
    '## 材料\n\n请带：\n\n1. **身份证**\n2. 照片\n\n| 项 | 费 |\n|---|---|\n| 首次 | 免费 |\n\n第一行\n第二行',
  );
  expect(answer.findAll('ol li').map((one) => one.text())).toEqual(['身份证', '照片']);
  expect(answer.find('li strong').text()).toBe('身份证');
  expect(answer.find('td').text()).toBe('首次');
  expect(answer.find('br').exists()).toBe(true);
  expect(answer.find('h2').exists()).toBe(false);
});

test('a plain answer stays as it was written', () => {
  expect(shown('材料 < 3 份 & "原件"，15 日内。').text()).toBe('材料 < 3 份 & "原件"，15 日内。');
});

test('links lead to authorities only', () => {
  const good = shown('见[指南](https://zwdt.sh.gov.cn/a?b=1)或 https://www.shanghai.gov.cn/ 。');
  expect(good.findAll('a').map((one) => one.attributes('href'))).toEqual([
    'https://zwdt.sh.gov.cn/a?b=1',
    'https://www.shanghai.gov.cn/',
  ]);
  expect(good.find('a').attributes('rel')).toContain('noopener');
  for (const bad of [
    '[x](javascript:alert(1))',
    '[x](http://www.sh.gov.cn/)',
    '[x](https://evil.example/)',
    '[x](https://a@www.sh.gov.cn/)',
    '<javascript:alert(1)>',
    '[x][1]\n\n[1]: //evil.example',
  ]) {
    expect(shown(bad).find('a').exists(), bad).toBe(false);
  }
});

test('nothing is taken for HTML', () => {
  for (const attack of [
    '<img src=x onerror=alert(1)>',
    '<script>alert(1)</script>',
    'a <b onclick="alert(1)">b</b>',
    '<div>\n\n<iframe src="//evil.example"></iframe>\n\n</div>',
    '![x](https://www.sh.gov.cn/x.png)',
    '```html\n<svg onload=alert(1)>\n```',
    '&lt;img src=x onerror=alert(1)&gt;',
  ]) {
    const one = shown(attack);
    expect(one.element.querySelectorAll('img, script, b, iframe, svg, div').length, attack).toBe(0);
  }
  expect(shown('a <b>b</b>').text()).toContain('<b>b</b>');
});

test('pictures and documents are those that came with the answer', async () => {
  const picture = { file: idOf(1), kind: 'image', name: '样张.png', size: 9, width: 960, height: 480 } as const;
  const form = { file: idOf(2), kind: 'file', name: '申请表.pdf', size: 2048 } as const;
  const answer = shown(`见 ![样张](${idOf(1)}) 与 [申请表](${idOf(2)})`, [picture, form]);
  await Promise.resolve();
  await answer.vm.$nextTick();
  const image = answer.get('img');
  expect(image.attributes()).toMatchObject({
    src: `/files/answers/${idOf(1)}/thumb`,
    alt: '样张',
    width: '480',
    height: '240',
    loading: 'lazy',
  });
  const [enlarge, save] = answer.findAll('button');
  expect(enlarge!.attributes('aria-label')).toBe('查看大图：样张');
  expect(save!.text()).toContain('申请表.pdf · 2.0 KB');
  expect(answer.find('a').exists()).toBe(false);
});

test('of a file that did not come with the answer there are only the words', () => {
  const form = { file: idOf(2), kind: 'file', name: 'a.pdf', size: 1 } as const;
  const answer = shown(`![样张](${idOf(1)}) [表](${idOf(3)}) ![是表](${idOf(2)})`, [form]);
  expect(answer.text()).toBe('〔样张〕 表 〔是表〕');
  expect(answer.find('img, a, button').exists()).toBe(false);
});
