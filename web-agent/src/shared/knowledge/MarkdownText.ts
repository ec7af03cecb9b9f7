/**
 * An official answer in Markdown, as elements. Nothing of it is ever taken for HTML: the parser (marked) gives tokens, and only
 * those that are known here become elements; tags and whatever else is written are shown as they were typed. Links lead to
 * `https` addresses of authorities and open apart; the server takes no others. Pictures and documents are those that came with
 * the answer, by their ids: no address of a text is ever loaded.
 */
import { marked, type Token, type Tokens } from 'marked';
import { defineComponent, h, type PropType, type VNode } from 'vue';
import type { AnswerFile } from '../../generated/protocol';
import AnswerDocument from './AnswerDocument.vue';
import { isFileId } from './answerFiles';
import AnswerPicture from './AnswerPicture.vue';

type Part = VNode | string;
type Files = readonly AnswerFile[];

const isOfficial = (address: string): boolean => {
  try {
    const url = new URL(address);
    return url.protocol === 'https:' && url.hostname.endsWith('.gov.cn') && url.port === '' && url.username === '';
  } catch {
    return false;
  }
};

const isPart = (token: Token): token is Token & { tokens: Token[] } => Array.isArray((token as Tokens.Text).tokens);

/** Marked escapes for HTML what stands in its texts; elements show it as it is. */
const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const plain = (text: string): string => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]!);

const all = (tokens: Token[] | undefined, files: Files): Part[] =>
  (tokens ?? []).flatMap((token) => part(token, files));

function list(token: Tokens.List, files: Files): VNode {
  const start = token.ordered && typeof token.start === 'number' ? { start: token.start } : {};
  return h(
    token.ordered ? 'ol' : 'ul',
    start,
    token.items.map((item) => h('li', all(item.tokens, files))),
  );
}

function table(token: Tokens.Table, files: Files): VNode {
  const head = token.header.map((cell) => h('th', { scope: 'col' }, all(cell.tokens, files)));
  const rows = token.rows.map((row) =>
    h(
      'tr',
      row.map((cell) => h('td', all(cell.tokens, files))),
    ),
  );
  return h('table', [h('thead', [h('tr', head)]), h('tbody', rows)]);
}

function part(token: Token, files: Files): Part[] {
  switch (token.type) {
    case 'space':
      return [];
    case 'paragraph':
      return [h('p', all(token.tokens, files))];
    case 'heading':
      // A heading of an answer is none of the page.
      return [h('p', { class: 'md-head' }, all(token.tokens, files))];
    case 'strong':
    case 'em':
    case 'del':
      return [h(token.type, all(token.tokens, files))];
    case 'br':
      return [h('br')];
    case 'hr':
      return [h('hr')];
    case 'codespan':
      return [plain((token as Tokens.Codespan).text)];
    case 'blockquote':
      return [h('blockquote', all(token.tokens, files))];
    case 'list':
      return [list(token as Tokens.List, files)];
    case 'table':
      return [table(token as Tokens.Table, files)];
    case 'image': {
      const { href, text } = token as Tokens.Image;
      const file = files.find((one) => one.file === href && one.kind === 'image');
      if (file) return [h(AnswerPicture, { key: href, file, alt: plain(text) })];
      // A file of ours that this reader may not see is told by its words.
      return [isFileId(href) ? `〔${plain(text)}〕` : token.raw];
    }
    case 'link': {
      const address = (token as Tokens.Link).href;
      const file = files.find((one) => one.file === address);
      if (file) return [h(AnswerDocument, { key: address, file, label: plain((token as Tokens.Link).text) })];
      const words = all(token.tokens, files);
      if (isFileId(address)) return words;
      if (!isOfficial(address)) return [token.raw];
      return [h('a', { href: address, target: '_blank', rel: 'noopener noreferrer nofollow' }, words)];
    }
    case 'escape':
    case 'text':
      return isPart(token) ? all(token.tokens, files) : [plain((token as Tokens.Text).text)];
    default:
      return [token.raw];
  }
}

export default defineComponent({
  name: 'MarkdownText',
  props: {
    text: { type: String, required: true },
    /** What came with it. */
    files: { type: Array as PropType<Files>, default: () => [] },
  },
  setup: (props) => () =>
    h('div', { class: 'md' }, all(marked.lexer(props.text, { gfm: true, breaks: true }), props.files)),
});
