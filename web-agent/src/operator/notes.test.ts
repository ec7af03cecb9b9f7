import { expect, test } from 'vitest';
import { Notes } from './notes';

function storage(first: Record<string, string> = {}) {
  const kept = new Map(Object.entries(first));
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, text: string) => void kept.set(key, text),
    removeItem: (key: string) => void kept.delete(key),
  };
}

test('notes survive a reload, by call, until they are handed over', () => {
  const tab = storage();
  const notes = new Notes(tab);
  notes.write('cl_1', '想办执照');
  notes.write('cl_2', '问社保');
  const again = new Notes(tab);
  expect([again.of('cl_1'), again.of('cl_2'), again.of('cl_3')]).toEqual(['想办执照', '问社保', '']);
  again.forget('cl_1');
  again.write('cl_2', '');
  expect(tab.kept.size).toBe(0);
});

test('the notes of twenty calls are kept; what is not ours is not read; without storage they live with the page', () => {
  const tab = storage();
  const notes = new Notes(tab);
  for (let call = 0; call < 21; call++) notes.write(`cl_${call}`, 'x');
  expect([notes.of('cl_0'), notes.of('cl_20')]).toEqual(['', 'x']);
  expect(new Notes(storage({ 'bangban.operator.notes': '{"cl_1":1}' })).of('cl_1')).toBe('');
  const lone = new Notes(null);
  lone.write('cl_1', 'x');
  expect(lone.of('cl_1')).toBe('x');
});
