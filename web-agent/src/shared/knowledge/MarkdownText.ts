/**
 * An official answer in Markdown, as elements. Nothing of it is ever taken for HTML: the parser (marked) gives tokens, and only
 * those that are known here become elements; tags, pictures and whatever else is written are shown as they were typed. Links
 * lead to `https` addresses of authorities and open apart; the server takes no others.
 */
import { marked, type Token, type Tokens } from 'marked';
import { defineComponent, h, type VNode } from 'vue';

type Part = VNode | string;

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

const all = (tokens: Token[] | undefined): Part[] => (tokens ?? []).flatMap(part);

function list(token: Tokens.List): VNode {
  const start = token.ordered && typeof token.start === 'number' ? { start: token.start } : {};
  return h(
    token.ordered ? 'ol' : 'ul',
    start,
    token.items.map((item) => h('li', all(item.tokens))),
  );
}

function table(token: Tokens.Table): VNode {
  const head = token.header.map((cell) => h('th', { scope: 'col' }, all(cell.tokens)));
  const rows = token.rows.map((row) =>
    h(
      'tr',
      row.map((cell) => h('td', all(cell.tokens))),
    ),
  );
  return h('table', [h('thead', [h('tr', head)]), h('tbody', rows)]);
}

function part(token: Token): Part[] {
  switch (token.type) {
    case 'space':
      return [];
    case 'paragraph':
      return [h('p', all(token.tokens))];
    case 'heading':
      // A heading of an answer is none of the page.
      return [h('p', { class: 'md-head' }, all(token.tokens))];
    case 'strong':
    case 'em':
    case 'del':
      return [h(token.type, all(token.tokens))];
    case 'br':
      return [h('br')];
    case 'hr':
      return [h('hr')];
    case 'codespan':
      return [plain((token as Tokens.Codespan).text)];
    case 'blockquote':
      return [h('blockquote', all(token.tokens))];
    case 'list':
      return [list(token as Tokens.List)];
    case 'table':
      return [table(token as Tokens.Table)];
    case 'link': {
      const words = all(token.tokens);
      const address = (token as Tokens.Link).href;
      if (!isOfficial(address)) return [token.raw];
      return [h('a', { href: address, target: '_blank', rel: 'noopener noreferrer nofollow' }, words)];
    }
    case 'escape':
    case 'text':
      return isPart(token) ? all(token.tokens) : [plain((token as Tokens.Text).text)];
    default:
      return [token.raw];
  }
}

export default defineComponent({
  name: 'MarkdownText',
  props: { text: { type: String, required: true } },
  setup: (props) => () => h('div', { class: 'md' }, all(marked.lexer(props.text, { gfm: true, breaks: true }))),
});
