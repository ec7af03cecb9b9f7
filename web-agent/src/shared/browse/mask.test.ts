import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventKind, NodeKind, Source, type Attributes, type PageEvent, type PageNode } from './events';
import { HIDDEN, Masker } from './mask';

let ids = 1;
const text = (textContent: string): PageNode => ({ type: NodeKind.Text, id: ids++, textContent });
const element = (tagName: string, attributes: Attributes, ...childNodes: PageNode[]): PageNode => ({
  type: NodeKind.Element,
  id: ids++,
  tagName,
  attributes,
  childNodes,
});
const page = (...body: PageNode[]): PageNode => ({
  type: NodeKind.Document,
  id: ids++,
  childNodes: [element('html', {}, element('head', {}), element('body', {}, ...body))],
});
const snapshot = (node: PageNode): PageEvent => ({
  type: EventKind.FullSnapshot,
  timestamp: 1_764_376_543_210,
  data: { node, initialOffset: { left: 0, top: 0 } },
});
const change = (data: object): PageEvent => ({
  type: EventKind.Incremental,
  timestamp: 1_764_376_543_999,
  data: data as Record<string, unknown>,
});
const mutation = (parts: object): PageEvent =>
  change({ source: Source.Mutation, texts: [], attributes: [], removes: [], adds: [], ...parts });

/** What is shown of the elements of `body`, as markup. */
function shown(masker: Masker, ...body: PageNode[]): string {
  const root = page(...body);
  const event = masker.mask(snapshot(root))!;
  const draw = (node: PageNode): string => {
    if (node.type === NodeKind.Text) return node.textContent!;
    const attributes = Object.entries(node.attributes ?? {}).map(([name, value]) => ` ${name}="${value}"`);
    const inside = (node.childNodes ?? []).map(draw).join('');
    return node.tagName ? `<${node.tagName}${attributes.join('')}>${inside}</>` : inside;
  };
  return draw(event.data.node as PageNode).replace(/^<html><head><\/><body>|<\/><\/>$/g, '');
}

const prepared = () => new Masker({ isPrepared: true });

