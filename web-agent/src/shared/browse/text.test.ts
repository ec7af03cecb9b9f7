import { expect, test } from 'vitest';
import { HIDDEN, hideNumbers, safeName } from './text';

test('numbers and addresses of people are hidden, and the words around them stay', () => {
  for (const [text, shown] of [
    ['身份证 310104199001011234 已核验', `身份证 ${HIDDEN} 已核验`],
    ['手机：138 0013 8000', `手机：${HIDDEN}`],
    ['电话 021-5678 1234 转 8', `电话 ${HIDDEN} 转 8`],
    ['卡号 6222 0000 1111 2222', `卡号 ${HIDDEN}`],
    ['写信到 zhang.wei@example.cn 即可', `写信到 ${HIDDEN} 即可`],
    ['护照E12345678', `护照${HIDDEN}`],
    ['车牌沪A·12345', `车牌${HIDDEN}`],
    ['漕溪北路1200弄3号502室', '漕溪北路●弄●号●室'],
    ['第2步，共4步', '第2步，共4步'],
    ['请填写居住地址', '请填写居住地址'],
    ['申请表（2026年版）', '申请表（2026年版）'],
  ] as const) {
    expect(hideNumbers(text), text).toBe(shown);
  }
});

test('a name is a short word without a number of anybody', () => {
  for (const name of ['residence-permit', '居住地址', 'step.2', 'e:required', 'field_1'])
    expect(safeName(name)).toBe(name);
  for (const name of ['', 'two words', '13800138000', 'a@b.cn', 'x'.repeat(129), undefined, 7]) {
    expect(safeName(name)).toBeNull();
  }
});
