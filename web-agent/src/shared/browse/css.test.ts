import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanCss, cleanDeclarations, cleanValue } from './css';

test('a sheet keeps what a page looks like and loses what it says', () => {
  for (const [css, clean] of [
    ['a{color:#1259b8;margin:0 auto}', 'a{color:#1259b8;margin:0 auto}'],
    ['.x::after{content:"张三"}', '.x::after{content:""}'],
    [".x::after{content:'it\\'s'}", '.x::after{content:""}'],
    ['/* 张三 */a{}', ' a{}'],
    ['a{background:url(/me.png?id=7) no-repeat}', 'a{background:none no-repeat}'],
    ['a{background:URL( "x)y" )}', 'a{background:none}'],
    ['@import url("x.css?u=1");a{}', 'a{}'],
    ['@charset "GBK";a{}', 'a{}'],
    ['input[type="text"]{}', 'input[type="text"]{}'],
    ['[value="张三"] b{}', '[bb-none] b{}'],
    ['[data-user=secret]{}', '[bb-none]{}'],
    ['a{grid-template-columns:[main-start] 1fr}', 'a{grid-template-columns:[main-start] 1fr}'],
    ['.md\\:w-full{}', '.md\\:w-full{}'],
    ['.\\31 38{}', '._1 38{}'],
    ['a{width:33.33333333%}', 'a{width:33.333%}'],
    ['a{--用户:张三}', 'a{--__:__}'],
  ] as const) {
    expect(cleanCss(css), css).toBe(clean);
  }
});

test('the style of one element has no values that could be texts', () => {
  expect(cleanDeclarations('color:red;background:url(x?y=1;z);--name:secret;--size:4px;content:"a;b"')).toBe(
    'color:red;background:none;--size:4px;content:""',
  );
  expect(cleanValue('--gap', 'calc(var(--s) * 2)')).toBe('calc(var(--s) * 2)');
  expect(cleanValue('--who', 'zhangsan')).toBeNull();
  expect(cleanValue('x"y', 'red')).toBeNull();
});

test('no string, comment or address gets through, wherever it stands', () => {
  const part = fc.constantFrom(
    'a{',
    '}',
    ';',
    ':',
    '(',
    ')',
    '[',
    ']',
    '"',
    "'",
    '/*',
    '*/',
    'url(',
    '\\',
    ' ',
    '@import ',
    'content',
    '=',
  );
  const canary = '机密canary';
  const around = fc.constantFrom(
    `"${canary}"`,
    `'${canary}'`,
    `/*${canary}*/`,
    `url(${canary})`,
    `url("${canary}")`,
    `[x="${canary}"]`,
  );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a{', '}', ';', 'b:c', ' ', '(1)'), { maxLength: 8 }),
      around,
      fc.array(part),
      (before, at, after) => {
        expect(cleanCss(before.join('') + at + after.join(''))).not.toContain('canary');
      },
    ),
  );
  // Malformed or not: it ends, and what was clean stays so.
  fc.assert(
    fc.property(fc.array(fc.oneof(part, fc.string({ maxLength: 4 })), { maxLength: 30 }), (parts) => {
      const once = cleanCss(parts.join(''));
      expect(once).toMatch(/^[\0-\x7f]*$/);
    }),
  );
});