describe('what is shown of a page', () => {
  test('labels are read, and what is written is not', () => {
    expect(
      shown(
        prepared(),
        element('label', { for: 'name' }, text('姓名')),
        element('input', { id: 'name', name: 'n', value: '张三', placeholder: '李四', title: 't', 'data-user': 'u' }),
        element('textarea', { value: '张三' }, text('张三')),
        element('button', { type: 'submit', value: 'v', 'aria-label': 'a' }, text('提交申请')),
      ),
    ).toBe(
      `<label for="name">姓名</><input id="name" type="text" value="${HIDDEN}" data-bb-kind="text"></>` +
        `<textarea value="${HIDDEN}" data-bb-kind="text"></><button type="submit" data-bb-kind="submit">提交申请</>`,
    );
  });

  test('a field says whether it is filled; a date or a number is a plain field', () => {
    const of = (attributes: Attributes) => shown(prepared(), element('input', attributes));
    expect(of({ type: 'date', value: '2000-01-01' })).toBe(
      `<input type="text" value="${HIDDEN}" data-bb-kind="text"></>`,
    );
    expect(of({ type: 'date', value: '' })).toBe('<input type="text" data-bb-kind="text"></>');
    expect(of({ type: 'password', value: 'x' })).toBe(
      `<input type="password" value="${HIDDEN}" data-bb-kind="secret"></>`,
    );
    expect(of({ type: 'radio', value: 'male', checked: true })).toBe('<input type="radio" data-bb-kind="choice"></>');
    expect(of({ type: 'hidden', value: 'x' })).toBe('<input type="hidden"></>');
  });

  test('of what was chosen one sees that something was, and never what', () => {
    const choices = (value: string) =>
      shown(
        prepared(),
        element(
          'select',
          { value },
          element('option', { value: '' }, text('请选择')),
          element('option', { value: 'm' }, text('男')),
          element('option', { value: 'f' }, text('女')),
        ),
      );
    const [none, hidden] = ['<option></>', `<option>${HIDDEN}</>`];
    expect(choices('')).toBe(`<select data-bb-kind="choice"><option selected="true"></>${hidden}${hidden}</>`);
    const filled = `<select data-bb-kind="choice">${none}<option selected="true">${HIDDEN}</>${hidden}</>`;
    expect(choices(HIDDEN)).toBe(filled);
  });

  test('tagged text, blocks and places where one writes are not read', () => {
    for (const node of [
      element('p', { 'data-bb-mask': '' }, element('b', {}, text('张三'))),
      element('div', { contenteditable: 'true' }, text('张三')),
      element('div', { role: 'combobox' }, text('张三')),
      element('output', {}, text('张三')),
      element('div', { 'data-bb-block': '' }, text('张三')),
      element('title', {}, text('张三')),
      element('noscript', {}, text('张三')),
      element('iframe', {}, element('p', {}, text('张三'))),
      element('bangban-help', {}, text('张三')),
    ]) {
      expect(shown(prepared(), node), JSON.stringify(node)).not.toContain('张三');
    }
  });

  test('a page without tags shows labels, headings and buttons only', () => {
    const masker = new Masker({ isPrepared: false });
    const html = shown(
      masker,
      element('h1', {}, text('居住证办理')),
      element('p', {}, text('您好，张三')),
      element('label', {}, element('span', {}, text('姓名'))),
      element('td', {}, text('张三')),
    );
    expect(html).toBe(`<h1>居住证办理</><p>${HIDDEN}</><label><span>姓名</></><td>${HIDDEN}</>`);
  });

  test('pictures keep their place', () => {
    const masker = new Masker({ isPrepared: true, sizeOf: () => ({ width: 80.4, height: 60 }) });
    expect(shown(masker, element('img', { src: 'me.jpg', alt: '张三', class: 'photo' }))).toBe(
      '<img class="photo" rr_width="80px" rr_height="60px"></>',
    );
  });

  test('the text of a tagged element stays hidden when it changes, and a late tag asks for the page anew', () => {
    const masker = prepared();
    const [secret, plain] = [text('张三'), text('说明')];
    const paragraph = element('p', {}, plain);
    masker.mask(snapshot(page(element('p', { 'data-bb-mask': '' }, secret), paragraph)));
    const texts = [
      { id: secret.id, value: '李四' },
      { id: plain.id, value: '新说明' },
      { id: 99_999, value: '王五' },
    ];
    // That it is another one now is not told either.
    expect(masker.mask(mutation({ texts }))!.data.texts).toEqual([{ id: plain.id, value: '新说明' }]);
    expect(masker.isStale).toBe(false);
    masker.mask(mutation({ attributes: [{ id: paragraph.id, attributes: { 'data-bb-mask': '' } }] }));
    expect(masker.isStale).toBe(true);
    expect(masker.mask(mutation({ texts: [texts[1]] }))!.data.texts).toEqual([{ id: plain.id, value: HIDDEN }]);
  });

  test('what is put into something unknown or closed is dropped', () => {
    const masker = prepared();
    const frame = element('iframe', {});
    masker.mask(snapshot(page(frame)));
    const add = (parentId: number) => ({
      parentId,
      previousId: null,
      nextId: null,
      node: element('p', {}, text('张三')),
    });
    expect(masker.mask(mutation({ adds: [add(frame.id), add(99_999)] }))).toBeNull();
  });

  test('instants, addresses and places are short numbers', () => {
    const masker = prepared();
    const meta = {
      type: EventKind.Meta,
      timestamp: 1_764_376_543_210,
      data: { href: 'https://p/?id=1', width: 9.5, height: 2 },
    };
    expect(masker.mask(meta)).toEqual({ type: EventKind.Meta, timestamp: 0, data: { href: '', width: 10, height: 2 } });
    const moved = masker.mask(
      change({ source: Source.MouseMove, positions: [{ x: 1.23456, y: 2, id: 3, timeOffset: -0.5 }] }),
    );
    expect(moved!.timestamp).toBe(789);
    expect(moved!.data.positions).toEqual([{ x: 1, y: 2, id: 3, timeOffset: -0 }]);
  });

  test('nobody sees which of several was pressed', () => {
    const masker = prepared();
    const radio = element('input', { type: 'radio' });
    const label = element('label', { class: 'radio is-checked' }, radio, text('男'));
    const field = element('input', {});
    const shownPage = JSON.stringify(masker.mask(snapshot(page(label, field))));
    expect(shownPage).toContain('"class":"radio"');
    const press = (id: number) => change({ source: Source.MouseInteraction, type: 2, id, x: 1, y: 1 });
    const tick = (id: number) => change({ source: Source.Input, id, text: 'on', isChecked: true });
    const move = (id: number) => change({ source: Source.MouseMove, positions: [{ x: 1, y: 1, id, timeOffset: 0 }] });
    for (const { id } of [radio, label, label.childNodes![1]!]) {
      expect([masker.mask(press(id)), masker.mask(tick(id)), masker.mask(move(id))]).toEqual([null, null, null]);
    }
    expect(masker.mask(press(field.id))).not.toBeNull();
    const classes = [{ id: label.id, attributes: { class: 'radio is-checked' } }];
    expect(masker.mask(mutation({ attributes: classes }))!.data.attributes).toEqual([
      { id: label.id, attributes: { class: 'radio' } },
    ]);
  });

  test('how much is written is not told by how often it changes', () => {
    const masker = prepared();
    const [field, written] = [element('input', { value: '' }), text('张')];
    masker.mask(snapshot(page(field, element('div', { contenteditable: '' }, written))));
    const type = (value: string) => masker.mask(change({ source: Source.Input, id: field.id, text: value }));
    const shownTexts = [type('张'), type('张三'), type('张三丰'), type(''), type('李')].map(
      (event) => event?.data.text,
    );
    expect(shownTexts).toEqual([HIDDEN, undefined, undefined, '', HIDDEN]);
    const write = (value: string) => masker.mask(mutation({ texts: [{ id: written.id, value }] }));
    expect([write('张三'), write('张三丰')]).toEqual([null, null]);
  });

  test('events that nobody has thought of are not shown', () => {
    const masker = prepared();
    for (const source of [7, 9, 10, 11, 14, 16, 17, 99]) expect(masker.mask(change({ source, text: 'x' }))).toBeNull();
    for (const type of [0, 5, 6, 9]) expect(masker.mask({ type, timestamp: 1, data: { a: 'x' } })).toBeNull();
  });
});

