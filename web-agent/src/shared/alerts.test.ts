import { expect, test } from 'vitest';
import type { AlertView } from '../generated/protocol';
import { alertsTopic, isUrgent, NewAlerts } from './alerts';

const alert = (id: string, acknowledged: AlertView['acknowledged'] = null): AlertView => ({
  id,
  kind: 'flag',
  conversation: null,
  citizenName: null,
  itemName: null,
  agent: null,
  agentName: null,
  team: null,
  teamName: null,
  unit: null,
  amount: 0,
  reason: null,
  text: null,
  raisedAt: 0,
  acknowledged,
  clearedAt: null,
});
const seen = { by: { id: 'ag_1', name: '吴督导' }, at: 1, note: '' };

test('what was there at the begin is no news, what comes is, once', () => {
  const news = new NewAlerts();
  expect(news.look([alert('a')])).toEqual([]);
  expect(news.look([alert('b'), alert('a')]).map((one) => one.id)).toEqual(['b']);
  expect(news.look([alert('b'), alert('a')])).toEqual([]);
  expect(news.look([alert('c', seen), alert('a')])).toEqual([]);
  // Gone and raised anew has another id.
  expect(news.look([alert('d')]).map((one) => one.id)).toEqual(['d']);
});

test('each board has the alerts of its unit', () => {
  expect([alertsTopic('board'), alertsTopic('board:xuhui')]).toEqual(['alerts', 'alerts:xuhui']);
  expect([isUrgent('flag'), isUrgent('queue_full')]).toEqual([true, false]);
});
