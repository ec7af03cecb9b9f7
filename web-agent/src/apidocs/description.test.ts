import { describe, expect, it } from 'vitest';
import { fields, groups, kind, tokens, type Description } from './description';

const reply = { responses: { '200': { description: 'Fine' } } };
const description: Description = {
  info: { title: 'T', version: '1' },
  tags: [{ name: 'files' }, { name: 'session', description: 'Tokens' }, { name: 'empty' }],
  paths: {
    '/api/login': { post: { tags: ['session'], summary: 'Log-in', operationId: 'login', ...reply } },
    '/api/files': { post: { tags: ['files'], summary: 'Begin', ...reply }, options: { tags: ['files'], ...reply } },
    '/new': { get: { tags: ['later'], summary: 'Not announced', ...reply } },
  },
};

describe('groups', () => {
  it('follow the tags of the document, and lose no operation', () => {
    const found = groups(description).map(({ name, entries }) => [name, entries.map((entry) => entry.id)]);
    expect(found).toEqual([
      ['files', ['post /api/files', 'options /api/files']],
      ['session', ['login']],
      ['later', ['get /new']],
    ]);
  });

  it.each([
    ['LOG-IN', ['login']],
    ['post', ['post /api/files', 'login']],
    ['/new', ['get /new']],
    ['nothing', []],
  ])('%s finds %j', (filter, ids) => {
    expect(groups(description, filter).flatMap(({ entries }) => entries.map((entry) => entry.id))).toEqual(ids);
  });
});

it.each([
  [{ $ref: '#/components/schemas/Role' }, 'Role'],
  [{ type: 'array', items: { $ref: '#/components/schemas/Role' } }, 'Role[]'],
  [{ type: ['string', 'null'] }, 'string | null'],
  [{ type: 'integer', format: 'int32', minimum: 0 }, 'integer (int32, 0..)'],
  [{ type: 'string', minLength: 1, maxLength: 64 }, 'string (1..64 chars)'],
  [{ type: 'string', enum: ['a', 'b'] }, '"a" | "b"'],
  [{ oneOf: [{ type: 'null' }, { $ref: '#/x/Y' }] }, 'null | Y'],
  [{}, 'any'],
  [undefined, ''],
])('%j is called %s', (schema, name) => expect(kind(schema)).toBe(name));

it('the fields of all cases of a choice are listed', () => {
  const one = (name: string) => ({ type: 'object', required: [name], properties: { [name]: { type: 'string' } } });
  const found = fields({ oneOf: [one('a'), { ...one('b'), required: [] }] });
  expect(found.map(({ name, required }) => [name, required])).toEqual([
    ['a', true],
    ['b', false],
  ]);
});

it('says whose token is asked for', () => {
  expect(tokens({ ...reply, security: [{ citizen: [] }, { staff: [] }] })).toEqual(['citizen', 'staff']);
  expect(tokens(reply)).toEqual([]);
});