// --- canaries ------------------------------------------------------------------------------------------------------

const CANARY = '机密canary';
const TAGS = ['div', 'p', 'span', 'section', 'table', 'td', 'label', 'a', 'ul', 'li', 'h2', 'svg', 'x-field'];
/** Where a canary may stand on any element. */
const CARRIERS: Attributes = {
  value: CANARY,
  placeholder: CANARY,
  title: CANARY,
  alt: CANARY,
  name: CANARY,
  href: `https://p.example/x?q=${CANARY}`,
  src: `/me.png?${CANARY}`,
  srcset: `/a.png?${CANARY} 2x`,
  action: `/?${CANARY}`,
  content: CANARY,
  'aria-label': CANARY,
  'aria-description': CANARY,
  'data-user': CANARY,
  'data-bb-item': `${CANARY} 310104199001011234`,
  onclick: `say('${CANARY}')`,
  style: `background:url(/x?${CANARY});--name:${CANARY};content:"${CANARY}"`,
  rr_dataURL: `data:image/png;${CANARY}`,
  rr_src: CANARY,
};
/** Elements in which nothing may be read. */
const CLOSED: readonly ((inside: PageNode) => PageNode)[] = [
  (inside) => element('p', { 'data-bb-mask': '' }, inside),
  (inside) => element('div', { 'data-bb-block': '' }, inside),
  (inside) => element('textarea', { value: CANARY }, inside),
  (inside) => element('select', { value: CANARY }, element('option', { value: CANARY }, inside)),
  (inside) => element('datalist', {}, element('option', { label: CANARY }, inside)),
  (inside) => element('output', {}, inside),
  (inside) => element('div', { contenteditable: '' }, inside),
  (inside) => element('div', { role: 'textbox' }, inside),
  (inside) => element('script', {}, inside),
  (inside) => element('template', {}, inside),
  (inside) => element('title', {}, inside),
  (inside) => element('object', { data: CANARY }, inside),
  () => element('style', { _cssText: `a::before{content:"${CANARY}"}` }, text(`/*${CANARY}*/b{content:'${CANARY}'}`)),
  (inside) => element('link', { _cssText: `@import url(${CANARY});`, href: CANARY }, inside),
  (inside) => ({
    ...element('x-field', {}, { ...element('p', { 'data-bb-mask': '' }, inside), isShadow: true }),
    isShadowHost: true,
  }),
  () => element('input', { type: 'text', value: CANARY, placeholder: CANARY }),
  () => element('input', { type: 'submit', value: CANARY }),
  () => ({ type: NodeKind.Comment, id: ids++, textContent: CANARY }),
];

