import { expect, test } from 'vitest';
import type { Grant, Identity, Role } from '../../generated/protocol';
import { boardsOf, boardTopic, hasAdmin, hasBoard, hasConsole, hasOperator } from './places';

const me = (...grants: [Role, string | null][]): Identity => ({
  type: 'staff',
  id: 'ag_1',
  name: '李敏',
  role: grants[0]?.[0] ?? null,
  grants: grants.map(([role, unit]): Grant => ({ role, unit, items: [] })),
});

test('each role has its pages', () => {
  const pages = (role: Role) => [hasConsole, hasOperator, hasBoard, hasAdmin].map((has) => has(me([role, null])));
  expect(
    Object.fromEntries(
      (['agent', 'professional', 'operator', 'supervisor', 'editor', 'leader', 'auditor', 'admin'] as const).map(
        (role) => [role, pages(role).map(Number).join('')],
      ),
    ),
  ).toEqual({
    agent: '1100',
    professional: '1000',
    operator: '1100',
    supervisor: '1111',
    editor: '0001',
    leader: '0010',
    auditor: '0011',
    admin: '0011',
  });
});

test('a board for each unit, or the city for all', () => {
  expect(boardsOf(me(['agent', 'police'], ['supervisor', 'xuhui'], ['leader', 'xuhui']))).toEqual(['xuhui']);
  expect(boardsOf(me(['supervisor', 'xuhui'], ['auditor', null]))).toEqual([null]);
  expect(boardsOf(me(['agent', null]))).toEqual([]);
  expect([boardTopic(null), boardTopic('xuhui')]).toEqual(['board', 'board:xuhui']);
});
