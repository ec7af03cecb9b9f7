import { expect, test } from 'vitest';
import type { ColleagueView } from '../../generated/protocol';
import { colleaguesFor, merged, questionsFor } from './transfer';

const colleague = (id: string, name: string, changes: Partial<ColleagueView> = {}): ColleagueView => ({
  id,
  name,
  status: 'online',
  isFree: true,
  teamNames: ['居住证'],
  ...changes,
});

const names = (list: readonly ColleagueView[]) => list.map(({ name }) => name);

test('the free ones come first, those who cannot be asked last', () => {
  const all = [
    colleague('ag_1', '赵一', { status: 'break', isFree: false }),
    colleague('ag_2', '钱二', { isFree: false }),
    colleague('ag_3', '孙三'),
  ];
  expect(names(colleaguesFor(all, ''))).toEqual(['孙三', '钱二', '赵一']);
});

test('a name or a team is enough to find somebody', () => {
  const all = [colleague('ag_1', '赵一'), colleague('ag_2', '钱二', { teamNames: ['社会保险', '综合'] })];
  expect(names(colleaguesFor(all, ' 赵 '))).toEqual(['赵一']);
  expect(names(colleaguesFor(all, '社会'))).toEqual(['钱二']);
});

test('the server is asked for names, and for the teams that are meant', () => {
  const teams = [
    { code: 'social', name: '社会保险' },
    { code: 'general', name: '综合' },
  ];
  expect(questionsFor(' 李 ', teams)).toEqual([{ query: '李' }]);
  expect(questionsFor('社会', teams)).toEqual([{ query: '社会' }, { query: '', team: 'social' }]);
});

test('who is both found and named is there once, as the desk sees them', () => {
  const found = [colleague('ag_1', '赵一'), colleague('ag_9', '郑九')];
  const named = [colleague('ag_1', '赵一', { isFree: false })];
  const all = merged(found, named);
  expect(all.map(({ id, isFree }) => [id, isFree])).toEqual([
    ['ag_1', false],
    ['ag_9', true],
  ]);
});