const carriers = fc
  .subarray(Object.keys(CARRIERS))
  .map((names) => Object.fromEntries(names.map((name) => [name, CARRIERS[name]])));

const { tree } = fc.letrec<{ tree: PageNode }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null).map(() => text('说明')),
    fc
      .tuple(fc.constantFrom(...TAGS), carriers, fc.array(tie('tree'), { maxLength: 4 }))
      .map(([tag, attributes, children]) => element(tag, attributes, ...children)),
    fc
      .tuple(fc.constantFrom(...CLOSED), fc.constantFrom(...TAGS), carriers)
      .map(([close, tag, attributes]) => close(element(tag, attributes, text(CANARY)))),
  ),
}));

/** The node and all below it, parents first, each without its children: as a mutation adds them. */
function* additions(node: PageNode, parentId: number): Generator<object> {
  yield { parentId, previousId: null, nextId: null, node: { ...node, childNodes: [] } };
  for (const child of node.childNodes ?? []) yield* additions(child, node.id);
}

const all = function* (node: PageNode): Generator<PageNode> {
  yield node;
  for (const child of node.childNodes ?? []) yield* all(child);
};

describe('canaries', () => {
  const clean = (event: PageEvent | null) => expect(JSON.stringify(event)).not.toContain('canary');

  test('in every place of random pages: none is shown', () => {
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 4 }), fc.boolean(), (body, isPrepared) => {
        clean(new Masker({ isPrepared }).mask(snapshot(page(...body))));
      }),
      { numRuns: 300 },
    );
  });

  test('in pages that are built later, node by node, and changed', () => {
    fc.assert(
      fc.property(fc.array(tree, { minLength: 1, maxLength: 3 }), fc.boolean(), (grown, isPrepared) => {
        const masker = new Masker({ isPrepared });
        const root = page();
        const body = root.childNodes![0]!.childNodes![1]!;
        clean(masker.mask(snapshot(root)));
        for (const node of grown) clean(masker.mask(mutation({ adds: [...additions(node, body.id)] })));
        const nodes = grown.flatMap((node) => [...all(node)]);
        const attributes = nodes
          .filter((node) => node.type === NodeKind.Element)
          .map(({ id }) => ({
            id,
            attributes: { ...CARRIERS, style: { '--name': CANARY, content: [`"${CANARY}"`, 'important'] } },
          }));
        clean(masker.mask(mutation({ attributes })));
        const values = nodes.map(({ id }) => change({ source: Source.Input, id, text: CANARY, isChecked: true }));
        values.forEach((event) => clean(masker.mask(event)));
        // What stands in a place that is closed changes.
        const parents = new Map(
          nodes.flatMap((node) => (node.childNodes ?? []).map((child) => [child.id, node] as const)),
        );
        const texts = nodes
          .filter((node) => node.type === NodeKind.Text && node.textContent === CANARY && parents.has(node.id))
          .map(({ id }) => ({ id, value: `${CANARY}!` }));
        clean(masker.mask(mutation({ texts })));
      }),
      { numRuns: 200 },
    );
  });

  test('in style sheets that are changed', () => {
    const masker = prepared();
    masker.mask(snapshot(page()));
    const css = `a::after{content:"${CANARY}";background:url(${CANARY})}`;
    for (const data of [
      {
        source: Source.StyleSheetRule,
        id: 3,
        adds: [
          { rule: css, index: 0 },
          { rule: `@import "${CANARY}";`, index: [1, 0] },
        ],
      },
      { source: Source.StyleSheetRule, styleId: 3, replace: css, replaceSync: css, more: CANARY },
      {
        source: Source.StyleDeclaration,
        id: 3,
        index: [0],
        set: { property: 'content', value: `"${CANARY}"`, priority: CANARY },
      },
      { source: Source.StyleDeclaration, id: 3, index: [0], set: { property: CANARY, value: 'red' } },
      { source: Source.StyleDeclaration, id: 3, index: [0], remove: { property: CANARY } },
      {
        source: Source.AdoptedStyleSheet,
        id: 3,
        styleIds: [1],
        styles: [{ styleId: 1, rules: [{ rule: css, index: 0 }] }],
      },
    ]) {
      clean(masker.mask(change(data)));
    }
  });

  test('the test can fail: readable text is read', () => {
    expect(shown(prepared(), element('p', {}, text(CANARY)))).toContain(CANARY);
  });
});
